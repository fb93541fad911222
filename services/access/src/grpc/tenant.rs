//! The tenant service.

use entente_rpc::Caller;
use entente_rpc::proto::access::v1 as pb;
use pb::tenant_service_server::TenantService;
use tonic::{Request, Response, Status};

use super::Grpc;

#[tonic::async_trait]
impl TenantService for Grpc {
    async fn create_tenant(
        &self,
        request: Request<pb::CreateTenantRequest>,
    ) -> Result<Response<pb::CreateTenantResponse>, Status> {
        let tenant = self.access.create_tenant(request.into_inner()).await?;
        Ok(Response::new(pb::CreateTenantResponse { tenant: Some(tenant) }))
    }

    async fn get_tenant(
        &self,
        request: Request<pb::GetTenantRequest>,
    ) -> Result<Response<pb::GetTenantResponse>, Status> {
        let caller = Caller::for_any(&request);
        let tenant = self.access.get_tenant(&caller, &request.get_ref().id).await?;
        Ok(Response::new(pb::GetTenantResponse { tenant: Some(tenant) }))
    }

    async fn list_tenants(
        &self,
        request: Request<pb::ListTenantsRequest>,
    ) -> Result<Response<pb::ListTenantsResponse>, Status> {
        Ok(Response::new(self.access.list_tenants(request.into_inner()).await?))
    }

    async fn update_tenant(
        &self,
        request: Request<pb::UpdateTenantRequest>,
    ) -> Result<Response<pb::UpdateTenantResponse>, Status> {
        let tenant = self.access.update_tenant(request.into_inner()).await?;
        Ok(Response::new(pb::UpdateTenantResponse { tenant: Some(tenant) }))
    }

    async fn suspend_tenant(
        &self,
        request: Request<pb::SuspendTenantRequest>,
    ) -> Result<Response<pb::SuspendTenantResponse>, Status> {
        let id = &request.get_ref().id;
        let tenant = self.access.set_state(id, pb::TenantState::Suspended).await?;
        Ok(Response::new(pb::SuspendTenantResponse { tenant: Some(tenant) }))
    }

    async fn resume_tenant(
        &self,
        request: Request<pb::ResumeTenantRequest>,
    ) -> Result<Response<pb::ResumeTenantResponse>, Status> {
        let id = &request.get_ref().id;
        let tenant = self.access.set_state(id, pb::TenantState::Active).await?;
        Ok(Response::new(pb::ResumeTenantResponse { tenant: Some(tenant) }))
    }

    async fn delete_tenant(
        &self,
        request: Request<pb::DeleteTenantRequest>,
    ) -> Result<Response<pb::DeleteTenantResponse>, Status> {
        let done = self.access.delete_tenant(&request.get_ref().id).await?;
        Ok(Response::new(pb::DeleteTenantResponse { done }))
    }
}
