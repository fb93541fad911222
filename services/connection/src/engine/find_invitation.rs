//! Where a short URL leads.

use entente_rpc::Failure;
use entente_rpc::proto::connection::v1::FindInvitationResponse;

use super::{Answer, Engine, now};

impl Engine {
    /// The open invitation of a short URL. What is not there, has ended, or is of a tenant that may not work, is not told apart.
    pub async fn find_invitation(&self, short_id: &str) -> Answer<FindInvitationResponse> {
        let missing = || Failure::not_found("open invitation", short_id);
        let found = self.store.invitation_of_short_url(short_id).await?;
        let (tenant, row) = found.ok_or_else(missing)?;
        if row.usage()?.check(now()).is_err() || !self.config.tenants.is_active(&tenant).await? {
            return Err(missing());
        }
        Ok(FindInvitationResponse { message_json: row.message, url: row.url })
    }
}
