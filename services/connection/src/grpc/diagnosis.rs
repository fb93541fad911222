use entente_rpc::proto::connection::v1::diagnosis_service_server::DiagnosisService;
use entente_rpc::proto::connection::v1::*;
use entente_rpc::{Caller, Request, Response, Status};

use super::Grpc;

#[tonic::async_trait]
impl DiagnosisService for Grpc {
    async fn list_findings(
        &self,
        request: Request<ListFindingsRequest>,
    ) -> Result<Response<ListFindingsResponse>, Status> {
        let caller = Caller::of(&request)?;
        Ok(Response::new(self.engine.list_findings(&caller, request.into_inner()).await?))
    }

    async fn retry_delivery(
        &self,
        request: Request<RetryDeliveryRequest>,
    ) -> Result<Response<RetryDeliveryResponse>, Status> {
        let caller = Caller::of(&request)?;
        let id = request.into_inner().id;
        let messages = self.engine.retry_delivery(&caller.tenant, &id).await?;
        Ok(Response::new(RetryDeliveryResponse { messages }))
    }

    async fn discard_orphan(
        &self,
        request: Request<DiscardOrphanRequest>,
    ) -> Result<Response<DiscardOrphanResponse>, Status> {
        let caller = Caller::of(&request)?;
        let DiscardOrphanRequest { id, patience } = request.into_inner();
        let patience = crate::engine::patience(patience.as_ref())?;
        self.engine.discard_orphan(&caller.tenant, &id, patience).await?;
        Ok(Response::new(DiscardOrphanResponse {}))
    }
}
