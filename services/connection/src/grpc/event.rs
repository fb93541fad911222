//! The event service.

use std::pin::Pin;

use entente_rpc::Caller;
use entente_rpc::auth::Peer;
use entente_rpc::proto::event::v1 as pb;
use pb::event_service_server::EventService;
use tokio_stream::{Stream, StreamExt as _};
use tonic::{Request, Response, Status};

use super::Grpc;
use crate::events::End;

#[tonic::async_trait]
impl EventService for Grpc {
    type SubscribeStream =
        Pin<Box<dyn Stream<Item = Result<pb::SubscribeResponse, Status>> + Send>>;

    async fn subscribe(
        &self,
        request: Request<pb::SubscribeRequest>,
    ) -> Result<Response<Self::SubscribeStream>, Status> {
        let caller = Caller::of(&request)?;
        let ends_at = request.extensions().get::<Peer>().and_then(|peer| peer.ends_at);
        let end = End { drain: self.engine.drain.clone(), at: ends_at };
        let events = self.engine.subscribe(&caller.tenant, request.into_inner(), end).await?;
        Ok(Response::new(Box::pin(events.map(|item| item.map_err(Status::from)))))
    }

    async fn list_events(
        &self,
        request: Request<pb::ListEventsRequest>,
    ) -> Result<Response<pb::ListEventsResponse>, Status> {
        let caller = Caller::of(&request)?;
        let page = self.engine.list_events(&caller.tenant, request.into_inner()).await?;
        Ok(Response::new(page))
    }

    async fn verify_log(
        &self,
        request: Request<pb::VerifyLogRequest>,
    ) -> Result<Response<pb::VerifyLogResponse>, Status> {
        let caller = Caller::of(&request)?;
        Ok(Response::new(self.engine.verify_log(&caller.tenant, request.into_inner()).await?))
    }

    async fn get_consumer(
        &self,
        request: Request<pb::GetConsumerRequest>,
    ) -> Result<Response<pb::GetConsumerResponse>, Status> {
        let caller = Caller::of(&request)?;
        let consumer = self.engine.get_consumer(&caller.tenant, &request.get_ref().name).await?;
        Ok(Response::new(pb::GetConsumerResponse { consumer: Some(consumer) }))
    }

    async fn commit_consumer(
        &self,
        request: Request<pb::CommitConsumerRequest>,
    ) -> Result<Response<pb::CommitConsumerResponse>, Status> {
        let caller = Caller::of(&request)?;
        let consumer = self.engine.commit_consumer(&caller.tenant, request.into_inner()).await?;
        Ok(Response::new(pb::CommitConsumerResponse { consumer: Some(consumer) }))
    }

    async fn lease_consumer(
        &self,
        request: Request<pb::LeaseConsumerRequest>,
    ) -> Result<Response<pb::LeaseConsumerResponse>, Status> {
        let caller = Caller::of(&request)?;
        let lease = self.engine.lease_consumer(&caller.tenant, request.into_inner()).await?;
        Ok(Response::new(lease))
    }

    async fn list_dead_letters(
        &self,
        request: Request<pb::ListDeadLettersRequest>,
    ) -> Result<Response<pb::ListDeadLettersResponse>, Status> {
        let caller = Caller::of(&request)?;
        let page = self.engine.list_dead_letters(&caller.tenant, request.into_inner()).await?;
        Ok(Response::new(page))
    }

    async fn replay_dead_letters(
        &self,
        request: Request<pb::ReplayDeadLettersRequest>,
    ) -> Result<Response<pb::ReplayDeadLettersResponse>, Status> {
        let caller = Caller::of(&request)?;
        let count = self.engine.replay_dead_letters(&caller.tenant, request.into_inner()).await?;
        Ok(Response::new(pb::ReplayDeadLettersResponse { count }))
    }
}
