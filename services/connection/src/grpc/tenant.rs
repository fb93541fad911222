//! What the access service asks.

use entente_rpc::Caller;
use entente_rpc::proto::connection::v1 as pb;
use pb::tenant_data_service_server::TenantDataService;
use tonic::{Request, Response, Status};

use super::Grpc;

#[tonic::async_trait]
impl TenantDataService for Grpc {
    async fn delete_tenant_data(
        &self,
        request: Request<pb::DeleteTenantDataRequest>,
    ) -> Result<Response<pb::DeleteTenantDataResponse>, Status> {
        let caller = Caller::of(&request)?;
        let (removed, done) = self.engine.delete_tenant(&caller.tenant).await?;
        Ok(Response::new(pb::DeleteTenantDataResponse { removed, done }))
    }
}
