//! Keys here are `[n; len]`; Alice's DID is did:example:alice and her key of number n is `#n`, likewise Bob's.

mod addressing;
mod hostile;
mod layering;
mod rules;
mod signatures;

use entente_did::KeyType;
use proptest::prelude::*;

use super::*;
use crate::envelope::{Envelope, EnvelopeError};
use crate::primitives::{AgreementSecret, ContentEncryption, Ed25519Secret};

const CURVES: [KeyType; 4] = [KeyType::X25519, KeyType::P256, KeyType::P384, KeyType::P521];
const ENCRYPTIONS: [ContentEncryption; 3] =
    [ContentEncryption::A256CbcHs512, ContentEncryption::A256Gcm, ContentEncryption::Xc20p];
const MESSAGE: &[u8] = br#"{"id":"1","type":"https://didcomm.org/empty/1.0/empty","body":{}}"#;

/// Key pairs for key agreement, under their kids.
struct Ring(Vec<(String, AgreementSecret)>);

impl Ring {
    fn new(did: &str, curve: KeyType, numbers: impl IntoIterator<Item = u8>) -> Self {
        Self(numbers.into_iter().map(|n| (format!("{did}#{n}"), secret(curve, n))).collect())
    }

    fn public(&self) -> Vec<NamedKey> {
        self.0.iter().map(|(kid, secret)| NamedKey::new(kid, secret.public())).collect()
    }

    fn private(&self) -> Vec<(&str, &dyn AgreementKey)> {
        self.0.iter().map(|(kid, secret)| (kid.as_str(), secret as &dyn AgreementKey)).collect()
    }
}

fn secret(curve: KeyType, n: u8) -> AgreementSecret {
    let mut bytes = vec![n; AgreementSecret::secret_len(curve).unwrap()];
    AgreementSecret::mask(curve, &mut bytes);
    AgreementSecret::from_bytes(curve, &bytes).unwrap()
}

fn alice(curve: KeyType) -> Ring {
    Ring::new("did:example:alice", curve, [1])
}

fn bob(curve: KeyType) -> Ring {
    Ring::new("did:example:bob", curve, [2])
}

/// Alice's key for signatures.
fn signer() -> (&'static str, Ed25519Secret) {
    ("did:example:alice#sign", Ed25519Secret::from_seed([7; 32]))
}

fn authcrypt(message: &[u8], from: &Ring, to: &Ring) -> Vec<u8> {
    let (kid, secret) = &from.0[0];
    pack_authcrypt(message, kid, secret, &to.public(), &mut rand::rng()).unwrap()
}

fn anoncrypt(message: &[u8], to: &Ring, encryption: ContentEncryption) -> Vec<u8> {
    pack_anoncrypt(message, &to.public(), encryption, &mut rand::rng()).unwrap()
}

fn signed(message: &[u8]) -> Vec<u8> {
    let (kid, secret) = signer();
    sign(message, kid, &secret).unwrap()
}

/// Opens with the keys of `to`, knowing those of `from` and Alice's for signatures.
fn open(envelope: &[u8], to: &Ring, from: &Ring) -> Result<Opened, EnvelopeError> {
    let (kid, secret) = signer();
    let signers = [NamedKey::new(kid, secret.public())];
    let (recipients, senders) = (to.private(), from.public());
    let keys = Keys { recipients: &recipients, senders: &senders, signers: &signers };
    match Envelope::peek(envelope)? {
        Envelope::V2(encrypted) => encrypted.open(&keys),
        Envelope::Signed(signed) => signed.open(&keys),
        Envelope::V1(_) => panic!("a v1 envelope"),
    }
}

/// An envelope and its protected header as JSON.
fn parts(envelope: &[u8]) -> (serde_json::Value, serde_json::Value) {
    let outer: serde_json::Value = serde_json::from_slice(envelope).unwrap();
    let protected = crate::base64url::decode(outer["protected"].as_str().unwrap()).unwrap();
    (outer, serde_json::from_slice(&protected).unwrap())
}

#[test]
fn writes_what_the_specification_says() {
    let (alice, bob) =
        (alice(KeyType::X25519), Ring::new("did:example:bob", KeyType::X25519, [9, 2]));
    let (outer, header) = parts(&authcrypt(MESSAGE, &alice, &bob));
    assert_eq!(header["typ"], "application/didcomm-encrypted+json");
    assert_eq!(
        (&header["alg"], &header["enc"]),
        (&"ECDH-1PU+A256KW".into(), &"A256CBC-HS512".into())
    );
    assert_eq!(header["skid"], "did:example:alice#1");
    assert_eq!(header["apu"], crate::base64url::encode("did:example:alice#1"));
    let sorted = <sha2::Sha256 as sha2::Digest>::digest("did:example:bob#2.did:example:bob#9");
    assert_eq!(header["apv"], crate::base64url::encode(sorted));
    assert_eq!((&header["epk"]["kty"], &header["epk"]["crv"]), (&"OKP".into(), &"X25519".into()));
    let kids: Vec<_> =
        outer["recipients"].as_array().unwrap().iter().map(|r| &r["header"]["kid"]).collect();
    assert_eq!(kids, ["did:example:bob#9", "did:example:bob#2"]);
    assert!(!outer.to_string().contains('='));

    let (_, header) = parts(&anoncrypt(MESSAGE, &bob, ContentEncryption::Xc20p));
    assert_eq!((&header["alg"], &header["enc"]), (&"ECDH-ES+A256KW".into(), &"XC20P".into()));
    assert!(header.get("apu").is_none() && header.get("skid").is_none());
}

#[test]
fn says_what_it_is_without_opening() {
    let to = Ring::new("did:example:bob", KeyType::P256, [3, 2]);
    let Ok(Envelope::V2(envelope)) =
        Envelope::peek(&authcrypt(MESSAGE, &alice(KeyType::P256), &to))
    else {
        panic!()
    };
    assert_eq!(
        envelope.recipient_kids().collect::<Vec<_>>(),
        ["did:example:bob#3", "did:example:bob#2"]
    );
    assert_eq!(
        (envelope.sender_kid(), envelope.layer()),
        (Some("did:example:alice#1"), Layer::Authcrypt)
    );
    let anon = anoncrypt(MESSAGE, &to, ContentEncryption::A256Gcm);
    let Ok(Envelope::V2(envelope)) = Envelope::peek(&anon) else { panic!() };
    assert_eq!((envelope.sender_kid(), envelope.layer()), (None, Layer::Anoncrypt));
    let Ok(Envelope::Signed(envelope)) = Envelope::peek(&signed(MESSAGE)) else { panic!() };
    assert_eq!(envelope.signer_kids().collect::<Vec<_>>(), ["did:example:alice#sign"]);
    assert_eq!(Envelope::peek(MESSAGE).unwrap_err(), EnvelopeError::Plaintext);
}

#[test]
fn nothing_repeats_between_two_packs() {
    let (alice, bob) = (alice(KeyType::X25519), bob(KeyType::X25519));
    let pack = || parts(&authcrypt(MESSAGE, &alice, &bob)).0;
    let (one, two) = (pack(), pack());
    for member in ["protected", "iv", "ciphertext", "tag"] {
        assert_ne!(one[member], two[member], "{member}");
    }
    assert_ne!(one["recipients"][0]["encrypted_key"], two["recipients"][0]["encrypted_key"]);
}

#[test]
fn refuses_keys_that_cannot_be_encrypted_to() {
    let mut rng = rand::rng();
    let x25519 = bob(KeyType::X25519).public();
    let pack = |keys: &[NamedKey], rng: &mut _| {
        pack_anoncrypt(MESSAGE, keys, ContentEncryption::default(), rng).unwrap_err()
    };
    assert_eq!(pack(&[], &mut rng), EnvelopeError::NoRecipients);
    let many = vec![x25519[0].clone(); 65];
    assert_eq!(pack(&many, &mut rng), EnvelopeError::TooManyRecipients { limit: 64, actual: 65 });
    let mut off_curve = [0xff; 33];
    off_curve[0] = 2;
    for bad in [
        PublicKey::X25519([0; 32]),
        PublicKey::P256(off_curve),
        PublicKey::Ed25519([7; 32]),
        secret(KeyType::P256, 1).public(),
    ] {
        let keys = [x25519[0].clone(), NamedKey::new("did:example:bob#bad", bad)];
        assert!(
            matches!(pack(&keys, &mut rng), EnvelopeError::Recipient { index: 1, .. }),
            "{bad:?}"
        );
    }
    for bad in [PublicKey::P256(off_curve), PublicKey::Ed25519([7; 32])] {
        let keys = [NamedKey::new("did:example:bob#bad", bad)];
        assert!(
            matches!(pack(&keys, &mut rng), EnvelopeError::Recipient { index: 0, .. }),
            "{bad:?}"
        );
    }
    let sender = secret(KeyType::P256, 1);
    let mismatch = pack_authcrypt(MESSAGE, "did:example:alice#1", &sender, &x25519, &mut rng);
    assert!(matches!(mismatch, Err(EnvelopeError::Sender(_))));
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(32))]

    #[test]
    fn every_recipient_opens_what_was_packed(
        message in proptest::collection::vec(any::<u8>(), 0..200),
        curve in prop::sample::select(CURVES.to_vec()),
        encryption in prop::sample::select(ENCRYPTIONS.to_vec()),
        recipients in 1..4u8,
        auth: bool,
        protect: bool,
        sign: bool,
    ) {
        let from = alice(curve);
        let to = Ring::new("did:example:bob", curve, 10..10 + recipients);
        let mut packed = if sign { signed(&message) } else { message.clone() };
        if auth {
            packed = authcrypt(&packed, &from, &to);
        }
        if !auth || protect {
            packed = anoncrypt(&packed, &to, encryption);
        }
        let mut layers = Vec::new();
        layers.extend((!auth || protect).then_some(Layer::Anoncrypt));
        layers.extend(auth.then_some(Layer::Authcrypt));
        layers.extend(sign.then_some(Layer::Signed));
        for n in 10..10 + recipients {
            let opened = open(&packed, &Ring::new("did:example:bob", curve, [n]), &from).unwrap();
            prop_assert_eq!(&opened.plaintext, &message);
            prop_assert_eq!(opened.recipient, to.public().into_iter().nth(usize::from(n - 10)));
            prop_assert_eq!(opened.sender, auth.then(|| from.public().remove(0)));
            prop_assert_eq!(opened.signer.is_some(), sign);
            prop_assert_eq!(&opened.layers, &layers);
        }
    }
}
