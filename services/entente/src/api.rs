//! The gRPC services of a suite, as the client commands, the demo and the benchmark call them.

use entente_rpc::link::{LinkError, Security};
use entente_rpc::proto::access::v1::access_service_client::AccessServiceClient;
use entente_rpc::proto::access::v1::api_key_service_client::ApiKeyServiceClient;
use entente_rpc::proto::access::v1::audit_service_client::AuditServiceClient;
use entente_rpc::proto::access::v1::tenant_service_client::TenantServiceClient;
use entente_rpc::proto::connection::v1::connection_service_client::ConnectionServiceClient;
use entente_rpc::proto::connection::v1::diagnosis_service_client::DiagnosisServiceClient;
use entente_rpc::proto::connection::v1::exchange_service_client::ExchangeServiceClient;
use entente_rpc::proto::connection::v1::invitation_service_client::InvitationServiceClient;
use entente_rpc::proto::connection::v1::message_service_client::MessageServiceClient;
use entente_rpc::proto::event::v1::event_service_client::EventServiceClient;
use entente_rpc::proto::keystore::v1::keystore_service_client::KeystoreServiceClient;
use entente_rpc::proto::resolver::v1::resolver_service_client::ResolverServiceClient;
use entente_rpc::{Link, MAX_MESSAGE, link};
use entente_tls::Tls;
use tonic_health::pb::health_client::HealthClient;
use url::Url;

/// A suite by its gRPC address.
#[derive(Clone)]
pub struct Api {
    link: Link,
    /// The address and how it is trusted, where it is called over TLS.
    secured: Option<(String, Tls)>,
}

impl Api {
    /// A suite at addresses as [`link::remote`] takes them; it is called at the first use.
    ///
    /// # Errors
    /// When the address or the key cannot be used.
    pub fn new(server: &str, api_key: Option<&str>) -> Result<Self, LinkError> {
        Ok(Self { link: link::remote(server, api_key)?, secured: None })
    }

    /// The same, over TLS.
    ///
    /// # Errors
    /// As [`Api::new`].
    pub fn secured(
        server: &str,
        api_key: Option<&str>,
        security: Security,
    ) -> Result<Self, LinkError> {
        let secured = Some((server.to_owned(), security.tls.clone()));
        Ok(Self { link: link::secured(server, api_key, security)?, secured })
    }

    /// When the certificate that the suite shows ends, in seconds since 1970; `None` where it shows none.
    ///
    /// # Errors
    /// When there is no handshake with it.
    pub async fn certificate_end(&self) -> std::io::Result<Option<i64>> {
        let Some((server, tls)) = &self.secured else { return Ok(None) };
        let Some(url) = Url::parse(server).ok().filter(|url| url.scheme() == "https") else {
            return Ok(None);
        };
        let host = url.host_str().unwrap_or_default();
        tls.certificate_end(host, url.port_or_known_default().unwrap_or(443)).await
    }

    /// Invitations.
    pub fn invitations(&self) -> InvitationServiceClient<Link> {
        InvitationServiceClient::new(self.link.clone()).max_decoding_message_size(MAX_MESSAGE)
    }

    /// Exchanges.
    pub fn exchanges(&self) -> ExchangeServiceClient<Link> {
        ExchangeServiceClient::new(self.link.clone()).max_decoding_message_size(MAX_MESSAGE)
    }

    /// What is stuck.
    pub fn diagnosis(&self) -> DiagnosisServiceClient<Link> {
        DiagnosisServiceClient::new(self.link.clone()).max_decoding_message_size(MAX_MESSAGE)
    }

    /// Connections.
    pub fn connections(&self) -> ConnectionServiceClient<Link> {
        ConnectionServiceClient::new(self.link.clone()).max_decoding_message_size(MAX_MESSAGE)
    }

    /// Messages.
    pub fn messages(&self) -> MessageServiceClient<Link> {
        MessageServiceClient::new(self.link.clone()).max_decoding_message_size(MAX_MESSAGE)
    }

    /// Events.
    pub fn events(&self) -> EventServiceClient<Link> {
        EventServiceClient::new(self.link.clone()).max_decoding_message_size(MAX_MESSAGE)
    }

    /// Keys.
    pub fn keystore(&self) -> KeystoreServiceClient<Link> {
        KeystoreServiceClient::new(self.link.clone()).max_decoding_message_size(MAX_MESSAGE)
    }

    /// Tenants.
    pub fn tenants(&self) -> TenantServiceClient<Link> {
        TenantServiceClient::new(self.link.clone()).max_decoding_message_size(MAX_MESSAGE)
    }

    /// API keys.
    pub fn api_keys(&self) -> ApiKeyServiceClient<Link> {
        ApiKeyServiceClient::new(self.link.clone()).max_decoding_message_size(MAX_MESSAGE)
    }

    /// Rights.
    pub fn access(&self) -> AccessServiceClient<Link> {
        AccessServiceClient::new(self.link.clone()).max_decoding_message_size(MAX_MESSAGE)
    }

    /// The audit.
    pub fn audit(&self) -> AuditServiceClient<Link> {
        AuditServiceClient::new(self.link.clone()).max_decoding_message_size(MAX_MESSAGE)
    }

    /// DIDs.
    pub fn resolver(&self) -> ResolverServiceClient<Link> {
        ResolverServiceClient::new(self.link.clone()).max_decoding_message_size(MAX_MESSAGE)
    }

    /// Health, which needs no key.
    pub fn health(&self) -> HealthClient<Link> {
        HealthClient::new(self.link.clone())
    }
}
