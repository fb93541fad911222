//! DID documents (DID Core §5), as methods make them and as old peers write them.

mod keys;
mod read;
mod service;
mod v1;
mod v2;
mod verification_method;

use std::collections::HashSet;

use serde::{Deserialize, Serialize};
use serde_json::Value;

use crate::did::Did;
use crate::error::DidError;
use crate::key::{KeyType, PublicKey};

use keys::Keys;

pub(crate) use service::Names;
pub use service::{Service, ServiceType, V1Endpoint, V2Endpoint};
pub use v1::V1Service;
pub use verification_method::{KeyMaterial, MethodRef, VerificationMethod};

/// The largest document we read, in bytes.
pub const MAX_DOCUMENT_LEN: usize = 64 * 1024;
/// The most members of any list in a document.
pub const MAX_LIST: usize = 64;

/// A DID document. What it does not model is dropped on reading.
///
/// Ids of verification methods and services stay as they were written, absolute or relative:
/// [`Document::find_key`] takes either.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(try_from = "Value", rename_all = "camelCase")]
pub struct Document {
    /// `@context`
    #[serde(rename = "@context", skip_serializing_if = "Vec::is_empty")]
    pub context: Vec<Value>,
    /// The subject.
    pub id: Did,
    /// Other identifiers of the subject.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub also_known_as: Vec<String>,
    /// The keys. Those of a legacy `publicKey` come here too.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub verification_method: Vec<VerificationMethod>,
    /// Keys that authenticate the subject.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub authentication: Vec<MethodRef>,
    /// Keys for claims.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub assertion_method: Vec<MethodRef>,
    /// Keys to encrypt to.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub key_agreement: Vec<MethodRef>,
    /// Keys that may invoke capabilities.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub capability_invocation: Vec<MethodRef>,
    /// Keys that may delegate capabilities.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub capability_delegation: Vec<MethodRef>,
    /// Where and how to reach the subject.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub service: Vec<Service>,
}

impl Document {
    /// An empty document with the contexts of DID Core and Multikey.
    pub fn new(id: Did) -> Self {
        Self {
            context: vec![
                Value::from("https://www.w3.org/ns/did/v1"),
                Value::from("https://w3id.org/security/multikey/v1"),
            ],
            id,
            also_known_as: Vec::new(),
            verification_method: Vec::new(),
            authentication: Vec::new(),
            assertion_method: Vec::new(),
            key_agreement: Vec::new(),
            capability_invocation: Vec::new(),
            capability_delegation: Vec::new(),
            service: Vec::new(),
        }
    }

    /// Reads a document from JSON of at most [`MAX_DOCUMENT_LEN`] bytes: a W3C document, or a legacy
    /// one (RFC 0067, RFC 0160) with `publicKey` or an unqualified `id`. Keys and services of types we
    /// do not know are kept and do no harm.
    ///
    /// # Errors
    /// [`DidError::TooLarge`]; [`DidError::InvalidDocument`], naming the member.
    pub fn from_json(json: impl AsRef<[u8]>) -> Result<Self, DidError> {
        let json = json.as_ref();
        if json.len() > MAX_DOCUMENT_LEN {
            let (limit, actual) = (MAX_DOCUMENT_LEN, json.len());
            return Err(DidError::TooLarge { what: "the DID document, in bytes,", limit, actual });
        }
        let value: Value = serde_json::from_slice(json)
            .map_err(|error| DidError::document("the document", format!("not JSON: {error}")))?;
        Self::from_value(value)
    }

    /// The key that `reference` names, if this document has it. The reference may be a DID URL, absolute
    /// or relative (`did:…#key-1`, `#key-1`, `key-1`), or the key itself, as did:key or base58.
    pub fn find_key(&self, reference: &str) -> Option<PublicKey> {
        Keys::of(self).find(reference)
    }

    /// The Ed25519 keys of the subject, each once, in order. Keys that stand in its services as routing
    /// keys belong to mediators and are left out: old agents list them under `publicKey` as well.
    pub fn ed25519_keys(&self) -> Vec<PublicKey> {
        let known = Keys::of(self);
        let routing: HashSet<PublicKey> = self
            .service
            .iter()
            .filter_map(Service::v1)
            .flat_map(|v1| &v1.routing_keys)
            .filter_map(|key| known.find(key).or_else(|| PublicKey::parse_reference(key).ok()))
            .collect();
        let mut keys = Vec::new();
        for key in known.iter() {
            if key.key_type() == KeyType::Ed25519 && !routing.contains(&key) && !keys.contains(&key)
            {
                keys.push(key);
            }
        }
        keys
    }

    /// Where a DIDComm v1 message to the subject goes, the preferred service first: by priority, then as
    /// they stand in the document. Empty if there is no service for v1. Of several, those whose keys
    /// cannot be found are left out.
    ///
    /// # Errors
    /// [`DidError::InvalidDocument`] if there are services for v1 but none is usable; it says why for
    /// the preferred one.
    pub fn v1_services(&self) -> Result<Vec<V1Service>, DidError> {
        v1::services(self)
    }

    /// The long DID of a did:peer is the controller of each of its keys, so that a document could be 64
    /// times as long as its DID. With half of the limit for that, what is resolved can be read again.
    pub(crate) fn check_growth(&self) -> Result<(), DidError> {
        let actual = self.id.as_str().len() * keys::methods(self).count();
        let limit = MAX_DOCUMENT_LEN / 2;
        if actual > limit {
            return Err(DidError::TooLarge {
                what: "the DID times its keys, in bytes,",
                limit,
                actual,
            });
        }
        Ok(())
    }
}

impl TryFrom<Value> for Document {
    type Error = DidError;

    fn try_from(value: Value) -> Result<Self, DidError> {
        Self::from_value(value)
    }
}

#[cfg(test)]
mod tests;
