//! The access service is away: what is known of tenants goes on to count.

use entente_rpc::auth::digest;
use entente_rpc::proto::access::v1::SuspendTenantRequest;
use entente_rpc::proto::connection::v1::ListConnectionsRequest;
use entente_rpc::{ErrorReason, Failure};
use entente_tests::Suite;
use entente_tests::suite::eventually;

use crate::support::{Tenant, tenant, tenants};

/// Owners that the file knows, so that nobody has to ask for them.
fn callers(names: &[&str]) -> String {
    let caller = |name: &&str| {
        let hash: String = digest(&key(name)).iter().map(|byte| format!("{byte:02x}")).collect();
        format!(
            "[[callers]]\nname = \"{name}\"\nkey-sha256 = \"{hash}\"\nroles = [\"owner\"]\ntenant = \"{name}\"\n"
        )
    };
    names.iter().map(caller).collect()
}

fn key(name: &str) -> String {
    format!("the-key-of-{name}")
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn who_is_known_works_on_and_who_rests_rests() {
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("entente.toml");
    std::fs::write(&file, callers(&["acme", "bolt", "cord"])).unwrap();
    let mut suite = Suite::in_five_with(&["--config", file.to_str().unwrap()]).await;
    for name in ["acme", "bolt", "cord"] {
        tenant(&suite, name).await;
    }
    let [acme, bolt, cord] = ["acme", "bolt", "cord"].map(|name| {
        let key = key(name);
        Tenant { link: suite.link_with(&key), key }
    });
    let reason = async |tenant: &Tenant| {
        let listed = tenant.connections().list_connections(ListConnectionsRequest::default()).await;
        listed.err().map(|status| Failure::of(&status).reason)
    };
    let request = SuspendTenantRequest { id: "bolt".to_owned() };
    tenants(&suite).suspend_tenant(request).await.unwrap();
    assert_eq!(reason(&bolt).await, Some(ErrorReason::TenantSuspended));
    let invitation = acme.invite().await;
    suite.accept(&invitation.url).await;
    acme.connection().await;

    suite.process("access").kill9();
    eventually("the access service is missed", async || {
        assert_eq!(reason(&acme).await, None);
        assert_eq!(reason(&bolt).await, Some(ErrorReason::TenantSuspended));
        suite.log().contains("it is not known how the tenant stands").then_some(())
    })
    .await;
    // Those who work go on, in every process; who rests does; and of whom nothing is known may not begin.
    suite.accept(&acme.invite().await.url).await;
    assert_eq!(acme.all_connections().await.len(), 1, "it is reused");
    assert_eq!(reason(&acme).await, None);
    assert_eq!(reason(&bolt).await, Some(ErrorReason::TenantSuspended));
    assert_eq!(reason(&cord).await, Some(ErrorReason::ServiceUnavailable));

    suite.process("access").restart().await;
    eventually("it is asked again", async || reason(&cord).await.is_none().then_some(())).await;
}
