//! Ending invitations: by their owner, or by time.

use entente_did::PublicKey;
use entente_protocol::exchange::Input;
use entente_rpc::Failure;
use entente_rpc::proto::connection::v1 as proto;
use entente_rpc::proto::event::v1::EventKind;

use super::identity::keys_of;
use super::{Answer, Engine, context, now};
use crate::store::{Invitation, Work};

impl Engine {
    /// Revokes an invitation.
    pub async fn revoke_invitation(&self, tenant: &str, id: &str) -> Answer<proto::Invitation> {
        let mut work = self.work(tenant).await?;
        let found = work.invitation(id).await?;
        let mut row = found.ok_or_else(|| Failure::not_found("invitation", id))?;
        if row.state == i32::from(proto::InvitationState::Open) {
            row.state = proto::InvitationState::Revoked.into();
            work.update_invitation(&mut row);
            work.emit(self.invitation_event(EventKind::InvitationChanged, &row));
            self.end_waiting(&mut work, &row, "the invitation was revoked").await?;
            self.commit(work).await?;
        }
        Ok(crate::project::invitation(&row))
    }

    /// Deletes an invitation. The exchange that waits for its request goes with it.
    pub async fn delete_invitation(&self, tenant: &str, id: &str) -> Answer<()> {
        let mut work = self.work(tenant).await?;
        let found = work.invitation(id).await?;
        let row = found.ok_or_else(|| Failure::not_found("invitation", id))?;
        let freed = self.remove_invitation(&mut work, &row).await?;
        self.commit(work).await?;
        self.delete_keys(tenant, freed).await;
        Ok(())
    }

    /// Removes an invitation with the exchange that waits for it; gives the keys that nothing needs any more.
    pub(crate) async fn remove_invitation(
        &self,
        work: &mut Work,
        row: &Invitation,
    ) -> Answer<Vec<PublicKey>> {
        if let Some(exchange_id) = &row.exchange_id
            && let Some(exchange) = work.exchange(exchange_id).await?
            && exchange.state == i32::from(proto::ExchangeState::Invitation)
        {
            work.delete_exchange(exchange_id);
            work.emit(self.exchange_event(EventKind::ExchangeDeleted, &exchange, None)?);
        }
        work.delete_invitation(&row.id);
        work.emit(self.invitation_event(EventKind::InvitationDeleted, row));
        let key = PublicKey::from_multibase(&row.key).ok();
        let Some(did) = &row.canonical_did else { return Ok(Vec::from_iter(key)) };
        let freed = work.remove_did(did).await?;
        Ok(freed.map(|freed| keys_of(&freed.into())).unwrap_or_default())
    }

    /// Ends the exchange that waits for an invitation's request.
    pub(crate) async fn end_waiting(
        &self,
        work: &mut Work,
        row: &Invitation,
        reason: &str,
    ) -> Answer<()> {
        let Some(exchange_id) = &row.exchange_id else { return Ok(()) };
        let Some(mut exchange) = work.exchange(exchange_id).await? else { return Ok(()) };
        let context = context();
        if let Ok(transition) =
            exchange.machine()?.handle(&context, Input::InvitationEnded(reason.to_owned()))
        {
            self.step(work, &mut exchange, transition).await?;
        }
        Ok(())
    }

    /// Ends an invitation whose time has passed.
    pub(crate) async fn expire_invitation(&self, tenant: &str, id: &str) -> Answer<()> {
        let mut work = self.work(tenant).await?;
        let Some(mut row) = work.invitation(id).await? else { return Ok(()) };
        if row.expires_at.is_none_or(|end| end > now()) {
            return Ok(());
        }
        row.state = proto::InvitationState::Expired.into();
        work.update_invitation(&mut row);
        work.emit(self.invitation_event(EventKind::InvitationChanged, &row));
        self.end_waiting(&mut work, &row, "the invitation expired").await?;
        Ok(self.commit(work).await?)
    }
}
