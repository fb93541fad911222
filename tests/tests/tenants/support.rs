//! Tenants of a suite, and what is theirs.

use entente_rpc::caller::for_tenant;
use entente_rpc::proto::access::v1 as access;
use entente_rpc::proto::access::v1::api_key_service_client::ApiKeyServiceClient;
use entente_rpc::proto::access::v1::audit_service_client::AuditServiceClient;
use entente_rpc::proto::access::v1::tenant_service_client::TenantServiceClient;
use entente_rpc::proto::connection::v1::connection_service_client::ConnectionServiceClient;
use entente_rpc::proto::connection::v1::invitation_service_client::InvitationServiceClient;
use entente_rpc::proto::connection::v1::{
    AcceptInvitationRequest, Acceptance, Connection, CreateInvitationRequest, Invitation,
    InvitationKind, ListConnectionsRequest,
};
use entente_rpc::proto::event::v1::event_service_client::EventServiceClient;
use entente_rpc::proto::event::v1::{Event, ListEventsRequest};
use entente_rpc::{Failure, Link, Status};
use entente_tests::Suite;
use entente_tests::suite::{eventually, is_delivery, seconds};
use serde_json::Value;

/// A tenant, and a key of its owner.
pub struct Tenant {
    pub key: String,
    pub link: Link,
}

/// The operator's client for tenants.
pub fn tenants(suite: &Suite) -> TenantServiceClient<Link> {
    TenantServiceClient::new(suite.link_with(&suite.api_key))
}

/// A client for API keys with a key.
pub fn api_keys(suite: &Suite, key: &str) -> ApiKeyServiceClient<Link> {
    ApiKeyServiceClient::new(suite.link_with(key))
}

/// A client of the audit with a key.
pub fn audit(suite: &Suite, key: &str) -> AuditServiceClient<Link> {
    AuditServiceClient::new(suite.link_with(key))
}

/// Makes a tenant.
pub async fn tenant(suite: &Suite, id: &str) -> Tenant {
    tenant_with(suite, id, access::Quotas::default()).await
}

/// Makes a tenant with quotas.
pub async fn tenant_with(suite: &Suite, id: &str, quotas: access::Quotas) -> Tenant {
    let request = access::CreateTenantRequest {
        id: id.to_owned(),
        quotas: Some(quotas),
        ..Default::default()
    };
    tenants(suite).create_tenant(request).await.unwrap();
    let key = new_key(suite, id, &["owner"]).await.1;
    let link = suite.link_with(&key);
    Tenant { key, link }
}

/// Has the operator make a key of a tenant; gives its id and itself.
pub async fn new_key(suite: &Suite, tenant: &str, roles: &[&str]) -> (String, String) {
    let request = access::CreateApiKeyRequest {
        name: roles.join(" "),
        roles: roles.iter().map(|&role| role.to_owned()).collect(),
        expires_in: None,
    };
    let mut keys = api_keys(suite, &suite.api_key);
    let made = keys.create_api_key(for_tenant(tenant, request).unwrap()).await.unwrap();
    let made = made.into_inner();
    (made.api_key.unwrap().id, made.key)
}

/// What was wrong.
pub fn failure<T: std::fmt::Debug>(answer: Result<T, Status>) -> Failure {
    Failure::of(&answer.unwrap_err())
}

impl Tenant {
    pub fn invitations(&self) -> InvitationServiceClient<Link> {
        InvitationServiceClient::new(self.link.clone())
    }

    pub fn connections(&self) -> ConnectionServiceClient<Link> {
        ConnectionServiceClient::new(self.link.clone())
    }

    pub fn events(&self) -> EventServiceClient<Link> {
        EventServiceClient::new(self.link.clone())
    }

    /// A multi-use invitation.
    pub async fn invite(&self) -> Invitation {
        let kind = InvitationKind::MultiUse.into();
        let request = CreateInvitationRequest { kind, ..Default::default() };
        let made = self.invitations().create_invitation(request).await.unwrap();
        made.into_inner().invitation.unwrap()
    }

    /// Accepts an invitation, and waits for the peer.
    pub async fn accept(&self, invitation: &str) -> Acceptance {
        let request = AcceptInvitationRequest {
            invitation: invitation.to_owned(),
            wait: Some(seconds(20)),
            ..Default::default()
        };
        let accepted = self.invitations().accept_invitation(request).await.unwrap();
        accepted.into_inner().acceptance.unwrap()
    }

    /// Its connections.
    pub async fn all_connections(&self) -> Vec<Connection> {
        let request = ListConnectionsRequest { page_size: 1_000, ..Default::default() };
        let answer = self.connections().list_connections(request).await.unwrap();
        answer.into_inner().connections
    }

    /// Its only connection, once it is there.
    pub async fn connection(&self) -> Connection {
        eventually("there is a connection", async || self.all_connections().await.pop()).await
    }

    /// Its events so far.
    pub async fn all_events(&self) -> Vec<Event> {
        let request = ListEventsRequest { page_size: 1_000, ..Default::default() };
        self.events().list_events(request).await.unwrap().into_inner().events
    }

    /// How many events it has, deliveries aside.
    pub async fn changes(&self) -> usize {
        self.all_events().await.iter().filter(|event| !is_delivery(event)).count()
    }

    /// Calls an admin API with its key: the status and the body. `Null` means no body.
    pub async fn call(
        &self,
        suite: &Suite,
        method: &str,
        path: &str,
        body: &Value,
    ) -> (u16, String) {
        call(suite, &self.key, method, path, body).await
    }
}

/// Calls an admin API with a key.
pub async fn call(
    suite: &Suite,
    key: &str,
    method: &str,
    path: &str,
    body: &Value,
) -> (u16, String) {
    let url = format!("{}{path}", suite.admin_url);
    let mut request = suite.http.request(method.parse().unwrap(), url).header("x-api-key", key);
    if !body.is_null() {
        request = request.header("content-type", "application/json").body(body.to_string());
    }
    let response = request.send().await.unwrap();
    (response.status().as_u16(), response.text().await.unwrap())
}
