//! Removing exchanges and connections, with what only they needed.

use entente_did::{Did, PublicKey};
use entente_protocol::Identity;
use entente_rpc::Failure;
use entente_rpc::proto::connection::v1 as proto;
use entente_rpc::proto::event::v1::EventKind;

use super::identity::keys_of;
use super::{Answer, Engine};
use crate::store::{ExchangeRow, Work};

/// The most rows that one call removes of a tenant.
const MAX_REMOVED: u64 = 2_000;

impl Engine {
    /// Removes some of all that is a tenant's. Gives how many rows, and whether nothing is left.
    pub async fn delete_tenant(&self, tenant: &str) -> Answer<(i64, bool)> {
        let mut work = self.work(tenant).await?;
        let removed = work.delete_tenant(MAX_REMOVED).await?;
        self.commit(work).await?;
        Ok((i64::try_from(removed).unwrap_or(i64::MAX), removed < MAX_REMOVED))
    }

    /// Removes a handshake. A DONE one leaves its connection; one that waits for a request takes its invitation along.
    pub async fn delete_exchange(&self, tenant: &str, id: &str) -> Answer<()> {
        let mut work = self.work(tenant).await?;
        let found = work.exchange(id).await?;
        let row = found.ok_or_else(|| Failure::not_found("exchange", id))?;
        let state = row.state;
        let mut freed = Vec::new();
        if state == i32::from(proto::ExchangeState::Done) {
            work.delete_exchange_record(id);
        } else {
            freed.extend(self.remove_unfinished(&mut work, &row).await?);
        }
        let waiting = state == i32::from(proto::ExchangeState::Invitation)
            && row.role == i32::from(proto::Role::Inviter);
        let invitation = if waiting { work.invitation(&row.invitation_id).await? } else { None };
        match invitation {
            // It removes the exchange too, with its event.
            Some(invitation) => freed.extend(self.remove_invitation(&mut work, &invitation).await?),
            None => work.emit(self.exchange_event(EventKind::ExchangeDeleted, &row, None)?),
        }
        self.commit(work).await?;
        self.delete_keys(tenant, freed).await;
        Ok(())
    }

    async fn remove_unfinished(
        &self,
        work: &mut Work,
        row: &ExchangeRow,
    ) -> Answer<Vec<PublicKey>> {
        let machine = row.machine()?;
        let waits = row.state == i32::from(proto::ExchangeState::Invitation)
            && row.role == i32::from(proto::Role::Inviter);
        if !waits {
            work.clear_lane(&row.id);
            work.delete_exchange(&row.id);
        }
        for mut acceptance in work.acceptances_of_exchange(&row.id).await? {
            acceptance.exchange_id = None;
            acceptance.state = crate::store::AcceptanceState::Refused as i32;
            acceptance.outcome = proto::ReuseOutcome::Refused.into();
            acceptance.reason = proto::ReuseReason::ExchangeAbandoned.into();
            acceptance.deadline_at = None;
            work.update_acceptance(&mut acceptance);
            work.emit(self.acceptance_event(&acceptance));
        }
        match machine.mine() {
            Some(mine) => self.release(work, mine).await,
            None => Ok(Vec::new()),
        }
    }

    /// Removes a connection with its exchange, its messages on their way, our key of it, and all that became part of it.
    pub async fn delete_connection(&self, tenant: &str, id: &str) -> Answer<()> {
        let mut work = self.work(tenant).await?;
        let found = work.connection(id).await?;
        let row = found.ok_or_else(|| Failure::not_found("connection", id))?;
        let id = row.id.as_str();
        let absorbed = match row.former_ids.is_empty() {
            true => Vec::new(),
            false => work.absorbed_by(id).await?,
        };
        for row in &absorbed {
            work.clear_lane(&row.id);
            work.delete_exchange(&row.id);
        }
        work.delete_absorbed(id);
        work.clear_lane(id);
        work.delete_connection(id);
        work.delete_basic_messages(id);
        if let Some(exchange) = work.exchange(id).await? {
            work.emit(self.exchange_event(EventKind::ExchangeDeleted, &exchange, None)?);
        }
        work.delete_exchange(id);
        work.emit(self.connection_event(EventKind::ConnectionDeleted, &row)?);
        let mut freed = Vec::new();
        for row in std::iter::once(&row).chain(&absorbed) {
            if let (Ok(did), Ok(key)) = (Did::parse(&row.my_did), row.my_key()) {
                freed.extend(self.release(&mut work, &Identity { did, key }).await?);
            }
        }
        let prior = row.prior_did.as_deref().zip(row.prior_key.as_deref());
        if let Some((did, key)) = prior
            && let (Ok(did), Ok(key)) = (Did::parse(did), PublicKey::from_multibase(key))
        {
            freed.extend(self.release(&mut work, &Identity { did, key }).await?);
        }
        self.commit(work).await?;
        self.delete_keys(tenant, freed).await;
        Ok(())
    }

    /// The keys of an identity that nothing needs any more: neither another connection nor an invitation.
    pub(super) async fn release(&self, work: &mut Work, mine: &Identity) -> Answer<Vec<PublicKey>> {
        let did = mine.did.canonical().to_string();
        let free = match work.keeps_did(&did).await? {
            true => work.remove_did(&did).await?.is_some(),
            false => !work.speaks_as(&did).await?,
        };
        Ok(if free { keys_of(mine) } else { Vec::new() })
    }

    pub(crate) async fn delete_keys(
        &self,
        tenant: &str,
        keys: impl IntoIterator<Item = PublicKey>,
    ) {
        for key in keys {
            self.clients.delete_key(tenant, &key).await;
        }
    }
}
