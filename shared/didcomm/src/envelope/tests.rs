//! Secrets here are the seeds `[n; 32]`. The vectors were made with ACA-Py 1.7.0 (askar), from seed 1 to
//! seeds 2 and 3.

use entente_did::PublicKey;
use proptest::prelude::*;

use super::*;
use crate::primitives::Ed25519Secret;

const MESSAGE: &[u8] =
    br#"{"@type": "https://didcomm.org/trust_ping/1.0/ping", "@id": "ping-from-acapy"}"#;
/// To seed 2.
const ACAPY_AUTHCRYPT: &str = r#"{"protected": "eyJlbmMiOiAieGNoYWNoYTIwcG9seTEzMDVfaWV0ZiIsICJ0eXAiOiAiSldNLzEuMCIsICJhbGciOiAiQXV0aGNyeXB0IiwgInJlY2lwaWVudHMiOiBbeyJlbmNyeXB0ZWRfa2V5IjogIlZqYXRRTk1POUNpVDg3SHZWTXpmanFFMGRyV2JHZ3RlNEo1NG5XYlVDcmQwMFZ0MjhiYzlJQk0wX0x3dG9fMl8iLCAiaGVhZGVyIjogeyJraWQiOiAiOWhTUjZTN1dQdHhtVG9qZ282R0czazR5RFBlY2dKWTI5Mmo3eHJzVUdXQnUiLCAic2VuZGVyIjogIlU2VU5qcENaS1hTUGV3ZVhUa25QdTJyaGYzbWg2MVVNazdpZHpCVEx5RGZRRjRFTDV3TkhoSDdyYVUyTlFDbFF2OWdsN1N1c29za29tdXVOVndiNjRXUDZXM3JFUXFfX0lNUlNBVnlTeHpfZzQ4X0NrUi1SbWNVVDBJQSIsICJpdiI6ICJpS0paWG9qQW5uVlJjaDlTUnBCbUd1Q2lYeUd6Ri1vQyJ9fV19", "iv": "RAr2nLb7EFrhrqcj", "ciphertext": "s4NrAbYfT1IquxI7oPA0BknqFg5YxzAMDeqEJXg-NdFup3ZglHGjllBmjxVe9Rnjc6HuHxI1JPywZGZo7I4kBfmUDD17ymuOmXe5ePR8", "tag": "8mwi02vLBCrP9TvrGlh6Pg"}"#;
/// To seeds 2 and 3.
const ACAPY_TWO_RECIPIENTS: &str = r#"{"protected": "eyJlbmMiOiAieGNoYWNoYTIwcG9seTEzMDVfaWV0ZiIsICJ0eXAiOiAiSldNLzEuMCIsICJhbGciOiAiQXV0aGNyeXB0IiwgInJlY2lwaWVudHMiOiBbeyJlbmNyeXB0ZWRfa2V5IjogImJLLVRFUmFTa1FyMWZBX3pleDFvUVNMOEVMUWRvN1pZWGhmb1I3Qlp2Vnd2bkNOUEcyVVpTa29nbFI3em9sR0ciLCAiaGVhZGVyIjogeyJraWQiOiAiOWhTUjZTN1dQdHhtVG9qZ282R0czazR5RFBlY2dKWTI5Mmo3eHJzVUdXQnUiLCAic2VuZGVyIjogIlpIb2paTGZKNmZrTjZwLWx1a3A1TDQ1N0NGdkZ3clpQMWJucTNSUUI1bkpfdU5uUXR1YTlfdXBiRWl3bDlvbWtlaXNYRDI1ZDlBMXJXa0VnYUVGSFlwY3pEUXNCSmVlVXdFSVZoU2hoRGxrMjNTeHMwb0xpdnliNG05VSIsICJpdiI6ICJkbHBGQTRod25vZE5ZaXY5RVE1MFlSYk1NOUNWQjE2byJ9fSwgeyJlbmNyeXB0ZWRfa2V5IjogIkUxMjlYRXZ6VEdPS3RXQ2tEQ3loZU1VMGxaVkxWWkgwYjNValZpLTFIT3FwQ1VycnVqZjBpRDU0WV91QVRac1EiLCAiaGVhZGVyIjogeyJraWQiOiAiR3lHS3hNeWcxcDlTc0hmbTE1TWtOVXUxdTlUTjJKdFRzcGNkbXJ0R1Vkc2UiLCAic2VuZGVyIjogImJuTTdKQm5RajJhaGF5MFk3OGNRS0ZoZ2JCWlpINi1HYkNHMWlfSjIyRjhwbEdzT1hkdllma0lYQUVYTFVTa244S2pjdUR0dGl4VUk5ZzRFQ3UzSW1tZ0J6SzZoalNZU1JtQ3czYUNwbmZDOGxSNXZzeGNRam9pNll2byIsICJpdiI6ICJIVTBtWGtqMDFWenFlNHZ2aWhtY2cyM3VJbVlhSmxSSyJ9fV19", "iv": "DvqDmXPu4Wd-VxeR", "ciphertext": "AjX8ySfYyIW60SWGnAbhv9ibVcGhtLXgAPymPUfZhDL0G1LU7G3LxIYkO8UPhV7zZpNvha3hZgUNuCU7_TFqawmQyHJEIx47CHYLU2os", "tag": "tHdvd-MSsC8FKUfIagnN6Q"}"#;
/// To seed 2.
const ACAPY_ANONCRYPT: &str = r#"{"protected": "eyJlbmMiOiAieGNoYWNoYTIwcG9seTEzMDVfaWV0ZiIsICJ0eXAiOiAiSldNLzEuMCIsICJhbGciOiAiQW5vbmNyeXB0IiwgInJlY2lwaWVudHMiOiBbeyJlbmNyeXB0ZWRfa2V5IjogIlZUV1ZnTDRZWjl6Z1ZxVk5uWkJ1YUM0ZDEwekMzN1JBNUEyNzVVbEY1Rklxb2lTa2xVbmVjXzBLbzY0NWtkdTB0Mk1JdUxzZW5xcERVNWJkQnFmNklkNnUxYjVOOXVra0Ezdy1LelZJTHlJIiwgImhlYWRlciI6IHsia2lkIjogIjloU1I2UzdXUHR4bVRvamdvNkdHM2s0eURQZWNnSlkyOTJqN3hyc1VHV0J1In19XX0", "iv": "kFVY8pnzZOOzCZ9y", "ciphertext": "nob1p-G50uQFY_eOBmJsYU_uww0C_2VaDl4KlZ-H8QqeR3P2Fh29P3h41yrRg25S4inaodXKpwlQBL5T4GwhYmMNfLXvmWtSX_OOvyQY", "tag": "EKORa02DkF0_OP6Ymuv51w"}"#;

fn secret(n: u8) -> Ed25519Secret {
    Ed25519Secret::from_seed([n; 32])
}

fn peek(bytes: &[u8]) -> Result<V1, EnvelopeError> {
    Envelope::peek(bytes).map(|envelope| match envelope {
        Envelope::V1(envelope) => envelope,
        other => panic!("{other:?}"),
    })
}

fn open(bytes: &[u8], secret: &Ed25519Secret) -> Result<Opened, EnvelopeError> {
    peek(bytes)?.open(&secret.public(), secret)
}

/// An envelope as JSON, for taking it apart.
fn parts(bytes: &[u8]) -> (serde_json::Value, serde_json::Value) {
    let outer: serde_json::Value = serde_json::from_slice(bytes).unwrap();
    let protected = crate::base64url::decode(outer["protected"].as_str().unwrap()).unwrap();
    (outer, serde_json::from_slice(&protected).unwrap())
}

fn with_header(
    bytes: &[u8],
    change: impl FnOnce(&mut serde_json::Value),
) -> Result<V1, EnvelopeError> {
    let (mut outer, mut header) = parts(bytes);
    change(&mut header);
    outer["protected"] = crate::base64url::encode(header.to_string()).into();
    peek(outer.to_string().as_bytes())
}

#[test]
fn opens_what_acapy_packed() {
    let opened = open(ACAPY_AUTHCRYPT.as_bytes(), &secret(2)).unwrap();
    assert_eq!(opened.plaintext, MESSAGE);
    assert_eq!(opened.recipient, secret(2).public());
    assert_eq!(opened.sender, Some(secret(1).public()));
    assert_eq!(opened.authenticated_sender().unwrap().key(), &secret(1).public());
    for n in [2, 3] {
        let opened = open(ACAPY_TWO_RECIPIENTS.as_bytes(), &secret(n)).unwrap();
        assert_eq!((opened.plaintext.as_slice(), opened.recipient), (MESSAGE, secret(n).public()));
    }
    let opened = open(ACAPY_ANONCRYPT.as_bytes(), &secret(2)).unwrap();
    assert_eq!((opened.plaintext.as_slice(), opened.sender), (MESSAGE, None));
    assert_eq!(opened.authenticated_sender(), None);
}

#[test]
fn says_who_it_is_for_without_opening() {
    let envelope = peek(ACAPY_TWO_RECIPIENTS.as_bytes()).unwrap();
    assert_eq!(envelope.recipients(), [secret(2).public(), secret(3).public()]);
    assert!(envelope.is_authcrypt());
    assert!(!peek(ACAPY_ANONCRYPT.as_bytes()).unwrap().is_authcrypt());
    let stranger = secret(4);
    assert_eq!(
        envelope.open(&stranger.public(), &stranger).unwrap_err(),
        EnvelopeError::NotARecipient
    );
    assert_eq!(
        envelope.open(&secret(2).public(), &stranger).unwrap_err(),
        EnvelopeError::Decryption
    );
}

#[test]
fn writes_the_names_and_keys_of_rfc_0019() {
    let (alice, bob) = (secret(1), secret(2));
    let packed = v1::pack_authcrypt(b"hi", &alice, &[bob.public()], &mut rand::rng()).unwrap();
    let (outer, header) = parts(&packed);
    let members: Vec<_> = outer.as_object().unwrap().keys().map(String::as_str).collect();
    assert_eq!(members, ["ciphertext", "iv", "protected", "tag"]);
    assert_eq!(header["enc"], "xchacha20poly1305_ietf");
    assert_eq!(header["typ"], "JWM/1.0");
    assert_eq!(header["alg"], "Authcrypt");
    assert_eq!(header["recipients"][0]["header"]["kid"], bob.public().base58());
    // The sealed sender is the base58 text, 44 bytes here, not the 32 bytes of the key.
    let sender = header["recipients"][0]["header"]["sender"].as_str().unwrap();
    let text =
        crate::primitives::seal_open(&crate::base64url::decode(sender).unwrap(), &bob.to_x25519());
    assert_eq!(**text.unwrap(), *alice.public().base58().as_bytes());

    let packed = v1::pack_anoncrypt(b"hi", &[bob.public()], &mut rand::rng()).unwrap();
    let (_, header) = parts(&packed);
    assert_eq!(header["alg"], "Anoncrypt");
    assert_eq!(header["recipients"][0]["header"].as_object().unwrap().len(), 1);
}

#[test]
fn nothing_repeats_between_two_packs() {
    let (alice, to) = (secret(1), [secret(2).public()]);
    let pack = || parts(&v1::pack_authcrypt(b"hi", &alice, &to, &mut rand::rng()).unwrap());
    let ((outer, header), (outer2, header2)) = (pack(), pack());
    for member in ["iv", "ciphertext", "tag", "protected"] {
        assert_ne!(outer[member], outer2[member], "{member}");
    }
    let (one, two) = (&header["recipients"][0], &header2["recipients"][0]);
    assert_ne!(one["encrypted_key"], two["encrypted_key"]);
    assert_ne!(one["header"]["iv"], two["header"]["iv"]);
    assert_ne!(one["header"]["sender"], two["header"]["sender"]);
}

#[test]
fn reads_padded_base64url() {
    let (alice, bob) = (secret(1), secret(2));
    let pad = |text: &str| format!("{text}{}", "=".repeat((4 - text.len() % 4) % 4));
    let packed = v1::pack_authcrypt(b"hi", &alice, &[bob.public()], &mut rand::rng()).unwrap();
    let (mut outer, _) = parts(&packed);
    // Not `protected`, whose text is authenticated as it is.
    for member in ["iv", "ciphertext", "tag"] {
        outer[member] = pad(outer[member].as_str().unwrap()).into();
    }
    assert_eq!(open(outer.to_string().as_bytes(), &bob).unwrap().plaintext, b"hi");
    outer["protected"] = format!("{}=", outer["protected"].as_str().unwrap()).into();
    assert!(open(outer.to_string().as_bytes(), &bob).is_err());
}

#[test]
fn says_which_member_is_wrong() {
    let missing = |member| Err::<(), _>(EnvelopeError::Missing { member });
    assert_eq!(peek(b"{}").map(drop), missing("protected"));
    assert_eq!(peek(br#"{"protected":"","iv":"","ciphertext":""}"#).map(drop), missing("tag"));
    assert!(matches!(peek(b"[]"), Err(EnvelopeError::Json { .. })));
    assert!(matches!(peek(b"\xff"), Err(EnvelopeError::Json { .. })));
    for plaintext in [&br#"{"@type":"x","@id":"1"}"#[..], br#"{"type":"x","id":"1","body":{}}"#] {
        assert_eq!(Envelope::peek(plaintext).map(drop), Err(EnvelopeError::Plaintext));
    }

    let ours = ACAPY_AUTHCRYPT.as_bytes();
    let header = |error: EnvelopeError| match error {
        EnvelopeError::Header { header, .. } => header,
        other => panic!("{other}"),
    };
    for name in ["typ", "enc", "alg"] {
        assert_eq!(header(with_header(ours, |h| h[name] = "x".into()).unwrap_err()), name);
    }
    assert!(matches!(
        with_header(ours, |h| h["recipients"][0]["header"]["kid"] = "0OIl".into()),
        Err(EnvelopeError::RecipientKey { index: 0, .. })
    ));
    assert_eq!(
        with_header(ours, |h| h["recipients"] = serde_json::json!([])).unwrap_err(),
        EnvelopeError::NoRecipients
    );
    assert_eq!(
        with_header(ours, |h| {
            let one = h["recipients"][0].clone();
            h["recipients"] = vec![one; 65].into();
        })
        .unwrap_err(),
        EnvelopeError::TooManyRecipients { limit: 64, actual: 65 }
    );
    for change in ["sender", "iv"] {
        let lacking = with_header(ours, |h| {
            h["recipients"][0]["header"].as_object_mut().unwrap().remove(change);
        });
        assert_eq!(lacking.unwrap_err(), EnvelopeError::SenderMismatch { index: 0 });
    }
    assert_eq!(
        with_header(ours, |h| h["alg"] = "Anoncrypt".into()).unwrap_err(),
        EnvelopeError::SenderMismatch { index: 0 }
    );
}

#[test]
fn reads_the_other_spellings_of_the_rfc() {
    // Reading only: the header is authenticated, so that these no longer open.
    let ours = ACAPY_AUTHCRYPT.as_bytes();
    assert!(with_header(ours, |h| h["alg"] = "authcrypt".into()).unwrap().is_authcrypt());
    assert!(with_header(ours, |h| h["enc"] = "xchachapoly1305_ietf".into()).is_ok());
}

#[test]
fn every_changed_byte_is_refused() {
    let (alice, bob) = (secret(1), secret(2));
    let mut rng = rand::rng();
    for packed in [
        v1::pack_authcrypt(b"hi", &alice, &[bob.public()], &mut rng).unwrap(),
        v1::pack_anoncrypt(b"hi", &[bob.public()], &mut rng).unwrap(),
    ] {
        for at in 0..packed.len() {
            for flip in [0x01, 0x20, 0x80] {
                let mut changed = packed.clone();
                changed[at] ^= flip;
                assert!(open(&changed, &bob).is_err(), "byte {at} ^ {flip:#x}");
            }
        }
    }
}

#[test]
fn a_sender_cannot_name_another_key() {
    // Mallory seals Alice's key as the sender of a box that she made herself.
    let (alice, mallory, bob) = (secret(1), secret(9), secret(2));
    struct Impostor(PublicKey, crate::primitives::X25519Secret);
    impl crate::primitives::StaticKey for Impostor {
        fn public(&self) -> PublicKey {
            self.0
        }
        fn agreement(&self) -> &crate::primitives::X25519Secret {
            &self.1
        }
    }
    let impostor = Impostor(alice.public(), mallory.to_x25519());
    let forged = v1::pack_authcrypt(b"hi", &impostor, &[bob.public()], &mut rand::rng()).unwrap();
    assert_eq!(open(&forged, &bob).unwrap_err(), EnvelopeError::Decryption);
}

#[test]
fn refuses_recipients_that_cannot_be_encrypted_to() {
    let mut rng = rand::rng();
    let mut identity = [0; 32];
    identity[0] = 1;
    let good = secret(2).public();
    for bad in [PublicKey::Ed25519(identity), PublicKey::Ed25519([2; 32]), PublicKey::P256([2; 33])]
    {
        let packed = v1::pack_anoncrypt(b"hi", &[good, bad], &mut rng);
        assert!(matches!(packed, Err(EnvelopeError::Recipient { index: 1, .. })), "{bad:?}");
    }
    assert_eq!(v1::pack_anoncrypt(b"hi", &[], &mut rng), Err(EnvelopeError::NoRecipients));
    let many = vec![good; 65];
    let expected = EnvelopeError::TooManyRecipients { limit: 64, actual: 65 };
    assert_eq!(v1::pack_authcrypt(b"hi", &secret(1), &many, &mut rng), Err(expected));
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(24))]

    #[test]
    fn every_recipient_opens_what_was_packed(
        plaintext in proptest::collection::vec(any::<u8>(), 0..200),
        recipients in 1..6u8,
        authcrypt: bool,
    ) {
        let alice = secret(100);
        let to: Vec<_> = (0..recipients).map(|n| secret(n).public()).collect();
        let mut rng = rand::rng();
        let packed = if authcrypt {
            v1::pack_authcrypt(&plaintext, &alice, &to, &mut rng)
        } else {
            v1::pack_anoncrypt(&plaintext, &to, &mut rng)
        }
        .unwrap();
        for n in 0..recipients {
            let opened = open(&packed, &secret(n)).unwrap();
            prop_assert_eq!(&opened.plaintext, &plaintext);
            prop_assert_eq!(opened.sender, authcrypt.then(|| alice.public()));
        }
    }
}

proptest! {
    #[test]
    fn no_bytes_panic(bytes in proptest::collection::vec(any::<u8>(), 0..300)) {
        let _ = open(&bytes, &secret(2));
    }

    #[test]
    fn no_change_of_the_header_panics(at in any::<prop::sample::Index>(), with: u8) {
        let outer: serde_json::Value = serde_json::from_str(ACAPY_AUTHCRYPT).unwrap();
        let mut header = crate::base64url::decode(outer["protected"].as_str().unwrap()).unwrap();
        let at = at.index(header.len());
        header[at] = with;
        let mut outer = outer;
        outer["protected"] = crate::base64url::encode(header).into();
        let _ = open(outer.to_string().as_bytes(), &secret(2));
    }
}
