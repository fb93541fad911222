//! Whom a message reaches, and who signed it (DIDComm v2, "Message Encryption", "Message Signing", "HTTPS").

use axum::Router;
use axum::http::{StatusCode, Uri};
use axum::response::{IntoResponse as _, Response};
use entente_didcomm::primitives::ContentEncryption;
use entente_rpc::proto::connection::v1::{AbandonCause, RetryDeliveryRequest};
use entente_tests::Suite;
use entente_tests::peer::Listener;
use entente_tests::peer::v2::{Identity, PING, Peer, pack_anonymous_with};
use entente_tests::suite::eventually;
use serde_json::{Value, json};

use super::v2_mediated::ask;

checks!(
    every_key_of_a_peer_opens_what_we_pack,
    a_signature_is_read_in_each_serialisation,
    a_key_that_may_not_sign_proves_nobody,
    any_2xx_is_delivered_and_307_alone_followed,
    what_is_rejected_again_and_again_is_given_up_sooner,
);

async fn every_key_of_a_peer_opens_what_we_pack(suite: &Suite) {
    let listener = Listener::sealed().await;
    let both = Identity::two_at(&listener.url);
    ask(suite, &both[0]).await;
    let envelope = listener.next().await.message;
    assert_eq!(envelope["recipients"].as_array().unwrap().len(), 2, "{envelope}");
    let opened = both.map(|one| one.open(envelope.to_string().as_bytes()).expect("a recipient"));
    assert_eq!(opened[0], opened[1]);
}

async fn a_signature_is_read_in_each_serialisation(suite: &Suite) {
    let peer = Peer::start().await;
    let agent = peer.join(suite).await;
    for is_flattened in [false, true] {
        let ping = peer.me.message(PING, &agent.did, json!({}));
        let mut signed: Value = serde_json::from_slice(&peer.me.sign(&ping)).unwrap();
        if is_flattened {
            let mut flattened = signed["signatures"][0].clone();
            flattened["payload"] = signed["payload"].clone();
            signed = flattened;
        }
        let envelope = pack_anonymous_with(
            signed.to_string().as_bytes(),
            &agent.did,
            ContentEncryption::A256CbcHs512,
        );
        assert_eq!(peer.post(&agent.url, envelope).await.status, 202, "{signed}");
        assert_eq!(peer.listener.next().await.message["thid"], ping["id"]);
    }
}

async fn a_key_that_may_not_sign_proves_nobody(suite: &Suite) {
    let peer = Peer::start().await;
    let agent = peer.join(suite).await;
    let ping = peer.me.message(PING, &agent.did, json!({}));
    let thief = Identity::nowhere();
    // For key agreement only, unknown, and of another.
    for signed in [
        peer.me.sign_as(&ping, &peer.me.kid()),
        peer.me.sign_as(&ping, &format!("{}#key-9", peer.me.did)),
        peer.me.sign_as(&ping, &thief.signing_kid()),
        thief.sign_as(&ping, &peer.me.signing_kid()),
    ] {
        let envelope = pack_anonymous_with(&signed, &agent.did, ContentEncryption::A256Gcm);
        peer.refused(&agent, envelope).await;
    }
    peer.hears_nothing(&agent).await;
}

/// Answers the status that is the path; a redirect leads to 200.
async fn answer(uri: Uri) -> Response {
    let status = uri.path().trim_start_matches('/').parse().unwrap();
    (StatusCode::from_u16(status).unwrap(), [("location", "/200")]).into_response()
}

async fn any_2xx_is_delivered_and_307_alone_followed(suite: &Suite) {
    let socket = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
    let url = format!("http://{}", socket.local_addr().unwrap());
    tokio::spawn(async move { axum::serve(socket, Router::new().fallback(answer)).await });
    for status in [200, 201, 202, 204, 307] {
        let me = Identity::at(&format!("{url}/{status}"));
        ask(suite, &me).await;
        // The inviter is done once its response is delivered.
        suite.connection_with(&me.did).await;
    }
    for status in [300, 301, 302, 303, 304, 308] {
        let invitation_id = ask(suite, &Identity::at(&format!("{url}/{status}"))).await;
        let failed = eventually("an attempt fails", async || {
            let exchange = suite.exchange_of(&invitation_id).await;
            (!exchange.last_error.is_empty()).then_some(exchange.last_error)
        });
        assert!(failed.await.contains(&status.to_string()), "{status}");
    }
}

/// Has a message sent now, and waits for what becomes of it; none if it was given up.
async fn attempt(suite: &Suite, invitation_id: &str) -> Option<i32> {
    let before = suite.exchange_of(invitation_id).await;
    if before.abandon_cause != 0 {
        return None;
    }
    let request = RetryDeliveryRequest { id: before.id.clone() };
    // The schedule's own attempt may have been the last one meanwhile.
    let _ = suite.diagnosis().retry_delivery(request).await;
    eventually("an attempt is made", async || {
        let now = suite.exchange_of(invitation_id).await;
        let is_over = now.abandon_cause != 0;
        (is_over || now.attempts > before.attempts).then_some((!is_over).then_some(now.attempts))
    })
    .await
}

async fn what_is_rejected_again_and_again_is_given_up_sooner(suite: &Suite) {
    for (status, most) in [(400, Some(10)), (404, Some(10)), (503, None)] {
        let listener = Listener::sealed().await;
        listener.answer(status);
        let invitation_id = ask(suite, &Identity::at(&listener.url)).await;
        let mut made = 0;
        while made < 12
            && let Some(attempts) = attempt(suite, &invitation_id).await
        {
            made = attempts;
        }
        let exchange = suite.exchange_of(&invitation_id).await;
        match most {
            Some(most) => {
                assert_eq!(listener.refused(), most, "{status}");
                assert_eq!(exchange.abandon_cause(), AbandonCause::NotDelivered);
                assert!(exchange.error.contains(&status.to_string()), "{}", exchange.error);
            }
            None => assert_eq!(exchange.abandon_cause(), AbandonCause::Unspecified, "{status}"),
        }
    }
}
