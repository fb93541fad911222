//! Who a peer is, and what we are to it.

use entente_did::{Did, Document, KeyType, PublicKey, resolve_offline};
use entente_didcomm::envelope::AuthenticatedSender;
use serde::{Deserialize, Serialize};

use crate::handshake::Envelope;
use crate::{Misbehaved, Target};

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

pub(crate) fn no_key(envelope: Envelope, document: &Document) -> Misbehaved {
    let kind = match envelope {
        Envelope::V1 => "Ed25519",
        Envelope::V2 => "X25519",
    };
    Misbehaved::NoKey { did: document.id.to_string(), kind }
}

/// The X25519 keys for key agreement, the curve that we speak, under their absolute DID URLs.
pub(crate) fn agreement_keys(document: &Document) -> Vec<(String, PublicKey)> {
    let mut keys = document.agreement_keys();
    keys.retain(|(_, key)| key.key_type() == KeyType::X25519);
    keys
}

/// Legacy documents write an unqualified DID as did:sov, and the other way round; a did:peer:4 has two forms.
fn is_document_of(document: &Document, did: &Did) -> bool {
    let nym = |did: &Did| did.as_str().strip_prefix("did:sov:").unwrap_or(did.as_str()).to_owned();
    document.id.canonical() == did.canonical() || nym(&document.id) == nym(did)
}
