//! Whether a tenant may work, and how much.

use std::sync::{Arc, Mutex, OnceLock, PoisonError};
use std::time::{Duration, Instant};

use moka::future::Cache;

use super::bucket::Bucket;
use crate::proto::access::v1::access_service_client::AccessServiceClient;
use crate::proto::access::v1::{GetStandingRequest, Quotas, TenantState};
use crate::{Code, ErrorReason, Failure, Link};

/// How long what the access service said is taken for true.
pub(super) const FRESH: Duration = Duration::from_secs(5);
/// The most tenants that are remembered at a time.
const REMEMBERED: u64 = 20_000;
/// How long the tokens of a tenant that makes no calls are remembered: by then the bucket is full again.
const IDLE: Duration = Duration::from_secs(30);

/// Whether a tenant may work, and what it may use.
#[derive(Debug, Clone, PartialEq)]
pub struct Standing {
    /// Whether it may work.
    pub state: TenantState,
    /// What it may use; 0 is no limit.
    pub quotas: Quotas,
    /// Its name; empty: the suite's.
    pub label: String,
}

impl Default for Standing {
    fn default() -> Self {
        Self { state: TenantState::Active, quotas: Quotas::default(), label: String::new() }
    }
}

/// The tenants' standing, as the access service tells it. Without one every tenant may work.
#[derive(Clone)]
pub struct Tenants(Arc<Inner>);

impl std::fmt::Debug for Tenants {
    fn fmt(&self, formatter: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        formatter.debug_struct("Tenants").finish_non_exhaustive()
    }
}

struct Inner {
    access: OnceLock<AccessServiceClient<Link>>,
    standings: Cache<Arc<str>, Option<Arc<Standing>>>,
    buckets: moka::sync::Cache<Arc<str>, Arc<Mutex<Bucket>>>,
}

impl Default for Tenants {
    fn default() -> Self {
        Self::new()
    }
}

impl Tenants {
    pub(super) fn new() -> Self {
        let standings = Cache::builder().max_capacity(REMEMBERED).time_to_live(FRESH).build();
        let buckets =
            moka::sync::Cache::builder().max_capacity(REMEMBERED).time_to_idle(IDLE).build();
        Self(Arc::new(Inner { access: OnceLock::new(), standings, buckets }))
    }

    pub(super) fn ask(&self, access: AccessServiceClient<Link>) {
        // Only the first counts.
        let _ = self.0.access.set(access);
    }

    /// A tenant's standing; `None` if there is no such tenant. What was last known is up to 5 s old. While the access
    /// service is away, tenants may work: their keys cannot be checked then, but their peers can go on.
    pub async fn standing(&self, tenant: &str) -> Option<Arc<Standing>> {
        let Some(access) = self.0.access.get() else { return Some(Arc::default()) };
        if let Some(known) = self.0.standings.get(tenant).await {
            return known;
        }
        let load = async {
            let request = GetStandingRequest { tenant: tenant.to_owned() };
            match access.clone().get_standing(request).await {
                Ok(answer) => {
                    let answer = answer.into_inner();
                    let state = answer.state();
                    let quotas = answer.quotas.unwrap_or_default();
                    Some(Arc::new(Standing { state, quotas, label: answer.label }))
                }
                Err(status) if status.code() == Code::NotFound => None,
                Err(status) => {
                    tracing::warn!(
                        error = status.message(),
                        "the access service does not say how a tenant stands"
                    );
                    Some(Arc::default())
                }
            }
        };
        self.0.standings.get_with(tenant.into(), load).await
    }

    /// Whether a tenant may work.
    pub async fn is_active(&self, tenant: &str) -> bool {
        self.standing(tenant).await.is_some_and(|standing| standing.state == TenantState::Active)
    }

    /// Counts a call of a tenant.
    ///
    /// # Errors
    /// TENANT_SUSPENDED, RATE_LIMITED, or PERMISSION_DENIED if there is no such tenant.
    pub(super) async fn admit(&self, tenant: &str) -> Result<(), Failure> {
        let Some(standing) = self.standing(tenant).await else {
            return Err(Failure::new(ErrorReason::PermissionDenied, "the tenant is not there"));
        };
        if standing.state != TenantState::Active {
            let text = "the tenant is suspended; its operator may resume it";
            return Err(Failure::new(ErrorReason::TenantSuspended, text));
        }
        self.take(tenant, &standing.quotas)
    }

    fn take(&self, tenant: &str, quotas: &Quotas) -> Result<(), Failure> {
        if quotas.calls_per_second <= 0 {
            return Ok(());
        }
        let rate = f64::from(quotas.calls_per_second);
        let burst = if quotas.burst > 0 { f64::from(quotas.burst) } else { 2.0 * rate };
        let now = Instant::now();
        let full = || Arc::new(Mutex::new(Bucket::new(burst, now)));
        let bucket = match self.0.buckets.get(tenant) {
            Some(bucket) => bucket,
            None => self.0.buckets.get_with(tenant.into(), full),
        };
        let taken = bucket.lock().unwrap_or_else(PoisonError::into_inner).take(rate, burst, now);
        taken.map_err(|wait| {
            let text = format!("the tenant may make {} calls a second", quotas.calls_per_second);
            Failure::new(ErrorReason::RateLimited, text)
                .with("limit", quotas.calls_per_second.to_string())
                .retry_after(wait)
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test]
    async fn a_flood_of_one_tenant_is_not_anothers() {
        let tenants = Tenants::new();
        let quotas = Quotas { calls_per_second: 1, burst: 5, ..Default::default() };
        let taken = (0..100).filter(|_| tenants.take("a", &quotas).is_ok()).count();
        assert!((5..=7).contains(&taken), "{taken}");
        let refused = tenants.take("a", &quotas).unwrap_err();
        assert_eq!(refused.code(), Code::ResourceExhausted);
        assert!(refused.retry_after.is_some_and(|wait| wait <= Duration::from_secs(1)));
        assert!(tenants.take("b", &quotas).is_ok());
        assert!(tenants.is_active("anyone").await);
    }
}
