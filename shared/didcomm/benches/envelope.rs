//! Packing and opening a message of 1 KiB for one recipient.
#![allow(clippy::expect_used, missing_docs)]

use std::hint::black_box;

use criterion::{Criterion, criterion_group, criterion_main};
use entente_did::PublicKey;
use entente_didcomm::envelope::{Envelope, v1};
use entente_didcomm::primitives::{BoxKey, CryptoError, Ed25519Secret, StaticKey, X25519Secret};

/// A static key as a keystore would keep it: the box key with one peer is remembered.
struct Remembering {
    public: PublicKey,
    agreement: X25519Secret,
    box_key: BoxKey,
}

impl Remembering {
    fn new(secret: &Ed25519Secret, peer: &PublicKey) -> Self {
        let agreement = secret.to_x25519();
        let box_key = BoxKey::agree(&agreement, peer).expect("a usable key");
        Self { public: secret.public(), agreement, box_key }
    }
}

impl StaticKey for Remembering {
    fn public(&self) -> PublicKey {
        self.public
    }

    fn agreement(&self) -> &X25519Secret {
        &self.agreement
    }

    fn box_key(&self, _theirs: &PublicKey) -> Result<BoxKey, CryptoError> {
        Ok(self.box_key.clone())
    }
}

fn open(packed: &[u8], key: &impl StaticKey) -> usize {
    let Envelope::V1(envelope) = Envelope::peek(packed).expect("an envelope") else { return 0 };
    envelope.open(&key.public(), key).expect("ours").plaintext.len()
}

fn envelopes(c: &mut Criterion) {
    let mut rng = rand::rng();
    let (alice, bob) = (Ed25519Secret::from_seed([1; 32]), Ed25519Secret::from_seed([2; 32]));
    let alice_remembering = Remembering::new(&alice, &bob.public());
    let bob_remembering = Remembering::new(&bob, &alice.public());
    let message = vec![b'x'; 1024];
    let to = [bob.public()];

    let mut group = c.benchmark_group("v1, 1 KiB");
    group.bench_function("pack authcrypt", |b| {
        b.iter(|| v1::pack_authcrypt(black_box(&message), &alice, &to, &mut rng));
    });
    group.bench_function("pack authcrypt, box key remembered", |b| {
        b.iter(|| v1::pack_authcrypt(black_box(&message), &alice_remembering, &to, &mut rng));
    });
    group.bench_function("pack anoncrypt", |b| {
        b.iter(|| v1::pack_anoncrypt(black_box(&message), &to, &mut rng));
    });
    let auth = v1::pack_authcrypt(&message, &alice, &to, &mut rng).expect("packed");
    let anon = v1::pack_anoncrypt(&message, &to, &mut rng).expect("packed");
    group.bench_function("open authcrypt", |b| b.iter(|| open(black_box(&auth), &bob)));
    group.bench_function("open authcrypt, box key remembered", |b| {
        b.iter(|| open(black_box(&auth), &bob_remembering));
    });
    group.bench_function("open anoncrypt", |b| b.iter(|| open(black_box(&anon), &bob)));
    group.finish();
}

criterion_group!(benches, envelopes);
criterion_main!(benches);
