//! DIDs for DIDComm v2.

use serde::Serialize;

use super::{InputDocument, Multikey};
use crate::did::Did;
use crate::document::{MethodRef, Service, ServiceType, V2Endpoint};
use crate::error::DidError;
use crate::key::{KeyType, PublicKey};
use crate::peer2::{self, Purpose};
use crate::peer4::{self, Peer4};

/// The media type profile of DIDComm v2.
pub const V2_ACCEPT: [&str; 1] = ["didcomm/v2"];

/// A did:peer:2 with an X25519 key for key agreement (`#key-1`), an Ed25519 key for authentication
/// (`#key-2`) and one `DIDCommMessaging` service: member for member what an Identus Cloud Agent writes,
/// whose SDK reads no other form.
///
/// `endpoint` is a URL, or the DID of a mediator. `routing_keys` are the mediators', as DID URLs, the
/// first being the outermost.
///
/// # Errors
/// [`DidError::KeyTypeMismatch`], what else is wrong with a key, [`DidError::TooLarge`].
pub fn v2_peer2(
    agreement: &PublicKey,
    signing: &PublicKey,
    endpoint: &str,
    routing_keys: &[String],
) -> Result<Did, DidError> {
    check_keys(agreement, signing)?;
    let keys = [(Purpose::KeyAgreement, *agreement), (Purpose::Authentication, *signing)];
    let s = Endpoint { uri: endpoint, r: routing_keys, a: V2_ACCEPT };
    peer2::encode_written(&keys, &[Messaging { t: "dm", s }])
}

/// A did:peer:4 with an X25519 key for key agreement (`#key-1`), an Ed25519 key for authentication
/// (`#key-2`) and one `DIDCommMessaging` service.
///
/// # Errors
/// As [`v2_peer2`].
pub fn v2_peer4(
    agreement: &PublicKey,
    signing: &PublicKey,
    endpoint: &str,
    routing_keys: &[String],
) -> Result<Peer4, DidError> {
    check_keys(agreement, signing)?;
    let method = |id, key: &PublicKey| Multikey {
        id,
        kind: "Multikey",
        public_key_multibase: key.multibase(),
    };
    let reference = |id: &str| [MethodRef::Reference(id.to_owned())];
    let endpoint = V2Endpoint {
        uri: endpoint.to_owned(),
        accept: V2_ACCEPT.map(str::to_owned).to_vec(),
        routing_keys: routing_keys.to_vec(),
    };
    peer4::encode_checked(&InputDocument {
        context: ["https://www.w3.org/ns/did/v1", "https://w3id.org/security/multikey/v1"],
        verification_method: vec![method("#key-1", agreement), method("#key-2", signing)],
        authentication: reference("#key-2"),
        key_agreement: reference("#key-1"),
        service: [Service {
            id: Some("#service".to_owned()),
            kind: ServiceType::DidCommMessaging(vec![endpoint]),
        }],
    })
}

/// A key that could not be used would be found out only by the peer.
fn check_keys(agreement: &PublicKey, signing: &PublicKey) -> Result<(), DidError> {
    for (key, expected, purpose) in [
        (agreement, KeyType::X25519, "the key agreement of DIDComm v2 here"),
        (signing, KeyType::Ed25519, "the signatures of DIDComm v2 here"),
    ] {
        if key.key_type() != expected {
            return Err(DidError::KeyTypeMismatch { key_type: key.key_type(), purpose });
        }
        key.to_x25519()?;
    }
    Ok(())
}

/// The order of the members is part of the DID.
#[derive(Serialize)]
struct Messaging<'a> {
    t: &'static str,
    s: Endpoint<'a>,
}

#[derive(Serialize)]
struct Endpoint<'a> {
    uri: &'a str,
    r: &'a [String],
    a: [&'static str; 1],
}

#[cfg(test)]
mod tests;
