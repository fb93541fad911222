//! Requests that the owner hands over without their envelope: nothing proves who sent them.

use entente_did::create;
use entente_rpc::proto::connection::v1::{
    ApproveExchangeRequest, CreateInvitationRequest, DidMethod, Exchange, ExchangeState,
    GetExchangeRequest, Invitation, InvitationKind, RevokeInvitationRequest, SubmitRequestRequest,
};
use entente_rpc::{ErrorReason, Failure, Status};
use entente_tests::peer::{
    Key, attach, attach_signed, connection, connection_request, kind, message, pack_anonymous,
    request, resolve, thread,
};
use entente_tests::{Peer, Suite};
use serde_json::{Value, json};

checks!(
    the_subject_of_the_did_completes_it,
    nothing_but_its_complete_makes_a_connection,
    a_request_has_its_effect_once,
    an_owner_may_decide_later,
    another_s_did_is_answered_to_its_subject,
    an_attached_document_must_be_signed_by_its_key,
    what_cannot_be_answered_safely_is_refused,
    a_did_that_is_not_open_takes_nothing,
);

async fn open_did(suite: &Suite) -> Invitation {
    let request = CreateInvitationRequest {
        kind: InvitationKind::MultiUse.into(),
        create_unique_did: true,
        did_method: DidMethod::Peer4.into(),
        implicit: true,
        alias: "Door".to_owned(),
        ..Default::default()
    };
    suite.invite_with(request).await
}

fn asks(peer: &Peer, open: &Invitation) -> Value {
    request("1.1", &format!("{}#didcomm-0", open.did), &peer.did)
}

async fn submit_with(suite: &Suite, request: SubmitRequestRequest) -> Result<Exchange, Status> {
    Ok(suite.exchanges().submit_request(request).await?.into_inner().exchange.unwrap())
}

async fn submit(suite: &Suite, request: &Value) -> Result<Exchange, Status> {
    let request_json = request.to_string();
    submit_with(suite, SubmitRequestRequest { request_json, ..Default::default() }).await
}

async fn refused(suite: &Suite, request: &Value) -> Failure {
    match submit(suite, request).await {
        Ok(exchange) => panic!("{request} was taken: {exchange:?}"),
        Err(status) => Failure::of(&status),
    }
}

async fn exchange(suite: &Suite, id: &str) -> Exchange {
    let request = GetExchangeRequest { id: id.to_owned() };
    suite.exchanges().get_exchange(request).await.unwrap().into_inner().exchange.unwrap()
}

async fn is_connected(suite: &Suite, exchange: &Exchange) -> bool {
    suite.all_connections().await.iter().any(|found| found.id == exchange.id)
}

async fn the_subject_of_the_did_completes_it(suite: &Suite) {
    let open = open_did(suite).await;
    for version in ["1.1", "1.0"] {
        let peer = Peer::start().await;
        let asked = request(version, &open.did, &peer.did);
        let begun = submit(suite, &asked).await.unwrap();
        assert_eq!(begun.state(), ExchangeState::Response);
        assert_eq!((begun.their_did.as_str(), begun.alias.as_str()), (&*peer.did, "Door"));
        let response = peer.listener.next().await;
        assert_eq!(kind(&response.message), format!("didexchange/{version}/response"));
        assert_eq!(thread(&response.message), thread(&asked));
        assert!(response.sender.is_some());
        let connected = peer.complete(suite, &open, &response.message).await;
        assert_eq!(connected.id, begun.id);
        peer.hears_nothing(&connected).await;
    }
}

async fn nothing_but_its_complete_makes_a_connection(suite: &Suite) {
    let (open, peer) = (open_did(suite).await, Peer::start().await);
    let begun = submit(suite, &asks(&peer, &open)).await.unwrap();
    let response = peer.listener.next().await.message;
    let (key, url) = resolve(response["did"].as_str().unwrap());
    let complete = message(
        "didexchange/1.1/complete",
        json!({"~thread": {"thid": thread(&response), "pthid": open.did}}),
    );
    let elsewhere = message("didexchange/1.1/complete", json!({"~thread": {"thid": "another"}}));
    let ping = message("trust_ping/1.0/ping", json!({}));
    let text = message("basicmessage/1.0/message", json!({"content": "I am in"}));
    for envelope in [
        Key::random().pack(&complete, &key),
        pack_anonymous(&complete, &key),
        peer.key.pack(&elsewhere, &key),
        peer.key.pack(&ping, &key),
        peer.key.pack(&text, &key),
    ] {
        peer.post_envelope(&url, envelope).await;
        assert_eq!(exchange(suite, &begun.id).await.state(), ExchangeState::Response);
    }
    let (status, _) =
        suite.call("POST", &format!("/connections/{}/send-ping", begun.id), json!({})).await;
    assert!((400..500).contains(&status), "{status}");
    assert!(!is_connected(suite, &begun).await);
    let connected = peer.complete(suite, &open, &response).await;
    assert_eq!(connected.id, begun.id);
    peer.hears_nothing(&connected).await;
}

async fn a_request_has_its_effect_once(suite: &Suite) {
    let (open, peer) = (open_did(suite).await, Peer::start().await);
    let asked = asks(&peer, &open);
    let calls = (0..4).map(|_| submit(suite, &asked));
    let begun = futures_util::future::join_all(calls).await;
    let ids: Vec<_> = begun.into_iter().map(|begun| begun.unwrap().id).collect();
    assert!(ids.iter().all(|id| *id == ids[0]), "{ids:?}");
    let response = peer.listener.next().await.message;
    // Its sender goes on trying meanwhile.
    peer.request(&open, &asked).await;
    let connected = peer.complete(suite, &open, &response).await;
    assert_eq!(connected.id, ids[0]);
    peer.hears_nothing(&connected).await;
    assert_eq!(submit(suite, &asked).await.unwrap().id, ids[0]);

    // The other way round.
    let peer = Peer::start().await;
    let asked = asks(&peer, &open);
    peer.request(&open, &asked).await;
    let response = peer.listener.next().await.message;
    let begun = submit(suite, &asked).await.unwrap();
    let connected = peer.complete(suite, &open, &response).await;
    assert_eq!(connected.id, begun.id);
    peer.hears_nothing(&connected).await;
}

async fn an_owner_may_decide_later(suite: &Suite) {
    let (open, peer) = (open_did(suite).await, Peer::start().await);
    let submitted = SubmitRequestRequest {
        request_json: asks(&peer, &open).to_string(),
        alias: Some("Bob".to_owned()),
        auto_accept: Some(false),
    };
    let begun = submit_with(suite, submitted).await.unwrap();
    assert_eq!((begun.state(), begun.auto_accept), (ExchangeState::Request, false));
    let approve = ApproveExchangeRequest { id: begun.id.clone(), label: None };
    suite.exchanges().approve_exchange(approve).await.unwrap();
    let response = peer.listener.next().await.message;
    let connected = peer.complete(suite, &open, &response).await;
    assert_eq!(suite.connection_with(&peer.did).await.alias, "Bob");
    peer.hears_nothing(&connected).await;
}

/// Whoever made the request: the response is for the subject of the DID, whatever is attached.
async fn another_s_did_is_answered_to_its_subject(suite: &Suite) {
    let (open, victim, attacker) =
        (open_did(suite).await, Peer::start().await, Peer::start().await);
    let mut asked = asks(&victim, &open);
    let (_, document) = create::legacy(&attacker.key.public, &attacker.listener.url, &[]);
    let own = document["id"].as_str().unwrap();
    let document = document.to_string().replace(own, &victim.did);
    asked["did_doc~attach"] = attach_signed("application/json", document.as_bytes(), &attacker.key);
    let begun = submit(suite, &asked).await.unwrap();
    let response = victim.listener.next().await.message;
    let (key, url) = resolve(response["did"].as_str().unwrap());
    let complete = message(
        "didexchange/1.1/complete",
        json!({"~thread": {"thid": thread(&asked), "pthid": open.did}}),
    );
    attacker.post_envelope(&url, attacker.key.pack(&complete, &key)).await;
    assert_eq!(exchange(suite, &begun.id).await.state(), ExchangeState::Response);
    assert!(!is_connected(suite, &begun).await);
}

async fn an_attached_document_must_be_signed_by_its_key(suite: &Suite) {
    let (open, peer) = (open_did(suite).await, Peer::start().await);
    let (did, document) = create::legacy(&peer.key.public, &peer.listener.url, &[]);
    let (bytes, mut asked) = (document.to_string(), request("1.0", &open.did, did.as_str()));
    let json = "application/json";
    for attachment in [
        attach(json, bytes.as_bytes()),
        attach_signed(json, bytes.as_bytes(), &Key::random()),
        attach_signed(json, b"{}", &peer.key),
        Value::Null,
    ] {
        asked["did_doc~attach"] = attachment;
        let reason = refused(suite, &asked).await.reason;
        let wrong = [ErrorReason::PeerMisbehaved, ErrorReason::InvalidField];
        assert!(wrong.contains(&reason), "{reason:?}: {asked}");
    }
    asked["did_doc~attach"] = attach_signed(json, bytes.as_bytes(), &peer.key);
    let begun = submit(suite, &asked).await.unwrap();
    let response = peer.listener.next().await.message;
    let attached = &response["did_doc~attach"];
    assert!(attached.is_object(), "{response}");
    assert_eq!(exchange(suite, &begun.id).await.state(), ExchangeState::Response);
}

async fn what_cannot_be_answered_safely_is_refused(suite: &Suite) {
    let (open, peer) = (open_did(suite).await, Peer::start().await);
    let pthid = open.did.as_str();
    let nowhere = request("1.1", pthid, &peer.key.public.did_key());
    assert_eq!(refused(suite, &nowhere).await.reason, ErrorReason::PeerMisbehaved);
    let unresolved = request("1.1", pthid, "did:example:123");
    assert_eq!(refused(suite, &unresolved).await.reason, ErrorReason::PeerMisbehaved);
    let mut other_thread = asks(&peer, &open);
    other_thread["~thread"]["thid"] = json!("another");
    let connections = connection_request(pthid, &connection(&peer.key, &peer.listener.url));
    let mut orphan = asks(&peer, &open);
    orphan.as_object_mut().unwrap().remove("~thread");
    for asked in [
        other_thread,
        connections,
        orphan,
        request("1.1", &open.id, &peer.did),
        request("2.0", pthid, &peer.did),
        message("didexchange/1.1/complete", json!({"~thread": {"thid": "1", "pthid": pthid}})),
        message("trust_ping/1.0/ping", json!({})),
        json!({}),
        json!([]),
    ] {
        let failure = refused(suite, &asked).await;
        let named = failure.violations.first().map(|(field, _)| field.as_str());
        assert_eq!(named, Some("request_json"), "{asked}: {failure:?}");
    }
    assert!(suite.all_exchanges().await.iter().all(|found| found.invitation_id != open.id));
}

async fn a_did_that_is_not_open_takes_nothing(suite: &Suite) {
    let (peer, closed, revoked) =
        (Peer::start().await, suite.invite_many().await, open_did(suite).await);
    let revoke = RevokeInvitationRequest { id: revoked.id.clone() };
    suite.invitations().revoke_invitation(revoke).await.unwrap();
    for invitation in [&closed, &revoked] {
        let failure = refused(suite, &asks(&peer, invitation)).await;
        assert_eq!(failure.reason, ErrorReason::NotFound, "{failure:?}");
    }
    assert_eq!(
        refused(suite, &request("1.1", &peer.did, &peer.did)).await.reason,
        ErrorReason::NotFound
    );
}
