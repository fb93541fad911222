use entente_rpc::proto::connection::v1::{
    AbandonCause, Acceptance, AcceptanceState, Connection, Exchange, ExchangeState,
    HandshakeProtocol, Invitation, InvitationKind, InvitationState, Role,
};
use serde_json::json;

use super::states::names;
use super::*;

const KEY: &str = "z6MkmjY8GnV5i9YTDtPETC2uUAW6ejw3nk5mXF5yci5ab7th";
const VERKEY: &str = "8HH5gYEeNc3z7PYXmd54d4x6qAfCNrqQqEB3nS7Zfu7K";

fn exchange(state: ExchangeState, role: Role) -> Exchange {
    Exchange {
        id: "c1".into(),
        role: role.into(),
        state: state.into(),
        protocol: HandshakeProtocol::Didexchange11.into(),
        invitation_id: "i1".into(),
        invitation_key: KEY.into(),
        created_at: Some(Timestamp { seconds: 1_795_255_200, nanos: 123_456_789 }),
        updated_at: Some(Timestamp { seconds: 1_795_255_201, nanos: 0 }),
        ..Exchange::default()
    }
}

#[test]
fn absent_fields_are_left_out() {
    assert_eq!(
        connection(&exchange(ExchangeState::Invitation, Role::Inviter), None),
        json!({
            "connection_id": "c1", "state": "invitation", "rfc23_state": "invitation-sent", "their_role": "invitee",
            "connection_protocol": "didexchange/1.1", "accept": "manual", "invitation_mode": "once",
            "invitation_msg_id": "i1", "invitation_key": VERKEY,
            "created_at": "2026-11-21T10:00:00.123456Z", "updated_at": "2026-11-21T10:00:01.000000Z",
        })
    );
}

#[test]
fn states_have_two_names_that_are_read_back() {
    use ExchangeState as S;
    for (state, role, rfc160, rfc23) in [
        (S::Invitation, Role::Inviter, "invitation", "invitation-sent"),
        (S::Invitation, Role::Invitee, "invitation", "invitation-received"),
        (S::Request, Role::Inviter, "request", "request-received"),
        (S::Request, Role::Invitee, "request", "request-sent"),
        (S::Response, Role::Inviter, "response", "response-sent"),
        (S::Response, Role::Invitee, "response", "response-received"),
        (S::Done, Role::Inviter, "active", "completed"),
        (S::Abandoned, Role::Invitee, "error", "abandoned"),
    ] {
        assert_eq!(names(state, role), (rfc160, rfc23));
        for name in [rfc160, rfc23] {
            let filter = parse_state(name).unwrap();
            assert_eq!(filter.state, Some(state), "{name}");
            assert!(filter.role.is_none_or(|implied| implied == role), "{name}");
        }
    }
    assert_eq!(parse_state("start").unwrap().state, None);
    assert_eq!(parse_state("deleted"), None);
    assert_eq!(parse_role("inviter"), Some(Role::Invitee));
    assert_eq!(parse_role("requester"), Some(Role::Inviter));
}

#[test]
fn the_connection_is_newer_than_its_exchange() {
    let made = Connection {
        role: Role::Invitee.into(),
        alias: "new".into(),
        their_did: "did:peer:4zQmShort".into(),
        updated_at: Some(Timestamp { seconds: 1_795_255_300, nanos: 0 }),
        ..Connection::default()
    };
    let mut exchange = exchange(ExchangeState::Done, Role::Invitee);
    exchange.alias = "old".into();
    exchange.invitation_did = "did:peer:2.Ez6L".into();
    let record = connection(&exchange, Some(&made));
    assert_eq!(record["alias"], "new");
    assert_eq!(record["state"], "active");
    assert_eq!(record["their_public_did"], "did:peer:2.Ez6L");
    assert_eq!(record["updated_at"], "2026-11-21T10:01:40.000000Z");
    let alone = connection_of(&made);
    assert_eq!(alone["rfc23_state"], "completed");
    assert!(alone.get("accept").is_none());
}

#[test]
fn abandonment_says_why() {
    let mut exchange = exchange(ExchangeState::Abandoned, Role::Inviter);
    exchange.abandon_cause = AbandonCause::DeadlinePassed.into();
    assert_eq!(connection(&exchange, None)["error_msg"], "the deadline passed");
    exchange.error = "no answer for 10 minutes".into();
    assert_eq!(connection(&exchange, None)["error_msg"], "no answer for 10 minutes");
}

#[test]
fn an_invitation_is_two_records() {
    let invitation = Invitation {
        id: "i1".into(),
        kind: InvitationKind::SingleUse.into(),
        state: InvitationState::Open.into(),
        message_json: r#"{"@id":"i1"}"#.into(),
        url: "http://a?oob=x".into(),
        exchange_id: "c1".into(),
        ..Invitation::default()
    };
    assert_eq!(
        created(&invitation),
        json!({"state": "initial", "trace": false, "oob_id": "i1", "invi_msg_id": "i1", "invitation": {"@id": "i1"},
            "invitation_url": "http://a?oob=x"})
    );
    assert_eq!(
        sent(&invitation),
        json!({"state": "await-response", "trace": false, "oob_id": "i1", "invi_msg_id": "i1",
            "invitation": {"@id": "i1"}, "connection_id": "c1", "role": "sender", "multi_use": false})
    );
}

#[test]
fn an_acceptance_is_a_receivers_record() {
    for (state, expected) in [
        (AcceptanceState::Received, "prepare-response"),
        (AcceptanceState::Pending, "await-response"),
        (AcceptanceState::Reused, "reuse-accepted"),
        (AcceptanceState::Connecting, "done"),
        (AcceptanceState::Refused, "reuse-not-accepted"),
    ] {
        let acceptance = Acceptance {
            id: "a1".into(),
            exchange_id: "e1".into(),
            state: state.into(),
            ..Acceptance::default()
        };
        let record = received(&acceptance);
        assert_eq!((&record["state"], &record["connection_id"]), (&json!(expected), &json!("e1")));
    }
}
