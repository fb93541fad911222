//! Resolution of the methods that need no network.

use crate::did::{Did, Method};
use crate::document::Document;
use crate::error::DidError;
use crate::{key, peer0, peer2, peer4};

/// The document of a did:key, did:peer:0, did:peer:2 or did:peer:4 in long form; `None` for a DID whose
/// document must be fetched, or must have been seen before.
///
/// # Errors
/// What is wrong with the DID, its keys or its document.
pub fn resolve_offline(did: &Did) -> Option<Result<Document, DidError>> {
    match did.method() {
        Method::Key => Some(key::resolve(did)),
        Method::Peer0 => Some(peer0::resolve(did)),
        Method::Peer2 => Some(peer2::resolve(did)),
        Method::Peer4 if peer4::is_long(did) => Some(peer4::resolve_long(did)),
        _ => None,
    }
}
