//! DIDComm v1 envelopes: as they come, with the header in clear, and by way of packing.

#![no_main]

use entente_didcomm::envelope::{Envelope, MAX_RECIPIENTS, V1, v1};
use entente_didcomm::primitives::Ed25519Secret;
use entente_fuzz::{encoded, one_bit_changed, rewritten, rng, way};
use libfuzzer_sys::fuzz_target;
use serde_json::Value;

fuzz_target!(|data: &[u8]| match way(data) {
    (1, header) => parse(header_in_clear(header).to_string().as_bytes()),
    (2, plaintext) => pack(plaintext),
    (_, envelope) => parse(envelope),
});

fn header_in_clear(header: &[u8]) -> Value {
    encoded(&[("protected", header), ("iv", &[1; 12]), ("ciphertext", header), ("tag", &[2; 16])])
        .into()
}

fn parse(data: &[u8]) {
    let Ok(Envelope::V1(envelope)) = Envelope::peek(data) else { return };
    assert!((1..=MAX_RECIPIENTS).contains(&envelope.recipients().len()));
    let opened = open(&envelope);
    if let Some(json) = rewritten(data) {
        let Ok(Envelope::V1(again)) = Envelope::peek(&json) else { panic!("another kind") };
        assert_eq!(envelope.recipients(), again.recipients());
        assert_eq!(opened, open(&again));
    }
}

fn open(envelope: &V1) -> Option<v1::Opened> {
    let opened = envelope.open(&ours().public(), &ours()).ok()?;
    assert_eq!(opened.sender.is_some(), envelope.is_authcrypt());
    assert_eq!(opened.sender.is_some(), opened.authenticated_sender().is_some());
    Some(opened)
}

fn pack(plaintext: &[u8]) {
    let theirs = Ed25519Secret::from_seed([8; 32]);
    let recipients = [theirs.public(), ours().public()];
    let authcrypt = v1::pack_authcrypt(plaintext, &theirs, &recipients, &mut rng()).unwrap();
    let anoncrypt = v1::pack_anoncrypt(plaintext, &recipients, &mut rng()).unwrap();
    for (packed, sender) in [(authcrypt, Some(theirs.public())), (anoncrypt, None)] {
        let Ok(Envelope::V1(envelope)) = Envelope::peek(&packed) else { panic!("not read") };
        let opened = open(&envelope).expect("it is for us");
        assert_eq!((opened.plaintext.as_slice(), opened.sender), (plaintext, sender));
        // Whatever was changed on the way shows, or changes nothing.
        if let Ok(Envelope::V1(changed)) = Envelope::peek(&one_bit_changed(&packed, plaintext)) {
            assert!(open(&changed).is_none_or(|changed| changed == opened));
        }
    }
}

fn ours() -> Ed25519Secret {
    Ed25519Secret::from_seed([7; 32])
}
