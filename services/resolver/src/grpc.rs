//! The RPC.

use std::sync::Arc;
use std::time::Instant;

use entente_did::Did;
use entente_rpc::proto::resolver::v1::resolver_service_server::ResolverService;
use entente_rpc::proto::resolver::v1::{
    ListDueDidsRequest, ListDueDidsResponse, ResolveRequest, ResolveResponse, SettleDidsRequest,
    SettleDidsResponse, TenantDid,
};
use entente_rpc::{Caller, Failure, Request, Response, Status};

use crate::error::ResolveError;
use crate::metrics::{Metrics, method_name};
use crate::resolver::Resolver;

/// Serves `ResolverService`.
#[derive(Clone)]
pub(crate) struct Handler {
    pub(crate) resolver: Arc<Resolver>,
    pub(crate) metrics: Metrics,
}

#[tonic::async_trait]
impl ResolverService for Handler {
    async fn resolve(
        &self,
        request: Request<ResolveRequest>,
    ) -> Result<Response<ResolveResponse>, Status> {
        let tenant = Caller::of(&request)?.tenant;
        let ResolveRequest { did, no_cache } = request.into_inner();
        let began = Instant::now();
        let did = Did::parse(&did);
        let method = method_name(did.as_ref().ok());
        let resolved = match &did {
            Ok(did) => self.resolver.resolve(&tenant, did, no_cache).await,
            Err(error) => Err(ResolveError::from(error.clone())),
        };
        let took = began.elapsed();
        let result = match &resolved {
            Ok(resolution) if resolution.cached => "cached",
            Ok(_) => "ok",
            Err(error) => error.result(),
        };
        self.metrics.resolved(method, result, took);
        let resolution = resolved.map_err(Failure::from)?;
        Ok(Response::new(ResolveResponse {
            document_json: resolution.document_json,
            method: method.to_owned(),
            duration: prost_types::Duration::try_from(took).ok(),
            cached: resolution.cached,
            equivalent_did: resolution.equivalent.map(|did| did.to_string()).unwrap_or_default(),
        }))
    }

    async fn list_due_dids(
        &self,
        request: Request<ListDueDidsRequest>,
    ) -> Result<Response<ListDueDidsResponse>, Status> {
        let limit = match request.into_inner().page_size {
            0 => 500,
            size @ 1..=1_000 => size.into(),
            _ => return Err(Failure::field("page_size", "must be from 1 to 1,000").into()),
        };
        let due = self.resolver.peer4.due(limit).await.map_err(Failure::from)?;
        let dids = due.into_iter().map(|(tenant, did)| TenantDid { tenant, did }).collect();
        Ok(Response::new(ListDueDidsResponse { dids }))
    }

    async fn settle_dids(
        &self,
        request: Request<SettleDidsRequest>,
    ) -> Result<Response<SettleDidsResponse>, Status> {
        let tenant = Caller::of(&request)?.tenant;
        let SettleDidsRequest { needed, needless } = request.into_inner();
        for (field, dids) in [("needed", &needed), ("needless", &needless)] {
            if dids.len() > 1_000 {
                return Err(Failure::field(field, "has more than 1,000 DIDs").into());
            }
        }
        let settled = self.resolver.peer4.settle(&tenant, &needed, &needless).await;
        settled.map_err(Failure::from)?;
        Ok(Response::new(SettleDidsResponse {}))
    }
}
