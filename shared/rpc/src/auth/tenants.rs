//! Whether a tenant may work, and how much.

use std::sync::{Arc, Mutex, OnceLock, PoisonError};
use std::time::{Duration, Instant};

use tokio::sync::Semaphore;

use super::bucket::Bucket;
use super::standings::{REMEMBERED, Standings};
use crate::proto::access::v1::access_service_client::AccessServiceClient;
use crate::proto::access::v1::{Quotas, TenantState};
use crate::{ErrorReason, Failure, Link};

/// How long the tokens of a tenant that makes no calls are remembered: by then the bucket is full again.
const IDLE: Duration = Duration::from_secs(30);
/// How late, in milliseconds, somebody learns that a call is refused who was refused as often in a second as it may call: that
/// takes its speed from a flood. It is drawn, so that they do not come again all at once.
const HELD_BACK: std::ops::Range<u64> = 250..750;
/// The most answers that are held back at a time.
const HELD: usize = 4096;

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
    standings: OnceLock<Standings>,
    buckets: moka::sync::Cache<Arc<str>, Arc<Mutex<Share>>>,
    held: Semaphore,
}

/// What a tenant has left of its calls, and of being refused at once.
struct Share {
    calls: Bucket,
    refusals: Bucket,
}

/// A call that is one too many.
struct Refused {
    failure: Failure,
    hold_back: bool,
}

impl Default for Tenants {
    fn default() -> Self {
        Self::new()
    }
}

impl Tenants {
    pub(super) fn new() -> Self {
        let buckets =
            moka::sync::Cache::builder().max_capacity(REMEMBERED).time_to_idle(IDLE).build();
        let standings = OnceLock::new();
        Self(Arc::new(Inner { standings, buckets, held: Semaphore::new(HELD) }))
    }

    pub(super) fn ask(&self, access: AccessServiceClient<Link>) {
        // Only the first counts.
        let _ = self.0.standings.set(Standings::new(access));
    }

    /// A tenant's standing; `None` if there is no such tenant. What was last known is up to 5 s old; while the access
    /// service is away it goes on to count, and a tenant of which nothing is known may not work.
    pub async fn standing(&self, tenant: &str) -> Option<Arc<Standing>> {
        self.known(tenant).await.unwrap_or_default()
    }

    async fn known(&self, tenant: &str) -> Result<Option<Arc<Standing>>, Failure> {
        match self.0.standings.get() {
            Some(standings) => standings.of(tenant).await,
            None => Ok(Some(Arc::default())),
        }
    }

    /// Whether a tenant may work.
    ///
    /// # Errors
    /// SERVICE_UNAVAILABLE where that cannot be known.
    pub async fn is_active(&self, tenant: &str) -> Result<bool, Failure> {
        let standing = self.known(tenant).await?;
        Ok(standing.is_some_and(|standing| standing.state == TenantState::Active))
    }

    /// Counts a call of a tenant.
    ///
    /// # Errors
    /// TENANT_SUSPENDED, RATE_LIMITED, PERMISSION_DENIED if there is no such tenant, or SERVICE_UNAVAILABLE where that
    /// cannot be known.
    pub(super) async fn admit(&self, tenant: &str) -> Result<(), Failure> {
        let Some(standing) = self.known(tenant).await? else {
            return Err(Failure::new(ErrorReason::PermissionDenied, "the tenant is not there"));
        };
        if standing.state != TenantState::Active {
            let text = "the tenant is suspended; its operator may resume it";
            return Err(Failure::new(ErrorReason::TenantSuspended, text));
        }
        let Err(Refused { failure, hold_back }) = self.take(tenant, &standing.quotas) else {
            return Ok(());
        };
        if hold_back && let Ok(_held) = self.0.held.try_acquire() {
            tokio::time::sleep(Duration::from_millis(rand::random_range(HELD_BACK))).await;
        }
        Err(failure)
    }

    fn take(&self, tenant: &str, quotas: &Quotas) -> Result<(), Refused> {
        if quotas.calls_per_second <= 0 {
            return Ok(());
        }
        let rate = f64::from(quotas.calls_per_second);
        let burst = if quotas.burst > 0 { f64::from(quotas.burst) } else { 2.0 * rate };
        let now = Instant::now();
        let full = || {
            let [calls, refusals] = [burst; 2].map(|burst| Bucket::new(burst, now));
            Arc::new(Mutex::new(Share { calls, refusals }))
        };
        let share = match self.0.buckets.get(tenant) {
            Some(share) => share,
            None => self.0.buckets.get_with(tenant.into(), full),
        };
        let mut share = share.lock().unwrap_or_else(PoisonError::into_inner);
        share.calls.take(rate, burst, now).map_err(|wait| {
            let text = format!("the tenant may make {} calls a second", quotas.calls_per_second);
            let failure = Failure::new(ErrorReason::RateLimited, text)
                .with("limit", quotas.calls_per_second.to_string())
                .retry_after(wait);
            Refused { failure, hold_back: share.refusals.take(rate, burst, now).is_err() }
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
        let Refused { failure, hold_back } = tenants.take("a", &quotas).err().unwrap();
        assert_eq!(failure.code(), crate::Code::ResourceExhausted);
        assert!(hold_back, "it was refused more often than it may call");
        assert!(failure.retry_after.is_some_and(|wait| wait <= Duration::from_secs(1)));
        assert!(tenants.take("b", &quotas).is_ok());
        let few = Quotas { calls_per_second: 1, burst: 3, ..Default::default() };
        let at_once = |_: &i32| tenants.take("c", &few).is_err_and(|refused| !refused.hold_back);
        assert_eq!((0..6).filter(at_once).count(), 3, "who is hardly too fast learns it at once");
        assert_eq!(tenants.is_active("anyone").await, Ok(true));
    }
}
