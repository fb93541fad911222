use super::*;

const X25519: KeyType = KeyType::X25519;

fn check(envelope: &[u8]) -> Result<Vec<Layer>, EnvelopeError> {
    open(envelope, &bob(X25519), &alice(X25519)).map(|opened| {
        assert_eq!(opened.plaintext, MESSAGE);
        opened.layers
    })
}

#[test]
fn layers_are_in_one_order_each_at_most_once() {
    use Layer::{Anoncrypt, Authcrypt, Signed};
    let (from, to) = (alice(X25519), bob(X25519));
    let anon = |message: &[u8]| anoncrypt(message, &to, ContentEncryption::default());
    let auth = |message: &[u8]| authcrypt(message, &from, &to);
    for (envelope, layers) in [
        (signed(MESSAGE), vec![Signed]),
        (anon(MESSAGE), vec![Anoncrypt]),
        (auth(MESSAGE), vec![Authcrypt]),
        (anon(&signed(MESSAGE)), vec![Anoncrypt, Signed]),
        (auth(&signed(MESSAGE)), vec![Authcrypt, Signed]),
        (anon(&auth(MESSAGE)), vec![Anoncrypt, Authcrypt]),
        (anon(&auth(&signed(MESSAGE))), vec![Anoncrypt, Authcrypt, Signed]),
    ] {
        assert_eq!(check(&envelope), Ok(layers));
    }
    let nesting = |outer, inner| Err(EnvelopeError::Nesting { outer, inner });
    for (envelope, refused) in [
        (signed(&signed(MESSAGE)), nesting("a signature", "a signature")),
        (signed(&anon(MESSAGE)), nesting("a signature", "anoncrypt")),
        (signed(&auth(MESSAGE)), nesting("a signature", "authcrypt")),
        (anon(&anon(MESSAGE)), nesting("anoncrypt", "anoncrypt")),
        (auth(&auth(MESSAGE)), nesting("authcrypt", "authcrypt")),
        (auth(&anon(MESSAGE)), nesting("authcrypt", "anoncrypt")),
        (anon(&signed(&auth(MESSAGE))), nesting("a signature", "authcrypt")),
        (anon(&auth(&anon(MESSAGE))), nesting("authcrypt", "anoncrypt")),
    ] {
        assert_eq!(check(&envelope), refused);
    }
    let ed25519 = Ed25519Secret::from_seed([2; 32]);
    let v1 = crate::envelope::v1::pack_anoncrypt(MESSAGE, &[ed25519.public()], &mut rand::rng())
        .unwrap();
    assert_eq!(check(&anon(&v1)), nesting("anoncrypt", "a DIDComm v1 envelope"));
    // What is no envelope is the message, whatever it is.
    for message in [&b"[1]"[..], b"\xff", b"", b"{}", br#"{"payload":1}"#] {
        assert_eq!(open(&auth(message), &to, &from).unwrap().plaintext, message);
    }
}

#[test]
fn signer_and_sender_are_of_one_did() {
    let to = bob(X25519);
    let carol = Ring::new("did:example:carol", X25519, [1]);
    for envelope in [
        authcrypt(&signed(MESSAGE), &carol, &to),
        anoncrypt(&authcrypt(&signed(MESSAGE), &carol, &to), &to, ContentEncryption::Xc20p),
    ] {
        let refused = open(&envelope, &to, &carol);
        assert!(matches!(refused, Err(EnvelopeError::LayerMismatch { .. })), "{refused:?}");
    }
    // A recipient's name that is no DID URL cannot be compared.
    let nameless = Ring::new("", X25519, [1]);
    let envelope = authcrypt(&signed(MESSAGE), &nameless, &to);
    assert!(matches!(open(&envelope, &to, &nameless), Err(EnvelopeError::LayerMismatch { .. })));
}

#[test]
fn both_encryptions_are_for_one_recipient() {
    let (from, bob) = (alice(X25519), bob(X25519));
    let carol = Ring::new("did:example:carol", X25519, [3]);
    let envelope =
        anoncrypt(&authcrypt(MESSAGE, &from, &carol), &bob, ContentEncryption::default());
    let both = Ring(bob.0.into_iter().chain(carol.0).collect());
    assert!(matches!(open(&envelope, &both, &from), Err(EnvelopeError::LayerMismatch { .. })));
    // Of one DID the keys may differ, even in their curve.
    let more = Ring::new("did:example:bob", KeyType::P384, [4]);
    let envelope = authcrypt(MESSAGE, &from, &super::bob(X25519));
    let envelope = anoncrypt(&envelope, &more, ContentEncryption::default());
    let all = Ring(both.0.into_iter().chain(more.0).collect());
    let opened = open(&envelope, &all, &from).unwrap();
    assert_eq!(opened.recipient.unwrap().kid, "did:example:bob#2");
}

#[test]
fn says_whose_keys_are_needed() {
    let (from, to) = (alice(X25519), bob(X25519));
    let nobody = Ring(Vec::new());
    let auth = authcrypt(MESSAGE, &from, &to);
    let sender = Err(EnvelopeError::UnknownSender("did:example:alice#1".into()));
    assert_eq!(open(&auth, &to, &nobody), sender);
    assert_eq!(open(&anoncrypt(&auth, &to, ContentEncryption::A256Gcm), &to, &nobody), sender);
    assert_eq!(open(&auth, &nobody, &from), Err(EnvelopeError::NotARecipient));
    let stranger =
        sign(MESSAGE, "did:example:carol#k", &Ed25519Secret::from_seed([9; 32])).unwrap();
    let signer = Err(EnvelopeError::UnknownSigners(vec!["did:example:carol#k".into()]));
    assert_eq!(open(&stranger, &to, &from), signer);
    assert_eq!(open(&authcrypt(&stranger, &from, &to), &to, &from), signer);
}
