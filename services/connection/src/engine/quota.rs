//! How much a tenant may have, and its name.

use entente_rpc::proto::access::v1::Quotas;
use entente_rpc::{ErrorReason, Failure};

use super::{Answer, Engine};
use crate::store::{Counted, Work};

/// The most that a tenant may have of something; 0 is no limit.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Quota {
    what: Counted,
    most: i64,
}

impl Engine {
    /// What a tenant may have, to be asked before a work.
    pub async fn quota(&self, tenant: &str, what: Counted) -> Quota {
        let standing = self.config.tenants.standing(tenant).await;
        let quotas = standing.map(|standing| standing.quotas).unwrap_or_default();
        let Quotas { connections, invitations, .. } = quotas;
        let most = match what {
            Counted::Connections => connections,
            Counted::Invitations => invitations,
        };
        Quota { what, most: most.into() }
    }

    /// What a tenant calls itself, if it is not what the suite calls itself.
    pub async fn label_of(&self, tenant: &str) -> Option<String> {
        let standing = self.config.tenants.standing(tenant).await?;
        Some(standing.label.clone()).filter(|label| !label.is_empty())
    }

    /// The most webhooks that a tenant may have, of those that any may have.
    pub async fn webhook_quota(&self, tenant: &str, any: usize) -> usize {
        let standing = self.config.tenants.standing(tenant).await;
        let given = standing.map_or(0, |standing| standing.quotas.webhooks);
        usize::try_from(given).ok().filter(|most| *most > 0).map_or(any, |most| most.min(any))
    }
}

impl Quota {
    /// Whether there is a limit at all: without one nothing has to be counted.
    pub fn is_limited(self) -> bool {
        self.most > 0
    }

    /// Whether there may be one more.
    pub async fn has_room(self, work: &mut Work) -> Answer<bool> {
        Ok(!self.is_limited() || work.count_up_to(self.what, self.most).await? < self.most)
    }

    /// Makes sure that there may be one more.
    ///
    /// # Errors
    /// LIMIT_REACHED.
    pub async fn check(self, work: &mut Work) -> Answer<()> {
        if self.has_room(work).await? {
            return Ok(());
        }
        let Self { what, most } = self;
        let text = format!("the tenant has {most} {}, the most; delete one first", what.as_str());
        Err(Failure::new(ErrorReason::LimitReached, text).with("limit", most.to_string()))
    }
}
