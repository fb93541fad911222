//! Destroying a tenant: its keys first, so that what is left cannot be read any more; then all that is its, bit by bit.
//! A step that was taken twice has the effect of one, so that any replica goes on after a crash.

use std::time::Duration;

use entente_rpc::caller::for_tenant;
use entente_rpc::proto::access::v1::TenantState;
use entente_rpc::proto::connection::v1::DeleteTenantDataRequest;
use entente_rpc::proto::connection::v1::tenant_data_service_client::TenantDataServiceClient;
use entente_rpc::proto::keystore::v1::DeleteTenantKeysRequest;
use entente_rpc::proto::keystore::v1::keystore_service_client::KeystoreServiceClient;
use entente_rpc::{Link, Status, now};
use tokio::time::{sleep, timeout};

use crate::service::{Access, Links};
use crate::store::TenantRow;

/// How often is looked for what an earlier process left.
const INTERVAL: Duration = Duration::from_secs(5);

/// Deletes what is to be deleted, until the service ends.
pub(crate) async fn run(access: Access, links: Links) {
    loop {
        match access.store.tenants("", TenantState::Deleting.into(), "", 100).await {
            Ok(tenants) => {
                for row in tenants {
                    if let Err(status) = delete(&access, &links, &row).await {
                        tracing::warn!(
                            tenant = row.tenant,
                            error = status.message(),
                            "a tenant could not be deleted; trying again"
                        );
                    }
                }
            }
            Err(error) => {
                let error = &error as &dyn std::error::Error;
                tracing::warn!(error, "the tenants to delete could not be read; trying again");
            }
        }
        let _ = timeout(INTERVAL, access.deletions.notified()).await;
    }
}

async fn delete(access: &Access, links: &Links, row: &TenantRow) -> Result<(), Status> {
    let tenant = &row.tenant;
    let settled = i64::try_from(access.config.settled_after.as_millis()).unwrap_or(i64::MAX);
    let settled = row.deleted_at.unwrap_or_default().saturating_add(settled);
    loop {
        // What is removed after everybody has learned of the end stays away.
        let last = now() >= settled;
        empty(links, tenant).await?;
        if last {
            break;
        }
        let wait = u64::try_from(settled - now()).unwrap_or_default();
        sleep(Duration::from_millis(wait)).await;
    }
    access.store.end_deletion(tenant, now()).await.map_err(entente_rpc::Failure::from)?;
    tracing::info!(tenant, "a tenant is deleted");
    Ok(())
}

/// Removes all that is there now.
async fn empty(links: &Links, tenant: &str) -> Result<(), Status> {
    let mut keystore: KeystoreServiceClient<Link> =
        KeystoreServiceClient::new(links.keystore.clone());
    let mut connection: TenantDataServiceClient<Link> =
        TenantDataServiceClient::new(links.connection.clone());
    loop {
        let request = for_tenant(tenant, DeleteTenantKeysRequest {})?;
        if keystore.delete_tenant_keys(request).await?.into_inner().done {
            break;
        }
    }
    loop {
        let request = for_tenant(tenant, DeleteTenantDataRequest {})?;
        if connection.delete_tenant_data(request).await?.into_inner().done {
            return Ok(());
        }
    }
}
