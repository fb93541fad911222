use entente_rpc::proto::connection::v1::connection_service_server::ConnectionService;
use entente_rpc::proto::connection::v1::*;
use entente_rpc::{Caller, Request, Response, Status};

use super::Grpc;

#[tonic::async_trait]
impl ConnectionService for Grpc {
    async fn get_connection(
        &self,
        request: Request<GetConnectionRequest>,
    ) -> Result<Response<GetConnectionResponse>, Status> {
        let caller = Caller::of(&request)?;
        let connection =
            self.engine.get_connection(&caller.tenant, &request.into_inner().id).await?;
        Ok(Response::new(GetConnectionResponse { connection: Some(connection) }))
    }

    async fn list_connections(
        &self,
        request: Request<ListConnectionsRequest>,
    ) -> Result<Response<ListConnectionsResponse>, Status> {
        let caller = Caller::of(&request)?;
        Ok(Response::new(self.engine.list_connections(&caller.tenant, request.into_inner()).await?))
    }

    async fn create_static_connection(
        &self,
        request: Request<CreateStaticConnectionRequest>,
    ) -> Result<Response<CreateStaticConnectionResponse>, Status> {
        let caller = Caller::of(&request)?;
        let request = request.into_inner();
        Ok(Response::new(self.engine.create_static_connection(&caller.tenant, request).await?))
    }

    async fn update_connection(
        &self,
        request: Request<UpdateConnectionRequest>,
    ) -> Result<Response<UpdateConnectionResponse>, Status> {
        let caller = Caller::of(&request)?;
        let connection =
            self.engine.update_connection(&caller.tenant, request.into_inner()).await?;
        Ok(Response::new(UpdateConnectionResponse { connection: Some(connection) }))
    }

    async fn rotate_did(
        &self,
        request: Request<RotateDidRequest>,
    ) -> Result<Response<RotateDidResponse>, Status> {
        let caller = Caller::of(&request)?;
        let connection = self.engine.rotate_did(&caller.tenant, &request.into_inner().id).await?;
        Ok(Response::new(RotateDidResponse { connection: Some(connection) }))
    }

    async fn find_duplicates(
        &self,
        request: Request<FindDuplicatesRequest>,
    ) -> Result<Response<FindDuplicatesResponse>, Status> {
        let caller = Caller::of(&request)?;
        Ok(Response::new(self.engine.find_duplicates(&caller.tenant, request.into_inner()).await?))
    }

    async fn merge_connections(
        &self,
        request: Request<MergeConnectionsRequest>,
    ) -> Result<Response<MergeConnectionsResponse>, Status> {
        let caller = Caller::of(&request)?;
        Ok(Response::new(
            self.engine.merge_connections(&caller.tenant, request.into_inner()).await?,
        ))
    }

    async fn delete_connection(
        &self,
        request: Request<DeleteConnectionRequest>,
    ) -> Result<Response<DeleteConnectionResponse>, Status> {
        let caller = Caller::of(&request)?;
        self.engine.delete_connection(&caller.tenant, &request.into_inner().id).await?;
        Ok(Response::new(DeleteConnectionResponse {}))
    }
}
