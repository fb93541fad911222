//! What the access service said of tenants.

use std::sync::Arc;
use std::time::{Duration, Instant};

use moka::future::Cache;

use super::tenants::Standing;
use crate::proto::access::v1::GetStandingRequest;
use crate::proto::access::v1::access_service_client::AccessServiceClient;
use crate::{Code, ErrorReason, Failure, Link, Status};

/// How long what the access service said is taken for true.
pub(super) const FRESH: Duration = Duration::from_secs(5);
/// How long it is asked no more for a tenant after it did not answer.
const AWAY: Duration = Duration::from_secs(1);
/// How long an answer may take.
const PATIENCE: Duration = Duration::from_secs(2);
/// The most tenants that are remembered at a time.
pub(super) const REMEMBERED: u64 = 20_000;

type Answer = Result<Option<Arc<Standing>>, Failure>;

/// The answers, each as long as it is fresh, and after that for as long as there is no newer one to be had.
pub(super) struct Standings {
    access: AccessServiceClient<Link>,
    fresh: Cache<Arc<str>, Answer>,
    last: moka::sync::Cache<Arc<str>, Option<Arc<Standing>>>,
}

impl Standings {
    pub(super) fn new(access: AccessServiceClient<Link>) -> Self {
        Self {
            access,
            fresh: Cache::builder().max_capacity(REMEMBERED).expire_after(Expiry).build(),
            last: moka::sync::Cache::builder().max_capacity(REMEMBERED).build(),
        }
    }

    /// `None` if there is no such tenant.
    ///
    /// # Errors
    /// SERVICE_UNAVAILABLE while the access service does not answer, for a tenant that it was never asked about.
    pub(super) async fn of(&self, tenant: &str) -> Answer {
        if let Some(known) = self.fresh.get(tenant).await {
            return known;
        }
        self.fresh.get_with(tenant.into(), self.ask(tenant)).await
    }

    async fn ask(&self, tenant: &str) -> Answer {
        let request = GetStandingRequest { tenant: tenant.to_owned() };
        let mut access = self.access.clone();
        let answer = tokio::time::timeout(PATIENCE, access.get_standing(request)).await;
        let late = |_| Err(Status::deadline_exceeded("no answer in time"));
        let standing = match answer.unwrap_or_else(late) {
            Ok(answer) => {
                let answer = answer.into_inner();
                let state = answer.state();
                let quotas = answer.quotas.unwrap_or_default();
                Some(Arc::new(Standing { state, quotas, label: answer.label }))
            }
            Err(status) if status.code() == Code::NotFound => None,
            Err(status) => {
                let text =
                    "it is not known how the tenant stands: the access service does not answer";
                tracing::warn!(error = status.message(), text);
                let unknown =
                    || Failure::new(ErrorReason::ServiceUnavailable, text).retry_after(AWAY);
                return self.last.get(tenant).ok_or_else(unknown);
            }
        };
        self.last.insert(tenant.into(), standing.clone());
        Ok(standing)
    }
}

/// Each answer is fresh for a while, and that there was none for a shorter one.
struct Expiry;

impl moka::Expiry<Arc<str>, Answer> for Expiry {
    fn expire_after_create(&self, _: &Arc<str>, answer: &Answer, _: Instant) -> Option<Duration> {
        Some(if answer.is_ok() { FRESH } else { AWAY })
    }
}
