//! Whatever comes: refused, without a panic, and at a bounded cost.

use std::cell::Cell;

use super::*;
use crate::primitives::{CryptoError, SharedSecret};

const X25519: KeyType = KeyType::X25519;

/// For one recipient: what is encrypted for another one is not authenticated (RFC 7516, 9).
fn envelopes() -> Vec<Vec<u8>> {
    let (from, to) = (alice(X25519), bob(X25519));
    let auth = authcrypt(MESSAGE, &from, &to);
    let mut all = vec![anoncrypt(&auth, &to, ContentEncryption::A256Gcm), auth, signed(MESSAGE)];
    all.extend(ENCRYPTIONS.map(|encryption| anoncrypt(MESSAGE, &to, encryption)));
    all
}

#[test]
fn every_changed_byte_is_refused() {
    let (from, to) = (alice(X25519), bob(X25519));
    for envelope in envelopes() {
        assert!(open(&envelope, &to, &from).is_ok());
        for at in 0..envelope.len() {
            for flip in [0x01, 0x20, 0x80] {
                let mut changed = envelope.clone();
                changed[at] ^= flip;
                assert!(open(&changed, &to, &from).is_err(), "byte {at} ^ {flip:#x}");
            }
        }
        for length in 0..envelope.len() {
            assert!(open(&envelope[..length], &to, &from).is_err(), "length {length}");
        }
    }
}

#[test]
fn a_sender_cannot_name_another_key() {
    // Mallory's envelope under Alice's kid.
    let mallory = Ring(vec![("did:example:alice#1".to_owned(), secret(X25519, 66))]);
    let envelope = authcrypt(MESSAGE, &mallory, &bob(X25519));
    assert_eq!(open(&envelope, &bob(X25519), &alice(X25519)), Err(EnvelopeError::Decryption));
}

/// Counts the multiplications.
struct Counting<'a>(&'a AgreementSecret, &'a Cell<usize>);

impl AgreementKey for Counting<'_> {
    fn public(&self) -> PublicKey {
        self.0.public()
    }

    fn agree(&self, theirs: &PublicKey) -> Result<SharedSecret, CryptoError> {
        self.1.set(self.1.get() + 1);
        self.0.agree(theirs)
    }
}

#[test]
fn many_recipients_cost_no_more_than_one() {
    let to = Ring::new("did:example:bob", X25519, 2..66);
    let (outer, _) = parts(&authcrypt(MESSAGE, &alice(X25519), &to));
    // All the wrapped keys are wrong.
    let mut outer = outer;
    for recipient in outer["recipients"].as_array_mut().unwrap() {
        recipient["encrypted_key"] = crate::base64url::encode([0; 72]).into();
    }
    let Ok(Envelope::V2(envelope)) = Envelope::peek(outer.to_string().as_bytes()) else { panic!() };
    let count = Cell::new(0);
    let counting: Vec<_> =
        to.0.iter().map(|(kid, secret)| (kid.as_str(), Counting(secret, &count))).collect();
    let recipients: Vec<_> =
        counting.iter().map(|(kid, key)| (*kid, key as &dyn AgreementKey)).collect();
    let senders = alice(X25519).public();
    let keys = Keys { recipients: &recipients, senders: &senders, signers: &[] };
    assert_eq!(envelope.open(&keys).unwrap_err(), EnvelopeError::Decryption);
    assert_eq!(count.get(), 2);
}

proptest! {
    #[test]
    fn no_bytes_panic(bytes in proptest::collection::vec(any::<u8>(), 0..300)) {
        let _ = Envelope::peek(&bytes).is_err();
    }

    #[test]
    fn no_members_panic(
        text in "\\{(\"(protected|iv|ciphertext|tag|recipients|encrypted_key|header|payload|signatures|signature)\":(\"[A-Za-z0-9_-]{0,40}\"|null|1|\\{\\}|\\[(\\{\\})?\\]),?){0,6}\\}"
    ) {
        let _ = open(text.as_bytes(), &bob(X25519), &alice(X25519));
    }

    #[test]
    fn no_change_of_the_header_panics(
        which in 0..6usize,
        at in any::<prop::sample::Index>(),
        with: u8,
        cut: bool,
    ) {
        let mut outer: serde_json::Value = serde_json::from_slice(&envelopes()[which]).unwrap();
        let member = match outer.get("signatures") {
            Some(_) => &mut outer["signatures"][0]["protected"],
            None => &mut outer["protected"],
        };
        let mut header = crate::base64url::decode(member.as_str().unwrap()).unwrap();
        let at = at.index(header.len());
        let same = header[at] == with;
        header[at] = with;
        if cut {
            header.truncate(at);
        }
        *member = crate::base64url::encode(header).into();
        let opened = open(outer.to_string().as_bytes(), &bob(X25519), &alice(X25519));
        prop_assert!(opened.is_err() || (same && !cut));
    }
}
