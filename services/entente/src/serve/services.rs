//! The services of this process, wired to each other and to those in other processes.

use std::net::IpAddr;

use axum::http::Uri;
use entente_rpc::auth::{Callers, Credential, Roles, service_key};
use entente_rpc::link::Security;
use entente_rpc::{GrpcServer, Link, link};
use entente_tls::Tls;
use futures_util::future::OptionFuture;
use prometheus_client::registry::Registry;

use super::ServeError;
use crate::conditions;
use crate::config::{Config, MasterKey, ServiceName};

/// What the services are started with, besides the configuration.
pub(super) struct Context<'a> {
    pub(super) config: &'a Config,
    /// The URL that peers reach us at.
    pub(super) endpoint: &'a str,
    /// TLS, where there is any.
    pub(super) tls: Option<&'a Tls>,
    /// Who may call.
    pub(super) callers: &'a Callers,
    /// The administrator's key, if there is one.
    pub(super) api_key: Option<&'a str>,
}

/// The services that run here.
#[derive(Default)]
pub(super) struct Services {
    access: Option<entente_access::Service>,
    resolver: Option<entente_resolver::Service>,
    keystore: Option<entente_keystore::Service>,
    transport: Option<entente_transport::Service>,
    connection: Option<entente_connection::Service>,
    pub(super) gateway: Option<entente_gateway::Gateway>,
}

impl Services {
    /// Starts them, those first that others call.
    pub(super) async fn start(
        context: &Context<'_>,
        registry: &mut Registry,
    ) -> Result<Self, ServeError> {
        let mut services = Self::default();
        for name in &context.config.services {
            if let Err(error) = services.add(*name, context, registry).await {
                services.stop().await;
                return Err(error);
            }
        }
        services.find_access(context).await?;
        Ok(services)
    }

    /// Tells the access service of those that keep what is a tenant's, and all that run here of the access service.
    async fn find_access(&self, context: &Context<'_>) -> Result<(), ServeError> {
        if let Some(access) = &self.access {
            let name = ServiceName::Access;
            let links = entente_access::Links {
                keystore: self.link(name, ServiceName::Keystore, context)?,
                connection: self.link(name, ServiceName::Connection, context)?,
            };
            access.attach(links).await;
        }
        let from = context.config.services.first().copied().unwrap_or(ServiceName::Access);
        if let Some(access) = self.access_link(from, context)? {
            context.callers.ask(&access);
        } else {
            tracing::info!(
                "no access service: --access-url is not given; only the administrator and the configuration's callers \
                 can call, tenants have no quotas, and nothing is audited"
            );
        }
        Ok(())
    }

    async fn add(
        &mut self,
        name: ServiceName,
        context: &Context<'_>,
        registry: &mut Registry,
    ) -> Result<(), ServeError> {
        match name {
            ServiceName::Access => {
                let url = context.config.database("access");
                let mut config = entente_access::Config::new(url);
                config.audit_retention = context.config.retention.audit;
                self.access = Some(entente_access::start(config).await?);
            }
            ServiceName::Resolver => {
                let registry = registry.sub_registry_with_prefix("entente");
                self.resolver = Some(entente_resolver::start(context.resolver(), registry).await?);
            }
            ServiceName::Keystore => {
                self.keystore =
                    Some(entente_keystore::start(context.keystore(), Some(registry)).await?);
            }
            ServiceName::Transport => {
                let registry = registry.sub_registry_with_prefix("entente");
                let resolver = self.link(name, ServiceName::Resolver, context)?;
                self.transport =
                    Some(entente_transport::start(context.transport(), resolver, registry).await?);
            }
            ServiceName::Connection => {
                let links = entente_connection::Links {
                    keystore: self.link(name, ServiceName::Keystore, context)?,
                    resolver: self.link(name, ServiceName::Resolver, context)?,
                    transport: self.link(name, ServiceName::Transport, context)?,
                };
                self.connection =
                    Some(entente_connection::start(context.connection(), links, registry).await?);
            }
            ServiceName::Gateway => {
                let links = entente_gateway::Links {
                    keystore: self.link(name, ServiceName::Keystore, context)?,
                    resolver: self.link(name, ServiceName::Resolver, context)?,
                    connection: self.link(name, ServiceName::Connection, context)?,
                    transport: self.link(name, ServiceName::Transport, context)?,
                    access: self.access_for_callers(context)?,
                };
                self.gateway =
                    Some(entente_gateway::start(context.gateway(), links, registry).await?);
            }
        }
        Ok(())
    }

    /// A link of a service to the access service, if there is one.
    fn access_link(
        &self,
        from: ServiceName,
        context: &Context<'_>,
    ) -> Result<Option<Link>, ServeError> {
        self.has_access(context).then(|| self.link(from, ServiceName::Access, context)).transpose()
    }

    fn has_access(&self, context: &Context<'_>) -> bool {
        self.access.is_some() || context.config.remotes.access.is_some()
    }

    /// A link to the access service without a credential, if there is one: each call has its caller's, who alone may keep
    /// tenants, and no gateway.
    fn access_for_callers(&self, context: &Context<'_>) -> Result<Option<Link>, ServeError> {
        let link = || self.link_with(None, ServiceName::Access, context);
        self.has_access(context).then(link).transpose()
    }

    /// A link of a service to another, here or in another process.
    fn link(
        &self,
        from: ServiceName,
        service: ServiceName,
        context: &Context<'_>,
    ) -> Result<Link, ServeError> {
        self.link_with(context.credential(from).as_deref(), service, context)
    }

    fn link_with(
        &self,
        credential: Option<&str>,
        service: ServiceName,
        context: &Context<'_>,
    ) -> Result<Link, ServeError> {
        let local = match service {
            ServiceName::Access => self.access.as_ref().map(entente_access::Service::link),
            ServiceName::Resolver => self.resolver.as_ref().map(entente_resolver::Service::link),
            ServiceName::Keystore => self.keystore.as_ref().map(entente_keystore::Service::link),
            ServiceName::Transport => self.transport.as_ref().map(entente_transport::Service::link),
            ServiceName::Connection => {
                self.connection.as_ref().map(entente_connection::Service::link)
            }
            ServiceName::Gateway => None,
        };
        // The configuration was checked: what is not here has an address, and an empty one gives the error for it.
        let remote = || {
            let url = context.config.remotes.url(service).unwrap_or_default();
            match context.security(service, url) {
                Some(security) => link::secured(url, credential, security),
                None => link::remote(url, credential),
            }
        };
        local
            .map_or_else(remote, Ok)
            .map_err(|source| ServeError::Remote { service: service.as_str(), source })
    }

    /// Adds them to the gRPC server.
    pub(super) fn add_to(&self, server: &mut GrpcServer) {
        self.access.iter().for_each(|service| service.add_to(server));
        self.resolver.iter().for_each(|service| service.add_to(server));
        self.keystore.iter().for_each(|service| service.add_to(server));
        self.transport.iter().for_each(|service| service.add_to(server));
        self.connection.iter().for_each(|service| service.add_to(server));
    }

    /// Whether the stores behind them answer.
    pub(super) async fn are_ready(&self) -> bool {
        let (connection, keystore, access) = tokio::join!(
            OptionFuture::from(self.connection.as_ref().map(|service| service.is_ready())),
            OptionFuture::from(self.keystore.as_ref().map(|service| service.is_ready())),
            OptionFuture::from(self.access.as_ref().map(|service| service.is_ready())),
        );
        [connection, keystore, access].into_iter().flatten().all(|ready| ready)
    }

    /// Says to who asks that no more is welcome.
    pub(super) fn drain(&self) {
        if let Some(gateway) = &self.gateway {
            gateway.drain();
        }
    }

    /// Ends what would never end by itself: readers of events, and the gateway's WebSockets and webhooks.
    pub(super) async fn end_streams(&self) {
        if let Some(connection) = &self.connection {
            connection.drain();
        }
        if let Some(access) = &self.access {
            access.drain();
        }
        if let Some(gateway) = &self.gateway {
            gateway.shutdown().await;
        }
    }

    /// Stops them, callers before those that they call.
    pub(super) async fn stop(&self) {
        self.end_streams().await;
        if let Some(connection) = &self.connection {
            connection.shutdown().await;
        }
        if let Some(transport) = &self.transport {
            transport.shutdown().await;
        }
        if let Some(keystore) = &self.keystore {
            keystore.shutdown().await;
        }
        if let Some(resolver) = &self.resolver {
            resolver.shutdown().await;
        }
        if let Some(access) = &self.access {
            access.shutdown().await;
        }
    }
}

impl Context<'_> {
    /// What a service shows to those in other processes.
    fn credential(&self, from: ServiceName) -> Option<String> {
        let derived = || self.api_key.map(|key| service_key(key, from.as_str()));
        self.config.service_key.clone().or_else(derived)
    }

    /// TLS for a link: the service has to be whom the file gives its role, where that names one by SPIFFE id.
    fn security(&self, service: ServiceName, url: &str) -> Option<Security> {
        let secure = self.config.tls.files.server_ca.is_some() || link::is_https(url);
        let tls = self.tls.filter(|_| secure)?.clone();
        let role = Roles::of([service.as_str()]);
        let expected = self.config.callers.iter().filter_map(|caller| match &caller.credential {
            Credential::Spiffe(id) if caller.principal.roles.include(role) => Some(id.clone()),
            _ => None,
        });
        Some(Security { tls, expected: expected.collect() })
    }

    fn resolver(&self) -> entente_resolver::Config {
        let mut config = entente_resolver::Config::new(self.config.database("resolver"));
        config.allow_private_addresses = self.allow_private();
        config
    }

    fn keystore(&self) -> entente_keystore::Config {
        let mut config = entente_keystore::Config::in_directory(&self.config.data_dir);
        config.database_url = Some(self.config.database("keystore"));
        config.master_key = match &self.config.master_key {
            MasterKey::File(path) => entente_keystore::MasterKey::File(path.clone()),
            MasterKey::Passphrase(text) => {
                entente_keystore::MasterKey::Passphrase(text.clone().into())
            }
        };
        config
    }

    fn transport(&self) -> entente_transport::Config {
        entente_transport::Config {
            allow_private_endpoints: self.allow_private(),
            ..Default::default()
        }
    }

    fn connection(&self) -> entente_connection::Config {
        let mut config =
            entente_connection::Config::new(self.config.database("connection"), self.endpoint);
        config.tenants = self.callers.tenants().clone();
        config.conditions = conditions::of(self.config, self.tls);
        config.nats_url.clone_from(&self.config.nats_url);
        config.label.clone_from(&self.config.label);
        config.didcomm_trace_context = self.config.didcomm_trace_context;
        config.auto_accept_invitations = self.config.auto_accept_invitations;
        config.auto_accept_requests = self.config.auto_accept_requests;
        config.event_retention = self.config.retention.events;
        config.message_id_retention = self.config.retention.message_ids;
        config
    }

    fn gateway(&self) -> entente_gateway::Config {
        let mut config =
            entente_gateway::Config::new(self.endpoint, &self.config.label, self.callers.clone());
        config.didcomm.address_rate = self.config.didcomm_rates.address;
        config.didcomm.peer_rate = self.config.didcomm_rates.peer;
        config.webhooks.urls.clone_from(&self.config.webhook_urls);
        config.webhooks.allow_private = self.allow_private();
        config
    }

    /// An agent on loopback talks to others on loopback; one that is out in the open must not be led to its own
    /// network's addresses.
    fn allow_private(&self) -> bool {
        self.config.allow_private_endpoints.unwrap_or_else(|| is_loopback(self.endpoint))
    }
}

fn is_loopback(url: &str) -> bool {
    let host = url
        .parse::<Uri>()
        .ok()
        .and_then(|uri| uri.host().map(ToOwned::to_owned))
        .unwrap_or_default();
    let address = host.trim_start_matches('[').trim_end_matches(']').parse::<IpAddr>();
    host == "localhost" || address.is_ok_and(|address| address.is_loopback())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_loopback_endpoints_are_loopback() {
        for url in
            ["http://127.0.0.1:8030", "http://localhost/x", "http://[::1]:80", "https://127.1.2.3"]
        {
            assert!(is_loopback(url), "{url}");
        }
        for url in
            ["http://10.0.0.1", "https://agent.example.com", "http://localhost.example.com", "x"]
        {
            assert!(!is_loopback(url), "{url}");
        }
    }
}
