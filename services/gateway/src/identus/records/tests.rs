use entente_rpc::proto::connection::v1::HandshakeProtocol;
use serde_json::json;

use super::*;

fn at(seconds: i64) -> Option<Timestamp> {
    Some(Timestamp { seconds, nanos: 760_126_000 })
}

fn invitation() -> Invitation {
    Invitation {
        id: "i1".into(),
        exchange_id: "c1".into(),
        state: InvitationState::Open.into(),
        alias: "Connect with Alice".into(),
        goal_code: "issue-vc".into(),
        did: "did:peer:2.E".into(),
        message_json:
            r#"{"type":"https://didcomm.org/out-of-band/2.0/invitation","from":"did:peer:2.E"}"#
                .into(),
        url: "https://agent.example?_oob=e30=".into(),
        created_at: at(1_688_644_879),
        updated_at: at(1_688_644_879),
        ..Invitation::default()
    }
}

fn shown_invitation() -> Value {
    json!({"id": "i1", "type": "https://didcomm.org/out-of-band/2.0/invitation", "from": "did:peer:2.E",
        "invitationUrl": "https://agent.example?_oob=e30="})
}

fn shown(exchange: &Exchange) -> Value {
    let invitation = invitation();
    connection(
        exchange,
        None,
        Origin::Ours(&invitation),
        Delivery::AsRecorded,
        "https://agent.example",
    )
}

#[test]
fn an_invitation_is_a_record_without_dids() {
    assert_eq!(
        invited(&invitation()),
        json!({"connectionId": "c1", "thid": "i1", "label": "Connect with Alice", "goalCode": "issue-vc",
            "role": "Inviter", "state": "InvitationGenerated", "invitation": shown_invitation(),
            "createdAt": "2023-07-06T12:01:19.760126Z", "metaRetries": 5, "self": "c1", "kind": "Connection"})
    );
    let many = Invitation {
        exchange_id: String::new(),
        state: InvitationState::Revoked.into(),
        updated_at: at(1_688_644_880),
        ..invitation()
    };
    let record = invited(&many);
    assert_eq!((&record["connectionId"], &record["self"]), (&json!("i1"), &json!("i1")));
    assert_eq!(record["state"], "InvitationExpired");
    assert_eq!(record["updatedAt"], "2023-07-06T12:01:20.760126Z");
}

#[test]
fn a_connection_has_all_fields() {
    let exchange = Exchange {
        id: "c1".into(),
        role: Role::Inviter.into(),
        state: ExchangeState::Done.into(),
        protocol: HandshakeProtocol::Identus10.into(),
        invitation_id: "i1".into(),
        my_did: "did:peer:2.E".into(),
        their_did: "did:peer:2.T".into(),
        alias: "old".into(),
        goal: "talk".into(),
        last_error: "refused once".into(),
        created_at: at(1_688_644_879),
        updated_at: at(1_688_644_880),
        ..Exchange::default()
    };
    let made = Connection {
        my_did: "did:peer:2.E".into(),
        their_did: "did:peer:2.N".into(),
        alias: "new".into(),
        updated_at: at(1_688_644_881),
        ..Connection::default()
    };
    let invitation = invitation();
    let record = connection(
        &exchange,
        Some(&made),
        Origin::Ours(&invitation),
        Delivery::AsRecorded,
        "https://agent.example",
    );
    assert_eq!(
        record,
        json!({"connectionId": "c1", "thid": "i1", "label": "new", "goal": "talk", "myDid": "did:peer:2.E",
            "theirDid": "did:peer:2.N", "role": "Inviter", "state": "ConnectionResponseSent",
            "invitation": shown_invitation(), "createdAt": "2023-07-06T12:01:19.760126Z",
            "updatedAt": "2023-07-06T12:01:21.760126Z", "metaRetries": 5, "self": "c1", "kind": "Connection"})
    );
}

#[test]
fn an_invitee_knows_the_inviter_at_once() {
    let exchange = Exchange {
        id: "c2".into(),
        role: Role::Invitee.into(),
        state: ExchangeState::Request.into(),
        invitation_did: "did:peer:2.E".into(),
        my_did: "did:peer:2.M".into(),
        ..Exchange::default()
    };
    let record = shown(&exchange);
    assert_eq!(record["theirDid"], "did:peer:2.E");
    assert_eq!(
        (&record["state"], &record["thid"]),
        (&json!("ConnectionRequestSent"), &json!("c2"))
    );
    let invitation = invitation();
    let begun = connection(&exchange, None, Origin::Ours(&invitation), Delivery::Begun, "");
    assert_eq!(begun["state"], "ConnectionRequestPending");
}

#[test]
fn failures_are_told_while_they_last() {
    let base = Exchange {
        id: "c2".into(),
        role: Role::Invitee.into(),
        state: ExchangeState::Request.into(),
        next_attempt_at: at(1),
        last_error: "connection refused".into(),
        ..Exchange::default()
    };
    for (attempts, left) in [(0, 5), (1, 4), (4, 1), (20, 1)] {
        let record = shown(&Exchange { attempts, ..base.clone() });
        assert_eq!(record["metaRetries"], left, "{attempts}");
        assert_eq!(record["state"], "ConnectionRequestPending");
        assert_eq!(
            record["metaLastFailure"],
            json!({"status": 502, "type": "error:ConnectionServiceError:MessageNotDelivered",
                "title": "Message Not Delivered", "detail": "connection refused", "instance": "error:instance:c2"})
        );
    }
    let ended = |cause: AbandonCause, error: &str| {
        shown(&Exchange {
            state: ExchangeState::Abandoned.into(),
            abandon_cause: cause.into(),
            error: error.into(),
            ..base.clone()
        })
    };
    let given_up = ended(AbandonCause::NotDelivered, "connection refused");
    assert_eq!(
        (&given_up["metaRetries"], &given_up["state"]),
        (&json!(0), &json!("ProblemReportSent"))
    );
    assert_eq!(given_up["metaLastFailure"]["detail"], "connection refused");
    let reported = ended(AbandonCause::PeerReported, "");
    assert_eq!(reported["state"], "ProblemReportReceived");
    assert_eq!(reported["metaLastFailure"]["type"], "error:ConnectionServiceError:ProblemReported");
    let fresh = shown(&Exchange { last_error: String::new(), ..base });
    assert_eq!(fresh.get("metaLastFailure"), None);
}
