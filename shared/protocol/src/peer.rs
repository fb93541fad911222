//! Who a peer is, and where it receives messages.

use entente_did::{Did, Document, PublicKey, V1Service};
use entente_didcomm::envelope::AuthenticatedSender;
use entente_didcomm::out_of_band::InlineService;
use serde::{Deserialize, Serialize};

use crate::Misbehaved;

/// Where messages for a peer go.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Target {
    /// A URL or a mediator's DID; empty when the peer only takes answers on its own requests (RFC 0092).
    pub endpoint: String,
    /// The keys to pack for; at least one.
    pub recipient_keys: Vec<PublicKey>,
    /// The mediators' keys, in the order of `routingKeys`.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub routing_keys: Vec<PublicKey>,
}

impl From<V1Service> for Target {
    fn from(service: V1Service) -> Self {
        Self {
            endpoint: service.endpoint,
            recipient_keys: service.recipient_keys,
            routing_keys: service.routing_keys,
        }
    }
}

impl From<&InlineService> for Target {
    fn from(service: &InlineService) -> Self {
        Self {
            endpoint: service.endpoint.clone(),
            recipient_keys: service.recipient_keys.clone(),
            routing_keys: service.routing_keys.clone(),
        }
    }
}

/// What we are to a peer: our DID, as it is on the wire, and the key that speaks for it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Identity {
    /// Our DID; did:peer:4 in its long form.
    pub did: Did,
    /// Its Ed25519 key.
    pub key: PublicKey,
}

/// A peer, as its document and envelope prove it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Peer {
    /// Its DID as it came.
    pub did: Did,
    /// The key that the envelope proved.
    pub key: PublicKey,
    /// Every Ed25519 key of its document.
    pub keys: Vec<PublicKey>,
    /// Where it receives messages.
    pub target: Target,
    /// What it calls itself. Nothing proves it.
    #[serde(default, skip_serializing_if = "String::is_empty")]
    pub label: String,
}

impl Peer {
    /// The peer that a document and an envelope describe, if they agree.
    ///
    /// # Errors
    /// [`Misbehaved::ForeignDocument`], [`Misbehaved::SenderNotInDocument`], or what is wrong with the document.
    pub fn new(
        did: &Did,
        label: &str,
        document: &Document,
        sender: &AuthenticatedSender,
    ) -> Result<Self, Misbehaved> {
        if !is_document_of(document, did) {
            return Err(Misbehaved::ForeignDocument {
                did: did.to_string(),
                document: document.id.to_string(),
            });
        }
        let keys = document.ed25519_keys();
        if !keys.contains(sender.key()) {
            return Err(Misbehaved::SenderNotInDocument { did: did.to_string() });
        }
        let target = match document.v1_services()?.into_iter().next() {
            Some(service) => service.into(),
            None => Target {
                endpoint: String::new(),
                recipient_keys: vec![*sender.key()],
                routing_keys: Vec::new(),
            },
        };
        Ok(Self { did: did.clone(), key: *sender.key(), keys, target, label: label.to_owned() })
    }
}

/// Legacy documents write an unqualified DID as did:sov; a did:peer:4 has two forms.
fn is_document_of(document: &Document, did: &Did) -> bool {
    let id = document.id.as_str();
    document.id.canonical() == did.canonical()
        || (did.is_unqualified() && id.strip_prefix("did:sov:") == Some(did.as_str()))
}
