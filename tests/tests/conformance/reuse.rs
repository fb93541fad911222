//! Reuse of a connection (RFC 0434), on both sides of it.

use entente_did::create;
use entente_rpc::proto::connection::v1::{
    AcceptInvitationRequest, Acceptance, AcceptanceState, CreateInvitationRequest, DidMethod,
    GetAcceptanceRequest, GetInvitationRequest, Invitation, InvitationState, NoAnswerPolicy,
    ReuseOutcome, ReusePolicy, ReuseReason, RevokeInvitationRequest,
};
use entente_rpc::proto::event::v1::{Event, EventKind, event::Record};
use entente_tests::peer::{Connected, kind, message, pack_anonymous, thread};
use entente_tests::suite::{eventually, seconds};
use entente_tests::{Peer, Suite};
use serde_json::{Value, json};

checks!(
    a_second_invitation_with_the_same_did_is_answered_with_reuse,
    a_reuse_is_answered_and_changes_no_count,
    a_reuse_is_answered_in_its_version,
    a_reuse_in_plaintext_or_anonymous_is_ignored,
    a_reuse_that_is_not_answered_falls_back_to_a_new_connection,
    a_reuse_that_is_not_answered_fails_where_the_policy_says_so,
    a_late_answer_counts_where_the_policy_keeps_waiting,
    a_reuse_that_is_refused_falls_back_at_once,
    a_reuse_that_is_refused_twice_is_refused_once,
    a_reuse_of_an_unknown_invitation_is_reported,
    a_reuse_of_a_revoked_invitation_is_reported,
    a_reuse_of_an_expired_invitation_is_reported,
    a_reuse_uses_up_a_single_use_invitation_only,
    a_reuse_by_another_invitations_peer_is_refused,
    a_replayed_reuse_has_one_effect,
    an_attached_request_is_handed_over_without_reuse,
    an_inline_service_is_never_reused,
    a_caller_may_have_a_new_connection,
    a_long_and_a_short_did_peer_4_are_the_same,
    an_acceptance_nobody_asked_for_is_ignored,
    an_acceptance_by_another_peer_is_ignored,
    a_removed_connection_is_not_reused,
);

/// What `suite` decides about an invitation of `peer`.
async fn accept(suite: &Suite, invitation: &Value, reuse: ReusePolicy) -> Acceptance {
    let invitation = invitation.to_string();
    let request = AcceptInvitationRequest { invitation, reuse: Some(reuse), ..Default::default() };
    suite.accept_with(request).await.unwrap()
}

async fn acceptance(suite: &Suite, id: &str) -> Acceptance {
    let request = GetAcceptanceRequest { id: id.to_owned() };
    suite.invitations().get_acceptance(request).await.unwrap().into_inner().acceptance.unwrap()
}

/// The acceptance once it is in a state.
async fn in_state(suite: &Suite, id: &str, state: AcceptanceState) -> Acceptance {
    eventually(&format!("{state:?}"), async || {
        let found = acceptance(suite, id).await;
        (found.state() == state).then_some(found)
    })
    .await
}

fn decision(acceptance: &Acceptance) -> (ReuseOutcome, ReuseReason) {
    let decision = acceptance.decision.as_ref().unwrap();
    (decision.outcome(), decision.reason())
}

/// The peer's answer to a handshake-reuse.
fn accepted(reuse: &Value) -> Value {
    let version = kind(reuse).split('/').nth(1).unwrap();
    let fields = json!({"~thread": {"thid": reuse["@id"], "pthid": reuse["~thread"]["pthid"]}});
    message(&format!("out-of-band/{version}/handshake-reuse-accepted"), fields)
}

/// A handshake-reuse for an invitation of the agent.
fn reuse(version: &str, invitation_id: &str) -> Value {
    let mut reuse = message(&format!("out-of-band/{version}/handshake-reuse"), json!({}));
    reuse["~thread"] = json!({"thid": reuse["@id"], "pthid": invitation_id});
    reuse
}

async fn events_of(suite: &Suite, connection_id: &str, kind: EventKind) -> Vec<Event> {
    let mut events = suite.all_events().await;
    events.retain(|event| event.connection_id == connection_id && event.kind() == kind);
    events
}

async fn state_of(suite: &Suite, invitation: &Invitation) -> (InvitationState, i32) {
    let request = GetInvitationRequest { id: invitation.id.clone() };
    let answer = suite.invitations().get_invitation(request).await.unwrap().into_inner();
    let invitation = answer.invitation.unwrap();
    (invitation.state(), invitation.uses)
}

async fn a_second_invitation_with_the_same_did_is_answered_with_reuse(suite: &Suite) {
    let peer = Peer::start().await;
    let agent = peer.invite(suite, &peer.invitation(json!({}))).await;
    let before = (suite.all_connections().await.len(), suite.all_exchanges().await.len());
    let second = peer.invitation(json!({}));
    let pending = accept(suite, &second, ReusePolicy::default()).await;
    assert_eq!(decision(&pending), (ReuseOutcome::Pending, ReuseReason::AwaitingPeer));
    let received = peer.listener.next().await;
    let reuse = &received.message;
    assert!(kind(reuse).ends_with("/handshake-reuse"), "{reuse}");
    assert_eq!(reuse["~thread"]["thid"], reuse["@id"]);
    assert_eq!(reuse["~thread"]["pthid"], second["@id"]);
    assert_eq!(received.sender, Some(agent.key));
    peer.send(&agent, &accepted(reuse)).await;
    let done = acceptance(suite, &pending.id).await;
    assert_eq!(decision(&done), (ReuseOutcome::Reused, ReuseReason::PeerAccepted));
    assert_eq!(done.connection_id, agent.id);
    assert_eq!((suite.all_connections().await.len(), suite.all_exchanges().await.len()), before);
    let events = events_of(suite, &agent.id, EventKind::ConnectionReuseAccepted).await;
    let [Some(Record::Reuse(told))] = [events[0].record.clone()] else { panic!("{events:?}") };
    assert_eq!((told.thread_id.as_str(), events.len()), (reuse["@id"].as_str().unwrap(), 1));
}

async fn a_reuse_is_answered_and_changes_no_count(suite: &Suite) {
    let peer = Peer::start().await;
    let agent = peer.join(suite).await;
    let second = suite.invite().await;
    let waiting = suite.all_exchanges().await.len();
    let connections = suite.all_connections().await.len();
    let reuse = reuse("1.1", &second.id);
    let answer = peer.ask(&agent, &reuse).await;
    assert_eq!(kind(&answer.message), "out-of-band/1.1/handshake-reuse-accepted");
    assert_eq!(answer.message["~thread"]["thid"], reuse["@id"]);
    assert_eq!(answer.message["~thread"]["pthid"], second.id);
    assert_eq!(answer.sender, Some(agent.key));
    assert_eq!(suite.all_connections().await.len(), connections);
    // The record that waited for a request is gone with its invitation's only use.
    assert!(suite.all_exchanges().await.len() <= waiting);
    assert_eq!(state_of(suite, &second).await, (InvitationState::Used, 1));
    assert_eq!(events_of(suite, &agent.id, EventKind::ConnectionReuse).await.len(), 1);
}

async fn a_reuse_is_answered_in_its_version(suite: &Suite) {
    let peer = Peer::start().await;
    let agent = peer.join(suite).await;
    for (version, answered) in [("1.0", "1.0"), ("1.1", "1.1"), ("1.8", "1.1")] {
        let invitation = suite.invite().await;
        let answer = peer.ask(&agent, &reuse(version, &invitation.id)).await.message;
        assert_eq!(kind(&answer), format!("out-of-band/{answered}/handshake-reuse-accepted"));
    }
}

async fn a_reuse_in_plaintext_or_anonymous_is_ignored(suite: &Suite) {
    let peer = Peer::start().await;
    let agent = peer.join(suite).await;
    let invitation = suite.invite().await;
    let reuse = reuse("1.1", &invitation.id);
    let plain = peer.post(&agent.url, "application/json", reuse.to_string()).await;
    assert!((400..500).contains(&plain.status), "{plain:?}");
    peer.post_envelope(&agent.url, pack_anonymous(&reuse, &agent.key)).await;
    peer.hears_nothing(&agent).await;
    assert_eq!(state_of(suite, &invitation).await, (InvitationState::Open, 0));
}

fn policy(on_no_answer: NoAnswerPolicy) -> ReusePolicy {
    let deadline = Some(prost_types::Duration { seconds: 0, nanos: 300_000_000 });
    ReusePolicy { on_no_answer: on_no_answer.into(), deadline, ..Default::default() }
}

async fn a_reuse_that_is_not_answered_falls_back_to_a_new_connection(suite: &Suite) {
    let peer = Peer::start().await;
    let agent = peer.invite(suite, &peer.invitation(json!({}))).await;
    let second = peer.invitation(json!({}));
    let pending = accept(suite, &second, policy(NoAnswerPolicy::NewConnection)).await;
    assert!(kind(&peer.listener.next().await.message).ends_with("/handshake-reuse"));
    let request = peer.listener.next().await.message;
    assert_eq!(kind(&request), "didexchange/1.1/request");
    assert_eq!(request["~thread"]["pthid"], second["@id"]);
    let now = acceptance(suite, &pending.id).await;
    assert_eq!(decision(&now), (ReuseOutcome::New, ReuseReason::PeerDidNotAnswer));
    assert_ne!(now.connection_id, agent.id);
}

async fn a_reuse_that_is_not_answered_fails_where_the_policy_says_so(suite: &Suite) {
    let peer = Peer::start().await;
    peer.invite(suite, &peer.invitation(json!({}))).await;
    let pending = accept(suite, &peer.invitation(json!({})), policy(NoAnswerPolicy::Fail)).await;
    let ended = in_state(suite, &pending.id, AcceptanceState::Refused).await;
    assert_eq!(decision(&ended), (ReuseOutcome::Refused, ReuseReason::PeerDidNotAnswer));
}

async fn a_late_answer_counts_where_the_policy_keeps_waiting(suite: &Suite) {
    let peer = Peer::start().await;
    let agent = peer.invite(suite, &peer.invitation(json!({}))).await;
    let second = peer.invitation(json!({}));
    let pending = accept(suite, &second, policy(NoAnswerPolicy::KeepWaiting)).await;
    let reuse = peer.listener.next().await.message;
    tokio::time::sleep(std::time::Duration::from_millis(700)).await;
    assert_eq!(acceptance(suite, &pending.id).await.state(), AcceptanceState::Pending);
    peer.send(&agent, &accepted(&reuse)).await;
    let done = acceptance(suite, &pending.id).await;
    assert_eq!(decision(&done), (ReuseOutcome::Reused, ReuseReason::PeerAccepted));
}

async fn a_reuse_that_is_refused_falls_back_at_once(suite: &Suite) {
    let peer = Peer::start().await;
    let agent = peer.invite(suite, &peer.invitation(json!({}))).await;
    let second = peer.invitation(json!({}));
    let deadline = Some(seconds(3600));
    let pending = accept(suite, &second, ReusePolicy { deadline, ..Default::default() }).await;
    let reuse = peer.listener.next().await.message;
    let thread = json!({"thid": reuse["@id"], "pthid": second["@id"]});
    let fields =
        json!({"~thread": thread, "description": {"code": "no_existing_connection", "en": "no"}});
    peer.send(&agent, &message("out-of-band/1.1/problem_report", fields)).await;
    assert_eq!(kind(&peer.listener.next().await.message), "didexchange/1.1/request");
    let now = acceptance(suite, &pending.id).await;
    assert_eq!(decision(&now), (ReuseOutcome::New, ReuseReason::PeerRefused));
}

async fn a_reuse_that_is_refused_twice_is_refused_once(suite: &Suite) {
    let peer = Peer::start().await;
    let agent = peer.invite(suite, &peer.invitation(json!({}))).await;
    let second = peer.invitation(json!({}));
    let deadline = Some(seconds(3600));
    let pending = accept(suite, &second, ReusePolicy { deadline, ..Default::default() }).await;
    let reuse = peer.listener.next().await.message;
    let report = || {
        let thread = json!({"thid": reuse["@id"], "pthid": second["@id"]});
        let description = json!({"code": "no_existing_connection", "en": "no"});
        let fields = json!({"~thread": thread, "description": description});
        message("out-of-band/1.1/problem_report", fields)
    };
    // The second comes while the first has the new exchange begun.
    let (first, again) = (report(), report());
    tokio::join!(peer.send(&agent, &first), peer.send(&agent, &again));
    assert_eq!(kind(&peer.listener.next().await.message), "didexchange/1.1/request");
    peer.hears_nothing(&agent).await;
    let rejected = events_of(suite, &agent.id, EventKind::ConnectionReuseRejected).await;
    assert_eq!(rejected.len(), 1, "{rejected:?}");
    let now = acceptance(suite, &pending.id).await;
    assert_eq!(decision(&now), (ReuseOutcome::New, ReuseReason::PeerRefused));
}

/// Sends a reuse that is refused: reported in its thread, the connection kept.
async fn refused(peer: &Peer, agent: &Connected, invitation_id: &str, code: &str) {
    let reuse = reuse("1.1", invitation_id);
    let report = peer.ask(agent, &reuse).await.message;
    assert_eq!(kind(&report), "out-of-band/1.1/problem_report");
    assert_eq!(report["description"]["code"], code, "{report}");
    assert_eq!(
        (thread(&report), &report["~thread"]["pthid"]),
        (reuse["@id"].as_str().unwrap(), &json!(invitation_id))
    );
    peer.hears_nothing(agent).await;
}

async fn a_reuse_of_an_unknown_invitation_is_reported(suite: &Suite) {
    let peer = Peer::start().await;
    let agent = peer.join(suite).await;
    refused(&peer, &agent, &uuid::Uuid::new_v4().to_string(), "no_existing_connection").await;
}

async fn a_reuse_of_a_revoked_invitation_is_reported(suite: &Suite) {
    let peer = Peer::start().await;
    let agent = peer.join(suite).await;
    let id = suite.invite().await.id;
    let request = RevokeInvitationRequest { id: id.clone() };
    suite.invitations().revoke_invitation(request).await.unwrap();
    refused(&peer, &agent, &id, "existing_connection_not_active").await;
}

async fn a_reuse_of_an_expired_invitation_is_reported(suite: &Suite) {
    let peer = Peer::start().await;
    let agent = peer.join(suite).await;
    let expires_in = Some(prost_types::Duration { seconds: 0, nanos: 1_000_000 });
    let request = CreateInvitationRequest { expires_in, ..Default::default() };
    let invitation = suite.invite_with(request).await;
    tokio::time::sleep(std::time::Duration::from_millis(20)).await;
    refused(&peer, &agent, &invitation.id, "existing_connection_not_active").await;
}

async fn a_reuse_uses_up_a_single_use_invitation_only(suite: &Suite) {
    let peer = Peer::start().await;
    let agent = peer.join(suite).await;
    let (single, multi) = (suite.invite().await, suite.invite_many().await);
    for _ in 0..2 {
        let answer = peer.ask(&agent, &reuse("1.1", &multi.id)).await.message;
        assert!(kind(&answer).ends_with("/handshake-reuse-accepted"), "{answer}");
    }
    assert_eq!(state_of(suite, &multi).await, (InvitationState::Open, 2));
    let answer = peer.ask(&agent, &reuse("1.1", &single.id)).await.message;
    assert!(kind(&answer).ends_with("/handshake-reuse-accepted"), "{answer}");
    refused(&peer, &agent, &single.id, "existing_connection_not_active").await;
    assert_eq!(state_of(suite, &single).await, (InvitationState::Used, 1));
}

async fn a_reuse_by_another_invitations_peer_is_refused(suite: &Suite) {
    let peer = Peer::start().await;
    let unique = CreateInvitationRequest { create_unique_did: true, ..Default::default() };
    let agent = peer.join_by(suite, &suite.invite_with(unique).await).await;
    let invitation = suite.invite().await;
    refused(&peer, &agent, &invitation.id, "no_existing_connection").await;
    assert_eq!(state_of(suite, &invitation).await, (InvitationState::Open, 0));
}

async fn a_replayed_reuse_has_one_effect(suite: &Suite) {
    let peer = Peer::start().await;
    let agent = peer.join(suite).await;
    let invitation = suite.invite_many().await;
    let envelope = peer.key.pack(&reuse("1.1", &invitation.id), &agent.key);
    for _ in 0..3 {
        peer.post_envelope(&agent.url, envelope.clone()).await;
    }
    assert!(kind(&peer.listener.next().await.message).ends_with("/handshake-reuse-accepted"));
    peer.hears_nothing(&agent).await;
    assert_eq!(state_of(suite, &invitation).await.1, 1);
    assert_eq!(events_of(suite, &agent.id, EventKind::ConnectionReuse).await.len(), 1);
}

async fn an_attached_request_is_handed_over_without_reuse(suite: &Suite) {
    let peer = Peer::start().await;
    let agent = peer.invite(suite, &peer.invitation(json!({}))).await;
    let offer = message("issue-credential/2.0/offer-credential", json!({"comment": "attached"}));
    let attachment =
        json!([{"@id": "request-0", "mime-type": "application/json", "data": {"json": offer}}]);
    let done = accept(
        suite,
        &peer.invitation(json!({"requests~attach": attachment})),
        ReusePolicy::default(),
    )
    .await;
    assert_eq!(decision(&done), (ReuseOutcome::Reused, ReuseReason::RequestAttached));
    let events = events_of(suite, &agent.id, EventKind::RequestAttached).await;
    assert_eq!(events.len(), 1);
    assert!(format!("{:?}", events[0].record).contains("attached"), "{events:?}");
    peer.hears_nothing(&agent).await;
}

async fn an_inline_service_is_never_reused(suite: &Suite) {
    let peer = Peer::start().await;
    let service = json!({"id": "#inline", "type": "did-communication",
        "recipientKeys": [peer.key.public.did_key()], "serviceEndpoint": peer.listener.url});
    let invitation = || peer.invitation(json!({"services": [service]}));
    peer.invite(suite, &invitation()).await;
    let second = accept(suite, &invitation(), ReusePolicy::default()).await;
    assert_eq!(decision(&second), (ReuseOutcome::New, ReuseReason::NoDidInInvitation));
    assert_eq!(kind(&peer.listener.next().await.message), "didexchange/1.1/request");
}

async fn a_caller_may_have_a_new_connection(suite: &Suite) {
    let peer = Peer::start().await;
    let agent = peer.invite(suite, &peer.invitation(json!({}))).await;
    let disabled = ReusePolicy { disabled: true, ..Default::default() };
    let second = accept(suite, &peer.invitation(json!({})), disabled).await;
    assert_eq!(decision(&second), (ReuseOutcome::New, ReuseReason::DisabledByCaller));
    assert_ne!(second.connection_id, agent.id);
    assert_eq!(kind(&peer.listener.next().await.message), "didexchange/1.1/request");
}

async fn a_long_and_a_short_did_peer_4_are_the_same(suite: &Suite) {
    let mut peer = Peer::start().await;
    let both = create::v1_peer4(&peer.key.public, &peer.listener.url, &[]).unwrap();
    peer.did = both.long.to_string();
    peer.invite(suite, &peer.invitation(json!({}))).await;
    for did in [both.long.as_str(), both.short.as_str()] {
        let invitation = peer.invitation(json!({"services": [did]}));
        let pending = accept(suite, &invitation, ReusePolicy::default()).await;
        assert_eq!(decision(&pending), (ReuseOutcome::Pending, ReuseReason::AwaitingPeer), "{did}");
        assert!(kind(&peer.listener.next().await.message).ends_with("/handshake-reuse"));
    }
    // Our own invitations with a did:peer:4 are reused by the long form's peers.
    let method =
        || CreateInvitationRequest { did_method: DidMethod::Peer4.into(), ..Default::default() };
    let other = Peer::start().await;
    let agent = other.join_by(suite, &suite.invite_with(method()).await).await;
    let second = suite.invite_with(method()).await;
    let answer = other.ask(&agent, &reuse("1.1", &second.id)).await.message;
    assert!(kind(&answer).ends_with("/handshake-reuse-accepted"), "{answer}");
}

async fn an_acceptance_nobody_asked_for_is_ignored(suite: &Suite) {
    let peer = Peer::start().await;
    let agent = peer.invite(suite, &peer.invitation(json!({}))).await;
    let invented = reuse("1.1", &uuid::Uuid::new_v4().to_string());
    peer.send(&agent, &accepted(&invented)).await;
    peer.hears_nothing(&agent).await;
    assert!(events_of(suite, &agent.id, EventKind::ConnectionReuseAccepted).await.is_empty());
}

async fn an_acceptance_by_another_peer_is_ignored(suite: &Suite) {
    let (peer, other) = (Peer::start().await, Peer::start().await);
    peer.invite(suite, &peer.invitation(json!({}))).await;
    let theirs = other.invite(suite, &other.invitation(json!({}))).await;
    let pending = accept(suite, &peer.invitation(json!({})), ReusePolicy::default()).await;
    let reuse = peer.listener.next().await.message;
    other.send(&theirs, &accepted(&reuse)).await;
    assert_eq!(acceptance(suite, &pending.id).await.state(), AcceptanceState::Pending);
}

async fn a_removed_connection_is_not_reused(suite: &Suite) {
    let peer = Peer::start().await;
    let agent = peer.invite(suite, &peer.invitation(json!({}))).await;
    let request = entente_rpc::proto::connection::v1::DeleteConnectionRequest { id: agent.id };
    suite.connections().delete_connection(request).await.unwrap();
    let second = accept(suite, &peer.invitation(json!({})), ReusePolicy::default()).await;
    assert_eq!(decision(&second), (ReuseOutcome::New, ReuseReason::DidUnknown));
}
