//! did:peer:0, one key (did:peer specification, method 0).

use crate::did::Did;
use crate::document::Document;
use crate::error::DidError;
use crate::key::{PublicKey, did_key};

const PREFIX: &str = "did:peer:0";

/// The did:peer:0 of a key.
pub fn encode(key: &PublicKey) -> Did {
    Did::new_unchecked(format!("{PREFIX}{}", key.multibase()))
}

/// The document: that of the did:key of the same key, under this DID.
///
/// # Errors
/// What is wrong with the key; [`DidError::InvalidDid`] for another method.
pub fn resolve(did: &Did) -> Result<Document, DidError> {
    let multibase = did
        .as_str()
        .strip_prefix(PREFIX)
        .ok_or(DidError::InvalidDid { reason: "expected a did:peer:0" })?;
    did_key::document(did, multibase)
}
