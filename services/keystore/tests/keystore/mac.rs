//! Codes of data.

use entente_rpc::Failure;
use entente_rpc::proto::keystore::v1::{ListKeysRequest, MacRequest};

use crate::support::{Caller, Keystore, answer, by};

async fn mac(caller: &mut Caller, tenant: &str, data: &[u8]) -> Result<Vec<u8>, Failure> {
    let request = MacRequest { data: data.to_vec().into() };
    Ok(answer(caller.client.mac(by(tenant, request)).await)?.mac.to_vec())
}

#[tokio::test]
async fn a_code_is_the_same_for_ever_and_this_keystores_alone() {
    let mut keystore = Keystore::start().await;
    let first = mac(&mut keystore, "a", b"data").await.unwrap();
    assert_eq!(first.len(), 32);
    assert_eq!(mac(&mut keystore, "b", b"data").await.unwrap(), first);
    assert_ne!(mac(&mut keystore, "a", b"datb").await.unwrap(), first);
    // The key is nobody's.
    let request = ListKeysRequest::default();
    assert_eq!(keystore.client.list_keys(by("a", request)).await.unwrap().into_inner().keys, []);
    keystore.rotate().await.unwrap();
    let mut keystore = keystore.restart().await;
    assert_eq!(mac(&mut keystore, "a", b"data").await.unwrap(), first);
    let mut other = Keystore::start().await;
    assert_ne!(mac(&mut other, "a", b"data").await.unwrap(), first);
    for wrong in [vec![], vec![0; 1025]] {
        let failure = mac(&mut keystore, "a", &wrong).await.unwrap_err();
        assert!(failure.message.contains("data"), "{}", failure.message);
    }
}
