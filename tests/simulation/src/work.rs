//! What is asked of a process from outside, besides the calls of owners: to take a peer's messages, and to show events.

use std::sync::{Arc, Mutex};

use bytes::Bytes;
use entente_rpc::caller::for_tenant;
use entente_rpc::proto::connection::v1 as proto;
use entente_rpc::proto::connection::v1::inbound_service_client::InboundServiceClient;
use entente_rpc::proto::event::v1::SubscribeRequest;
use entente_rpc::proto::event::v1::event_service_client::EventServiceClient;
use entente_rpc::proto::keystore::v1::UnpackResponse;
use entente_rpc::{Code, Link, Request, Status};
use entente_unpack::{Sealed, Unpacker, to_receive};
use serde_json::Value;
use tokio_stream::StreamExt as _;

use crate::calls::Answer;
use crate::process::{Outlet, Reader, Services, lock};

/// What an agent is done with.
pub enum Done {
    /// A call, by its number.
    Call(usize, Result<Answer, Status>),
    /// A packet, by its number.
    Packet(usize, Handled),
}

/// A message that was opened.
#[derive(Debug, Clone)]
pub struct Opened {
    /// The `@id` or `id`.
    pub id: Option<String>,
    /// The last part of its type.
    pub name: String,
    pub message: Value,
    pub recipient_key: String,
    /// DIDComm v2: the DID URL of that key; otherwise empty.
    pub recipient_kid: String,
    pub sender_key: String,
}

/// What became of a packet.
pub struct Handled {
    pub opened: Option<Opened>,
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

impl Opened {
    fn of(unpacked: &UnpackResponse) -> Self {
        let message: Value = serde_json::from_slice(&unpacked.plaintext).unwrap();
        let member = |names: [&str; 2]| {
            let found = names.iter().find_map(|name| message.get(name)?.as_str());
            found.map(str::to_owned)
        };
        let name = member(["@type", "type"]).unwrap_or_default();
        Self {
            id: member(["@id", "id"]),
            name: name.rsplit('/').next().unwrap_or_default().to_owned(),
            recipient_key: unpacked.recipient_key.clone(),
            recipient_kid: unpacked.recipient_kid.clone(),
            sender_key: unpacked.sender_key.clone(),
            message,
        }
    }
}

/// Handles a packet as the gateway does: opens the envelope, hands the message over.
pub async fn handle(number: usize, services: Services, envelope: Bytes) -> Done {
    let mut opened = None;
    let result = receive(services, envelope, &mut opened).await;
    Done::Packet(number, Handled { opened, result })
}

async fn receive(
    services: Services,
    envelope: Bytes,
    opened: &mut Option<Opened>,
) -> Result<proto::Disposition, Status> {
    let unpacker = Unpacker::new(services.keystore, services.resolver);
    let unpacked = unpacker.unpack(Sealed::peek(envelope)?).await?;
    *opened = Some(Opened::of(&unpacked));
    let tenant = unpacked.tenant.clone();
    let request = for_tenant(&tenant, to_receive(unpacked, 1))?;
    let mut inbound = InboundServiceClient::new(services.connection);
    Ok(inbound.receive(request).await?.into_inner().disposition())
}

/// Reads the event log of a tenant from its beginning, and follows it.
pub async fn read_events(
    reader: Reader,
    tenant: String,
    connection: Link,
    outlet: Arc<Mutex<Outlet>>,
) {
    let request = SubscribeRequest {
        heartbeat: Some(prost_types::Duration { seconds: 86_400, nanos: 0 }),
        ..Default::default()
    };
    let followed =
        async { follow(reader, connection, for_tenant(&tenant, request)?, &outlet).await };
    let broken = match followed.await {
        Ok(()) => "the stream ended".to_owned(),
        Err(status) => status.to_string(),
    };
    lock(&outlet).broken = Some(broken);
}

async fn follow(
    reader: Reader,
    connection: Link,
    request: Request<SubscribeRequest>,
    outlet: &Mutex<Outlet>,
) -> Result<(), Status> {
    let mut stream = EventServiceClient::new(connection).subscribe(request).await?.into_inner();
    while let Some(item) = stream.next().await {
        lock(outlet).events.extend(item?.event.map(|event| (reader, event)));
    }
    Ok(())
}
