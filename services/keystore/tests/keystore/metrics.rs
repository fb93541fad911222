//! What the keystore counts.

use entente_keystore::{Config, start};
use prometheus_client::encoding::text::encode;
use prometheus_client::registry::Registry;

use crate::support::Keystore;

#[tokio::test]
async fn calls_are_counted_by_outcome_and_name_nobody() {
    let directory = tempfile::tempdir().unwrap();
    let mut registry = Registry::default();
    let service = start(Config::in_directory(directory.path()), Some(&mut registry)).await.unwrap();
    let mut keystore = Keystore::of(directory, service);
    let key = keystore.create("acme").await;
    keystore.sign("acme", &key).await.unwrap();
    keystore.sign("other", &key).await.unwrap_err();
    let unknown = Keystore::start().await.create("acme").await;
    keystore.sign("acme", &unknown).await.unwrap_err();
    let mut text = String::new();
    encode(&mut text, &registry).unwrap();
    for line in [
        "entente_keystore_calls_total{rpc=\"CreateKey\",outcome=\"ok\"} 1",
        "entente_keystore_calls_total{rpc=\"Sign\",outcome=\"ok\"} 1",
        "entente_keystore_calls_total{rpc=\"Sign\",outcome=\"key_not_found\"} 2",
        "entente_keystore_call_duration_seconds_count{rpc=\"Sign\"} 3",
        "entente_keystore_key_cache_hits_total 2",
        "entente_keystore_key_cache_misses_total 1",
    ] {
        assert!(text.lines().any(|found| found == line), "{line} is not in\n{text}");
    }
    assert!(!text.contains("acme") && !text.contains(&key) && !text.contains(&unknown));
}
