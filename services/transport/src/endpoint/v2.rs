//! Routes of DIDComm v2: mediators are DIDs, or keys of DIDs (Routing Protocol 2.0).

use entente_did::{Did, Document, KeyType, PublicKey};
use entente_didcomm::envelope::v2::NamedKey;
use entente_didcomm::forward::MAX_ROUTING_KEYS;
use entente_didcomm::forward::v2::Hop;
use url::Url;

use super::{Locator, Wrapping, parse, unusable};
use crate::error::TransportError;

impl Locator<'_> {
    /// The mediators from the one behind the endpoint to the recipient's own.
    pub(super) async fn v2(
        &self,
        endpoint: &str,
        recipient: Did,
        routing: Vec<String>,
    ) -> Result<(Url, Option<Wrapping>), TransportError> {
        let mut mediators = Vec::new();
        let url = if endpoint.starts_with("did:") {
            self.v2_mediator(endpoint, &mut mediators).await?
        } else {
            parse(endpoint)?
        };
        self.add(&routing, &mut mediators).await?;
        if mediators.is_empty() {
            return Ok((url, None));
        }
        Ok((url, Some(Wrapping::V2 { recipient, mediators })))
    }

    /// The URL of a mediator's DID. The service must have a URL: a DID behind a DID is not followed.
    async fn v2_mediator(
        &self,
        did: &str,
        mediators: &mut Vec<Hop>,
    ) -> Result<Url, TransportError> {
        let document = self.resolve(did).await?;
        let mut services = document.v2_services();
        let found = services.find_map(|service| {
            let url = Url::parse(&service.uri).ok().filter(|url| url.scheme() != "did")?;
            Some((url, service.routing_keys.clone()))
        });
        let (url, routing) = found.ok_or_else(|| {
            let reason = "it has no DIDComm v2 service whose endpoint is a URL";
            unusable(did, reason.to_owned())
        })?;
        self.add(&routing, mediators).await?;
        mediators.push(hop(did, &document)?);
        Ok(url)
    }

    async fn add(
        &self,
        routing: &[String],
        mediators: &mut Vec<Hop>,
    ) -> Result<(), TransportError> {
        // More than can be wrapped for are not resolved; the wrapping refuses them.
        for name in routing.iter().take(MAX_ROUTING_KEYS + 1) {
            let did = name.split('#').next().unwrap_or(name);
            mediators.push(hop(name, &self.resolve(did).await?)?);
        }
        Ok(())
    }
}

/// The keys that a mediator's name stands for: the one that it names, or the DID's own of one curve, X25519 where it
/// has such keys.
fn hop(name: &str, document: &Document) -> Result<Hop, TransportError> {
    let keys: Vec<(String, PublicKey)> = match name.contains('#') {
        true => {
            document.agreement_key(name).map(|key| (name.to_owned(), key)).into_iter().collect()
        }
        false => document.agreement_keys(),
    };
    let types = || keys.iter().map(|(_, key)| key.key_type());
    let preferred = types().find(|curve| *curve == KeyType::X25519).or_else(|| types().next());
    let keys = keys.iter().filter(|(_, key)| Some(key.key_type()) == preferred);
    let keys: Vec<_> = keys.map(|(kid, key)| NamedKey::new(kid.as_str(), *key)).collect();
    if keys.is_empty() {
        return Err(unusable(name, "it has no key for key agreement".to_owned()));
    }
    Ok(Hop { name: name.to_owned(), keys })
}
