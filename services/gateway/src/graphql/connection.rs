use async_graphql::dataloader::DataLoader;
use async_graphql::{Context, ID, InputObject, Object, SimpleObject};
use entente_rpc::Code;
use entente_rpc::proto::connection::v1::{
    self as pb, DeleteConnectionRequest, GetConnectionRequest, ListConnectionsRequest,
};

use super::error::ApiError;
use super::loader::{Loader, MessagesKey};
use super::message::BasicMessageList;
use super::page::{self, Page};
use super::{present, shared};

/// A connection as a resolver has it.
pub(super) struct Connection(pub(super) pb::Connection);

/// A way to talk with a peer, made by an exchange that is DONE or, if it is static, by none.
#[Object]
impl Connection {
    /// The id; that of the exchange that made it, if one did.
    async fn id(&self) -> ID {
        self.0.id.as_str().into()
    }

    /// The private name that the owner of this agent gave it; empty without one.
    async fn alias(&self) -> &str {
        &self.0.alias
    }

    /// The basic messages of the connection, newest first. They are kept as long as events are.
    #[graphql(complexity = "Page::cost(page.as_ref(), page::MESSAGES, child_complexity)")]
    async fn basic_messages(
        &self,
        context: &Context<'_>,
        page: Option<Page>,
    ) -> Result<BasicMessageList, ApiError> {
        let page = Page::read(page, page::MESSAGES)?;
        let loader = loader(context)?;
        let key = MessagesKey { connection_id: self.0.id.clone(), page };
        Ok(present(loader.load_one(key).await?)?.into())
    }
}

/// Which connections. What is given must all match.
#[derive(InputObject, Debug, Default)]
pub(super) struct ConnectionFilter {
    /// Only those with this alias.
    alias: Option<String>,
}

/// A page of connections, oldest first.
#[derive(SimpleObject)]
pub(super) struct ConnectionList {
    /// The connections.
    items: Vec<Connection>,
    /// The token of the next page; null on the last.
    next_token: Option<String>,
}

#[derive(Default)]
pub(crate) struct ConnectionQuery;

#[Object]
impl ConnectionQuery {
    /// A connection; null if there is none with this id.
    async fn connection(
        &self,
        context: &Context<'_>,
        connection_id: ID,
    ) -> Result<Option<Connection>, ApiError> {
        let shared = shared(context)?;
        let request = shared.request(GetConnectionRequest { id: connection_id.0 })?;
        match shared.clients.connections.clone().get_connection(request).await {
            Ok(answer) => Ok(Some(Connection(present(answer.into_inner().connection)?))),
            Err(status) if status.code() == Code::NotFound => Ok(None),
            Err(status) => Err(status.into()),
        }
    }

    /// Connections in pages, oldest first.
    #[graphql(complexity = "Page::cost(page.as_ref(), page::RECORDS, child_complexity)")]
    async fn connections(
        &self,
        context: &Context<'_>,
        page: Option<Page>,
        filter: Option<ConnectionFilter>,
    ) -> Result<ConnectionList, ApiError> {
        let shared = shared(context)?;
        let (page_size, page_token) = Page::read(page, page::RECORDS)?;
        let request = ListConnectionsRequest {
            page_size,
            page_token,
            alias: filter.unwrap_or_default().alias.unwrap_or_default(),
            ..ListConnectionsRequest::default()
        };
        let request = shared.request(request)?;
        let answer = shared.clients.connections.clone().list_connections(request).await?;
        let answer = answer.into_inner();
        Ok(ConnectionList {
            items: answer.connections.into_iter().map(Connection).collect(),
            next_token: page::next(answer.next_page_token),
        })
    }
}

#[derive(Default)]
pub(crate) struct ConnectionMutation;

#[Object]
impl ConnectionMutation {
    /// Deletes a connection with its exchange, its basic messages, and the DID and keys that this agent had for it.
    async fn delete_connection(
        &self,
        context: &Context<'_>,
        connection_id: ID,
    ) -> Result<Option<bool>, ApiError> {
        let shared = shared(context)?;
        let request = shared.request(DeleteConnectionRequest { id: connection_id.0 })?;
        shared.clients.connections.clone().delete_connection(request).await?;
        Ok(Some(true))
    }
}

/// The loader of an operation.
pub(super) fn loader<'a>(context: &Context<'a>) -> Result<&'a DataLoader<Loader>, ApiError> {
    context.data().map_err(|_| ApiError::internal("an operation without loaders"))
}
