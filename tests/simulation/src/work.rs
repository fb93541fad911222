//! What is asked of an agent from outside: a caller's calls, a peer's messages, a reader of events.

use std::sync::{Arc, Mutex};

use bytes::Bytes;
use entente_rpc::caller::for_tenant;
use entente_rpc::proto::connection::v1 as proto;
use entente_rpc::proto::connection::v1::connection_service_client::ConnectionServiceClient;
use entente_rpc::proto::connection::v1::exchange_service_client::ExchangeServiceClient;
use entente_rpc::proto::connection::v1::inbound_service_client::InboundServiceClient;
use entente_rpc::proto::connection::v1::invitation_service_client::InvitationServiceClient;
use entente_rpc::proto::connection::v1::message_service_client::MessageServiceClient;
use entente_rpc::proto::event::v1::SubscribeRequest;
use entente_rpc::proto::event::v1::event_service_client::EventServiceClient;
use entente_rpc::{Code, DEFAULT_TENANT, Link, Request, Status};
use entente_unpack::{Sealed, Unpacker, to_receive};
use tokio_stream::StreamExt as _;

use crate::process::{Outlet, Services, lock};

/// What an agent is done with.
pub enum Done {
    /// A call, by its number.
    Call(usize, Result<Answer, Status>),
    /// A packet, by its number.
    Packet(usize, Handled),
}

/// The answer to a call.
pub enum Answer {
    Invitation(Box<proto::Invitation>),
    Thread(String),
    Nothing,
}

/// What became of a packet.
pub struct Handled {
    /// The `@id` or `id` of the message, once it was opened.
    pub id: Option<String>,
    /// The last part of its type.
    pub name: String,
    pub result: Result<proto::Disposition, Status>,
}

impl Handled {
    /// Whether the gateway would answer with a 2xx.
    pub fn is_taken(&self) -> bool {
        match &self.result {
            Ok(disposition) => *disposition != proto::Disposition::Refused,
            // A stranger is not told whether the keys are ours.
            Err(status) => {
                status.code() == Code::InvalidArgument || status.code() == Code::NotFound
            }
        }
    }
}

/// A call of the agent's owner.
#[derive(Debug, Clone)]
pub enum Call {
    Invite(Box<proto::CreateInvitationRequest>),
    Accept(Box<proto::AcceptInvitationRequest>),
    Message(String, String),
    Ping(String),
    Rotate(String),
    Reject(String),
    Revoke(String),
    DeleteConnection(String),
    DeleteExchange(String),
    DeleteInvitation(String),
}

fn ask<T>(message: T) -> Result<Request<T>, Status> {
    for_tenant(DEFAULT_TENANT, message)
}

/// Makes a call.
pub async fn call(number: usize, services: Services, call: Call) -> Done {
    Done::Call(number, answer(services.connection, call).await)
}

async fn answer(link: Link, call: Call) -> Result<Answer, Status> {
    let invitations = || InvitationServiceClient::new(link.clone());
    let connections = || ConnectionServiceClient::new(link.clone());
    let exchanges = || ExchangeServiceClient::new(link.clone());
    let messages = || MessageServiceClient::new(link.clone());
    match call {
        Call::Invite(request) => {
            let made = invitations().create_invitation(ask(*request)?).await?.into_inner();
            return Ok(Answer::Invitation(Box::new(made.invitation.unwrap_or_default())));
        }
        Call::Accept(request) => {
            invitations().accept_invitation(ask(*request)?).await?;
        }
        Call::Message(connection_id, content) => {
            let request_id = String::new();
            let request = proto::SendBasicMessageRequest { connection_id, content, request_id };
            let sent = messages().send_basic_message(ask(request)?).await?.into_inner();
            return Ok(Answer::Thread(sent.thread_id));
        }
        Call::Ping(connection_id) => {
            let request = proto::SendPingRequest { connection_id, ..Default::default() };
            let sent = messages().send_ping(ask(request)?).await?.into_inner();
            return Ok(Answer::Thread(sent.thread_id));
        }
        Call::Rotate(id) => {
            connections().rotate_did(ask(proto::RotateDidRequest { id })?).await?;
        }
        Call::Reject(id) => {
            let request = proto::RejectExchangeRequest { id, ..Default::default() };
            exchanges().reject_exchange(ask(request)?).await?;
        }
        Call::Revoke(id) => {
            let request = proto::RevokeInvitationRequest { id };
            invitations().revoke_invitation(ask(request)?).await?;
        }
        Call::DeleteConnection(id) => {
            let request = proto::DeleteConnectionRequest { id };
            connections().delete_connection(ask(request)?).await?;
        }
        Call::DeleteExchange(id) => {
            exchanges().delete_exchange(ask(proto::DeleteExchangeRequest { id })?).await?;
        }
        Call::DeleteInvitation(id) => {
            let request = proto::DeleteInvitationRequest { id };
            invitations().delete_invitation(ask(request)?).await?;
        }
    }
    Ok(Answer::Nothing)
}

/// Handles a packet as the gateway does: opens the envelope, hands the message over.
pub async fn handle(number: usize, services: Services, envelope: Bytes) -> Done {
    let mut handled =
        Handled { id: None, name: String::new(), result: Ok(proto::Disposition::Unspecified) };
    handled.result = receive(services, envelope, &mut handled).await;
    Done::Packet(number, handled)
}

async fn receive(
    services: Services,
    envelope: Bytes,
    handled: &mut Handled,
) -> Result<proto::Disposition, Status> {
    let unpacker = Unpacker::new(services.keystore, services.resolver);
    let opened = unpacker.unpack(Sealed::peek(envelope)?).await?;
    let message: serde_json::Value = serde_json::from_slice(&opened.plaintext).unwrap();
    let member = |names: [&str; 2]| {
        let found = names.iter().find_map(|name| message.get(name)?.as_str());
        found.map(str::to_owned)
    };
    handled.id = member(["@id", "id"]);
    let name = member(["@type", "type"]).unwrap_or_default();
    handled.name = name.rsplit('/').next().unwrap_or_default().to_owned();
    let tenant = opened.tenant.clone();
    let request = for_tenant(&tenant, to_receive(opened, 1))?;
    let mut inbound = InboundServiceClient::new(services.connection);
    Ok(inbound.receive(request).await?.into_inner().disposition())
}

/// Reads the event log from its beginning, and follows it.
pub async fn read_events(reader: usize, connection: Link, outlet: Arc<Mutex<Outlet>>) {
    let request = SubscribeRequest {
        heartbeat: Some(prost_types::Duration { seconds: 86_400, nanos: 0 }),
        ..Default::default()
    };
    let broken = match follow(reader, connection, request, &outlet).await {
        Ok(()) => "the stream ended".to_owned(),
        Err(status) => status.to_string(),
    };
    lock(&outlet).broken = Some(broken);
}

async fn follow(
    reader: usize,
    connection: Link,
    request: SubscribeRequest,
    outlet: &Mutex<Outlet>,
) -> Result<(), Status> {
    let stream = EventServiceClient::new(connection).subscribe(ask(request)?).await?;
    let mut stream = stream.into_inner();
    while let Some(item) = stream.next().await {
        lock(outlet).events.extend(item?.event.map(|event| (reader, event)));
    }
    Ok(())
}
