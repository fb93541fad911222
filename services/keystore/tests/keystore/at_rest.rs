//! What lies on the disk: nothing to be read there, and nothing to be changed unnoticed.

use std::path::Path;

use entente_rpc::ErrorReason as R;
use entente_rpc::proto::keystore::v1 as pb;

use crate::support::{Keystore, reason, tamper};

/// Every file of a directory.
fn contents(directory: &Path) -> Vec<(String, Vec<u8>)> {
    let files = std::fs::read_dir(directory).unwrap().map(|entry| entry.unwrap().path());
    files.map(|path| (path.display().to_string(), std::fs::read(path).unwrap())).collect()
}

fn holds(bytes: &[u8], part: &[u8]) -> bool {
    bytes.windows(part.len()).any(|window| window == part)
}

#[tokio::test]
async fn no_private_key_is_on_the_disk_or_in_an_answer() {
    let mut keystore = Keystore::start().await;
    let seed: [u8; 32] = std::array::from_fn(|i| (i as u8).wrapping_mul(37).wrapping_add(11));
    let hex: String = seed.iter().map(|byte| format!("{byte:02x}")).collect();
    let mut answers = Vec::new();
    for key_type in [pb::KeyType::Ed25519, pb::KeyType::X25519, pb::KeyType::P256] {
        answers.push(keystore.import("a", key_type, &seed).await.unwrap().into_bytes());
    }
    let ed25519 = String::from_utf8(answers[0].clone()).unwrap();
    answers.push(keystore.sign("a", &ed25519).await.unwrap());
    answers.push(keystore.pack("a", &[&ed25519], &ed25519).await.unwrap());
    answers.push(
        format!("{:?}", keystore.import("b", pb::KeyType::Ed25519, &seed).await).into_bytes(),
    );
    keystore.rotate().await.unwrap();
    // With the log of the database and without.
    let mut files = contents(keystore.directory.path());
    assert!(
        files.iter().any(|(_, bytes)| holds(bytes, ed25519.as_bytes())),
        "the public key is there"
    );
    let directory = keystore.stop().await;
    files.extend(contents(directory.path()));
    files.extend(answers.into_iter().map(|answer| ("an answer".to_owned(), answer)));
    for (name, bytes) in files {
        assert!(!holds(&bytes, &seed) && !holds(&bytes, &seed[..8]), "{name}");
        assert!(!holds(&bytes.to_ascii_lowercase(), hex.as_bytes()), "{name}");
    }
}

#[tokio::test]
async fn a_row_that_was_changed_or_moved_is_an_error() {
    const SWAP_KEYS: &str = "WITH old AS MATERIALIZED (SELECT * FROM keys) UPDATE keys SET sealed = (SELECT sealed \
         FROM old WHERE old.tenant = keys.tenant AND old.public_key <> keys.public_key)";
    const SWAP_TENANTS: &str =
        "UPDATE keys SET tenant = CASE tenant WHEN 'a' THEN 'b' ELSE 'a' END";
    const SWAP_TENANT_KEYS: &str = "WITH old AS MATERIALIZED (SELECT * FROM tenant_keys) UPDATE tenant_keys \
         SET wrapped = (SELECT wrapped FROM old WHERE old.tenant <> tenant_keys.tenant)";
    const CHANGE: &str = "UPDATE keys SET sealed = substr(sealed, 1, 60) || x'00'";
    const CUT: &str = "UPDATE keys SET sealed = x''";
    const LOSE_TENANT_KEY: &str = "DELETE FROM tenant_keys";
    for sql in [SWAP_KEYS, SWAP_TENANTS, SWAP_TENANT_KEYS, CHANGE, CUT, LOSE_TENANT_KEY] {
        let mut keystore = Keystore::start().await;
        let mut keys = Vec::new();
        for tenant in ["a", "a", "b", "b"] {
            keys.push((tenant, keystore.create(tenant).await));
        }
        let envelope = keystore.pack("a", &[&keys[0].1], &keys[1].1).await.unwrap();
        let directory = keystore.stop().await;
        tamper(directory.path(), sql).await;
        keystore = Keystore::start_in(directory).await;
        for (tenant, key) in &keys {
            for tenant in [*tenant, if *tenant == "a" { "b" } else { "a" }] {
                let (reason, _) = reason(keystore.sign(tenant, key).await);
                assert!(matches!(reason, R::Internal | R::KeyNotFound), "{sql}: {reason:?}");
            }
        }
        assert_eq!(reason(keystore.unpack(&envelope).await).0, R::Internal, "{sql}");
    }
}

#[tokio::test]
async fn a_key_under_another_name_is_an_error() {
    let mut keystore = Keystore::start().await;
    let key = keystore.create("a").await;
    let directory = keystore.stop().await;
    tamper(
        directory.path(),
        // RFC 8032, 7.1, test 1.
        "UPDATE keys SET public_key = 'z6MktwupdmLXVVqTzCw4i46r4uGyosGXRnR3XjN4Zq7oMMsw'",
    )
    .await;
    keystore = Keystore::start_in(directory).await;
    let renamed = keystore.sign("a", "z6MktwupdmLXVVqTzCw4i46r4uGyosGXRnR3XjN4Zq7oMMsw").await;
    assert_eq!(reason(renamed).0, R::Internal);
    assert_eq!(reason(keystore.sign("a", &key).await).0, R::KeyNotFound);
}
