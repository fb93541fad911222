//! Implicit invitations: a DID instead of an invitation (RFC 0023, V1-DEX-02).

use entente_rpc::proto::connection::v1::{
    AcceptInvitationRequest, AcceptanceState, CreateInvitationRequest, DidMethod, Exchange,
    Invitation, InvitationKind, PreviewInvitationRequest, ReuseOutcome, ReusePolicy, ReuseReason,
    RevokeInvitationRequest,
};
use entente_rpc::{Code, ErrorReason, Failure};
use entente_tests::peer::{kind, request};
use entente_tests::{Peer, Suite};
use serde_json::{Value, json};

checks!(
    a_did_is_enough_to_connect,
    a_request_names_the_service_that_was_chosen,
    a_did_that_is_known_gives_its_connection,
    a_preview_says_what_a_did_would_do,
    a_did_that_is_no_agents_is_refused,
    our_did_is_open_only_where_its_owner_said_so,
    a_revoked_invitation_closes_its_did,
    an_implicit_invitation_is_multi_use_and_has_a_did,
    an_implicit_request_is_answered_in_its_own_parent_thread,
    two_suites_connect_by_did,
);

async fn accept(suite: &Suite, did: &str) -> entente_rpc::proto::connection::v1::Acceptance {
    suite.accept_with(by_did(did)).await.unwrap()
}

fn by_did(did: &str) -> AcceptInvitationRequest {
    AcceptInvitationRequest { invitation: did.to_owned(), ..Default::default() }
}

async fn open_did(suite: &Suite) -> Invitation {
    let request = CreateInvitationRequest {
        kind: InvitationKind::MultiUse.into(),
        create_unique_did: true,
        did_method: DidMethod::Peer2.into(),
        implicit: true,
        ..Default::default()
    };
    suite.invite_with(request).await
}

async fn exchanges_of(suite: &Suite, invitation: &Invitation) -> Vec<Exchange> {
    let mut found = suite.all_exchanges().await;
    found.retain(|exchange| exchange.invitation_id == invitation.id);
    found
}

async fn a_did_is_enough_to_connect(suite: &Suite) {
    let peer = Peer::start().await;
    let acceptance = accept(suite, &peer.did).await;
    assert_eq!(acceptance.state(), AcceptanceState::Connecting);
    assert_eq!(acceptance.decision.unwrap().reason(), ReuseReason::DidUnknown);
    assert_eq!(acceptance.invitation_did, peer.did);
    let request = peer.listener.next().await.message;
    assert_eq!(kind(&request), "didexchange/1.1/request");
    let service = format!("{}#didcomm-0", peer.did);
    assert_eq!(request["~thread"]["pthid"], service.as_str());
    assert_eq!(acceptance.invitation_id, service);
    assert_eq!(acceptance.invitation_json, json!(service).to_string());
    let connected = peer.respond(suite, &request).await;
    assert_eq!(connected.id, acceptance.connection_id);
}

async fn a_request_names_the_service_that_was_chosen(suite: &Suite) {
    let peer = Peer::start().await;
    let service = format!("{}#didcomm-0", peer.did);
    accept(suite, &format!(" {service} ")).await;
    let request = peer.listener.next().await.message;
    assert_eq!(request["~thread"]["pthid"], service.as_str());
    peer.respond(suite, &request).await;
}

async fn a_did_that_is_known_gives_its_connection(suite: &Suite) {
    let peer = Peer::start().await;
    let connected = peer.invite(suite, &peer.invitation(json!({}))).await;
    let acceptance = accept(suite, &peer.did).await;
    assert_eq!(acceptance.state(), AcceptanceState::Reused);
    assert_eq!(acceptance.connection_id, connected.id);
    let decision = acceptance.decision.unwrap();
    assert_eq!(decision.outcome(), ReuseOutcome::Reused);
    assert_eq!(decision.reason(), ReuseReason::KnownDid);
    peer.hears_nothing(&connected).await;

    // Unless the caller wants another one.
    let reuse = Some(ReusePolicy { disabled: true, ..Default::default() });
    let request = AcceptInvitationRequest { reuse, ..by_did(&peer.did) };
    let acceptance = suite.accept_with(request).await.unwrap();
    assert_eq!(acceptance.decision.unwrap().reason(), ReuseReason::DisabledByCaller);
    assert_ne!(acceptance.connection_id, connected.id);
    let request = peer.listener.next().await.message;
    peer.respond(suite, &request).await;
}

async fn a_preview_says_what_a_did_would_do(suite: &Suite) {
    let peer = Peer::start().await;
    let request = PreviewInvitationRequest { invitation: peer.did.clone(), reuse: None };
    let preview = suite.invitations().preview_invitation(request).await.unwrap().into_inner();
    assert_eq!(preview.decision.unwrap().outcome(), ReuseOutcome::New);
    assert_eq!(preview.invitation_did, peer.did);
    let url: Value = serde_json::from_str(&preview.invitation_json).unwrap();
    assert_eq!(url, format!("{}#didcomm-0", peer.did));
}

async fn a_did_that_is_no_agents_is_refused(suite: &Suite) {
    let peer = Peer::start().await;
    for (did, says) in [
        ("did:key:z6MkmjY8GnV5i9YTDtPETC2uUAW6ejw3nk5mXF5yci5ab7th".to_owned(), "no DIDComm v1"),
        (format!("{}#other", peer.did), "#other"),
        (format!("{}/path", peer.did), "DID URL of a service"),
        ("did:peer".to_owned(), "identifier"),
        ("did:nothing:here".to_owned(), "nothing"),
    ] {
        let status = suite.accept_with(by_did(&did)).await.unwrap_err();
        assert!(status.message().contains(says), "{did}: {status:?}");
        assert_ne!(status.code(), Code::Internal, "{did}: {status:?}");
    }
    assert!(suite.all_exchanges().await.iter().all(|found| !found.invitation_did.contains("#")));
}

async fn our_did_is_open_only_where_its_owner_said_so(suite: &Suite) {
    let peer = Peer::start().await;
    let closed = suite.invite_many().await;
    for pthid in [format!("{}#didcomm-0", closed.did), closed.did.clone()] {
        peer.request(&closed, &request("1.1", &pthid, &peer.did)).await;
        let report = peer.listener.next().await.message;
        assert_eq!(report["problem-code"], "request_not_accepted", "{report}");
        assert_eq!(report["~thread"]["pthid"], pthid);
    }
    // The DID of one invitation does not open another's.
    let open = open_did(suite).await;
    peer.request(&closed, &request("1.1", &format!("{}#didcomm-0", open.did), &peer.did)).await;
    let report = peer.listener.next().await.message;
    assert_eq!(report["problem-code"], "request_not_accepted", "{report}");
    for invitation in [&closed, &open] {
        assert!(exchanges_of(suite, invitation).await.is_empty());
    }
}

async fn a_revoked_invitation_closes_its_did(suite: &Suite) {
    let peer = Peer::start().await;
    let open = open_did(suite).await;
    let revoke = RevokeInvitationRequest { id: open.id.clone() };
    suite.invitations().revoke_invitation(revoke).await.unwrap();
    peer.request(&open, &request("1.1", &open.did, &peer.did)).await;
    let report = peer.listener.next().await.message;
    assert_eq!(report["problem-code"], "request_not_accepted", "{report}");
}

async fn an_implicit_invitation_is_multi_use_and_has_a_did(suite: &Suite) {
    let (single, many) = (InvitationKind::SingleUse, InvitationKind::MultiUse);
    for (kind, method) in [(single, DidMethod::Peer2), (many, DidMethod::InlineKey)] {
        let request = CreateInvitationRequest {
            kind: kind.into(),
            did_method: method.into(),
            implicit: true,
            ..Default::default()
        };
        let status = suite.invitations().create_invitation(request).await.unwrap_err();
        let failure = Failure::of(&status);
        assert_eq!(failure.reason, ErrorReason::InvalidField, "{status:?}");
        assert_eq!(failure.violations[0].0, "implicit", "{status:?}");
    }
}

async fn an_implicit_request_is_answered_in_its_own_parent_thread(suite: &Suite) {
    let open = open_did(suite).await;
    for version in ["1.1", "1.0"] {
        let peer = Peer::start().await;
        let pthid = format!("{}#didcomm-0", open.did);
        peer.request(&open, &request(version, &pthid, &peer.did)).await;
        let response = peer.listener.next().await.message;
        assert_eq!(response["~thread"]["pthid"], pthid.as_str());
        let connected = peer.complete(suite, &open, &response).await;
        let found = exchanges_of(suite, &open).await;
        assert!(found.iter().any(|exchange| exchange.id == connected.id), "{found:?}");
    }
}

async fn two_suites_connect_by_did(suite: &Suite) {
    let other = Suite::start().await;
    for method in [DidMethod::Peer2, DidMethod::Peer4] {
        let request = CreateInvitationRequest {
            kind: InvitationKind::MultiUse.into(),
            did_method: method.into(),
            implicit: true,
            ..Default::default()
        };
        let open = suite.invite_with(request).await;
        assert!(open.implicit);
        let first = other.accept(&open.did).await;
        let theirs = suite.connection_of(&open.id).await;
        let connections = other.all_connections().await;
        let ours = connections.iter().find(|found| found.id == first.connection_id).unwrap();
        assert_eq!((&ours.my_did, &ours.their_did), (&theirs.their_did, &theirs.my_did));

        // From then on the DID stands for the connection, and so does an invitation with it.
        assert_eq!(other.accept(&open.did).await.connection_id, first.connection_id);
        let reused = other.accept(&open.url).await;
        assert_eq!(reused.decision.unwrap().reason(), ReuseReason::PeerAccepted);
        assert_eq!(reused.connection_id, first.connection_id);
    }
}
