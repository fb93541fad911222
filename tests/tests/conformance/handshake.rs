//! did-exchange 1.0 and 1.1 (RFC 0023), as it should go.

use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use entente_did::{Did, PublicKey, create, peer4};
use entente_didcomm::attachment::{Attachment, jws};
use entente_rpc::proto::connection::v1::{
    CreateInvitationRequest, DidMethod, Exchange, ExchangeState, GetExchangeRequest, InvitationKind,
};
use entente_tests::peer::{attach_signed, kind, message, request, response, thread};
use entente_tests::{Peer, Suite};
use serde_json::{Value, json};

checks!(
    a_request_names_the_invitation_and_a_resolvable_did,
    a_request_for_1_0_alone_attaches_a_signed_document,
    a_label_may_be_missing_or_empty,
    a_goal_is_surfaced,
    a_response_rotates_the_did_by_the_invitations_key,
    a_response_is_in_the_requests_thread,
    a_complete_names_both_threads,
    an_inviter_is_done_only_with_the_complete,
    any_message_of_the_peer_stands_for_a_lost_complete,
    a_complete_without_parent_thread_is_taken,
    a_signature_without_jwk_is_verified,
    an_attached_document_signed_by_the_invitations_key_is_taken,
    an_inviter_may_stay_with_the_invitations_did,
    all_did_methods_work_together,
    the_short_form_of_a_did_peer_4_is_the_same_did,
    a_multi_use_invitation_takes_parallel_requests,
    the_order_of_handshake_protocols_is_the_inviters,
);

async fn exchange(suite: &Suite, id: &str) -> Exchange {
    let request = GetExchangeRequest { id: id.to_owned() };
    suite.exchanges().get_exchange(request).await.unwrap().into_inner().exchange.unwrap()
}

/// What an attachment holds, and the key that signed it.
fn signed(attachment: &Value) -> (Vec<u8>, PublicKey) {
    let attachment = Attachment::parse(attachment).unwrap();
    (attachment.content(1 << 20).unwrap(), jws::verify(&attachment).unwrap()[0])
}

async fn a_request_names_the_invitation_and_a_resolvable_did(suite: &Suite) {
    let peer = Peer::start().await;
    let invitation = peer.invitation(json!({}));
    suite.receive(&invitation).await;
    let received = peer.listener.next().await;
    let request = &received.message;
    assert_eq!(kind(request), "didexchange/1.1/request");
    assert_eq!(request["~thread"]["pthid"], invitation["@id"]);
    assert_eq!(thread(request), request["@id"]);
    assert!(request["label"].is_string(), "{request}");
    assert!(request.get("did_doc~attach").is_none(), "{request}");
    let (key, url) = entente_tests::peer::resolve(request["did"].as_str().unwrap());
    assert_eq!((received.sender, url), (Some(key), suite.didcomm_url.clone()));
    peer.respond(suite, request).await;
}

async fn a_request_for_1_0_alone_attaches_a_signed_document(suite: &Suite) {
    let peer = Peer::start().await;
    let protocols = json!({"handshake_protocols": ["https://didcomm.org/didexchange/1.0"]});
    suite.receive(&peer.invitation(protocols)).await;
    let received = peer.listener.next().await;
    let request = &received.message;
    assert_eq!(kind(request), "didexchange/1.0/request");
    let did = Did::parse(request["did"].as_str().unwrap()).unwrap();
    if !did.is_unqualified() {
        return;
    }
    let (document, signer) = signed(&request["did_doc~attach"]);
    let document: Value = serde_json::from_slice(&document).unwrap();
    let id = document["id"].as_str().unwrap();
    assert_eq!(id.trim_start_matches("did:sov:"), did.as_str());
    assert_eq!(received.sender, Some(signer));
}

async fn a_label_may_be_missing_or_empty(suite: &Suite) {
    for label in [None, Some("")] {
        let peer = Peer::start().await;
        let invitation = suite.invite().await;
        let mut request = request("1.1", &invitation.id, &peer.did);
        request.as_object_mut().unwrap().remove("label");
        request
            .as_object_mut()
            .unwrap()
            .extend(label.map(|label| ("label".to_owned(), json!(label))));
        peer.request(&invitation, &request).await;
        let response = peer.listener.next().await.message;
        peer.complete(suite, &invitation, &response).await;
    }
}

async fn a_goal_is_surfaced(suite: &Suite) {
    let peer = Peer::start().await;
    let invitation = suite.invite().await;
    let mut request = request("1.1", &invitation.id, &peer.did);
    request["goal_code"] = json!("aries.rel.build");
    request["goal"] = json!("to talk");
    peer.request(&invitation, &request).await;
    peer.listener.next().await;
    let exchange = suite.exchange_of(&invitation.id).await;
    assert_eq!(
        (exchange.goal_code.as_str(), exchange.goal.as_str()),
        ("aries.rel.build", "to talk")
    );
}

async fn a_response_rotates_the_did_by_the_invitations_key(suite: &Suite) {
    let peer = Peer::start().await;
    let invitation = suite.invite().await;
    peer.request(&invitation, &request("1.1", &invitation.id, &peer.did)).await;
    let response = peer.listener.next().await.message;
    let rotation = &response["did_rotate~attach"];
    let (did, signer) = signed(rotation);
    assert_eq!(String::from_utf8(did).unwrap(), response["did"].as_str().unwrap());
    assert_eq!(signer.multibase(), invitation.key);
    assert!(response.get("did_doc~attach").is_none(), "{response}");
    // Flattened and detached, with what ACA-Py and Credo both read.
    let jws = &rotation["data"]["jws"];
    assert_eq!(jws["header"]["kid"], signer.did_key());
    assert!(jws.get("payload").is_none() && jws["signature"].is_string(), "{jws}");
    let protected = URL_SAFE_NO_PAD.decode(jws["protected"].as_str().unwrap()).unwrap();
    let protected: Value = serde_json::from_slice(&protected).unwrap();
    assert_eq!((&protected["alg"], &protected["jwk"]["crv"]), (&json!("EdDSA"), &json!("Ed25519")));
}

async fn a_response_is_in_the_requests_thread(suite: &Suite) {
    let peer = Peer::start().await;
    let invitation = suite.invite().await;
    let mut request = request("1.1", &invitation.id, &peer.did);
    request["~thread"]["thid"] = json!("a-thread-of-its-own");
    peer.request(&invitation, &request).await;
    let response = peer.listener.next().await.message;
    assert_eq!(thread(&response), "a-thread-of-its-own");
    peer.complete(suite, &invitation, &response).await;
}

async fn a_complete_names_both_threads(suite: &Suite) {
    let peer = Peer::start().await;
    let invitation = peer.invitation(json!({}));
    suite.receive(&invitation).await;
    let request = peer.listener.next().await.message;
    let (key, url) = entente_tests::peer::resolve(request["did"].as_str().unwrap());
    peer.post_envelope(&url, peer.key.pack(&response(&request, &peer.did, &peer.key), &key)).await;
    let complete = peer.listener.next().await.message;
    assert_eq!(kind(&complete), "didexchange/1.1/complete");
    assert_eq!(complete["~thread"]["thid"], request["@id"]);
    assert_eq!(complete["~thread"]["pthid"], invitation["@id"]);
}

async fn an_inviter_is_done_only_with_the_complete(suite: &Suite) {
    let peer = Peer::start().await;
    let invitation = suite.invite().await;
    peer.request(&invitation, &request("1.1", &invitation.id, &peer.did)).await;
    let response = peer.listener.next().await.message;
    let before = suite.settled_exchange_of(&invitation.id).await;
    assert_eq!(before.state(), ExchangeState::Response);
    assert!(suite.all_connections().await.iter().all(|connection| connection.id != before.id));
    let agent = peer.complete(suite, &invitation, &response).await;
    assert_eq!(agent.id, before.id);
    assert_eq!(exchange(suite, &agent.id).await.state(), ExchangeState::Done);
}

async fn any_message_of_the_peer_stands_for_a_lost_complete(suite: &Suite) {
    let peer = Peer::start().await;
    let invitation = suite.invite().await;
    peer.request(&invitation, &request("1.1", &invitation.id, &peer.did)).await;
    let response = peer.listener.next().await.message;
    let (key, url) = entente_tests::peer::resolve(response["did"].as_str().unwrap());
    let ping = message("trust_ping/1.0/ping", json!({}));
    peer.post_envelope(&url, peer.key.pack(&ping, &key)).await;
    assert_eq!(thread(&peer.listener.next().await.message), ping["@id"]);
    assert_eq!(suite.exchange_of(&invitation.id).await.state(), ExchangeState::Done);
}

async fn a_complete_without_parent_thread_is_taken(suite: &Suite) {
    let peer = Peer::start().await;
    let invitation = suite.invite().await;
    peer.request(&invitation, &request("1.1", &invitation.id, &peer.did)).await;
    let response = peer.listener.next().await.message;
    let (key, url) = entente_tests::peer::resolve(response["did"].as_str().unwrap());
    let fields = json!({"~thread": {"thid": thread(&response)}});
    let complete = message("didexchange/1.1/complete", fields);
    peer.post_envelope(&url, peer.key.pack(&complete, &key)).await;
    suite.connection_with(&peer.did).await;
}

async fn a_signature_without_jwk_is_verified(suite: &Suite) {
    let peer = Peer::start().await;
    suite.receive(&peer.invitation(json!({}))).await;
    let request = peer.listener.next().await.message;
    let mut answer = response(&request, &peer.did, &peer.key);
    let protected = URL_SAFE_NO_PAD.encode(json!({"alg": "EdDSA"}).to_string());
    let input = format!("{protected}.{}", URL_SAFE_NO_PAD.encode(&peer.did));
    let signature = peer.key.secret().sign(input.as_bytes());
    answer["did_rotate~attach"]["data"]["jws"] = json!({
        "header": {"kid": peer.key.public.did_key()},
        "protected": protected,
        "signature": URL_SAFE_NO_PAD.encode(signature),
    });
    finish(suite, &peer, &request, &answer).await;
}

/// Sends a response, and expects the complete and the connection.
async fn finish(suite: &Suite, peer: &Peer, request: &Value, answer: &Value) {
    let (key, url) = entente_tests::peer::resolve(request["did"].as_str().unwrap());
    peer.post_envelope(&url, peer.key.pack(answer, &key)).await;
    let complete = peer.listener.next().await.message;
    assert!(kind(&complete).ends_with("/complete"), "{complete}");
    suite.connection_with(answer["did"].as_str().unwrap()).await;
}

async fn an_attached_document_signed_by_the_invitations_key_is_taken(suite: &Suite) {
    let peer = Peer::start().await;
    suite.receive(&peer.invitation(json!({}))).await;
    let request = peer.listener.next().await.message;
    let (did, document) = create::legacy(&peer.key.public, &peer.listener.url, &[]);
    let mut answer = response(&request, did.as_str(), &peer.key);
    answer.as_object_mut().unwrap().remove("did_rotate~attach");
    let document = document.to_string();
    answer["did_doc~attach"] = attach_signed("application/json", document.as_bytes(), &peer.key);
    finish(suite, &peer, &request, &answer).await;
}

async fn an_inviter_may_stay_with_the_invitations_did(suite: &Suite) {
    let peer = Peer::start().await;
    suite.receive(&peer.invitation(json!({}))).await;
    let request = peer.listener.next().await.message;
    let mut answer = response(&request, &peer.did, &peer.key);
    answer.as_object_mut().unwrap().remove("did_rotate~attach");
    finish(suite, &peer, &request, &answer).await;
}

async fn all_did_methods_work_together(suite: &Suite) {
    for method in [DidMethod::Peer2, DidMethod::Peer4, DidMethod::InlineKey] {
        for version in ["1.0", "1.1"] {
            for theirs in ["peer:2", "peer:4", "unqualified"] {
                let peer = Peer::start().await;
                let invitation = suite
                    .invite_with(CreateInvitationRequest {
                        did_method: method.into(),
                        ..Default::default()
                    })
                    .await;
                let (key, url) = (&peer.key.public, &peer.listener.url);
                let mut request = request(version, &invitation.id, &peer.did);
                if theirs == "peer:4" {
                    request["did"] = json!(create::v1_peer4(key, url, &[]).unwrap().long.as_str());
                } else if theirs == "unqualified" {
                    let (did, document) = create::legacy(key, url, &[]);
                    request["did"] = json!(did.as_str());
                    let document = document.to_string();
                    request["did_doc~attach"] =
                        attach_signed("application/json", document.as_bytes(), &peer.key);
                }
                peer.request(&invitation, &request).await;
                let response = peer.listener.next().await.message;
                let what = format!("{method:?} {version} {theirs}: {response}");
                assert_eq!(kind(&response), format!("didexchange/{version}/response"), "{what}");
                let complete = message(
                    &format!("didexchange/{version}/complete"),
                    json!({"~thread": {"thid": thread(&response), "pthid": invitation.id}}),
                );
                let (key, url) = match response["did_doc~attach"].is_object() {
                    false => entente_tests::peer::resolve(response["did"].as_str().unwrap()),
                    true => {
                        let (document, signer) = signed(&response["did_doc~attach"]);
                        assert_eq!(signer.multibase(), invitation.key, "{what}");
                        let document = entente_did::Document::from_json(document).unwrap();
                        let service = document.v1_services().unwrap().remove(0);
                        (service.recipient_keys[0], service.endpoint)
                    }
                };
                peer.post_envelope(&url, peer.key.pack(&complete, &key)).await;
                assert_eq!(suite.connection_of(&invitation.id).await.their_label, "Peer", "{what}");
            }
        }
    }
}

async fn the_short_form_of_a_did_peer_4_is_the_same_did(suite: &Suite) {
    let mut peer = Peer::start().await;
    let both = create::v1_peer4(&peer.key.public, &peer.listener.url, &[]).unwrap();
    peer.did = both.long.to_string();
    let agent = peer.join(suite).await;
    let (long, short) = (both.long.to_string(), both.short.to_string());
    assert_eq!(suite.connection_with(&long).await.their_did, short);
    assert_eq!(suite.connection_with(&short).await.id, agent.id);
    assert!(
        peer4::is_long(&Did::parse(&agent.did).unwrap()) || !agent.did.starts_with("did:peer:4")
    );
    peer.hears_nothing(&agent).await;
}

async fn a_multi_use_invitation_takes_parallel_requests(suite: &Suite) {
    let kind = InvitationKind::MultiUse.into();
    let request = CreateInvitationRequest { kind, ..Default::default() };
    let invitation = suite.invite_with(request).await;
    let join = async || {
        let peer = Peer::start().await;
        peer.join_by(suite, &invitation).await.id
    };
    let (a, b, c) = tokio::join!(join(), join(), join());
    assert!(a != b && b != c && a != c);
}

async fn the_order_of_handshake_protocols_is_the_inviters(suite: &Suite) {
    for (first, second) in [("1.0", "1.1"), ("1.1", "1.0")] {
        let peer = Peer::start().await;
        let protocols = [
            "https://didcomm.org/connections/9.9".to_owned(),
            format!("https://didcomm.org/didexchange/{first}"),
            format!("https://didcomm.org/didexchange/{second}"),
        ];
        suite.receive(&peer.invitation(json!({"handshake_protocols": protocols}))).await;
        let request = peer.listener.next().await.message;
        assert_eq!(kind(&request), format!("didexchange/{first}/request"));
    }
}
