//! A tenant that is measured, and its calls.

use entente_rpc::auth::API_KEY_HEADER;
use std::sync::Arc;

use entente_rpc::caller::for_tenant;
use entente_rpc::proto::access::v1::{CreateApiKeyRequest, CreateTenantRequest, Quotas};
use entente_rpc::proto::connection::v1::{
    CreateInvitationRequest, InvitationKind, ListConnectionsRequest,
};
use entente_rpc::{Request, Status};
use futures_util::{StreamExt as _, TryStreamExt as _, stream};

use super::super::BenchError;
use crate::api::Api;

/// What each may do.
const QUOTAS: Quotas = Quotas {
    calls_per_second: 20,
    burst: 20,
    connections: 0,
    invitations: 0,
    webhooks: 0,
    api_keys: 0,
};
/// How many are made at a time.
const MAKING: usize = 16;

/// A tenant by its key, over a link that others use too.
#[derive(Clone)]
pub(super) struct Tenant {
    api: Api,
    key: Arc<str>,
}

/// Makes tenants, which share these links.
pub(super) async fn make(
    operator: &Api,
    links: &[Api],
    count: usize,
) -> Result<Vec<Tenant>, BenchError> {
    stream::iter((0..count).zip(links.iter().cycle()))
        .map(|(number, api)| Tenant::create(operator, api.clone(), format!("bench-{number}")))
        .buffer_unordered(MAKING)
        .try_collect()
        .await
}

impl Tenant {
    pub(super) async fn create(operator: &Api, api: Api, id: String) -> Result<Self, BenchError> {
        let failed = BenchError::during("create tenant");
        let tenant =
            CreateTenantRequest { id: id.clone(), quotas: Some(QUOTAS), ..Default::default() };
        operator.tenants().create_tenant(tenant).await.map_err(&failed)?;
        let key = CreateApiKeyRequest {
            name: "bench".to_owned(),
            roles: vec!["owner".to_owned()],
            expires_in: None,
        };
        let key = for_tenant(&id, key).map_err(&failed)?;
        let key = operator.api_keys().create_api_key(key).await.map_err(&failed)?.into_inner().key;
        Ok(Self { api, key: key.into() })
    }

    fn with_key<T>(&self, message: T) -> Request<T> {
        let mut request = Request::new(message);
        if let Ok(key) = self.key.parse() {
            request.metadata_mut().insert(API_KEY_HEADER, key);
        }
        request
    }

    pub(super) async fn invite(&self) -> Result<(), Status> {
        let kind = InvitationKind::MultiUse.into();
        let request = CreateInvitationRequest { kind, ..Default::default() };
        self.api.invitations().create_invitation(self.with_key(request)).await.map(drop)
    }

    pub(super) async fn list(&self) -> Result<(), Status> {
        let request = ListConnectionsRequest { page_size: 10, ..Default::default() };
        self.api.connections().list_connections(self.with_key(request)).await.map(drop)
    }
}
