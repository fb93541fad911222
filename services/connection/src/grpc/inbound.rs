use entente_rpc::proto::connection::v1::inbound_service_server::InboundService;
use entente_rpc::proto::connection::v1::{ReceiveRequest, ReceiveResponse};
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
}
