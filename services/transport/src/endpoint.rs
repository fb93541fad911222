//! Where a message goes: a URL, or a DID that has one (RFC 0094; DIDComm v2, "Using a DID as an endpoint").

mod v1;
mod v2;

use std::time::Duration;

use entente_did::{Did, Document, PublicKey};
use entente_didcomm::forward::v2::Hop;
use entente_net::AddressPolicy;
use entente_rpc::proto::resolver::v1::ResolveRequest;
use entente_rpc::proto::resolver::v1::resolver_service_client::ResolverServiceClient;
use entente_rpc::{Link, MAX_MESSAGE, Status, caller};
use url::Url;

use crate::error::TransportError;

/// The schemes that messages are delivered over.
pub(crate) const SCHEMES: [&str; 4] = ["http", "https", "ws", "wss"];

/// Whom an envelope is for, and who stands in between, as the caller names them.
pub(crate) enum Route {
    V1 {
        /// Needed if there are mediators.
        recipient: Option<PublicKey>,
        mediators: Vec<PublicKey>,
    },
    V2 {
        recipient: Did,
        /// DID URLs or DIDs.
        mediators: Vec<String>,
    },
}

/// What an envelope is wrapped for.
pub(crate) enum Wrapping {
    V1 { recipient: PublicKey, mediators: Vec<PublicKey> },
    V2 { recipient: Did, mediators: Vec<Hop> },
}

/// A place to deliver to, and the mediators behind it, if there are any.
pub(crate) struct Target {
    pub(crate) url: Url,
    pub(crate) wrapping: Option<Wrapping>,
}

/// Finds the place of an endpoint. Each DID costs a call of the resolver, which takes at most `within`.
pub(crate) struct Locator<'a> {
    pub(crate) resolver: &'a Link,
    pub(crate) policy: AddressPolicy,
    pub(crate) tenant: &'a str,
    pub(crate) within: Duration,
}

impl Locator<'_> {
    pub(crate) async fn locate(
        &self,
        endpoint: &str,
        route: Route,
    ) -> Result<Target, TransportError> {
        let (url, wrapping) = match route {
            Route::V1 { recipient, mediators } => self.v1(endpoint, recipient, mediators).await?,
            Route::V2 { recipient, mediators } => self.v2(endpoint, recipient, mediators).await?,
        };
        self.policy
            .check(&url, &SCHEMES)
            .map_err(|refused| TransportError::Refused { url: url.to_string(), refused })?;
        Ok(Target { url, wrapping })
    }

    async fn resolve(&self, did: &str) -> Result<Document, TransportError> {
        Did::parse(did).map_err(|error| TransportError::Field {
            field: "endpoint",
            reason: error.to_string(),
        })?;
        let document =
            self.ask(did).await.map_err(|status| TransportError::Resolver(Box::new(status)))?;
        Document::from_json(document).map_err(|error| unusable(did, error.to_string()))
    }

    async fn ask(&self, did: &str) -> Result<String, Status> {
        let mut client = ResolverServiceClient::new(self.resolver.clone())
            .max_decoding_message_size(MAX_MESSAGE);
        let request = ResolveRequest { did: did.to_owned(), no_cache: false };
        let mut request = caller::for_tenant(self.tenant, request)?;
        request.set_timeout(self.within);
        let answer = tokio::time::timeout(self.within, client.resolve(request)).await;
        let response =
            answer.map_err(|_| Status::unavailable("the resolver did not answer in time"))??;
        Ok(response.into_inner().document_json)
    }
}

/// Reads a URL of a caller.
pub(crate) fn parse(endpoint: &str) -> Result<Url, TransportError> {
    Url::parse(endpoint).map_err(|error| TransportError::Field {
        field: "endpoint",
        reason: format!("is neither a URL nor a DID: {error}"),
    })
}

fn unusable(did: &str, reason: String) -> TransportError {
    TransportError::NoEndpoint { did: did.to_owned(), reason }
}
