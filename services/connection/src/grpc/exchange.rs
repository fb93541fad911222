use entente_rpc::proto::connection::v1::exchange_service_server::ExchangeService;
use entente_rpc::proto::connection::v1::*;
use entente_rpc::{Caller, Request, Response, Status};

use super::Grpc;

#[tonic::async_trait]
impl ExchangeService for Grpc {
    async fn get_exchange(
        &self,
        request: Request<GetExchangeRequest>,
    ) -> Result<Response<GetExchangeResponse>, Status> {
        let caller = Caller::of(&request)?;
        let exchange = self.engine.get_exchange(&caller.tenant, &request.into_inner().id).await?;
        Ok(Response::new(GetExchangeResponse { exchange: Some(exchange) }))
    }

    async fn list_exchanges(
        &self,
        request: Request<ListExchangesRequest>,
    ) -> Result<Response<ListExchangesResponse>, Status> {
        let caller = Caller::of(&request)?;
        Ok(Response::new(self.engine.list_exchanges(&caller.tenant, request.into_inner()).await?))
    }

    async fn submit_request(
        &self,
        request: Request<SubmitRequestRequest>,
    ) -> Result<Response<SubmitRequestResponse>, Status> {
        let caller = Caller::of(&request)?;
        let exchange = self.engine.submit_request(&caller.tenant, request.into_inner()).await?;
        Ok(Response::new(SubmitRequestResponse { exchange: Some(exchange) }))
    }

    async fn update_exchange(
        &self,
        request: Request<UpdateExchangeRequest>,
    ) -> Result<Response<UpdateExchangeResponse>, Status> {
        let caller = Caller::of(&request)?;
        let exchange = self.engine.update_exchange(&caller.tenant, request.into_inner()).await?;
        Ok(Response::new(UpdateExchangeResponse { exchange: Some(exchange) }))
    }

    async fn approve_exchange(
        &self,
        request: Request<ApproveExchangeRequest>,
    ) -> Result<Response<ApproveExchangeResponse>, Status> {
        let caller = Caller::of(&request)?;
        let exchange = self.engine.approve(&caller.tenant, request.into_inner()).await?;
        Ok(Response::new(ApproveExchangeResponse { exchange: Some(exchange) }))
    }

    async fn reject_exchange(
        &self,
        request: Request<RejectExchangeRequest>,
    ) -> Result<Response<RejectExchangeResponse>, Status> {
        let caller = Caller::of(&request)?;
        let exchange = self.engine.reject(&caller.tenant, request.into_inner()).await?;
        Ok(Response::new(RejectExchangeResponse { exchange: Some(exchange) }))
    }

    async fn abandon_exchange(
        &self,
        request: Request<AbandonExchangeRequest>,
    ) -> Result<Response<AbandonExchangeResponse>, Status> {
        let caller = Caller::of(&request)?;
        let exchange = self.engine.abandon(&caller.tenant, request.into_inner()).await?;
        Ok(Response::new(AbandonExchangeResponse { exchange: Some(exchange) }))
    }

    async fn delete_exchange(
        &self,
        request: Request<DeleteExchangeRequest>,
    ) -> Result<Response<DeleteExchangeResponse>, Status> {
        let caller = Caller::of(&request)?;
        self.engine.delete_exchange(&caller.tenant, &request.into_inner().id).await?;
        Ok(Response::new(DeleteExchangeResponse {}))
    }
}
