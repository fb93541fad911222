use entente_rpc::proto::connection::v1::message_service_server::MessageService;
use entente_rpc::proto::connection::v1::*;
use entente_rpc::{Caller, Request, Response, Status};

use super::Grpc;

#[tonic::async_trait]
impl MessageService for Grpc {
    async fn send_ping(
        &self,
        request: Request<SendPingRequest>,
    ) -> Result<Response<SendPingResponse>, Status> {
        let caller = Caller::of(&request)?;
        Ok(Response::new(self.engine.send_ping(&caller.tenant, request.into_inner()).await?))
    }

    async fn send_basic_message(
        &self,
        request: Request<SendBasicMessageRequest>,
    ) -> Result<Response<SendBasicMessageResponse>, Status> {
        let caller = Caller::of(&request)?;
        Ok(Response::new(
            self.engine.send_basic_message(&caller.tenant, request.into_inner()).await?,
        ))
    }

    async fn query_features(
        &self,
        request: Request<QueryFeaturesRequest>,
    ) -> Result<Response<QueryFeaturesResponse>, Status> {
        let caller = Caller::of(&request)?;
        Ok(Response::new(self.engine.query_features(&caller.tenant, request.into_inner()).await?))
    }

    async fn send_message(
        &self,
        request: Request<SendMessageRequest>,
    ) -> Result<Response<SendMessageResponse>, Status> {
        let caller = Caller::of(&request)?;
        Ok(Response::new(self.engine.send_message(&caller.tenant, request.into_inner()).await?))
    }

    async fn list_basic_messages(
        &self,
        request: Request<ListBasicMessagesRequest>,
    ) -> Result<Response<ListBasicMessagesResponse>, Status> {
        let caller = Caller::of(&request)?;
        Ok(Response::new(
            self.engine.list_basic_messages(&caller.tenant, request.into_inner()).await?,
        ))
    }
}
