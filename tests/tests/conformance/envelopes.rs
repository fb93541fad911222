//! The DIDComm v1 envelope (RFC 0019).

use base64::Engine as _;
use base64::engine::general_purpose::{URL_SAFE, URL_SAFE_NO_PAD};
use entente_did::PublicKey;
use entente_didcomm::envelope::v1::pack_authcrypt;
use entente_didcomm::primitives::{ContentKey, StaticKey as _, seal, seal_open};
use entente_tests::peer::{Connected, Key, kind, message, open, pack_anonymous, request, thread};
use entente_tests::{Peer, Suite};
use serde_json::{Value, json};

checks!(
    an_envelope_padded_in_every_field_is_read,
    a_changed_protected_is_refused,
    the_header_is_as_the_rfc_writes_it,
    the_sender_field_seals_the_text_of_the_key,
    an_envelope_for_several_recipients_is_read,
    each_envelope_has_fresh_parts,
    a_tampered_envelope_is_answered_like_one_for_a_stranger,
    a_request_by_a_key_outside_its_document_is_refused,
    an_anonymous_request_is_refused,
    an_anonymous_ping_is_not_attributed,
    a_ping_by_another_key_is_not_attributed,
    too_many_recipients_are_refused,
    what_is_no_v1_envelope_is_refused,
);

fn ping() -> Value {
    message("trust_ping/1.0/ping", json!({}))
}

/// Packs with a choice of encoding and of the spelling of `alg`.
fn pack(
    message: &Value,
    from: &Key,
    to: &PublicKey,
    alg: &str,
    encode: impl Fn(&[u8]) -> String,
) -> Value {
    let mut rng = rand::rng();
    let content_key = ContentKey::random(&mut rng);
    let nonce: [u8; 24] = rand::random();
    let box_key = from.secret().box_key(to).unwrap();
    let sender = seal(from.public.base58().as_bytes(), to, &mut rng).unwrap();
    let protected = json!({
        "enc": "xchacha20poly1305_ietf", "typ": "JWM/1.0", "alg": alg,
        "recipients": [{
            "encrypted_key": encode(&box_key.encrypt(content_key.as_bytes(), &nonce)),
            "header": {"kid": to.base58(), "iv": encode(&nonce), "sender": encode(&sender)},
        }],
    });
    let protected = encode(protected.to_string().as_bytes());
    let sealed = content_key
        .encrypt(message.to_string().as_bytes(), protected.as_bytes(), &mut rng)
        .unwrap();
    json!({
        "protected": protected,
        "iv": encode(&sealed.iv),
        "ciphertext": encode(&sealed.ciphertext),
        "tag": encode(&sealed.tag),
    })
}

async fn an_envelope_padded_in_every_field_is_read(suite: &Suite) {
    let peer = Peer::start().await;
    let agent = peer.join(suite).await;
    for alg in ["Authcrypt", "authcrypt"] {
        for engine in [URL_SAFE, URL_SAFE_NO_PAD] {
            let ping = ping();
            let envelope = pack(&ping, &peer.key, &agent.key, alg, |bytes| engine.encode(bytes));
            peer.post_envelope(&agent.url, envelope.to_string().into()).await;
            assert_eq!(thread(&peer.listener.next().await.message), ping["@id"]);
        }
    }
}

async fn a_changed_protected_is_refused(suite: &Suite) {
    let peer = Peer::start().await;
    let agent = peer.join(suite).await;
    let mut envelope: Value = serde_json::from_slice(&peer.key.pack(&ping(), &agent.key)).unwrap();
    let protected = envelope["protected"].as_str().unwrap();
    // The same JSON with a space: only the additional data differs.
    let json = URL_SAFE_NO_PAD.decode(protected.trim_end_matches('=')).unwrap();
    let changed = [json.as_slice(), b" "].concat();
    envelope["protected"] = json!(URL_SAFE_NO_PAD.encode(changed));
    peer.post_envelope(&agent.url, envelope.to_string().into()).await;
    peer.hears_nothing(&agent).await;
}

async fn the_header_is_as_the_rfc_writes_it(suite: &Suite) {
    let peer = Peer::start().await;
    let agent = peer.join(suite).await;
    let pong = peer.ask(&agent, &ping()).await;
    let header = pong.protected();
    assert_eq!(header["typ"], "JWM/1.0");
    assert_eq!(header["alg"], "Authcrypt");
    assert_eq!(header["enc"], "xchacha20poly1305_ietf");
    assert_eq!(header["recipients"][0]["header"]["kid"], peer.key.public.base58());
    assert_eq!(pong.content_type, "application/didcomm-envelope-enc");
    assert_eq!(pong.sender, Some(agent.key));
}

async fn the_sender_field_seals_the_text_of_the_key(suite: &Suite) {
    let peer = Peer::start().await;
    let agent = peer.join(suite).await;
    let header = peer.ask(&agent, &ping()).await.protected();
    let sender = header["recipients"][0]["header"]["sender"].as_str().unwrap();
    let sealed = URL_SAFE_NO_PAD.decode(sender.trim_end_matches('=')).unwrap();
    let text = seal_open(&sealed, &peer.key.secret().to_x25519()).unwrap();
    assert_eq!(String::from_utf8(text.to_vec()).unwrap(), agent.key.base58());
}

async fn an_envelope_for_several_recipients_is_read(suite: &Suite) {
    let peer = Peer::start().await;
    let agent = peer.join(suite).await;
    for recipients in [[agent.key, Key::random().public], [Key::random().public, agent.key]] {
        let ping = ping();
        let text = ping.to_string();
        let packed =
            pack_authcrypt(text.as_bytes(), &peer.key.secret(), &recipients, &mut rand::rng());
        peer.post_envelope(&agent.url, packed.unwrap()).await;
        assert_eq!(thread(&peer.listener.next().await.message), ping["@id"]);
    }
}

async fn each_envelope_has_fresh_parts(suite: &Suite) {
    let peer = Peer::start().await;
    let agent = peer.join(suite).await;
    let (one, two) = (peer.ask(&agent, &ping()).await, peer.ask(&agent, &ping()).await);
    for part in ["protected", "iv", "ciphertext", "tag"] {
        assert_ne!(one.envelope[part], two.envelope[part], "{part}");
    }
    let recipient = |of: &Value, part| of["recipients"][0].pointer(part).unwrap().clone();
    for part in ["/encrypted_key", "/header/iv", "/header/sender"] {
        assert_ne!(recipient(&one.protected(), part), recipient(&two.protected(), part), "{part}");
    }
}

/// Flips a bit inside a base64url text.
fn flip(text: &Value) -> Value {
    let mut bytes = URL_SAFE_NO_PAD.decode(text.as_str().unwrap().trim_end_matches('=')).unwrap();
    bytes[0] ^= 1;
    json!(URL_SAFE_NO_PAD.encode(bytes))
}

async fn a_tampered_envelope_is_answered_like_one_for_a_stranger(suite: &Suite) {
    let peer = Peer::start().await;
    let agent = peer.join(suite).await;
    let stranger = peer.key.pack(&ping(), &Key::random().public);
    let expected = peer.post_envelope(&agent.url, stranger).await;
    assert!(expected.status < 500 && expected.body.is_empty(), "{expected:?}");
    let good: Value = serde_json::from_slice(&peer.key.pack(&ping(), &agent.key)).unwrap();
    let mut bad = Vec::new();
    for part in ["tag", "ciphertext", "iv"] {
        let mut envelope = good.clone();
        envelope[part] = flip(&good[part]);
        bad.push((part, envelope));
    }
    let protected = good["protected"].as_str().unwrap().trim_end_matches('=');
    let header: Value =
        serde_json::from_slice(&URL_SAFE_NO_PAD.decode(protected).unwrap()).unwrap();
    for part in
        ["/recipients/0/encrypted_key", "/recipients/0/header/sender", "/recipients/0/header/iv"]
    {
        let (mut header, mut envelope) = (header.clone(), good.clone());
        let field = header.pointer_mut(part).unwrap();
        *field = flip(field);
        envelope["protected"] = json!(URL_SAFE_NO_PAD.encode(header.to_string()));
        bad.push((part, envelope));
    }
    for (part, envelope) in bad {
        let answer = peer.post_envelope(&agent.url, envelope.to_string().into()).await;
        assert_eq!((answer.status, &answer.body), (expected.status, &expected.body), "{part}");
    }
    peer.hears_nothing(&agent).await;
}

async fn a_request_by_a_key_outside_its_document_is_refused(suite: &Suite) {
    let peer = Peer::start().await;
    let invitation = suite.invite().await;
    let request = request("1.1", &invitation.id, &peer.did);
    let to = PublicKey::from_multibase(&invitation.key).unwrap();
    let forged = Key::random().pack(&request, &to);
    peer.post_envelope(&suite.didcomm_url, forged).await;
    assert_no_request(suite, &invitation.id).await;
    // The owner of the DID is not kept out by it.
    peer.join_by(suite, &invitation).await;
}

async fn an_anonymous_request_is_refused(suite: &Suite) {
    let peer = Peer::start().await;
    let invitation = suite.invite().await;
    let to = PublicKey::from_multibase(&invitation.key).unwrap();
    let envelope = pack_anonymous(&request("1.1", &invitation.id, &peer.did), &to);
    peer.post_envelope(&suite.didcomm_url, envelope).await;
    assert_no_request(suite, &invitation.id).await;
}

async fn assert_no_request(suite: &Suite, invitation_id: &str) {
    let exchanges = suite.all_exchanges().await;
    let moved =
        exchanges.iter().find(|e| e.invitation_id == invitation_id && !e.thread_id.is_empty());
    assert!(moved.is_none(), "{moved:?}");
}

async fn an_anonymous_ping_is_not_attributed(suite: &Suite) {
    let peer = Peer::start().await;
    let agent = peer.join(suite).await;
    peer.post_envelope(&agent.url, pack_anonymous(&ping(), &agent.key)).await;
    peer.hears_nothing(&agent).await;
}

async fn a_ping_by_another_key_is_not_attributed(suite: &Suite) {
    let (peer, other) = (Peer::start().await, Peer::start().await);
    let agent = peer.join(suite).await;
    let theirs = other.join(suite).await;
    // A real peer, of another connection, with the key of this one.
    other.post_envelope(&agent.url, other.key.pack(&ping(), &agent.key)).await;
    peer.hears_nothing(&agent).await;
    other.hears_nothing(&theirs).await;
}

async fn too_many_recipients_are_refused(suite: &Suite) {
    let peer = Peer::start().await;
    let agent = peer.join(suite).await;
    let envelope: Value = serde_json::from_slice(&peer.key.pack(&ping(), &agent.key)).unwrap();
    let protected = envelope["protected"].as_str().unwrap().trim_end_matches('=');
    let mut header: Value =
        serde_json::from_slice(&URL_SAFE_NO_PAD.decode(protected).unwrap()).unwrap();
    let one = header["recipients"][0].clone();
    header["recipients"] = json!(vec![one; 100]);
    let mut many = envelope.clone();
    many["protected"] = json!(URL_SAFE_NO_PAD.encode(header.to_string()));
    assert_eq!(post(&peer, &agent, &many).await, 400);
    header["recipients"] = json!([]);
    many["protected"] = json!(URL_SAFE_NO_PAD.encode(header.to_string()));
    assert_eq!(post(&peer, &agent, &many).await, 400);
}

async fn what_is_no_v1_envelope_is_refused(suite: &Suite) {
    let peer = Peer::start().await;
    let agent = peer.join(suite).await;
    let v2_header = json!({"typ": "application/didcomm-encrypted+json", "alg": "ECDH-ES+A256KW", "enc": "A256GCM"});
    let v2 = json!({
        "protected": URL_SAFE_NO_PAD.encode(v2_header.to_string()), "recipients": [],
        "iv": "AAAA", "ciphertext": "AAAA", "tag": "AAAA",
    });
    for body in [v2, ping(), json!({}), json!([]), json!(null), json!({"protected": 7})] {
        assert_eq!(post(&peer, &agent, &body).await, 400, "{body}");
    }
    peer.hears_nothing(&agent).await;
    assert_eq!(kind(&ping()), "trust_ping/1.0/ping");
    assert!(open(b"{}", &peer.key).is_none());
}

async fn post(peer: &Peer, agent: &Connected, body: &Value) -> u16 {
    peer.post_envelope(&agent.url, body.to_string().into()).await.status
}
