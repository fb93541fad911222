//! The audit service.

use entente_rpc::Caller;
use entente_rpc::proto::access::v1 as pb;
use pb::audit_service_server::AuditService;
use tokio_stream::wrappers::ReceiverStream;
use tonic::{Request, Response, Status};

use super::Grpc;

#[tonic::async_trait]
impl AuditService for Grpc {
    type FollowAuditStream = ReceiverStream<Result<pb::FollowAuditResponse, Status>>;

    async fn list_audit_entries(
        &self,
        request: Request<pb::ListAuditEntriesRequest>,
    ) -> Result<Response<pb::ListAuditEntriesResponse>, Status> {
        let caller = Caller::for_any(&request);
        Ok(Response::new(self.access.list_audit(&caller, request.into_inner()).await?))
    }

    async fn follow_audit(
        &self,
        request: Request<pb::FollowAuditRequest>,
    ) -> Result<Response<Self::FollowAuditStream>, Status> {
        let caller = Caller::for_any(&request);
        let drain = self.drain.clone();
        Ok(Response::new(self.access.follow_audit(&caller, request.into_inner(), drain).await?))
    }

    async fn append_audit_entries(
        &self,
        request: Request<pb::AppendAuditEntriesRequest>,
    ) -> Result<Response<pb::AppendAuditEntriesResponse>, Status> {
        self.access.append_audit(request.into_inner()).await?;
        Ok(Response::new(pb::AppendAuditEntriesResponse {}))
    }
}
