//! Packing and opening a message of 1 KiB for one recipient.
#![allow(clippy::expect_used, clippy::indexing_slicing, missing_docs)]

use std::hint::black_box;

use criterion::{Criterion, criterion_group, criterion_main};
use entente_did::{KeyType, PublicKey};
use entente_didcomm::envelope::v2::{Keys, NamedKey};
use entente_didcomm::envelope::{Envelope, v1, v2};
use entente_didcomm::primitives::{
    AgreementKey, AgreementSecret, BoxKey, ContentEncryption, CryptoError, Ed25519Secret,
    SharedSecret, StaticKey, X25519Secret,
};

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

/// A key for key agreement as a keystore would keep it: the shared secret with one peer is remembered.
struct Sharing(AgreementSecret, SharedSecret);

impl AgreementKey for Sharing {
    fn public(&self) -> PublicKey {
        self.0.public()
    }

    fn agree(&self, theirs: &PublicKey) -> Result<SharedSecret, CryptoError> {
        self.0.agree(theirs)
    }

    fn agree_static(&self, _theirs: &PublicKey) -> Result<SharedSecret, CryptoError> {
        Ok(self.1.clone())
    }
}

fn open_v2(packed: &[u8], key: &dyn AgreementKey, senders: &[NamedKey]) -> usize {
    let Envelope::V2(envelope) = Envelope::peek(packed).expect("an envelope") else { return 0 };
    let keys = Keys { recipients: &[("did:example:bob#1", key)], senders, signers: &[] };
    envelope.open(&keys).expect("ours").plaintext.len()
}

fn envelopes_v2(c: &mut Criterion) {
    let mut rng = rand::rng();
    let message = vec![b'x'; 1024];
    let mut group = c.benchmark_group("v2, 1 KiB");
    for curve in [KeyType::X25519, KeyType::P256, KeyType::P384] {
        let mut secret = || AgreementSecret::random(curve, &mut rng).expect("a curve");
        let (alice, bob) = (secret(), secret());
        let from = [NamedKey::new("did:example:alice#1", alice.public())];
        let to = [NamedKey::new("did:example:bob#1", bob.public())];
        let shared = alice.agree(&bob.public()).expect("a secret");
        let pack = |key: &dyn AgreementKey| {
            v2::pack_authcrypt(black_box(&message), &from[0].kid, key, &to, &mut rand::rng())
        };
        let auth = pack(&alice).expect("packed");
        group.bench_function(format!("pack authcrypt, {curve}"), |b| b.iter(|| pack(&alice)));
        let alice = Sharing(alice, shared.clone());
        group.bench_function(format!("pack authcrypt, {curve}, secret remembered"), |b| {
            b.iter(|| pack(&alice));
        });
        let encryption = ContentEncryption::A256CbcHs512;
        group.bench_function(format!("pack anoncrypt, {curve}"), |b| {
            b.iter(|| v2::pack_anoncrypt(&message, &to, encryption, &mut rand::rng()));
        });
        let anon = v2::pack_anoncrypt(&message, &to, encryption, &mut rng).expect("packed");
        group.bench_function(format!("open authcrypt, {curve}"), |b| {
            b.iter(|| open_v2(black_box(&auth), &bob, &from));
        });
        group.bench_function(format!("open anoncrypt, {curve}"), |b| {
            b.iter(|| open_v2(black_box(&anon), &bob, &[]));
        });
        let bob = Sharing(bob, shared);
        group.bench_function(format!("open authcrypt, {curve}, secret remembered"), |b| {
            b.iter(|| open_v2(black_box(&auth), &bob, &from));
        });
    }
    group.finish();
}

criterion_group!(benches, envelopes, envelopes_v2);
criterion_main!(benches);
