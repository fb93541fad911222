//! The document of a DID that is one key: did:key and did:peer:0.

use super::{DID_KEY, PublicKey};
use crate::did::Did;
use crate::document::{Document, MethodRef, VerificationMethod};
use crate::error::DidError;

/// The document of a did:key: for Ed25519 also the X25519 key derived from it.
///
/// # Errors
/// What is wrong with the key; [`DidError::InvalidDid`] for another method.
pub fn resolve(did: &Did) -> Result<Document, DidError> {
    let multibase = did
        .as_str()
        .strip_prefix(DID_KEY)
        .ok_or(DidError::InvalidDid { reason: "expected a did:key" })?;
    document(did, multibase)
}

/// The document of a DID whose identifier is one key.
pub(crate) fn document(did: &Did, multibase: &str) -> Result<Document, DidError> {
    if !multibase.starts_with('z') {
        return Err(DidError::KeyEncoding { expected: "base58btc multibase (z…)" });
    }
    let key = PublicKey::from_multibase(multibase)?;
    let method = |key: &PublicKey| {
        VerificationMethod::multikey(format!("{did}#{}", key.multibase()), did, key)
    };
    let own = method(&key);
    let reference = || vec![MethodRef::Reference(own.id.clone())];
    let mut document = Document::new(did.clone());
    match key {
        PublicKey::X25519(_) => {
            key.to_x25519()?;
            document.key_agreement = reference();
        }
        _ => {
            document.authentication = reference();
            document.assertion_method = reference();
            document.capability_invocation = reference();
            document.capability_delegation = reference();
            document.key_agreement = match key {
                PublicKey::Ed25519(_) => vec![MethodRef::Embedded(method(&key.to_x25519()?))],
                PublicKey::Secp256k1(_) => Vec::new(),
                _ => reference(),
            };
        }
    }
    document.verification_method = vec![own];
    Ok(document)
}

#[cfg(test)]
mod tests;
