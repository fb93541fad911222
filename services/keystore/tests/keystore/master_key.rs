//! The master key at start.

use std::os::unix::fs::PermissionsExt as _;
use std::path::Path;

use entente_keystore::{Config, MasterKey, MasterKeyError as E, start};

use crate::support::{Keystore, refusal};

fn with_passphrase(directory: &Path, passphrase: &str) -> Config {
    Config {
        master_key: MasterKey::Passphrase(passphrase.to_owned().into()),
        ..Config::in_directory(directory)
    }
}

#[tokio::test]
async fn the_file_is_for_its_owner_only() {
    let directory = tempfile::tempdir().unwrap();
    let data = directory.path().join("made/at/start");
    let service = start(Config::in_directory(&data), None).await.unwrap();
    let mode = |path: &Path| std::fs::metadata(path).unwrap().permissions().mode() & 0o777;
    let file = data.join("master.key");
    assert_eq!((mode(&file), mode(&data)), (0o600, 0o700));
    assert_eq!(std::fs::metadata(&file).unwrap().len(), 32);
    service.shutdown().await;
    for exposed in [0o640, 0o604, 0o644, 0o620] {
        std::fs::set_permissions(&file, std::fs::Permissions::from_mode(exposed)).unwrap();
        let error = refusal(Config::in_directory(&data)).await;
        assert!(matches!(error, E::Exposed { mode, .. } if mode == exposed), "{error}");
    }
    std::fs::set_permissions(&file, std::fs::Permissions::from_mode(0o400)).unwrap();
    start(Config::in_directory(&data), None).await.unwrap();
}

#[tokio::test]
async fn without_its_file_a_store_does_not_start_and_makes_no_other() {
    let mut keystore = Keystore::start().await;
    let key = keystore.create("a").await;
    let file = keystore.master_key_file();
    let good = std::fs::read(&file).unwrap();
    let directory = keystore.stop().await;

    std::fs::rename(&file, directory.path().join("elsewhere")).unwrap();
    let error = refusal(Config::in_directory(directory.path())).await;
    assert!(matches!(&error, E::Missing { path } if *path == file), "{error}");
    assert!(error.to_string().contains("backup") && !file.exists());

    std::fs::rename(directory.path().join("elsewhere"), &file).unwrap();
    for length in [0, 31, 33, 100] {
        std::fs::write(&file, vec![1; length]).unwrap();
        let error = refusal(Config::in_directory(directory.path())).await;
        assert!(matches!(error, E::Size { actual, .. } if actual == length.min(33)), "{error}");
    }
    std::fs::write(&file, [1; 32]).unwrap();
    let error = refusal(Config::in_directory(directory.path())).await;
    assert!(matches!(error, E::WrongFile { .. }), "{error}");
    assert_eq!(std::fs::read(&file).unwrap(), [1; 32]);

    let error = refusal(with_passphrase(directory.path(), "correct horse")).await;
    assert!(matches!(error, E::FromFile), "{error}");

    std::fs::write(&file, good).unwrap();
    Keystore::start_in(directory).await.sign("a", &key).await.unwrap();
}

#[tokio::test]
async fn a_passphrase_opens_what_it_closed() {
    let directory = tempfile::tempdir().unwrap();
    let config = with_passphrase(directory.path(), "correct horse");
    let mut keystore = Keystore::of(directory, start(config, None).await.unwrap());
    let key = keystore.create("a").await;
    assert!(!keystore.master_key_file().exists());
    assert_eq!(keystore.rotate().await, Ok(1));
    keystore.create("b").await;
    let directory = keystore.stop().await;

    let error = refusal(with_passphrase(directory.path(), "correct horsf")).await;
    assert!(matches!(error, E::WrongPassphrase), "{error}");
    let error = refusal(with_passphrase(directory.path(), "")).await;
    assert!(matches!(error, E::EmptyPassphrase), "{error}");
    let error = refusal(Config::in_directory(directory.path())).await;
    assert!(matches!(error, E::FromPassphrase), "{error}");
    assert!(!directory.path().join("master.key").exists());

    let config = with_passphrase(directory.path(), "correct horse");
    Keystore::of(directory, start(config, None).await.unwrap()).sign("a", &key).await.unwrap();
}

#[tokio::test]
async fn a_database_cannot_ask_for_any_cost() {
    let directory = tempfile::tempdir().unwrap();
    let service = start(with_passphrase(directory.path(), "correct horse"), None).await.unwrap();
    service.shutdown().await;
    crate::support::tamper(directory.path(), "UPDATE master_key SET memory_kib = 4000000000").await;
    let error = refusal(with_passphrase(directory.path(), "correct horse")).await;
    assert!(matches!(error, E::Cost(_)), "{error}");
}
