use entente_rpc::proto::connection::v1::inbound_service_server::InboundService;
use entente_rpc::proto::connection::v1::{
    CollectRequest, CollectResponse, FindInvitationRequest, FindInvitationResponse, ReceiveRequest,
    ReceiveResponse,
};
use entente_rpc::{Caller, Request, Response, Status};

use super::Grpc;

#[tonic::async_trait]
impl InboundService for Grpc {
    async fn receive(
        &self,
        request: Request<ReceiveRequest>,
    ) -> Result<Response<ReceiveResponse>, Status> {
        // The tenant follows from the recipient key alone; that there is a caller is still asked for.
        Caller::of(&request)?;
        Ok(Response::new(self.engine.receive(request.into_inner()).await?))
    }

    async fn collect(
        &self,
        request: Request<CollectRequest>,
    ) -> Result<Response<CollectResponse>, Status> {
        // As above: the tenant is what Receive was told.
        Caller::of(&request)?;
        let mut drain = self.engine.drain.clone();
        let collected = tokio::select! {
            collected = self.engine.collect(request.into_inner()) => collected?,
            _ = drain.wait_for(|drains| *drains) => CollectResponse::default(),
        };
        Ok(Response::new(collected))
    }

    async fn find_invitation(
        &self,
        request: Request<FindInvitationRequest>,
    ) -> Result<Response<FindInvitationResponse>, Status> {
        // As above: the tenant follows from the short URL.
        Caller::of(&request)?;
        let found = self.engine.find_invitation(&request.get_ref().short_id).await?;
        Ok(Response::new(found))
    }
}
