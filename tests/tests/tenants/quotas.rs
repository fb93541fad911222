//! How much a tenant may have and do.

use entente_rpc::proto::access::v1::{Quotas, Tenant as Record, UpdateTenantRequest};
use entente_rpc::proto::connection::v1::{CreateInvitationRequest, ListConnectionsRequest};
use entente_rpc::{Code, ErrorReason, Failure};
use entente_tests::Suite;
use entente_tests::suite::eventually;

use crate::support::{failure, tenant, tenant_with, tenants};

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_tenant_has_as_much_as_it_may_have() {
    let suite = Suite::start().await;
    let quotas = Quotas { invitations: 2, connections: 1, ..Default::default() };
    let (acme, bolt) = tokio::join!(tenant_with(&suite, "acme", quotas), tenant(&suite, "bolt"));
    let create =
        async || acme.invitations().create_invitation(CreateInvitationRequest::default()).await;
    create().await.unwrap();
    create().await.unwrap();
    let full = failure(create().await);
    assert_eq!((full.reason, full.metadata("limit")), (ErrorReason::LimitReached, Some("2")));
    for _ in 0..3 {
        bolt.invite().await;
    }

    acme.accept(&bolt.invite().await.url).await;
    acme.connection().await;
    let request = entente_rpc::proto::connection::v1::AcceptInvitationRequest {
        invitation: suite.invite_many().await.url,
        ..Default::default()
    };
    let full = failure(acme.invitations().accept_invitation(request).await);
    assert_eq!((full.reason, full.metadata("limit")), (ErrorReason::LimitReached, Some("1")));

    // More is given, and known within seconds.
    let given = Record {
        id: "acme".to_owned(),
        quotas: Some(Quotas { invitations: 3, ..Default::default() }),
        ..Default::default()
    };
    let request = UpdateTenantRequest { tenant: Some(given), update_mask: None };
    tenants(&suite).update_tenant(request).await.unwrap();
    eventually("the new quota is known", async || create().await.ok()).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_flood_is_refused_and_is_nobody_elses() {
    let suite = Suite::start().await;
    let quotas = Quotas { calls_per_second: 1, burst: 5, ..Default::default() };
    let (acme, bolt) = tokio::join!(tenant_with(&suite, "acme", quotas), tenant(&suite, "bolt"));
    let list = async |tenant: &crate::support::Tenant| {
        tenant.connections().list_connections(ListConnectionsRequest::default()).await
    };
    let mut refused = Vec::new();
    for _ in 0..40 {
        refused.extend(list(&acme).await.err());
        list(&bolt).await.unwrap();
    }
    assert!(refused.len() >= 20, "{} of 40 calls were refused", refused.len());
    for status in &refused {
        let failure = Failure::of(status);
        assert_eq!(
            (status.code(), failure.reason),
            (Code::ResourceExhausted, ErrorReason::RateLimited)
        );
        assert!(failure.retry_after.is_some(), "{failure:?}");
    }
    let (status, _) = eventually("the admin API refuses too", async || {
        let answer = acme.call(&suite, "GET", "/connections", &serde_json::Value::Null).await;
        (answer.0 != 200).then_some(answer)
    })
    .await;
    assert_eq!(status, 429);
    eventually("it may go on after a while", async || list(&acme).await.ok()).await;
}
