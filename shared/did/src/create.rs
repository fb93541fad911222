//! The DIDs an agent makes for its own connections: those of DIDComm v1 in the shape ACA-Py 1.7 makes
//! them, those of v2 in the shape of an Identus Cloud Agent.

mod v2;

pub use v2::{V2_ACCEPT, v2_peer2, v2_peer4};

use serde::Serialize;
use serde_json::{Value, json};

use crate::did::Did;
use crate::document::{MethodRef, Service, ServiceType, V1Endpoint};
use crate::error::DidError;
use crate::key::{KeyType, PublicKey};
use crate::peer2::{self, Purpose};
use crate::peer4::{self, Peer4};

/// The media type profiles of DIDComm v1 (RFC 0044).
pub const V1_ACCEPT: [&str; 2] = ["didcomm/aip1", "didcomm/aip2;env=rfc19"];

/// A did:peer:2 with the Ed25519 key for authentication (`#key-1`), the X25519 key derived from it for
/// key agreement (`#key-2`) and one `did-communication` service.
///
/// `routing_keys` are the mediators', in the order of RFC 0067.
///
/// # Errors
/// [`DidError::KeyTypeMismatch`] if `verkey` is not Ed25519; what is wrong with the key;
/// [`DidError::TooLarge`].
pub fn v1_peer2(
    verkey: &PublicKey,
    endpoint: &str,
    routing_keys: &[PublicKey],
) -> Result<Did, DidError> {
    let keys =
        [(Purpose::Authentication, ed25519(verkey)?), (Purpose::KeyAgreement, verkey.to_x25519()?)];
    peer2::encode(&keys, &[v1_service("#key-1", endpoint, routing_keys, &[])])
}

/// A did:peer:4 with the Ed25519 key (`#key-0`) for authentication and key agreement and one
/// `did-communication` service.
///
/// # Errors
/// As [`v1_peer2`].
pub fn v1_peer4(
    verkey: &PublicKey,
    endpoint: &str,
    routing_keys: &[PublicKey],
) -> Result<Peer4, DidError> {
    let multibase = ed25519(verkey)?.multibase();
    // A key off the curve could not be used, and would be found out only by the peer.
    verkey.to_x25519()?;
    let reference = || [MethodRef::Reference("#key-0".to_owned())];
    peer4::encode_checked(&InputDocument {
        context: ["https://www.w3.org/ns/did/v1", "https://w3id.org/security/multikey/v1"],
        verification_method: vec![Multikey {
            id: "#key-0",
            kind: "Multikey",
            public_key_multibase: multibase,
        }],
        authentication: reference(),
        key_agreement: reference(),
        service: [v1_service("#key-0", endpoint, routing_keys, &V1_ACCEPT)],
    })
}

/// The unqualified DID of a key ([`nym`]), and the document that goes with it in the
/// `did_doc~attach` of didexchange/1.0 or the `DIDDoc` of connections/1.0 (RFC 0160).
///
/// The document's `id` is the DID qualified as did:sov, as ACA-Py writes and expects it.
pub fn legacy(verkey: &PublicKey, endpoint: &str, routing_keys: &[PublicKey]) -> (Did, Value) {
    let nym = nym(verkey);
    let did = format!("did:sov:{nym}");
    let key_id = format!("{did}#1");
    let mut service = json!({
        "id": format!("{did};indy"),
        "type": "IndyAgent",
        "priority": 0,
        "recipientKeys": [verkey.base58()],
        "serviceEndpoint": endpoint,
    });
    if let (false, Some(members)) = (routing_keys.is_empty(), service.as_object_mut()) {
        let keys: Vec<String> = routing_keys.iter().map(PublicKey::base58).collect();
        members.insert("routingKeys".to_owned(), Value::from(keys));
    }
    let document = json!({
        "@context": "https://w3id.org/did/v1",
        "id": did,
        "publicKey": [{
            "id": key_id,
            "type": "Ed25519VerificationKey2018",
            "controller": did,
            "publicKeyBase58": verkey.base58(),
        }],
        "authentication": [{"type": "Ed25519SignatureAuthentication2018", "publicKey": key_id}],
        "service": [service],
    });
    (nym, document)
}

/// The unqualified DID of a key: base58 of its first 16 bytes.
pub fn nym(verkey: &PublicKey) -> Did {
    let bytes: Vec<u8> = verkey.as_bytes().iter().copied().take(16).collect();
    Did::new_unchecked(crate::base58::encode(&bytes))
}

fn ed25519(verkey: &PublicKey) -> Result<PublicKey, DidError> {
    match verkey.key_type() {
        KeyType::Ed25519 => Ok(*verkey),
        key_type => Err(DidError::KeyTypeMismatch { key_type, purpose: "a DIDComm v1 verkey" }),
    }
}

/// Mediators' keys are not in our document, so they stand as did:key with fragment (RFC 0360).
fn v1_service(key: &str, endpoint: &str, routing_keys: &[PublicKey], accept: &[&str]) -> Service {
    Service {
        id: Some("#didcomm-0".to_owned()),
        kind: ServiceType::DidCommunication(V1Endpoint {
            priority: 0,
            recipient_keys: vec![key.to_owned()],
            routing_keys: routing_keys.iter().map(PublicKey::did_key_url).collect(),
            accept: accept.iter().map(|&profile| profile.to_owned()).collect(),
            endpoint: endpoint.to_owned(),
        }),
    }
}

/// The input document of a did:peer:4, with its members in a fixed order: the order is part of the DID.
#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct InputDocument {
    #[serde(rename = "@context")]
    context: [&'static str; 2],
    verification_method: Vec<Multikey>,
    authentication: [MethodRef; 1],
    key_agreement: [MethodRef; 1],
    service: [Service; 1],
}

#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct Multikey {
    id: &'static str,
    #[serde(rename = "type")]
    kind: &'static str,
    public_key_multibase: String,
}

#[cfg(test)]
mod tests;
