//! What the owners of agents ask of them.

use bytes::Bytes;
use entente_rpc::caller::for_tenant;
use entente_rpc::proto::connection::v1 as proto;
use entente_rpc::proto::connection::v1::connection_service_client::ConnectionServiceClient;
use entente_rpc::proto::connection::v1::exchange_service_client::ExchangeServiceClient;
use entente_rpc::proto::connection::v1::invitation_service_client::InvitationServiceClient;
use entente_rpc::proto::connection::v1::message_service_client::MessageServiceClient;
use entente_rpc::{Request, Status};

use crate::forgery::{self, Forgery};
use crate::process::Services;
use crate::work::Done;

/// A call.
#[derive(Debug, Clone)]
pub enum Call {
    Invite(Box<proto::CreateInvitationRequest>),
    Accept(Box<proto::AcceptInvitationRequest>),
    Approve(String),
    Message(String, String),
    Ping(String),
    Rotate(String),
    Reject(String),
    Revoke(String),
    Look(String),
    DeleteConnection(String),
    DeleteExchange(String),
    DeleteInvitation(String),
    /// Packs what somebody else wrote.
    Forge(Box<Forgery>),
}

/// The answer to a call.
pub enum Answer {
    Invitation(Box<proto::Invitation>),
    Thread(String),
    Envelope(Bytes),
    Nothing,
}

/// Makes a call for a tenant.
pub async fn call(number: usize, services: Services, tenant: String, call: Call) -> Done {
    Done::Call(number, Caller { services, tenant }.call(call).await)
}

struct Caller {
    services: Services,
    tenant: String,
}

impl Caller {
    fn ask<T>(&self, message: T) -> Result<Request<T>, Status> {
        for_tenant(&self.tenant, message)
    }

    async fn call(&self, call: Call) -> Result<Answer, Status> {
        let link = &self.services.connection;
        let mut invitations = InvitationServiceClient::new(link.clone());
        let mut connections = ConnectionServiceClient::new(link.clone());
        let mut exchanges = ExchangeServiceClient::new(link.clone());
        let mut messages = MessageServiceClient::new(link.clone());
        match call {
            Call::Invite(request) => {
                let made = invitations.create_invitation(self.ask(*request)?).await?.into_inner();
                return Ok(Answer::Invitation(Box::new(made.invitation.unwrap_or_default())));
            }
            Call::Accept(request) => {
                invitations.accept_invitation(self.ask(*request)?).await?;
            }
            Call::Approve(id) => {
                let request = proto::ApproveExchangeRequest { id, ..Default::default() };
                exchanges.approve_exchange(self.ask(request)?).await?;
            }
            Call::Message(connection_id, content) => {
                let request_id = String::new();
                let request = proto::SendBasicMessageRequest { connection_id, content, request_id };
                let sent = messages.send_basic_message(self.ask(request)?).await?.into_inner();
                return Ok(Answer::Thread(sent.thread_id));
            }
            Call::Ping(connection_id) => {
                let request = proto::SendPingRequest { connection_id, ..Default::default() };
                let sent = messages.send_ping(self.ask(request)?).await?.into_inner();
                return Ok(Answer::Thread(sent.thread_id));
            }
            Call::Rotate(id) => {
                connections.rotate_did(self.ask(proto::RotateDidRequest { id })?).await?;
            }
            Call::Reject(id) => {
                let request = proto::RejectExchangeRequest { id, ..Default::default() };
                exchanges.reject_exchange(self.ask(request)?).await?;
            }
            Call::Revoke(id) => {
                let request = proto::RevokeInvitationRequest { id };
                invitations.revoke_invitation(self.ask(request)?).await?;
            }
            Call::Look(id) => {
                connections.get_connection(self.ask(proto::GetConnectionRequest { id })?).await?;
            }
            Call::DeleteConnection(id) => {
                let request = proto::DeleteConnectionRequest { id };
                connections.delete_connection(self.ask(request)?).await?;
            }
            Call::DeleteExchange(id) => {
                exchanges.delete_exchange(self.ask(proto::DeleteExchangeRequest { id })?).await?;
            }
            Call::DeleteInvitation(id) => {
                let request = proto::DeleteInvitationRequest { id };
                invitations.delete_invitation(self.ask(request)?).await?;
            }
            Call::Forge(forgery) => {
                let keystore = self.services.keystore.clone();
                return forgery::pack(keystore, &self.tenant, *forgery).await.map(Answer::Envelope);
            }
        }
        Ok(Answer::Nothing)
    }
}
