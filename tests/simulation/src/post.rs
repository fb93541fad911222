//! The transport service of a simulated agent: what is to be delivered goes to the simulated network.

use std::sync::{Arc, Mutex};

use bytes::Bytes;
use entente_rpc::proto::transport::v1::transport_service_server::{
    TransportService, TransportServiceServer,
};
use entente_rpc::proto::transport::v1::{
    DeliverRequest, DeliverResponse, FetchInvitationRequest, FetchInvitationResponse,
};
use entente_rpc::{ErrorReason, Failure, Link, MAX_MESSAGE, link};
use tokio::sync::oneshot;
use tonic::{Request, Response, Status};

use crate::process::{Outlet, lock};

/// A message that an agent posts.
pub struct Posted {
    /// To whom.
    pub to: usize,
    pub envelope: Bytes,
    /// Whether the endpoint took it. Dropped, the connection broke.
    pub taken: oneshot::Sender<bool>,
}

/// The address of an agent.
pub fn endpoint(index: usize) -> String {
    format!("http://agent-{index}.example")
}

#[derive(Clone)]
pub struct Post(Arc<Mutex<Outlet>>);

impl Post {
    pub fn link(outlet: Arc<Mutex<Outlet>>) -> Link {
        let server = TransportServiceServer::new(Self(outlet));
        link::local(server.max_decoding_message_size(MAX_MESSAGE))
    }
}

#[tonic::async_trait]
impl TransportService for Post {
    async fn deliver(
        &self,
        request: Request<DeliverRequest>,
    ) -> Result<Response<DeliverResponse>, Status> {
        let DeliverRequest { envelope, endpoint, .. } = request.into_inner();
        let index = endpoint.strip_prefix("http://agent-").and_then(|rest| rest.split('.').next());
        let to = index.and_then(|index| index.parse().ok()).unwrap();
        let (taken, answer) = oneshot::channel();
        lock(&self.0).posted.push(Posted { to, envelope, taken });
        match answer.await {
            Ok(true) => {
                Ok(Response::new(DeliverResponse { http_status: 202, ..Default::default() }))
            }
            _ => Err(Failure::new(ErrorReason::EndpointUnavailable, "the network failed").into()),
        }
    }

    async fn fetch_invitation(
        &self,
        _: Request<FetchInvitationRequest>,
    ) -> Result<Response<FetchInvitationResponse>, Status> {
        Err(Status::unimplemented("no simulated agent has short URLs"))
    }
}
