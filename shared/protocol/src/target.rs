//! Where a peer receives messages.

use entente_did::{Did, Document, PublicKey, V1Service};
use entente_didcomm::out_of_band::InlineService;
use serde::{Deserialize, Serialize};

use crate::Misbehaved;
use crate::handshake::Envelope;
use crate::peer::{agreement_keys, keys_of, no_key};

/// How many endpoints of a peer are kept, so that a document cannot have each message tried everywhere.
const MAX_ENDPOINTS: usize = 4;

/// Where messages for a peer go, and whom they are packed for.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(untagged)]
pub enum Target {
    /// DIDComm v1.
    V1 {
        /// A URL or a mediator's DID; empty when the peer only takes answers on its own requests (RFC 0092).
        endpoint: String,
        /// The keys to pack for; at least one, Ed25519.
        recipient_keys: Vec<PublicKey>,
        /// The mediators' keys, in the order of `routingKeys`.
        #[serde(default, skip_serializing_if = "Vec::is_empty")]
        routing_keys: Vec<PublicKey>,
        /// The peer's further endpoints for the same keys, the preferred first.
        #[serde(default, skip_serializing_if = "Vec::is_empty")]
        others: Vec<Route<PublicKey>>,
    },
    /// DIDComm v2.
    V2 {
        /// A URL or a mediator's DID; empty when the peer only takes answers on its own requests ("Return-Route").
        endpoint: String,
        /// The peer's DID.
        did: Did,
        /// The keys to pack for, under their DID URLs; at least one, all X25519.
        keys: Vec<(String, PublicKey)>,
        /// The mediators' DID URLs or DIDs, in the order of `routingKeys`.
        #[serde(default, skip_serializing_if = "Vec::is_empty")]
        routing: Vec<String>,
        /// The peer's further endpoints, the preferred first.
        #[serde(default, skip_serializing_if = "Vec::is_empty")]
        others: Vec<Route<String>>,
    },
}

/// An endpoint, and the mediators behind it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Route<M> {
    /// A URL or a mediator's DID.
    pub endpoint: String,
    /// The mediators, in the order of `routingKeys`.
    #[serde(default = "Vec::new", skip_serializing_if = "Vec::is_empty")]
    pub routing: Vec<M>,
}

impl Target {
    /// Where messages for the subject of a document go; an empty endpoint if it has no service.
    ///
    /// # Errors
    /// [`Misbehaved::Did`] for services that cannot be used, [`Misbehaved::NoKey`].
    pub fn of(envelope: Envelope, document: &Document) -> Result<Self, Misbehaved> {
        match envelope {
            Envelope::V1 => Self::v1(document),
            Envelope::V2 => Self::v2(document),
        }
    }

    /// What is packed for one service is of no use at another whose keys differ: such a service is passed over.
    fn v1(document: &Document) -> Result<Self, Misbehaved> {
        let services = document.v1_services()?;
        let recipient_keys = match services.first() {
            Some(service) => service.recipient_keys.clone(),
            None => keys_of(Envelope::V1, document)?,
        };
        let services =
            services.into_iter().filter(|service| service.recipient_keys == recipient_keys);
        let (endpoint, routing_keys, others) =
            ordered(services.map(|service| Route {
                endpoint: service.endpoint,
                routing: service.routing_keys,
            }));
        Ok(Self::V1 { endpoint, recipient_keys, routing_keys, others })
    }

    fn v2(document: &Document) -> Result<Self, Misbehaved> {
        let keys = agreement_keys(document);
        if keys.is_empty() {
            return Err(no_key(Envelope::V2, document));
        }
        let (endpoint, routing, others) = ordered(document.v2_services().map(|service| Route {
            endpoint: service.uri.clone(),
            routing: service.routing_keys.clone(),
        }));
        Ok(Self::V2 { endpoint, did: document.id.clone(), keys, routing, others })
    }

    /// The endpoint that the peer prefers, a URL or a mediator's DID; empty when the peer has none.
    #[must_use]
    pub fn endpoint(&self) -> &str {
        match self {
            Self::V1 { endpoint, .. } | Self::V2 { endpoint, .. } => endpoint,
        }
    }

    /// The same without the endpoint that the peer prefers; none if it has no other.
    #[must_use]
    pub fn next(&self) -> Option<Self> {
        let mut next = self.clone();
        match &mut next {
            Self::V1 { endpoint, routing_keys, others, .. } => {
                (*endpoint, *routing_keys) = first(others)?;
            }
            Self::V2 { endpoint, routing, others, .. } => (*endpoint, *routing) = first(others)?,
        }
        Some(next)
    }

    /// The version of DIDComm.
    #[must_use]
    pub fn envelope(&self) -> Envelope {
        match self {
            Self::V1 { .. } => Envelope::V1,
            Self::V2 { .. } => Envelope::V2,
        }
    }

    /// Whether messages for it are packed for this key.
    #[must_use]
    pub fn has_key(&self, key: &PublicKey) -> bool {
        match self {
            Self::V1 { recipient_keys, .. } => recipient_keys.contains(key),
            Self::V2 { keys, .. } => keys.iter().any(|(_, known)| known == key),
        }
    }
}

impl From<V1Service> for Target {
    fn from(service: V1Service) -> Self {
        Self::V1 {
            endpoint: service.endpoint,
            recipient_keys: service.recipient_keys,
            routing_keys: service.routing_keys,
            others: Vec::new(),
        }
    }
}

impl From<&InlineService> for Target {
    fn from(service: &InlineService) -> Self {
        Self::V1 {
            endpoint: service.endpoint.clone(),
            recipient_keys: service.recipient_keys.clone(),
            routing_keys: service.routing_keys.clone(),
            others: Vec::new(),
        }
    }
}

/// The endpoint that comes first with its mediators, and those after it; each once, and no more than are kept.
fn ordered<M: PartialEq>(
    routes: impl Iterator<Item = Route<M>>,
) -> (String, Vec<M>, Vec<Route<M>>) {
    let mut kept: Vec<Route<M>> = Vec::new();
    for route in routes.filter(|route| !route.endpoint.is_empty()) {
        if kept.len() < MAX_ENDPOINTS && !kept.contains(&route) {
            kept.push(route);
        }
    }
    let (endpoint, routing) = first(&mut kept).unwrap_or_default();
    (endpoint, routing, kept)
}

fn first<M>(routes: &mut Vec<Route<M>>) -> Option<(String, Vec<M>)> {
    let route = (!routes.is_empty()).then(|| routes.remove(0))?;
    Some((route.endpoint, route.routing))
}

#[cfg(test)]
mod tests;
