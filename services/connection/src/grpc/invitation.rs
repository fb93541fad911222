use entente_rpc::proto::connection::v1::invitation_service_server::InvitationService;
use entente_rpc::proto::connection::v1::*;
use entente_rpc::{Caller, Request, Response, Status};

use super::Grpc;

#[tonic::async_trait]
impl InvitationService for Grpc {
    async fn create_invitation(
        &self,
        request: Request<CreateInvitationRequest>,
    ) -> Result<Response<CreateInvitationResponse>, Status> {
        let caller = Caller::of(&request)?;
        Ok(Response::new(
            self.engine.create_invitation(&caller.tenant, request.into_inner()).await?,
        ))
    }

    async fn batch_get_invitations(
        &self,
        request: Request<BatchGetInvitationsRequest>,
    ) -> Result<Response<BatchGetInvitationsResponse>, Status> {
        let caller = Caller::of(&request)?;
        Ok(Response::new(
            self.engine.batch_get_invitations(&caller.tenant, request.into_inner()).await?,
        ))
    }

    async fn batch_get_acceptances(
        &self,
        request: Request<BatchGetAcceptancesRequest>,
    ) -> Result<Response<BatchGetAcceptancesResponse>, Status> {
        let caller = Caller::of(&request)?;
        Ok(Response::new(
            self.engine.batch_get_acceptances(&caller.tenant, request.into_inner()).await?,
        ))
    }

    async fn get_invitation(
        &self,
        request: Request<GetInvitationRequest>,
    ) -> Result<Response<GetInvitationResponse>, Status> {
        let caller = Caller::of(&request)?;
        let invitation =
            self.engine.get_invitation(&caller.tenant, &request.into_inner().id).await?;
        Ok(Response::new(GetInvitationResponse { invitation: Some(invitation) }))
    }

    async fn list_invitations(
        &self,
        request: Request<ListInvitationsRequest>,
    ) -> Result<Response<ListInvitationsResponse>, Status> {
        let caller = Caller::of(&request)?;
        Ok(Response::new(self.engine.list_invitations(&caller.tenant, request.into_inner()).await?))
    }

    async fn revoke_invitation(
        &self,
        request: Request<RevokeInvitationRequest>,
    ) -> Result<Response<RevokeInvitationResponse>, Status> {
        let caller = Caller::of(&request)?;
        let invitation =
            self.engine.revoke_invitation(&caller.tenant, &request.into_inner().id).await?;
        Ok(Response::new(RevokeInvitationResponse { invitation: Some(invitation) }))
    }

    async fn delete_invitation(
        &self,
        request: Request<DeleteInvitationRequest>,
    ) -> Result<Response<DeleteInvitationResponse>, Status> {
        let caller = Caller::of(&request)?;
        self.engine.delete_invitation(&caller.tenant, &request.into_inner().id).await?;
        Ok(Response::new(DeleteInvitationResponse {}))
    }

    async fn preview_invitation(
        &self,
        request: Request<PreviewInvitationRequest>,
    ) -> Result<Response<PreviewInvitationResponse>, Status> {
        let caller = Caller::of(&request)?;
        Ok(Response::new(self.engine.preview(&caller.tenant, request.into_inner()).await?))
    }

    async fn accept_invitation(
        &self,
        request: Request<AcceptInvitationRequest>,
    ) -> Result<Response<AcceptInvitationResponse>, Status> {
        let caller = Caller::of(&request)?;
        Ok(Response::new(self.engine.accept(&caller.tenant, request.into_inner()).await?))
    }

    async fn get_acceptance(
        &self,
        request: Request<GetAcceptanceRequest>,
    ) -> Result<Response<GetAcceptanceResponse>, Status> {
        let caller = Caller::of(&request)?;
        let acceptance =
            self.engine.get_acceptance(&caller.tenant, &request.into_inner().id).await?;
        Ok(Response::new(GetAcceptanceResponse { acceptance: Some(acceptance) }))
    }

    async fn list_acceptances(
        &self,
        request: Request<ListAcceptancesRequest>,
    ) -> Result<Response<ListAcceptancesResponse>, Status> {
        let caller = Caller::of(&request)?;
        Ok(Response::new(self.engine.list_acceptances(&caller.tenant, request.into_inner()).await?))
    }

    async fn delete_acceptance(
        &self,
        request: Request<DeleteAcceptanceRequest>,
    ) -> Result<Response<DeleteAcceptanceResponse>, Status> {
        let caller = Caller::of(&request)?;
        self.engine.delete_acceptance(&caller.tenant, &request.into_inner().id).await?;
        Ok(Response::new(DeleteAcceptanceResponse {}))
    }
}
