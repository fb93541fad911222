//! From a document to the places a DIDComm v1 message can go.

use super::keys::Keys;
use super::{Document, Service, V1Endpoint};
use crate::error::DidError;
use crate::key::{KeyType, PublicKey};

/// Where a DIDComm v1 message goes, and the keys it is encrypted to.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct V1Service {
    /// The service's id as the document has it; empty if it has none.
    pub id: String,
    /// Ed25519 keys of the recipient; at least one.
    pub recipient_keys: Vec<PublicKey>,
    /// Ed25519 keys of the mediators, in the order of the document.
    pub routing_keys: Vec<PublicKey>,
    /// A URL, or the DID of a mediator.
    pub endpoint: String,
    /// Media type profiles (RFC 0044); empty if not said.
    pub accept: Vec<String>,
    /// The lowest is preferred.
    pub priority: u32,
}

pub(super) fn services(document: &Document) -> Result<Vec<V1Service>, DidError> {
    let mut candidates: Vec<(&Service, &V1Endpoint)> =
        document.service.iter().filter_map(|service| Some((service, service.v1()?))).collect();
    candidates.sort_by_key(|(_, endpoint)| endpoint.priority);
    let known = Keys::of(document);
    let mut found = Vec::new();
    let mut first_error = None;
    for (service, endpoint) in candidates {
        match with_keys(&known, service, endpoint) {
            Ok(service) => found.push(service),
            Err(error) => _ = first_error.get_or_insert(error),
        }
    }
    match first_error {
        Some(error) if found.is_empty() => Err(error),
        _ => Ok(found),
    }
}

fn with_keys(
    known: &Keys<'_>,
    service: &Service,
    endpoint: &V1Endpoint,
) -> Result<V1Service, DidError> {
    let keys = |references: &[String], field| -> Result<Vec<PublicKey>, DidError> {
        references.iter().map(|reference| key(known, reference, field)).collect()
    };
    let recipient_keys = keys(&endpoint.recipient_keys, "recipientKeys")?;
    if recipient_keys.is_empty() {
        return Err(DidError::document("recipientKeys", "must have at least one key"));
    }
    Ok(V1Service {
        id: service.id.clone().unwrap_or_default(),
        recipient_keys,
        routing_keys: keys(&endpoint.routing_keys, "routingKeys")?,
        endpoint: endpoint.endpoint.clone(),
        accept: endpoint.accept.clone(),
        priority: endpoint.priority,
    })
}

fn key(known: &Keys<'_>, reference: &str, field: &'static str) -> Result<PublicKey, DidError> {
    let key = known
        .find(reference)
        .or_else(|| PublicKey::parse_reference(reference).ok())
        .ok_or_else(|| {
            let shown: String = reference.chars().take(128).collect();
            DidError::document(field, format!("{shown} names no key of the document"))
        })?;
    match key.key_type() {
        KeyType::Ed25519 => Ok(key),
        other => Err(DidError::document(
            field,
            format!("a key of type {other}; DIDComm v1 takes Ed25519 keys"),
        )),
    }
}
