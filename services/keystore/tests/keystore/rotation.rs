//! The change of the master key, and a crash in it.

use std::path::Path;

use entente_rpc::ErrorReason as R;

use crate::support::{Keystore, reason, tamper};

/// Writes a file as the keystore does, for its owner only.
fn write(path: &Path, bytes: &[u8]) {
    use std::os::unix::fs::PermissionsExt as _;
    std::fs::write(path, bytes).unwrap();
    std::fs::set_permissions(path, std::fs::Permissions::from_mode(0o600)).unwrap();
}

/// A keystore with keys of three tenants.
async fn with_keys() -> (Keystore, Vec<(&'static str, String)>) {
    let mut keystore = Keystore::start().await;
    let mut keys = Vec::new();
    for tenant in ["a", "a", "b", "c"] {
        keys.push((tenant, keystore.create(tenant).await));
    }
    (keystore, keys)
}

async fn all_sign(keystore: &mut Keystore, keys: &[(&'static str, String)]) {
    for (tenant, key) in keys {
        keystore.sign(tenant, key).await.unwrap();
    }
}

#[tokio::test]
async fn a_change_wraps_every_tenant_key() {
    let (mut keystore, mut keys) = with_keys().await;
    let (file, next) =
        (keystore.master_key_file(), keystore.directory.path().join("master.key.next"));
    let before = std::fs::read(&file).unwrap();
    assert_eq!(keystore.rotate().await, Ok(3));
    let after = std::fs::read(&file).unwrap();
    assert!(before != after && !next.exists());
    // A tenant that comes after is wrapped under the new key.
    keys.push(("d", keystore.create("d").await));
    all_sign(&mut keystore, &keys).await;
    keystore = keystore.restart().await;
    all_sign(&mut keystore, &keys).await;
    assert_eq!(keystore.rotate().await, Ok(4));
    keystore = keystore.restart().await;
    all_sign(&mut keystore, &keys).await;
    // The old key opens nothing.
    let directory = keystore.stop().await;
    write(&file, &after);
    let error =
        crate::support::refusal(entente_keystore::Config::in_directory(directory.path())).await;
    assert!(matches!(error, entente_keystore::MasterKeyError::WrongFile { .. }), "{error}");
}

#[tokio::test]
async fn a_crash_before_the_commit_leaves_the_old_key() {
    let (mut keystore, keys) = with_keys().await;
    let file = keystore.master_key_file();
    let old = std::fs::read(&file).unwrap();
    // The next key half written, fully written, and unreadable.
    for rest in [&[][..], &[9; 17], &[9; 32], &[9; 99]] {
        let directory = keystore.stop().await;
        write(&directory.path().join("master.key.next"), rest);
        keystore = Keystore::start_in(directory).await;
        all_sign(&mut keystore, &keys).await;
        assert_eq!(std::fs::read(&file).unwrap(), old);
    }
    assert_eq!(keystore.rotate().await, Ok(3));
    keystore = keystore.restart().await;
    all_sign(&mut keystore, &keys).await;
}

#[tokio::test]
async fn a_crash_after_the_commit_finds_the_new_key_beside() {
    for old_is_there in [true, false] {
        let (mut keystore, keys) = with_keys().await;
        let (file, next) =
            (keystore.master_key_file(), keystore.directory.path().join("master.key.next"));
        let old = std::fs::read(&file).unwrap();
        keystore.rotate().await.unwrap();
        let new = std::fs::read(&file).unwrap();
        let directory = keystore.stop().await;
        // As it was between the commit and the renaming.
        std::fs::rename(&file, &next).unwrap();
        if old_is_there {
            write(&file, &old);
        }
        keystore = Keystore::start_in(directory).await;
        all_sign(&mut keystore, &keys).await;
        assert_eq!(std::fs::read(&file).unwrap(), new);
        assert!(!next.exists());
        keystore.rotate().await.unwrap();
        keystore = keystore.restart().await;
        all_sign(&mut keystore, &keys).await;
    }
}

#[tokio::test]
async fn a_change_that_fails_changes_nothing() {
    let (mut keystore, mut keys) = with_keys().await;
    let next = keystore.directory.path().join("master.key.next");
    // The next key cannot be written.
    std::fs::create_dir(&next).unwrap();
    assert_eq!(reason(keystore.rotate().await).0, R::Internal);
    std::fs::remove_dir(&next).unwrap();
    // A tenant key cannot be read: the others keep their wraps.
    tamper(keystore.directory.path(), "UPDATE tenant_keys SET wrapped = x'00' WHERE tenant = 'b'")
        .await;
    assert_eq!(reason(keystore.rotate().await).0, R::Internal);
    keys.retain(|(tenant, _)| *tenant != "b");
    keys.push(("new", keystore.create("new").await));
    all_sign(&mut keystore, &keys).await;
    keystore = keystore.restart().await;
    all_sign(&mut keystore, &keys).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn calls_go_on_during_changes() {
    let (mut keystore, keys) = with_keys().await;
    let calls: Vec<_> = (0..4)
        .map(|worker| {
            let mut caller = keystore.caller.clone();
            let keys = keys.clone();
            tokio::spawn(async move {
                let mut made = Vec::new();
                for i in 0..25 {
                    let tenant = format!("tenant {worker} {i}");
                    let key = caller.create(&tenant).await;
                    caller.sign(&tenant, &key).await.unwrap();
                    made.push((tenant, key));
                    let (tenant, key) = &keys[i % keys.len()];
                    caller.sign(tenant, key).await.unwrap();
                }
                made
            })
        })
        .collect();
    for _ in 0..10 {
        keystore.rotate().await.unwrap();
    }
    let mut made = Vec::new();
    for call in calls {
        made.extend(call.await.unwrap());
    }
    assert_eq!(keystore.rotate().await, Ok(103));
    keystore = keystore.restart().await;
    all_sign(&mut keystore, &keys).await;
    for (tenant, key) in made {
        keystore.sign(&tenant, &key).await.unwrap();
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn changes_at_once_are_done_one_after_the_other() {
    let (mut keystore, keys) = with_keys().await;
    let changes: Vec<_> = (0..8)
        .map(|_| {
            let mut caller = keystore.caller.clone();
            tokio::spawn(async move { caller.rotate().await })
        })
        .collect();
    for change in changes {
        assert_eq!(change.await.unwrap(), Ok(3));
    }
    keystore = keystore.restart().await;
    all_sign(&mut keystore, &keys).await;
}
