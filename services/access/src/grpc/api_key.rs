//! The API key service.

use entente_rpc::Caller;
use entente_rpc::proto::access::v1 as pb;
use pb::api_key_service_server::ApiKeyService;
use tonic::{Request, Response, Status};

use super::Grpc;

#[tonic::async_trait]
impl ApiKeyService for Grpc {
    async fn create_api_key(
        &self,
        request: Request<pb::CreateApiKeyRequest>,
    ) -> Result<Response<pb::CreateApiKeyResponse>, Status> {
        let caller = Caller::of(&request)?;
        let (api_key, key) = self.access.create_api_key(&caller, request.into_inner()).await?;
        Ok(Response::new(pb::CreateApiKeyResponse { api_key: Some(api_key), key }))
    }

    async fn list_api_keys(
        &self,
        request: Request<pb::ListApiKeysRequest>,
    ) -> Result<Response<pb::ListApiKeysResponse>, Status> {
        let caller = Caller::of(&request)?;
        Ok(Response::new(self.access.list_api_keys(&caller.tenant, request.get_ref()).await?))
    }

    async fn rotate_api_key(
        &self,
        request: Request<pb::RotateApiKeyRequest>,
    ) -> Result<Response<pb::RotateApiKeyResponse>, Status> {
        let caller = Caller::of(&request)?;
        let (api_key, key) = self.access.rotate_api_key(&caller, request.into_inner()).await?;
        Ok(Response::new(pb::RotateApiKeyResponse { api_key: Some(api_key), key }))
    }

    async fn revoke_api_key(
        &self,
        request: Request<pb::RevokeApiKeyRequest>,
    ) -> Result<Response<pb::RevokeApiKeyResponse>, Status> {
        let caller = Caller::of(&request)?;
        let revoked = self.access.revoke_api_key(&caller.tenant, &request.get_ref().id).await?;
        Ok(Response::new(pb::RevokeApiKeyResponse { revoked }))
    }
}
