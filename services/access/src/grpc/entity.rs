//! The entity service.

use entente_rpc::proto::access::v1 as pb;
use pb::entity_service_server::EntityService;
use tonic::{Request, Response, Status};

use super::Grpc;

#[tonic::async_trait]
impl EntityService for Grpc {
    async fn create_entity(
        &self,
        request: Request<pb::CreateEntityRequest>,
    ) -> Result<Response<pb::CreateEntityResponse>, Status> {
        let entity = self.access.create_entity(request.into_inner()).await?;
        Ok(Response::new(pb::CreateEntityResponse { entity: Some(entity) }))
    }

    async fn get_entity(
        &self,
        request: Request<pb::GetEntityRequest>,
    ) -> Result<Response<pb::GetEntityResponse>, Status> {
        let entity = self.access.get_entity(&request.get_ref().id).await?;
        Ok(Response::new(pb::GetEntityResponse { entity: Some(entity.into()) }))
    }

    async fn list_entities(
        &self,
        request: Request<pb::ListEntitiesRequest>,
    ) -> Result<Response<pb::ListEntitiesResponse>, Status> {
        Ok(Response::new(self.access.list_entities(request.get_ref()).await?))
    }

    async fn update_entity(
        &self,
        request: Request<pb::UpdateEntityRequest>,
    ) -> Result<Response<pb::UpdateEntityResponse>, Status> {
        let entity = self.access.update_entity(request.into_inner()).await?;
        Ok(Response::new(pb::UpdateEntityResponse { entity: Some(entity) }))
    }

    async fn delete_entity(
        &self,
        request: Request<pb::DeleteEntityRequest>,
    ) -> Result<Response<pb::DeleteEntityResponse>, Status> {
        self.access.delete_entity(&request.get_ref().id).await?;
        Ok(Response::new(pb::DeleteEntityResponse {}))
    }

    async fn add_entity_key(
        &self,
        request: Request<pb::AddEntityKeyRequest>,
    ) -> Result<Response<pb::AddEntityKeyResponse>, Status> {
        self.access.add_entity_key(request.get_ref()).await?;
        Ok(Response::new(pb::AddEntityKeyResponse {}))
    }

    async fn remove_entity_key(
        &self,
        request: Request<pb::RemoveEntityKeyRequest>,
    ) -> Result<Response<pb::RemoveEntityKeyResponse>, Status> {
        let removed = self.access.remove_entity_key(request.get_ref()).await?;
        Ok(Response::new(pb::RemoveEntityKeyResponse { removed }))
    }
}
