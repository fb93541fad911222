use entente_rpc::auth::Callers;
use entente_rpc::proto::access::v1::api_key_service_client::ApiKeyServiceClient;
use entente_rpc::proto::access::v1::entity_service_client::EntityServiceClient;
use entente_rpc::proto::access::v1::tenant_service_client::TenantServiceClient;
use entente_rpc::proto::connection::v1::connection_service_client::ConnectionServiceClient;
use entente_rpc::proto::connection::v1::exchange_service_client::ExchangeServiceClient;
use entente_rpc::proto::connection::v1::inbound_service_client::InboundServiceClient;
use entente_rpc::proto::connection::v1::invitation_service_client::InvitationServiceClient;
use entente_rpc::proto::connection::v1::message_service_client::MessageServiceClient;
use entente_rpc::proto::event::v1::event_service_client::EventServiceClient;
use entente_rpc::proto::event::v1::webhook_service_client::WebhookServiceClient;
use entente_rpc::proto::keystore::v1::keystore_service_client::KeystoreServiceClient;
use entente_rpc::{Link, MAX_MESSAGE, Status};
use entente_unpack::Unpacker;
use tower::service_fn;

/// Where the other services are.
#[derive(Clone)]
pub struct Links {
    /// The keystore, which opens envelopes and takes keys from elsewhere.
    pub keystore: Link,
    /// The resolver, for the DIDs that DIDComm v2 names in them.
    pub resolver: Link,
    /// Invitations, exchanges, connections, messages and events.
    pub connection: Link,
    /// Delivery to endpoints.
    pub transport: Link,
    /// Tenants and their keys; there are none but the default tenant where it is `None`.
    pub access: Option<Link>,
}

/// A generated client for each service that the gateway calls. Clones are cheap, and each call takes one. The unpacker and
/// `inbound` are for messages of peers; a call by any other must be on somebody's behalf, who must have the right to it.
#[derive(Clone)]
pub(crate) struct Clients {
    pub(crate) unpacker: Unpacker,
    pub(crate) keystore: KeystoreServiceClient<Link>,
    pub(crate) inbound: InboundServiceClient<Link>,
    pub(crate) invitations: InvitationServiceClient<Link>,
    pub(crate) exchanges: ExchangeServiceClient<Link>,
    pub(crate) connections: ConnectionServiceClient<Link>,
    pub(crate) messages: MessageServiceClient<Link>,
    pub(crate) events: EventServiceClient<Link>,
    pub(crate) webhooks: WebhookServiceClient<Link>,
    pub(crate) tenants: TenantServiceClient<Link>,
    pub(crate) api_keys: ApiKeyServiceClient<Link>,
    pub(crate) entities: EntityServiceClient<Link>,
}

impl Clients {
    pub(crate) fn new(links: Links, callers: &Callers) -> Self {
        let connection = callers.on_behalf(links.connection.clone());
        let access = callers.on_behalf(links.access.unwrap_or_else(nowhere));
        Self {
            keystore: KeystoreServiceClient::new(callers.on_behalf(links.keystore.clone()))
                .max_decoding_message_size(MAX_MESSAGE),
            unpacker: Unpacker::new(links.keystore, links.resolver),
            inbound: InboundServiceClient::new(links.connection)
                .max_decoding_message_size(MAX_MESSAGE),
            invitations: InvitationServiceClient::new(connection.clone())
                .max_decoding_message_size(MAX_MESSAGE),
            exchanges: ExchangeServiceClient::new(connection.clone())
                .max_decoding_message_size(MAX_MESSAGE),
            connections: ConnectionServiceClient::new(connection.clone())
                .max_decoding_message_size(MAX_MESSAGE),
            messages: MessageServiceClient::new(connection.clone())
                .max_decoding_message_size(MAX_MESSAGE),
            events: EventServiceClient::new(connection.clone())
                .max_decoding_message_size(MAX_MESSAGE),
            webhooks: WebhookServiceClient::new(connection).max_decoding_message_size(MAX_MESSAGE),
            tenants: TenantServiceClient::new(access.clone())
                .max_decoding_message_size(MAX_MESSAGE),
            api_keys: ApiKeyServiceClient::new(access.clone())
                .max_decoding_message_size(MAX_MESSAGE),
            entities: EntityServiceClient::new(access).max_decoding_message_size(MAX_MESSAGE),
        }
    }
}

/// A link to a service that is nowhere.
fn nowhere() -> Link {
    Link::new(service_fn(|_| async {
        Err(Status::unimplemented("there are no tenants here: no access service is configured"))
    }))
}
