//! What is in the memory of the processes, as a debugger sees it.

#![cfg(target_os = "linux")]
#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    clippy::indexing_slicing,
    reason = "a test that cannot go on fails"
)]

use std::fs::File;
use std::os::unix::fs::FileExt as _;

use entente_rpc::proto::keystore::v1::{
    DeleteKeyRequest, ImportKeyRequest, KeyType, ListKeysRequest, SignRequest,
};
use entente_tests::Suite;
use entente_tests::suite::{eventually, is_split};

/// A key that the keystore is given, so that we know what to look for.
struct Imported {
    secret: [u8; 32],
    multibase: String,
}

impl Imported {
    async fn new(suite: &Suite, key_type: KeyType) -> Self {
        let mut secret: [u8; 32] = rand::random();
        // Less than the order of each curve.
        secret[0] = 1;
        let request =
            ImportKeyRequest { r#type: key_type.into(), private_key: secret.to_vec().into() };
        let key = suite.keystore().import_key(request).await.unwrap().into_inner().key.unwrap();
        Self { secret, multibase: key.multibase }
    }

    async fn sign(&self, suite: &Suite) {
        let request = SignRequest { key: self.multibase.clone(), payload: vec![1; 100].into() };
        suite.keystore_as_connection().sign(request).await.unwrap();
    }

    async fn delete(&self, suite: &Suite) {
        let request = DeleteKeyRequest { key: self.multibase.clone() };
        suite.keystore_as_connection().delete_key(request).await.unwrap();
    }
}

/// Where a secret is in the memory of a process that can be written.
fn places_of(pid: u32, secret: &[u8]) -> Vec<String> {
    let maps = std::fs::read_to_string(format!("/proc/{pid}/maps")).unwrap();
    let memory = File::open(format!("/proc/{pid}/mem")).unwrap();
    let mut places = Vec::new();
    for map in maps.lines().filter(|map| map.contains(" rw")) {
        let (start, end) = map.split(' ').next().unwrap().split_once('-').unwrap();
        let [start, end] = [start, end].map(|text| u64::from_str_radix(text, 16).unwrap());
        let mut bytes = vec![0; usize::try_from(end - start).unwrap()];
        // It may be gone by now, or be one that nobody may read.
        if memory.read_exact_at(&mut bytes, start).is_ok() && contains(&bytes, secret) {
            places.push(map.to_owned());
        }
    }
    places
}

fn contains(bytes: &[u8], secret: &[u8]) -> bool {
    let last = secret[secret.len() - 1];
    let ends = |at: usize| bytes[..=at].ends_with(secret);
    bytes.iter().enumerate().any(|(at, byte)| *byte == last && ends(at))
}

/// After its deletion, a key is in the buffers of the connection that brought it, and in frames of the stack, until those
/// are used again; then it is nowhere.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_deleted_key_leaves_the_memory() {
    let mut suite = Suite::start().await;
    let keystore = if is_split() { suite.process("keystore").pid() } else { suite.pid() };
    let mut keys = Vec::new();
    for key_type in [KeyType::Ed25519, KeyType::P256] {
        let key = Imported::new(&suite, key_type).await;
        key.sign(&suite).await;
        assert!(!places_of(keystore, &key.secret).is_empty(), "it is not seen where it must be");
        keys.push(key);
    }
    for pid in suite.pids().into_iter().filter(|pid| *pid != keystore) {
        for key in &keys {
            assert_eq!(places_of(pid, &key.secret), [""; 0], "in a process that is no keystore");
        }
    }
    for key in &keys {
        key.delete(&suite).await;
    }
    eventually("no process has the deleted keys", async || {
        for _ in 0..20 {
            for key_type in [KeyType::Ed25519, KeyType::P256] {
                let other = Imported::new(&suite, key_type).await;
                other.sign(&suite).await;
                let list = ListKeysRequest { page_size: 1, ..Default::default() };
                suite.keystore().list_keys(list).await.unwrap();
                other.delete(&suite).await;
            }
        }
        let gone = |key: &Imported| places_of(keystore, &key.secret).is_empty();
        keys.iter().all(gone).then_some(())
    })
    .await;
}

/// The master key is where keys are opened, and nowhere else.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn only_the_keystore_has_the_master_key() {
    let mut suite = Suite::in_five().await;
    Imported::new(&suite, KeyType::Ed25519).await;
    let keystore = suite.process("keystore").pid();
    let file = suite.data_dir().join("keystore").join("master.key");
    let file = if file.exists() { file } else { suite.data_dir().join("master.key") };
    let master = std::fs::read(file).unwrap();
    assert!(!places_of(keystore, &master).is_empty(), "it is not seen where it must be");
    for pid in suite.pids().into_iter().filter(|pid| *pid != keystore) {
        assert_eq!(places_of(pid, &master), [""; 0], "in a process that is no keystore");
    }
}

/// How large a core dump may be, softly and at most.
fn largest_core(pid: &str) -> [String; 2] {
    let limits = std::fs::read_to_string(format!("/proc/{pid}/limits")).unwrap();
    let line = limits.lines().find_map(|line| line.strip_prefix("Max core file size"));
    let mut words = line.unwrap().split_whitespace().map(str::to_owned);
    [words.next().unwrap(), words.next().unwrap()]
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn no_process_dumps_core_unless_asked_to() {
    let suite = Suite::start().await;
    for pid in suite.pids() {
        let largest = largest_core(&pid.to_string());
        // One byte holds nothing, and Linux takes it to mean that no program gets the dump, either; 0 stays what it is.
        assert!(largest == ["1", "1"] || largest == ["0", "0"], "{largest:?}");
    }
    let asked = Suite::with(&["--core-dumps"]).await;
    assert_eq!(largest_core(&asked.pid().to_string()), largest_core("self"));
}
