//! Envelopes with the wrong algorithm, the wrong key, or something left out. What is wrong with them is said, as anybody
//! can see it; what only the recipient can see is not.

use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use entente_didcomm::primitives::ContentEncryption;
use entente_tests::Suite;
use entente_tests::peer::v2::{Identity, PING, pack_anonymous_with};
use entente_tests::peer::{Key, message, v2};
use serde_json::{Value, json};

use crate::{Scene, detail, ended};

checks!(
    v1_algorithms_and_members_are_checked,
    v2_algorithms_are_checked,
    v2_keys_and_members_are_checked,
    signatures_are_checked,
    points_that_prove_nothing_open_nothing,
    recipients_that_are_there_twice_change_nothing,
);

fn decoded(text: &Value) -> Value {
    serde_json::from_slice(&URL_SAFE_NO_PAD.decode(text.as_str().unwrap()).unwrap()).unwrap()
}

fn encoded(value: &Value) -> Value {
    json!(URL_SAFE_NO_PAD.encode(value.to_string()))
}

/// An envelope in which one thing is another; `protected/…` is within the header. `null` takes it away.
fn changed(envelope: &[u8], place: &str, to: &Value) -> Vec<u8> {
    let mut envelope: Value = serde_json::from_slice(envelope).unwrap();
    match place.strip_prefix("protected/") {
        Some(place) => {
            let mut header = decoded(&envelope["protected"]);
            set(&mut header, place, to);
            envelope["protected"] = encoded(&header);
        }
        None => set(&mut envelope, place, to),
    }
    envelope.to_string().into_bytes()
}

fn set(value: &mut Value, place: &str, to: &Value) {
    let (parent, name) = place.rsplit_once('/').unwrap_or(("", place));
    let parent = if parent.is_empty() { String::new() } else { format!("/{parent}") };
    let members = value.pointer_mut(&parent).unwrap().as_object_mut().unwrap();
    match to {
        Value::Null => drop(members.remove(name)),
        to => drop(members.insert(name.to_owned(), to.clone())),
    }
}

fn zeros(count: usize) -> Value {
    json!(URL_SAFE_NO_PAD.encode(vec![0; count]))
}

async fn v1_algorithms_and_members_are_checked(suite: &Suite) {
    let scene = Scene::of(suite).await;
    let (friend, agent) = (&scene.friend, &scene.agent);
    let right = friend.key.pack(&message("trust_ping/1.0/ping", json!({})), &agent.key);
    for (place, to, word) in [
        ("protected/alg", json!("none"), "alg"),
        ("protected/alg", json!("HS256"), "alg"),
        ("protected/alg", json!("ECDH-1PU+A256KW"), "alg"),
        // The sender is there, and is to be passed over; or is to be believed without proof.
        ("protected/alg", json!("Anoncrypt"), "sender"),
        ("protected/recipients/0/header/sender", Value::Null, "sender"),
        ("protected/recipients/0/header/iv", Value::Null, "sender"),
        ("protected/enc", json!("A256GCM"), "enc"),
        ("protected/typ", json!("JWT"), "typ"),
        ("protected/recipients", json!([]), "recipient"),
        // Not as long as a key.
        ("protected/recipients/0/header/kid", json!("2"), "recipient"),
        ("tag", zeros(12), "tag"),
        ("tag", json!(""), "tag"),
        ("tag", Value::Null, "tag"),
        ("iv", zeros(24), "iv"),
        ("ciphertext", Value::Null, "protected"),
    ] {
        let answer = friend.post_envelope(&agent.url, changed(&right, place, &to)).await;
        assert_eq!(answer.status, 400, "{place} {to}: {answer:?}");
        let detail = detail(&answer);
        assert!(detail.contains(word) || place == "ciphertext", "{place} {to}: {detail}");
    }
    // Two parsers could read two envelopes out of one text.
    let twice = String::from_utf8(right).unwrap().replacen('{', "{\"tag\":\"AAAA\",", 1);
    let answer = friend.post_envelope(&agent.url, twice.into_bytes()).await;
    assert_eq!(answer.status, 400);
    assert!(detail(&answer).contains("duplicate"), "{answer:?}");
    scene.is_unharmed(suite).await;
}

/// A peer of DIDComm v2 beside the scene's own, and a right envelope.
async fn v2_peer(suite: &Suite) -> (v2::Peer, v2::Connected, Vec<u8>) {
    let peer = v2::Peer::start().await;
    let agent = peer.join(suite).await;
    let right = peer.me.pack(&peer.me.message(PING, &agent.did, json!({})), &agent.did);
    (peer, agent, right)
}

async fn are_refused(suite: &Suite, cases: &[(&str, Value, &str)]) {
    let (peer, agent, right) = v2_peer(suite).await;
    let scene = Scene::of(suite).await;
    for (place, to, word) in cases {
        let answer = peer.post(&agent.url, changed(&right, place, to)).await;
        assert_eq!(answer.status, 400, "{place} {to}: {answer:?}");
        let detail = detail(&answer);
        assert!(detail.contains(word), "{place} {to}: {detail}");
    }
    scene.is_unharmed(suite).await;
    peer.hears_nothing(&agent).await;
}

async fn v2_algorithms_are_checked(suite: &Suite) {
    are_refused(
        suite,
        &[
            ("protected/alg", json!("none"), "alg"),
            ("protected/alg", json!("dir"), "alg"),
            ("protected/alg", json!("HS256"), "alg"),
            ("protected/alg", json!("RSA-OAEP-256"), "alg"),
            ("protected/alg", json!("ECDH-ES"), "alg"),
            ("protected/alg", json!("ECDH-1PU"), "alg"),
            ("protected/alg", json!("Authcrypt"), "alg"),
            ("protected/enc", json!("none"), "enc"),
            ("protected/enc", json!("A128CBC-HS256"), "enc"),
            // Not bound to the sender as 1PU needs it.
            ("protected/enc", json!("A256GCM"), "enc"),
            ("protected/enc", json!("XC20P"), "enc"),
            ("protected/zip", json!("DEF"), "zip"),
            ("protected/crit", json!(["b64"]), "crit"),
            ("protected/typ", json!("JWT"), "typ"),
        ],
    )
    .await;
}

async fn v2_keys_and_members_are_checked(suite: &Suite) {
    let off_curve = json!({"kty": "EC", "crv": "P-256", "x": zeros(32), "y": zeros(32)});
    let short = json!({"kty": "OKP", "crv": "X25519", "x": zeros(31)});
    let other = json!(URL_SAFE_NO_PAD.encode("did:example:other#key"));
    are_refused(
        suite,
        &[
            ("protected/epk", off_curve, "curve"),
            ("protected/epk", short, "epk"),
            ("protected/epk", json!({}), "epk"),
            ("protected/epk", json!("key"), "epk"),
            ("protected/apv", json!(""), "apv"),
            ("protected/apv", zeros(32), "apv"),
            ("protected/apu", other, "apu"),
            ("protected/apu", Value::Null, "apu"),
            ("recipients", json!([]), "recipient"),
            ("tag", zeros(16), "tag"),
            ("tag", json!(""), "tag"),
            ("iv", zeros(12), "iv"),
            ("ciphertext", Value::Null, ""),
        ],
    )
    .await;
}

async fn signatures_are_checked(suite: &Suite) {
    let (peer, agent, _) = v2_peer(suite).await;
    let scene = Scene::of(suite).await;
    let ping = peer.me.message(PING, &agent.did, json!({}));
    let signed = peer.me.sign(&ping);
    let right: Value = serde_json::from_slice(&signed).unwrap();
    let header = decoded(&right["signatures"][0]["protected"]);
    let with_header = |name: &str, value: Value| {
        let (mut header, mut jws) = (header.clone(), right.clone());
        header[name] = value;
        jws["signatures"][0]["protected"] = encoded(&header);
        jws
    };
    let with = |place: &str, value: Value| {
        let mut jws = right.clone();
        *jws.pointer_mut(place).unwrap() = value;
        jws
    };
    let other: Value = serde_json::from_slice(&Identity::nowhere().sign(&ping)).unwrap();
    for jws in [
        with_header("alg", json!("none")),
        // The public key, which everybody has, as a shared secret.
        with_header("alg", json!("HS256")),
        with_header("alg", json!("ES256")),
        with_header("b64", json!(false)),
        with_header("crit", json!(["b64"])),
        with("/signatures", json!([])),
        with("/signatures", json!(vec![right["signatures"][0].clone(); 5])),
        with("/signatures", json!([right["signatures"][0], other["signatures"][0]])),
        with("/signatures/0/signature", json!("")),
        with("/signatures/0/signature", zeros(64)),
        with("/payload", encoded(&json!({"id": "1", "type": PING, "from": peer.me.did}))),
    ] {
        let bytes = jws.to_string().into_bytes();
        let envelope = pack_anonymous_with(&bytes, &agent.did, ContentEncryption::A256CbcHs512);
        peer.refused(&agent, envelope).await;
        peer.refused(&agent, peer.me.pack_bytes(&bytes, &agent.did)).await;
    }
    scene.is_unharmed(suite).await;
    peer.hears_nothing(&agent).await;
}

async fn points_that_prove_nothing_open_nothing(suite: &Suite) {
    let (peer, agent, right) = v2_peer(suite).await;
    let scene = Scene::of(suite).await;
    let before = ended(suite, "undecryptable").await + ended(suite, "malformed_envelope").await;
    let x25519 = |x: &[u8]| json!({"kty": "OKP", "crv": "X25519", "x": URL_SAFE_NO_PAD.encode(x)});
    let (mut one, mut minus_one) = ([0; 32], [0xff; 32]);
    one[0] = 1;
    (minus_one[0], minus_one[31]) = (0xec, 0x7f);
    // Whatever the secret is, what is agreed on is zero.
    let points = [[0; 32], one, minus_one];
    for point in &points {
        let envelope = changed(&right, "protected/epk", &x25519(point));
        peer.refused(&agent, envelope).await;
    }
    let after = ended(suite, "undecryptable").await + ended(suite, "malformed_envelope").await;
    assert_eq!(after - before, points.len() as f64);
    scene.is_unharmed(suite).await;
    peer.hears_nothing(&agent).await;
}

async fn recipients_that_are_there_twice_change_nothing(suite: &Suite) {
    let (peer, agent, right) = v2_peer(suite).await;
    let scene = Scene::of(suite).await;
    let envelope: Value = serde_json::from_slice(&right).unwrap();
    let one = &envelope["recipients"][0];
    // `apv` is of one recipient.
    peer.refused(&agent, changed(&right, "recipients", &json!([one, one]))).await;
    let (friend, of_friend) = (&scene.friend, &scene.agent);
    let silent = message("notification/1.0/ack", json!({"status": "OK", "~thread": {"thid": "x"}}));
    let before = ended(suite, "handled").await;
    let packed = entente_didcomm::envelope::v1::pack_authcrypt(
        silent.to_string().as_bytes(),
        &friend.key.secret(),
        &[of_friend.key, of_friend.key, Key::random().public],
        &mut rand::rng(),
    );
    assert_eq!(friend.post_envelope(&of_friend.url, packed.unwrap()).await.status, 202);
    assert_eq!(ended(suite, "handled").await, before + 1.0, "it has its effect once");
    scene.is_unharmed(suite).await;
}
