//! Envelopes (DIDComm v2, "Message Formats"): what is opened, what is refused, what we write.

use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use entente_didcomm::primitives::ContentEncryption;
use entente_tests::Suite;
use entente_tests::peer::v2::{Connected, Identity, PING, Peer, pack_anonymous_with};
use serde_json::{Value, json};

checks!(
    what_we_pack_is_authcrypted_as_the_standard_says,
    every_allowed_nesting_is_opened,
    no_other_nesting_is_opened,
    a_changed_envelope_is_refused_without_saying_why,
    a_message_is_from_whom_the_envelope_proves,
    a_key_that_may_not_agree_proves_nobody,
    a_message_without_a_proof_is_refused,
    an_envelope_comes_under_any_media_type_for_json,
    a_replayed_envelope_has_no_second_effect,
);

fn ping(peer: &Peer, agent: &Connected) -> Value {
    peer.me.message(PING, &agent.did, json!({}))
}

/// The names of keys: ours, and that of a DID.
fn kid(did: &str) -> String {
    format!("{did}#key-1")
}

async fn what_we_pack_is_authcrypted_as_the_standard_says(suite: &Suite) {
    let peer = Peer::start().await;
    let agent = peer.join(suite).await;
    let received = peer.ask(&agent, &ping(&peer, &agent)).await;
    let header = received.protected();
    let (ours, theirs) = (kid(&agent.did), kid(&peer.me.did));
    assert_eq!(header["typ"], "application/didcomm-encrypted+json");
    assert_eq!(
        (&header["alg"], &header["enc"]),
        (&json!("ECDH-1PU+A256KW"), &json!("A256CBC-HS512"))
    );
    assert_eq!(
        (&header["skid"], &header["apu"]),
        (&json!(ours), &json!(URL_SAFE_NO_PAD.encode(&ours)))
    );
    assert_eq!((&header["epk"]["kty"], &header["epk"]["crv"]), (&json!("OKP"), &json!("X25519")));
    assert_eq!(received.envelope["recipients"].as_array().unwrap().len(), 1);
    assert_eq!(received.envelope["recipients"][0]["header"]["kid"], theirs);
    // Nothing of it is ever used again.
    let other = peer.ask(&agent, &ping(&peer, &agent)).await;
    assert_ne!(other.protected()["epk"], header["epk"]);
    for member in ["iv", "ciphertext", "tag"] {
        assert_ne!(other.envelope[member], received.envelope[member], "{member}");
    }
}

async fn every_allowed_nesting_is_opened(suite: &Suite) {
    let peer = Peer::start().await;
    let agent = peer.join(suite).await;
    for encryption in
        [ContentEncryption::A256CbcHs512, ContentEncryption::A256Gcm, ContentEncryption::Xc20p]
    {
        let around = |inner: Vec<u8>| pack_anonymous_with(&inner, &agent.did, encryption);
        for nested in [
            |peer: &Peer, agent: &Connected, message: &Value| peer.me.pack(message, &agent.did),
            |peer: &Peer, _: &Connected, message: &Value| peer.me.sign(message),
            |peer: &Peer, agent: &Connected, message: &Value| {
                peer.me.pack_bytes(&peer.me.sign(message), &agent.did)
            },
        ] {
            let ping = ping(&peer, &agent);
            let envelope = around(nested(&peer, &agent, &ping));
            assert_eq!(peer.post(&agent.url, envelope).await.status, 202);
            assert_eq!(peer.listener.next().await.message["thid"], ping["id"]);
        }
    }
    let ping = ping(&peer, &agent);
    let envelope = peer.me.pack_bytes(&peer.me.sign(&ping), &agent.did);
    assert_eq!(peer.post(&agent.url, envelope).await.status, 202);
    assert_eq!(peer.listener.next().await.message["thid"], ping["id"]);
}

/// What is answered to an envelope for somebody else.
async fn told(peer: &Peer, agent: &Connected) -> Vec<u8> {
    let stranger = Identity::at("http://127.0.0.1:1");
    let message = peer.me.message(PING, &stranger.did, json!({}));
    peer.refused(agent, peer.me.pack(&message, &stranger.did)).await.body
}

async fn no_other_nesting_is_opened(suite: &Suite) {
    let peer = Peer::start().await;
    let agent = peer.join(suite).await;
    let told = told(&peer, &agent).await;
    let other = Identity::at("http://127.0.0.1:1");
    let ping = ping(&peer, &agent);
    let packed = peer.me.pack(&ping, &agent.did);
    let anonymously =
        |inner: &[u8]| pack_anonymous_with(inner, &agent.did, ContentEncryption::A256CbcHs512);
    let as_json = |bytes: &[u8]| serde_json::from_slice::<Value>(bytes).unwrap();
    for (what, envelope) in [
        ("authcrypt in authcrypt", peer.me.pack_bytes(&packed, &agent.did)),
        ("anoncrypt in anoncrypt", anonymously(&anonymously(&packed))),
        (
            "anoncrypt in authcrypt",
            peer.me.pack_bytes(&anonymously(ping.to_string().as_bytes()), &agent.did),
        ),
        ("signed twice", anonymously(&peer.me.sign(&as_json(&peer.me.sign(&ping))))),
        ("authcrypt in signed", anonymously(&peer.me.sign(&as_json(&packed)))),
        ("signed by another", peer.me.pack_bytes(&other.sign(&ping), &agent.did)),
        ("signed only", peer.me.sign(&ping)),
    ] {
        let answer = peer.refused(&agent, envelope).await;
        assert_eq!(answer.body, told, "{what}");
    }
    let plain = peer.post(&agent.url, ping.to_string().into_bytes()).await;
    assert_eq!(plain.status, 400);
    peer.hears_nothing(&agent).await;
}

async fn a_changed_envelope_is_refused_without_saying_why(suite: &Suite) {
    let peer = Peer::start().await;
    let agent = peer.join(suite).await;
    let told = told(&peer, &agent).await;
    let right: Value =
        serde_json::from_slice(&peer.me.pack(&ping(&peer, &agent), &agent.did)).unwrap();
    for place in ["/iv", "/ciphertext", "/tag", "/recipients/0/encrypted_key"] {
        let mut changed = right.clone();
        let field = changed.pointer_mut(place).unwrap();
        let text = field.as_str().unwrap();
        let middle = text.len() / 2;
        let other = if text[middle..].starts_with('A') { "B" } else { "A" };
        *field = json!(format!("{}{other}{}", &text[..middle], &text[middle + 1..]));
        let answer = peer.refused(&agent, changed.to_string().into_bytes()).await;
        assert_eq!(answer.body, told, "{place}");
    }
    let header = URL_SAFE_NO_PAD.decode(right["protected"].as_str().unwrap()).unwrap();
    let header: Value = serde_json::from_slice(&header).unwrap();
    for (name, value) in [
        ("enc", json!("A256GCM")),
        ("alg", json!("ECDH-ES+A256KW")),
        ("apv", json!("AAAA")),
        ("apu", json!(URL_SAFE_NO_PAD.encode("did:example:other#key"))),
        ("skid", json!("did:example:other#key")),
        ("crit", json!(["exp"])),
        ("epk", json!({"kty": "OKP", "crv": "X25519", "x": URL_SAFE_NO_PAD.encode([0; 32])})),
        ("typ", json!("application/json")),
    ] {
        let mut changed = header.clone();
        changed[name] = value;
        let mut envelope = right.clone();
        envelope["protected"] = json!(URL_SAFE_NO_PAD.encode(changed.to_string()));
        peer.refused(&agent, envelope.to_string().into_bytes()).await;
    }
    peer.hears_nothing(&agent).await;
}

async fn a_message_is_from_whom_the_envelope_proves(suite: &Suite) {
    let peer = Peer::start().await;
    let agent = peer.join(suite).await;
    let told = told(&peer, &agent).await;
    let thief = Identity::at("http://127.0.0.1:1");
    let ping = ping(&peer, &agent);
    let mut anonymous = ping.clone();
    anonymous.as_object_mut().unwrap().remove("from");
    let signed = thief.sign(&ping);
    for envelope in [
        thief.pack(&ping, &agent.did),
        thief.pack_as(&ping, &peer.me.kid(), &agent.did),
        thief.pack_bytes(&signed, &agent.did),
        pack_anonymous_with(&signed, &agent.did, ContentEncryption::A256Gcm),
        peer.me.pack(&anonymous, &agent.did),
    ] {
        assert_eq!(peer.refused(&agent, envelope).await.body, told);
    }
    // What is signed for another is not to be passed on to us.
    let mut unaddressed = ping.clone();
    unaddressed.as_object_mut().unwrap().remove("to");
    let envelope = peer.me.pack_bytes(&peer.me.sign(&unaddressed), &agent.did);
    peer.refused(&agent, envelope).await;
    peer.hears_nothing(&agent).await;
}

async fn a_key_that_may_not_agree_proves_nobody(suite: &Suite) {
    let peer = Peer::start().await;
    let agent = peer.join(suite).await;
    let ping = ping(&peer, &agent);
    for kid in ["#key-2", "#key-9", ""] {
        let envelope = peer.me.pack_as(&ping, &format!("{}{kid}", peer.me.did), &agent.did);
        peer.refused(&agent, envelope).await;
    }
    peer.hears_nothing(&agent).await;
}

async fn a_message_without_a_proof_is_refused(suite: &Suite) {
    let peer = Peer::start().await;
    let agent = peer.join(suite).await;
    let text = ping(&peer, &agent).to_string();
    let envelope =
        pack_anonymous_with(text.as_bytes(), &agent.did, ContentEncryption::A256CbcHs512);
    assert_eq!(peer.refused(&agent, envelope).await.body, told(&peer, &agent).await);
    peer.hears_nothing(&agent).await;
}

async fn an_envelope_comes_under_any_media_type_for_json(suite: &Suite) {
    let peer = Peer::start().await;
    let agent = peer.join(suite).await;
    for media_type in [
        "application/json",
        "didcomm-encrypted+json",
        "Application/DIDComm-Encrypted+JSON; charset=utf-8",
        "application/didcomm-envelope-enc",
    ] {
        let ping = ping(&peer, &agent);
        let request = suite.http.post(&agent.url).header("content-type", media_type);
        let answer = request.body(peer.me.pack(&ping, &agent.did)).send().await.unwrap();
        assert_eq!(answer.status(), 202, "{media_type}");
        assert_eq!(peer.listener.next().await.message["thid"], ping["id"], "{media_type}");
    }
}

async fn a_replayed_envelope_has_no_second_effect(suite: &Suite) {
    let peer = Peer::start().await;
    let agent = peer.join(suite).await;
    let ping = ping(&peer, &agent);
    let envelope = peer.me.pack(&ping, &agent.did);
    for _ in 0..3 {
        assert_eq!(peer.post(&agent.url, envelope.clone()).await.status, 202);
    }
    peer.send(&agent, &ping).await;
    assert_eq!(peer.listener.next().await.message["thid"], ping["id"]);
    peer.hears_nothing(&agent).await;
}
