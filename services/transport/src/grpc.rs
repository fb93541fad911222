//! The RPCs.

use std::sync::Arc;
use std::time::Instant;

use entente_did::{Did, PublicKey};
use entente_rpc::proto::transport::v1::transport_service_server::TransportService;
use entente_rpc::proto::transport::v1::{
    DeliverRequest, DeliverResponse, FetchInvitationRequest, FetchInvitationResponse,
};
use entente_rpc::{Caller, Failure, Request, Response, Status, deadline};

use crate::deliver::{Delivery, Transport};
use crate::endpoint::Route;
use crate::error::TransportError;
use crate::fetch::Fetcher;
use crate::metrics::Metrics;

/// Serves `TransportService`.
#[derive(Clone)]
pub(crate) struct Handler {
    pub(crate) transport: Arc<Transport>,
    pub(crate) fetcher: Arc<Fetcher>,
    pub(crate) metrics: Metrics,
}

#[tonic::async_trait]
impl TransportService for Handler {
    async fn deliver(
        &self,
        request: Request<DeliverRequest>,
    ) -> Result<Response<DeliverResponse>, Status> {
        let tenant = Caller::of(&request)?.tenant;
        let delivery = delivery(request.into_inner())?;
        let began = Instant::now();
        let under_way = self.metrics.begin();
        let delivered = self.transport.deliver(&tenant, delivery, deadline::remaining()).await;
        drop(under_way);
        self.metrics.delivered(
            delivered.as_ref().map_or_else(TransportError::result, |_| "ok"),
            began.elapsed(),
        );
        let answer = delivered.map_err(Failure::from)?;
        Ok(Response::new(DeliverResponse {
            http_status: answer.status.into(),
            reply: answer.reply.into(),
        }))
    }

    async fn fetch_invitation(
        &self,
        request: Request<FetchInvitationRequest>,
    ) -> Result<Response<FetchInvitationResponse>, Status> {
        Caller::of(&request)?;
        let url = &request.get_ref().url;
        let fetched = self.fetcher.fetch(url, deadline::remaining()).await;
        self.metrics.fetched(fetched.as_ref().map_or_else(TransportError::result, |_| "ok"));
        let invitation = fetched.map_err(Failure::from)?;
        Ok(Response::new(FetchInvitationResponse { invitation }))
    }
}

fn delivery(request: DeliverRequest) -> Result<Delivery, Failure> {
    let DeliverRequest { envelope, endpoint, recipient_key, routing_keys, recipient_did } = request;
    if envelope.is_empty() {
        return Err(Failure::field("envelope", "is empty"));
    }
    if endpoint.is_empty() {
        return Err(Failure::field("endpoint", "is empty; it must be a URL or a DID"));
    }
    let route = match recipient_did.as_str() {
        "" => v1(&recipient_key, &routing_keys)?,
        did => Route::V2 {
            recipient: Did::parse(did)
                .map_err(|error| Failure::field("recipient_did", error.to_string()))?,
            mediators: routing_keys,
        },
    };
    Ok(Delivery { envelope, endpoint, route })
}

fn v1(recipient_key: &str, routing_keys: &[String]) -> Result<Route, Failure> {
    let recipient = match recipient_key {
        "" => None,
        text => Some(key("recipient_key".to_owned(), text)?),
    };
    let keys = routing_keys.iter().enumerate();
    let mediators = keys
        .map(|(at, text)| key(format!("routing_keys[{at}]"), text))
        .collect::<Result<_, _>>()?;
    Ok(Route::V1 { recipient, mediators })
}

fn key(field: String, text: &str) -> Result<PublicKey, Failure> {
    PublicKey::from_multibase(text).map_err(|error| Failure::field(field, error.to_string()))
}
