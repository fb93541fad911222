//! Where a message goes: a URL, or a DID that has one (RFC 0094).

use std::time::Duration;

use entente_did::{Did, Document, PublicKey};
use entente_net::AddressPolicy;
use entente_rpc::proto::resolver::v1::ResolveRequest;
use entente_rpc::proto::resolver::v1::resolver_service_client::ResolverServiceClient;
use entente_rpc::{Link, MAX_MESSAGE, Status, caller};
use url::Url;

use crate::error::TransportError;

/// The schemes that messages are delivered over.
pub(crate) const SCHEMES: [&str; 4] = ["http", "https", "ws", "wss"];

/// A place to deliver to, and the mediators behind it.
pub(crate) struct Target {
    pub(crate) url: Url,
    pub(crate) routing_keys: Vec<PublicKey>,
}

/// Finds the place of an endpoint. A DID costs a call of the resolver, which takes at most `within`.
pub(crate) async fn locate(
    resolver: &Link,
    policy: AddressPolicy,
    tenant: &str,
    endpoint: &str,
    mut routing_keys: Vec<PublicKey>,
    within: Duration,
) -> Result<Target, TransportError> {
    let url = if endpoint.starts_with("did:") {
        let (url, keys) = of_did(resolver, tenant, endpoint, within).await?;
        routing_keys.extend(keys);
        url
    } else {
        parse(endpoint)?
    };
    policy
        .check(&url, &SCHEMES)
        .map_err(|refused| TransportError::Refused { url: url.to_string(), refused })?;
    Ok(Target { url, routing_keys })
}

/// Reads a URL of a caller.
pub(crate) fn parse(endpoint: &str) -> Result<Url, TransportError> {
    Url::parse(endpoint).map_err(|error| TransportError::Field {
        field: "endpoint",
        reason: format!("is neither a URL nor a DID: {error}"),
    })
}

/// The URL of a mediator's DID, and the keys it adds to the route: its own, then those it is itself reached by. The
/// service must have a URL: a DID behind a DID is not followed.
async fn of_did(
    resolver: &Link,
    tenant: &str,
    did: &str,
    within: Duration,
) -> Result<(Url, Vec<PublicKey>), TransportError> {
    let unusable = |reason: String| TransportError::NoEndpoint { did: did.to_owned(), reason };
    Did::parse(did)
        .map_err(|error| TransportError::Field { field: "endpoint", reason: error.to_string() })?;
    let document = resolve(resolver, tenant, did, within)
        .await
        .map_err(|status| TransportError::Resolver(Box::new(status)))?;
    let document = Document::from_json(document).map_err(|error| unusable(error.to_string()))?;
    let services = document.v1_services().map_err(|error| unusable(error.to_string()))?;
    let found = services
        .into_iter()
        .find_map(|service| Some((Url::parse(&service.endpoint).ok()?, service)));
    let (url, service) = found.filter(|(url, _)| url.scheme() != "did").ok_or_else(|| {
        unusable("it has no DIDComm v1 service whose endpoint is a URL".to_owned())
    })?;
    let [key] = service.recipient_keys.as_slice() else {
        let count = service.recipient_keys.len();
        return Err(unusable(format!(
            "a mediator's service has one recipient key, this one {count}"
        )));
    };
    let mut keys = vec![*key];
    keys.extend(service.routing_keys);
    Ok((url, keys))
}

async fn resolve(
    resolver: &Link,
    tenant: &str,
    did: &str,
    within: Duration,
) -> Result<String, Status> {
    let mut client =
        ResolverServiceClient::new(resolver.clone()).max_decoding_message_size(MAX_MESSAGE);
    let mut request =
        caller::for_tenant(tenant, ResolveRequest { did: did.to_owned(), no_cache: false })?;
    request.set_timeout(within);
    let answer = tokio::time::timeout(within, client.resolve(request)).await;
    let response =
        answer.map_err(|_| Status::unavailable("the resolver did not answer in time"))??;
    Ok(response.into_inner().document_json)
}
