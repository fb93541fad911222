//! One call for the records that many fields of an answer need.

use std::collections::HashMap;
use std::sync::Arc;
use std::time::Duration;

use async_graphql::dataloader;
use entente_rpc::proto::connection::v1::{
    Acceptance, BasicMessagePage, BatchGetAcceptancesRequest, BatchGetInvitationsRequest,
    Invitation, ListBasicMessagesRequest,
};

use super::error::ApiError;
use crate::gateway::Shared;

/// How long keys are gathered: the fields of a list are reached without waiting, one right after the other.
pub(super) const DELAY: Duration = Duration::from_micros(100);

/// Asks the connection service for the keys of an answer.
pub(super) struct Loader(pub(super) Arc<Shared>);

/// An invitation that we made, by its id.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub(super) struct InvitationKey(pub(super) String);

/// The accepted invitation that began an exchange, by the exchange's id.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub(super) struct AcceptanceKey(pub(super) String);

/// A page of a connection's messages.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub(super) struct MessagesKey {
    pub(super) connection_id: String,
    pub(super) page: MessagesPage,
}

/// Which page: its size and token.
pub(super) type MessagesPage = (i32, String);

impl dataloader::Loader<InvitationKey> for Loader {
    type Value = Invitation;
    type Error = ApiError;

    async fn load(
        &self,
        keys: &[InvitationKey],
    ) -> Result<HashMap<InvitationKey, Invitation>, ApiError> {
        let ids = keys.iter().map(|key| key.0.clone()).collect();
        let request = self.0.request(BatchGetInvitationsRequest { ids })?;
        let answer = self.0.clients.invitations.clone().batch_get_invitations(request).await?;
        let found = answer.into_inner().invitations.into_iter();
        Ok(found.map(|invitation| (InvitationKey(invitation.id.clone()), invitation)).collect())
    }
}

impl dataloader::Loader<AcceptanceKey> for Loader {
    type Value = Acceptance;
    type Error = ApiError;

    async fn load(
        &self,
        keys: &[AcceptanceKey],
    ) -> Result<HashMap<AcceptanceKey, Acceptance>, ApiError> {
        let exchange_ids = keys.iter().map(|key| key.0.clone()).collect();
        let request = self.0.request(BatchGetAcceptancesRequest { exchange_ids })?;
        let answer = self.0.clients.invitations.clone().batch_get_acceptances(request).await?;
        let mut first = HashMap::new();
        // Oldest first: the one that began the exchange, before those that followed it.
        for acceptance in answer.into_inner().acceptances {
            first.entry(AcceptanceKey(acceptance.exchange_id.clone())).or_insert(acceptance);
        }
        Ok(first)
    }
}

impl dataloader::Loader<MessagesKey> for Loader {
    type Value = BasicMessagePage;
    type Error = ApiError;

    async fn load(
        &self,
        keys: &[MessagesKey],
    ) -> Result<HashMap<MessagesKey, BasicMessagePage>, ApiError> {
        let mut pages: HashMap<&MessagesPage, Vec<String>> = HashMap::new();
        for key in keys {
            pages.entry(&key.page).or_default().push(key.connection_id.clone());
        }
        let mut found = HashMap::new();
        for (page, connection_ids) in pages {
            let (page_size, page_token) = page.clone();
            let request = ListBasicMessagesRequest { connection_ids, page_size, page_token };
            let request = self.0.request(request)?;
            let answer = self.0.clients.messages.clone().list_basic_messages(request).await?;
            for messages in answer.into_inner().pages {
                let connection_id = messages.connection_id.clone();
                found.insert(MessagesKey { connection_id, page: page.clone() }, messages);
            }
        }
        Ok(found)
    }
}
