//! Routes of DIDComm v1: mediators are keys (RFC 0094).

use entente_did::PublicKey;
use url::Url;

use super::{Locator, Wrapping, parse, unusable};
use crate::error::TransportError;

impl Locator<'_> {
    pub(super) async fn v1(
        &self,
        endpoint: &str,
        recipient: Option<PublicKey>,
        mut mediators: Vec<PublicKey>,
    ) -> Result<(Url, Option<Wrapping>), TransportError> {
        let url = if endpoint.starts_with("did:") {
            let (url, keys) = self.v1_mediator(endpoint).await?;
            mediators.extend(keys);
            url
        } else {
            parse(endpoint)?
        };
        if mediators.is_empty() {
            return Ok((url, None));
        }
        let recipient = recipient.ok_or_else(|| TransportError::Field {
            field: "recipient_key",
            reason: "is missing; the route has mediators".to_owned(),
        })?;
        Ok((url, Some(Wrapping::V1 { recipient, mediators })))
    }

    /// The URL of a mediator's DID, and the keys it adds to the route: its own, then those it is itself reached by. The
    /// service must have a URL: a DID behind a DID is not followed.
    async fn v1_mediator(&self, did: &str) -> Result<(Url, Vec<PublicKey>), TransportError> {
        let document = self.resolve(did).await?;
        let services = document.v1_services().map_err(|error| unusable(did, error.to_string()))?;
        let found = services
            .into_iter()
            .find_map(|service| Some((Url::parse(&service.endpoint).ok()?, service)));
        let (url, service) = found.filter(|(url, _)| url.scheme() != "did").ok_or_else(|| {
            let reason = "it has no DIDComm v1 service whose endpoint is a URL";
            unusable(did, reason.to_owned())
        })?;
        let [key] = service.recipient_keys.as_slice() else {
            let count = service.recipient_keys.len();
            let reason = format!("a mediator's service has one recipient key, this one {count}");
            return Err(unusable(did, reason));
        };
        let mut keys = vec![*key];
        keys.extend(service.routing_keys);
        Ok((url, keys))
    }
}
