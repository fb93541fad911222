//! Keys kept ready in memory, so that the hot path costs no query and no key derivation.

use std::collections::VecDeque;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use entente_did::PublicKey;
use entente_didcomm::primitives::{
    AgreementKey, AgreementSecret, BoxKey, CryptoError, Ed25519Secret, SharedSecret, StaticKey,
    X25519Secret,
};
use moka::sync::Cache;

use crate::private_key::PrivateKey;

/// Peers remembered for each of our keys. A pairwise key has one.
const PEERS: usize = 8;

/// A key of ours. Dropped, it zeroizes the secret and what was made from it.
pub(crate) struct HeldKey {
    pub(crate) tenant: String,
    pub(crate) public: PublicKey,
    pub(crate) secret: PrivateKey,
    box_keys: Peers<BoxKey>,
    shared: Peers<SharedSecret>,
}

impl HeldKey {
    pub(crate) fn new(tenant: String, public: PublicKey, secret: PrivateKey) -> Self {
        let (box_keys, shared) = (Peers::default(), Peers::default());
        Self { tenant, public, secret, box_keys, shared }
    }

    /// The key as the envelopes of DIDComm v1 take it; `None` unless it is Ed25519.
    pub(crate) fn packing(&self) -> Option<PackingKey<'_>> {
        match &self.secret {
            PrivateKey::Ed25519(secret) => Some(PackingKey { secret, box_keys: &self.box_keys }),
            PrivateKey::Agreement(_) => None,
        }
    }

    /// The key as the envelopes of DIDComm v2 take it; `None` if it is not for key agreement.
    pub(crate) fn agreement(&self) -> Option<SharingKey<'_>> {
        match &self.secret {
            PrivateKey::Agreement(secret) => Some(SharingKey { secret, shared: &self.shared }),
            PrivateKey::Ed25519(_) => None,
        }
    }
}

/// What is shared with the last peers, the latest first: each saves a multiplication, a third of a message's cost.
struct Peers<T>(Mutex<VecDeque<(PublicKey, T)>>);

impl<T> Default for Peers<T> {
    fn default() -> Self {
        Self(Mutex::default())
    }
}

impl<T: Clone> Peers<T> {
    /// What is shared with a peer, made if it is not remembered.
    fn get(
        &self,
        theirs: &PublicKey,
        make: impl FnOnce() -> Result<T, CryptoError>,
    ) -> Result<T, CryptoError> {
        if let Some(found) = self.find(theirs) {
            return Ok(found);
        }
        let made = make()?;
        self.remember(*theirs, made.clone());
        Ok(made)
    }

    fn find(&self, theirs: &PublicKey) -> Option<T> {
        let mut keys = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        let place = keys.iter().position(|(peer, _)| peer == theirs)?;
        if place > 0
            && let Some(found) = keys.remove(place)
        {
            keys.push_front(found);
        }
        keys.front().map(|(_, key)| key.clone())
    }

    fn remember(&self, theirs: PublicKey, key: T) {
        let mut keys = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        keys.truncate(PEERS - 1);
        keys.push_front((theirs, key));
    }
}

/// An Ed25519 key that remembers its box keys.
pub(crate) struct PackingKey<'a> {
    secret: &'a Ed25519Secret,
    box_keys: &'a Peers<BoxKey>,
}

impl StaticKey for PackingKey<'_> {
    fn public(&self) -> PublicKey {
        self.secret.public()
    }

    fn agreement(&self) -> &X25519Secret {
        StaticKey::agreement(self.secret)
    }

    fn box_key(&self, theirs: &PublicKey) -> Result<BoxKey, CryptoError> {
        self.box_keys.get(theirs, || BoxKey::agree(self.agreement(), theirs))
    }
}

/// A key for key agreement that remembers its shared secrets.
pub(crate) struct SharingKey<'a> {
    secret: &'a AgreementSecret,
    shared: &'a Peers<SharedSecret>,
}

impl AgreementKey for SharingKey<'_> {
    fn public(&self) -> PublicKey {
        self.secret.public()
    }

    fn agree(&self, theirs: &PublicKey) -> Result<SharedSecret, CryptoError> {
        self.secret.agree(theirs)
    }

    fn agree_static(&self, theirs: &PublicKey) -> Result<SharedSecret, CryptoError> {
        self.shared.get(theirs, || self.agree(theirs))
    }
}

/// The keys in memory: bounded in number and time. One that leaves is not found any more at once, and is freed, and so
/// zeroized, within some dozens of further accesses. That a key is not ours is not remembered.
pub(crate) struct KeyCache {
    keys: Cache<PublicKey, Arc<HeldKey>>,
    /// Counts deletions, so that a load that ran beside one does not bring the key back.
    deletions: AtomicU64,
}

/// The state before a load; see [`KeyCache::insert`].
#[derive(Clone, Copy)]
pub(crate) struct Before(u64);

impl KeyCache {
    pub(crate) fn new(capacity: u64, time_to_live: Duration) -> Self {
        let keys = Cache::builder().max_capacity(capacity).time_to_live(time_to_live).build();
        Self { keys, deletions: AtomicU64::new(0) }
    }

    pub(crate) fn get(&self, key: &PublicKey) -> Option<Arc<HeldKey>> {
        self.keys.get(key)
    }

    /// To be called before the store is read.
    pub(crate) fn before_load(&self) -> Before {
        Before(self.deletions.load(Ordering::SeqCst))
    }

    /// Keeps a key that was read from the store. A deletion since `before` may have been of this key, and then either
    /// it sees the key here and removes it, or this sees the deletion.
    pub(crate) fn insert(&self, key: Arc<HeldKey>, before: Before) {
        let public = key.public;
        self.keys.insert(public, key);
        if self.deletions.load(Ordering::SeqCst) != before.0 {
            self.keys.invalidate(&public);
        }
    }

    /// To be called after a deletion is committed.
    pub(crate) fn remove(&self, key: &PublicKey) {
        self.deletions.fetch_add(1, Ordering::SeqCst);
        self.keys.invalidate(key);
    }

    /// Drops all keys.
    pub(crate) fn clear(&self) {
        self.keys.invalidate_all();
        self.keys.run_pending_tasks();
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn held(seed: u8) -> Arc<HeldKey> {
        let secret = Ed25519Secret::from_seed([seed; 32]);
        let public = secret.public();
        Arc::new(HeldKey::new("a".into(), public, PrivateKey::Ed25519(Box::new(secret))))
    }

    fn cache() -> KeyCache {
        KeyCache::new(10, Duration::from_secs(60))
    }

    #[test]
    fn a_load_that_ran_beside_a_deletion_does_not_bring_the_key_back() {
        let (cache, key) = (cache(), held(1));
        let before = cache.before_load();
        cache.remove(&key.public);
        cache.insert(key.clone(), before);
        assert!(cache.get(&key.public).is_none());
        cache.insert(key.clone(), cache.before_load());
        assert!(cache.get(&key.public).is_some());
    }

    #[test]
    fn a_removed_key_is_freed() {
        let (cache, key) = (cache(), held(1));
        let watch = Arc::downgrade(&key);
        let public = key.public;
        cache.insert(key, cache.before_load());
        cache.clear();
        assert!(cache.get(&public).is_none());
        // moka frees a value that left it after some further accesses, when no thread can still be reading it.
        for _ in 0..10_000 {
            cache.get(&public);
        }
        assert!(watch.upgrade().is_none());
    }

    #[test]
    fn box_keys_are_those_of_the_peer_and_bounded() {
        let ours = held(1);
        let packing = ours.packing().unwrap();
        for seed in (2..40).chain(2..40).chain([39, 38, 39]) {
            let peer = held(seed);
            let theirs = peer.packing().unwrap();
            let boxed = packing.box_key(&peer.public).unwrap().encrypt(b"hello", &[0; 24]);
            let opened = theirs.box_key(&ours.public).unwrap().decrypt(&boxed, &[0; 24]).unwrap();
            assert_eq!(*opened, b"hello");
        }
        assert_eq!(ours.box_keys.0.lock().unwrap().len(), PEERS);
    }
}
