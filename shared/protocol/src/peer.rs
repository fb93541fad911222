//! Who a peer is, and where it receives messages.

use entente_did::{Did, Document, KeyType, PublicKey, V1Service, resolve_offline};
use entente_didcomm::envelope::AuthenticatedSender;
use entente_didcomm::out_of_band::InlineService;
use serde::{Deserialize, Serialize};

use crate::Misbehaved;
use crate::handshake::Envelope;

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
    },
}

/// The key that authenticates us in an envelope.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Sender {
    /// The key: Ed25519 in DIDComm v1, X25519 in v2.
    pub key: PublicKey,
    /// Its DID URL, which DIDComm v2 names it by.
    pub kid: Option<String>,
}

/// What we are to a peer: our DID, as it is on the wire, and the key that speaks for it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Identity {
    /// Our DID; did:peer:4 in its long form.
    pub did: Did,
    /// The key that speaks for it in envelopes: Ed25519 in DIDComm v1, X25519 in v2.
    pub key: PublicKey,
}

/// A peer, as its document and envelope prove it, or as it was [claimed](Self::claimed).
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Peer {
    /// Its DID as it came.
    pub did: Did,
    /// The key that the envelope proved.
    pub key: PublicKey,
    /// Whether no envelope has proved anything yet: the request came without one.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub unproven: bool,
    /// Every key of its document that may send its messages.
    pub keys: Vec<PublicKey>,
    /// Where it receives messages.
    pub target: Target,
    /// What it calls itself. Nothing proves it.
    #[serde(default, skip_serializing_if = "String::is_empty")]
    pub label: String,
}

impl Target {
    /// Where messages for the subject of a document go; an empty endpoint if it has no service.
    ///
    /// # Errors
    /// [`Misbehaved::Did`] for services that cannot be used, [`Misbehaved::NoKey`].
    pub fn of(envelope: Envelope, document: &Document) -> Result<Self, Misbehaved> {
        match envelope {
            Envelope::V1 => match document.v1_services()?.into_iter().next() {
                Some(service) => Ok(service.into()),
                None => Ok(Self::V1 {
                    endpoint: String::new(),
                    recipient_keys: keys_of(envelope, document)?,
                    routing_keys: Vec::new(),
                }),
            },
            Envelope::V2 => Self::v2(document),
        }
    }

    fn v2(document: &Document) -> Result<Self, Misbehaved> {
        let keys = agreement_keys(document);
        if keys.is_empty() {
            return Err(no_key(Envelope::V2, document));
        }
        let service = document.v2_services().next();
        Ok(Self::V2 {
            endpoint: service.map(|service| service.uri.clone()).unwrap_or_default(),
            did: document.id.clone(),
            keys,
            routing: service.map(|service| service.routing_keys.clone()).unwrap_or_default(),
        })
    }

    /// A URL or a mediator's DID; empty when the peer has none.
    #[must_use]
    pub fn endpoint(&self) -> &str {
        match self {
            Self::V1 { endpoint, .. } | Self::V2 { endpoint, .. } => endpoint,
        }
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
        }
    }
}

impl From<&InlineService> for Target {
    fn from(service: &InlineService) -> Self {
        Self::V1 {
            endpoint: service.endpoint.clone(),
            recipient_keys: service.recipient_keys.clone(),
            routing_keys: service.routing_keys.clone(),
        }
    }
}

impl Identity {
    /// The key that authenticates us, with its DID URL where DIDComm v2 needs it: for any key but Ed25519, which only v1
    /// takes. It follows from the DID, which must be one that resolves by itself.
    #[must_use]
    pub fn sender(&self) -> Sender {
        let kid = match self.key.key_type() {
            KeyType::Ed25519 => None,
            _ => resolve_offline(&self.did).and_then(Result::ok).and_then(|document| {
                let keys = agreement_keys(&document);
                keys.into_iter().find(|(_, key)| *key == self.key).map(|(kid, _)| kid)
            }),
        };
        Sender { key: self.key, kid }
    }
}

impl Peer {
    /// The peer that a document describes. Nothing proves yet that it speaks: see [`Peer::proven_by`].
    ///
    /// # Errors
    /// [`Misbehaved::ForeignDocument`], [`Misbehaved::NoKey`], or what is wrong with the document.
    pub fn of(
        envelope: Envelope,
        did: &Did,
        label: &str,
        document: &Document,
    ) -> Result<Self, Misbehaved> {
        if !is_document_of(document, did) {
            return Err(Misbehaved::ForeignDocument {
                did: did.to_string(),
                document: document.id.to_string(),
            });
        }
        let keys = keys_of(envelope, document)?;
        let none = || no_key(envelope, document);
        Ok(Self {
            did: did.clone(),
            key: *keys.first().ok_or_else(none)?,
            unproven: false,
            target: Target::of(envelope, document)?,
            keys,
            label: label.to_owned(),
        })
    }

    /// The peer, if the envelope proves that one of its keys sent the message.
    ///
    /// # Errors
    /// [`Misbehaved::SenderNotInDocument`].
    pub fn proven_by(mut self, sender: &AuthenticatedSender) -> Result<Self, Misbehaved> {
        if !self.keys.contains(sender.key()) {
            return Err(Misbehaved::SenderNotInDocument { did: self.did.to_string() });
        }
        self.key = *sender.key();
        self.unproven = false;
        if let Target::V1 { endpoint, recipient_keys, .. } = &mut self.target
            && endpoint.is_empty()
        {
            *recipient_keys = vec![self.key];
        }
        Ok(self)
    }

    /// The peer, of which nothing is proven until it is [confirmed](Self::confirmed_by). What is sent to it only the
    /// keys of its document can read.
    ///
    /// # Errors
    /// [`Misbehaved::NoEndpoint`]: there is no envelope whose sender could be answered on its own way.
    pub fn claimed(self) -> Result<Self, Misbehaved> {
        if self.target.endpoint().is_empty() {
            return Err(Misbehaved::NoEndpoint { did: self.did.to_string() });
        }
        Ok(Self { unproven: true, ..self })
    }

    /// The peer, once an envelope of it came. One that was proven before stays as it is.
    ///
    /// # Errors
    /// As [`Self::proven_by`].
    pub fn confirmed_by(self, sender: &AuthenticatedSender) -> Result<Self, Misbehaved> {
        if self.unproven { self.proven_by(sender) } else { Ok(self) }
    }
}

/// The keys of a document that may send messages of its subject; at least one.
///
/// # Errors
/// [`Misbehaved::NoKey`].
pub fn keys_of(envelope: Envelope, document: &Document) -> Result<Vec<PublicKey>, Misbehaved> {
    let keys = match envelope {
        Envelope::V1 => document.ed25519_keys(),
        Envelope::V2 => agreement_keys(document).into_iter().map(|(_, key)| key).collect(),
    };
    if keys.is_empty() { Err(no_key(envelope, document)) } else { Ok(keys) }
}

fn no_key(envelope: Envelope, document: &Document) -> Misbehaved {
    let kind = match envelope {
        Envelope::V1 => "Ed25519",
        Envelope::V2 => "X25519",
    };
    Misbehaved::NoKey { did: document.id.to_string(), kind }
}

/// The X25519 keys for key agreement, the curve that we speak, under their absolute DID URLs.
fn agreement_keys(document: &Document) -> Vec<(String, PublicKey)> {
    let mut keys = document.agreement_keys();
    keys.retain(|(_, key)| key.key_type() == KeyType::X25519);
    keys
}

/// Legacy documents write an unqualified DID as did:sov, and the other way round; a did:peer:4 has two forms.
fn is_document_of(document: &Document, did: &Did) -> bool {
    let nym = |did: &Did| did.as_str().strip_prefix("did:sov:").unwrap_or(did.as_str()).to_owned();
    document.id.canonical() == did.canonical() || nym(&document.id) == nym(did)
}
