//! DIDComm v2 envelopes: as they come, with the header in clear, as what is within another, and by way of packing.

#![no_main]

use std::sync::LazyLock;

use entente_did::KeyType;
use entente_didcomm::envelope::v2::{
    self, Encrypted, Keys, Layer, MAX_SIGNATURES, NamedKey, Opened, Signed,
};
use entente_didcomm::envelope::{Envelope, MAX_RECIPIENTS};
use entente_didcomm::primitives::{
    AgreementKey, AgreementSecret, ContentEncryption, Ed25519Secret,
};
use entente_fuzz::{encoded, one_bit_changed, rewritten, rng, way};
use libfuzzer_sys::fuzz_target;
use serde_json::{Value, json};

const OURS: &str = "did:example:bob#key-1";
const OURS_P256: &str = "did:example:bob#key-2";
const THEIRS: &str = "did:example:alice#key-1";
const THEIR_SIGNATURE: &str = "did:example:alice#key-2";

static KEYRING: LazyLock<Keyring> = LazyLock::new(Keyring::new);

fuzz_target!(|data: &[u8]| match way(data) {
    (1, header) => parse(header_in_clear(header).to_string().as_bytes()),
    (2, header) => parse(signature_in_clear(header).to_string().as_bytes()),
    (3, inner) => within(inner),
    (4, plaintext) => pack(plaintext),
    (_, envelope) => parse(envelope),
});

struct Keyring {
    ours: AgreementSecret,
    ours_p256: AgreementSecret,
    theirs: AgreementSecret,
    signer: Ed25519Secret,
    senders: [NamedKey; 1],
    signers: [NamedKey; 1],
}

impl Keyring {
    fn new() -> Self {
        let secret = |key_type| AgreementSecret::from_bytes(key_type, &[7; 32]).unwrap();
        let theirs = AgreementSecret::from_bytes(KeyType::X25519, &[8; 32]).unwrap();
        let signer = Ed25519Secret::from_seed([9; 32]);
        Self {
            ours: secret(KeyType::X25519),
            ours_p256: secret(KeyType::P256),
            senders: [NamedKey::new(THEIRS, theirs.public())],
            signers: [NamedKey::new(THEIR_SIGNATURE, signer.public())],
            theirs,
            signer,
        }
    }
}

fn header_in_clear(header: &[u8]) -> Value {
    let (gcm, iv): (bool, &[u8]) = match header.len() % 2 {
        0 => (true, &[1; 12]),
        _ => (false, &[1; 16]),
    };
    let tag: &[u8] = if gcm { &[2; 16] } else { &[2; 32] };
    let mut envelope =
        encoded(&[("protected", header), ("iv", iv), ("ciphertext", header), ("tag", tag)]);
    let wrapped: &[u8] = if gcm { &[3; 40] } else { &[3; 72] };
    let recipient = |kid: &str| {
        let mut recipient = encoded(&[("encrypted_key", wrapped)]);
        recipient.insert("header".to_owned(), json!({"kid": kid}));
        recipient
    };
    envelope.insert("recipients".to_owned(), json!([recipient(OURS), recipient(OURS_P256)]));
    envelope.into()
}

fn signature_in_clear(header: &[u8]) -> Value {
    let mut signature = encoded(&[("protected", header), ("signature", &[4; 64])]);
    signature.insert("header".to_owned(), json!({"kid": THEIR_SIGNATURE}));
    let mut envelope = encoded(&[("payload", header)]);
    envelope.insert("signatures".to_owned(), json!([signature]));
    envelope.into()
}

fn parse(data: &[u8]) {
    let opened = match Envelope::peek(data) {
        Ok(Envelope::V2(envelope)) => encrypted(&envelope),
        Ok(Envelope::Signed(envelope)) => signed(&envelope),
        _ => return,
    };
    if let Some(json) = rewritten(data) {
        assert_eq!(opened, open(&json));
    }
}

fn open(data: &[u8]) -> Option<Opened> {
    match Envelope::peek(data) {
        Ok(Envelope::V2(envelope)) => encrypted(&envelope),
        Ok(Envelope::Signed(envelope)) => signed(&envelope),
        other => panic!("another kind: {other:?}"),
    }
}

fn encrypted(envelope: &Encrypted) -> Option<Opened> {
    assert!((1..=MAX_RECIPIENTS).contains(&envelope.recipient_kids().count()));
    let opened = with_keys(|keys| envelope.open(keys).ok())?;
    assert!(opened.recipient.is_some());
    assert_eq!(opened.layers.first(), Some(&envelope.layer()));
    Some(opened)
}

fn signed(envelope: &Signed) -> Option<Opened> {
    assert!((1..=MAX_SIGNATURES).contains(&envelope.signer_kids().count()));
    with_keys(|keys| envelope.open(keys).ok())
}

/// What holds of everything that was opened.
fn with_keys(open: impl FnOnce(&Keys<'_>) -> Option<Opened>) -> Option<Opened> {
    let Keyring { ours, ours_p256, senders, signers, .. } = &*KEYRING;
    let recipients: [(&str, &dyn AgreementKey); 2] = [(OURS, ours), (OURS_P256, ours_p256)];
    let opened = open(&Keys { recipients: &recipients, senders, signers })?;
    assert!(opened.layers.is_sorted_by(|outer, inner| outer < inner), "{:?}", opened.layers);
    assert_eq!(opened.sender.is_some(), opened.layers.contains(&Layer::Authcrypt));
    assert_eq!(opened.signer.is_some(), opened.layers.contains(&Layer::Signed));
    assert_eq!(opened.sender.is_some(), opened.authenticated_sender().is_some());
    Some(opened)
}

/// Bytes that somebody encrypted: what they are shows only when they are decrypted.
fn within(inner: &[u8]) {
    let recipient = [NamedKey::new(OURS, KEYRING.ours.public())];
    let packed = v2::pack_anoncrypt(inner, &recipient, ContentEncryption::A256Gcm, &mut rng());
    let opened = open(&packed.unwrap());
    assert!(opened.is_none_or(|opened| opened.layers.len() > 1 || opened.plaintext == inner));
}

fn pack(plaintext: &[u8]) {
    let Keyring { ours, theirs, signer, .. } = &*KEYRING;
    let recipient = [NamedKey::new(OURS, ours.public())];
    let signed = v2::sign(plaintext, THEIR_SIGNATURE, signer).unwrap();
    let authcrypt =
        |inner: &[u8]| v2::pack_authcrypt(inner, THEIRS, theirs, &recipient, &mut rng()).unwrap();
    let anoncrypt = |inner: &[u8]| {
        let encryption = ContentEncryption::Xc20p;
        v2::pack_anoncrypt(inner, &recipient, encryption, &mut rng()).unwrap()
    };
    let layers = [Layer::Anoncrypt, Layer::Authcrypt, Layer::Signed];
    // A plaintext that is an envelope itself is a layer more, or one too many.
    let is_plain = matches!(Envelope::peek(plaintext), Err(_)) && !plaintext.starts_with(b"{");
    for (packed, layers) in [
        (authcrypt(plaintext), &layers[1..2]),
        (anoncrypt(&authcrypt(&signed)), &layers[..]),
        (signed, &layers[2..]),
    ] {
        let opened = open(&packed);
        if is_plain {
            let opened = opened.as_ref().expect("it is for us");
            assert_eq!((opened.plaintext.as_slice(), &*opened.layers), (plaintext, layers));
        }
        let changed = one_bit_changed(&packed, plaintext);
        if let Ok(Envelope::V2(_) | Envelope::Signed(_)) = Envelope::peek(&changed) {
            let changed = self::open(&changed);
            assert!(changed.is_none() || changed == opened, "{changed:?} {opened:?}");
        }
    }
}
