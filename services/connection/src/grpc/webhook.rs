//! The webhook service.

use entente_rpc::auth::Roles;
use entente_rpc::proto::event::v1 as pb;
use entente_rpc::{Caller, ErrorReason, Failure};
use pb::webhook_service_server::WebhookService;
use tonic::{Request, Response, Status};

use super::Grpc;

#[tonic::async_trait]
impl WebhookService for Grpc {
    async fn create_webhook(
        &self,
        request: Request<pb::CreateWebhookRequest>,
    ) -> Result<Response<pb::CreateWebhookResponse>, Status> {
        let caller = Caller::of(&request)?;
        let may = caller.roles.is_empty() || caller.roles.include(Roles::of(["gateway"]));
        if request.get_ref().format() == pb::WebhookFormat::AcapyBase && !may {
            let text = "the gateways' URLs are their operator's: /multitenancy sends events there";
            return Err(Failure::new(ErrorReason::PermissionDenied, text).into());
        }
        let webhook = self.engine.create_webhook(&caller.tenant, request.into_inner()).await?;
        Ok(Response::new(pb::CreateWebhookResponse { webhook: Some(webhook) }))
    }

    async fn list_webhooks(
        &self,
        request: Request<pb::ListWebhooksRequest>,
    ) -> Result<Response<pb::ListWebhooksResponse>, Status> {
        let caller = Caller::of(&request)?;
        let webhooks = self.engine.list_webhooks(&caller.tenant).await?;
        Ok(Response::new(pb::ListWebhooksResponse { webhooks }))
    }

    async fn list_all_webhooks(
        &self,
        request: Request<pb::ListAllWebhooksRequest>,
    ) -> Result<Response<pb::ListAllWebhooksResponse>, Status> {
        Ok(Response::new(self.engine.list_all_webhooks(request.get_ref()).await?))
    }

    async fn delete_webhook(
        &self,
        request: Request<pb::DeleteWebhookRequest>,
    ) -> Result<Response<pb::DeleteWebhookResponse>, Status> {
        let caller = Caller::of(&request)?;
        self.engine.delete_webhook(&caller.tenant, &request.get_ref().id).await?;
        Ok(Response::new(pb::DeleteWebhookResponse {}))
    }
}
