//! Every kind of envelope that DIDComm v2 allows, by another implementation.

use entente_tests::identus::{Reach, post};
use serde_json::{Value, json};

use crate::pair::{PING, PONG, Pair};

#[tokio::test]
async fn every_kind_of_envelope_is_opened() {
    let Some(pair) = Pair::start().await else { return };
    let peer = pair.identus.agent(Reach::Direct).await;
    let (theirs, _) = pair.connect(&peer).await;
    let [me, to] = ["myDid", "theirDid"].map(|field| theirs[field].as_str().unwrap());
    let kinds = [
        json!({ "from": me }),
        json!({ "from": me, "protect_sender": true, "enc_alg_anon": "A256cbcHs512EcdhEsA256kw" }),
        json!({ "from": me, "protect_sender": true, "enc_alg_anon": "A256gcmEcdhEsA256kw" }),
        json!({ "from": me, "protect_sender": true, "enc_alg_anon": "Xc20pEcdhEsA256kw" }),
        json!({ "from": me, "signer": me }),
        json!({ "signer": me }),
    ];
    for kind in kinds {
        let (id, message) = ping(me, to);
        let (envelope, endpoint) = peer.pack_with(&message, to, kind.clone()).await;
        let (status, body) = post(&endpoint, envelope).await;
        assert!((200..300).contains(&status), "{kind}: {status} {body}");
        peer.until_received(PONG, |pong| pong["thid"] == id.as_str()).await;
    }
}

#[tokio::test]
async fn who_is_not_proven_to_be_the_sender_is_refused() {
    let Some(pair) = Pair::start().await else { return };
    let peer = pair.identus.agent(Reach::Direct).await;
    let (theirs, _) = pair.connect(&peer).await;
    let [me, to] = ["myDid", "theirDid"].map(|field| theirs[field].as_str().unwrap());
    let other = peer.did().await;
    let kinds = [
        json!({}),
        json!({ "signer": other }),
        json!({ "from": me, "signer": other }),
        json!({ "from": me, "signer": other, "protect_sender": true }),
    ];
    for kind in kinds {
        let (_, message) = ping(me, to);
        let (envelope, endpoint) = peer.pack_with(&message, to, kind.clone()).await;
        let (status, body) = post(&endpoint, envelope).await;
        assert!((400..500).contains(&status), "{kind}: {status} {body}");
    }
    pair.settle(&peer, &theirs).await;
    assert_eq!(peer.received(PONG).await.len(), 1);
}

fn ping(from: &str, to: &str) -> (String, Value) {
    let id = uuid::Uuid::new_v4().to_string();
    let message = json!({ "id": id, "type": PING, "from": from, "to": [to], "body": {} });
    (id, message)
}
