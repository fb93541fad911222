//! did:peer:4, a whole document inline (did:peer specification, method 4).

use serde::Serialize;
use serde_json::{Map, Value};
use sha2::{Digest, Sha256};

use crate::base58;
use crate::did::{Did, MAX_DID_LEN};
use crate::document::Document;
use crate::error::DidError;
use crate::key::{put_varint, take_varint};

const PREFIX: &str = "did:peer:4";
/// Multicodec `json`.
const JSON: u64 = 0x0200;
/// Multihash: sha2-256, 32 bytes.
const SHA2_256: [u8; 2] = [0x12, 0x20];
/// Characters of `z` and the base58 of a sha2-256 multihash.
const HASH_LEN: usize = 47;

/// Both forms of a did:peer:4. They name the same subject.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub struct Peer4 {
    /// With the document; what a peer must see first.
    pub long: Did,
    /// The hash alone; what to index by.
    pub short: Did,
}

/// The did:peer:4 of an input document.
///
/// # Errors
/// [`DidError::InvalidDocument`] if it is not an object, is empty, has a root `id`, has a method or
/// service whose id is not relative, or could not be read back; [`DidError::TooLarge`].
pub fn encode(input_doc: &Value) -> Result<Peer4, DidError> {
    check_input(input_doc)?;
    encode_checked(input_doc)
}

/// As [`encode`], for a document that is known to fit; its members keep their order.
pub(crate) fn encode_checked(input_doc: &impl Serialize) -> Result<Peer4, DidError> {
    let mut bytes = Vec::new();
    put_varint(&mut bytes, JSON);
    serde_json::to_writer(&mut bytes, input_doc)
        .map_err(|error| DidError::document("the document", error.to_string()))?;
    if bytes.len() > MAX_DID_LEN {
        let (limit, actual) = (MAX_DID_LEN, bytes.len());
        return Err(DidError::TooLarge { what: "the document, in bytes,", limit, actual });
    }
    let encoded = format!("z{}", crate::base58::encode(&bytes));
    let long = Did::parse(&format!("{PREFIX}{}:{encoded}", hash(&encoded)))?;
    resolve_long(&long)?;
    Ok(Peer4 { short: long.canonical(), long })
}

/// The document under the long form; `alsoKnownAs` has the short form.
///
/// The hash was checked when the [`Did`] was parsed.
///
/// # Errors
/// [`DidError::ShortForm`]; [`DidError::InvalidDid`] for another method or an encoding that is wrong;
/// [`DidError::InvalidDocument`].
pub fn resolve_long(did: &Did) -> Result<Document, DidError> {
    let (short, encoded) = split(did)?;
    document(encoded, did.clone(), short.to_string())
}

/// The document under the short form, given the long one; `alsoKnownAs` has the long form.
///
/// # Errors
/// As [`resolve_long`].
pub fn resolve_short(long: &Did) -> Result<Document, DidError> {
    let (short, encoded) = split(long)?;
    document(encoded, short, long.to_string())
}

/// The short form of a did:peer:4, long or short; `None` for any other DID.
pub fn short_form(did: &Did) -> Option<Did> {
    let rest = did.as_str().strip_prefix(PREFIX)?;
    let hash = rest.split_once(':').map_or(rest, |(hash, _)| hash);
    Some(Did::new_unchecked(format!("{PREFIX}{hash}")))
}

/// Whether a did:peer:4 is in long form, and so can be resolved by itself.
pub fn is_long(did: &Did) -> bool {
    split(did).is_ok()
}

/// Checks the form and, of the long form, the hash. For [`Did::parse`].
pub(crate) fn check(text: &str) -> Result<(), DidError> {
    let rest = text.strip_prefix(PREFIX).unwrap_or_default();
    let (claimed, encoded) = match rest.split_once(':') {
        Some((claimed, encoded)) => (claimed, Some(encoded)),
        None => (rest, None),
    };
    let multihash = claimed.strip_prefix('z').filter(|_| claimed.len() == HASH_LEN);
    let multihash = multihash.and_then(base58::decode);
    if !multihash.is_some_and(|bytes| bytes.len() == 34 && bytes.starts_with(&SHA2_256)) {
        return Err(DidError::InvalidDid {
            reason: "a did:peer:4 has a sha2-256 multihash (zQm…)",
        });
    }
    match encoded {
        None => Ok(()),
        Some(encoded) if !encoded.starts_with('z') => {
            Err(DidError::InvalidDid { reason: "the document of a did:peer:4 is base58btc (z…)" })
        }
        Some(encoded) if hash(encoded) == claimed => Ok(()),
        Some(_) => Err(DidError::HashMismatch),
    }
}

/// The hash is over the encoded text, so that nobody need agree on a canonical JSON.
fn hash(encoded: &str) -> String {
    let multihash = [&SHA2_256, Sha256::digest(encoded.as_bytes()).as_slice()].concat();
    format!("z{}", crate::base58::encode(&multihash))
}

fn split(did: &Did) -> Result<(Did, &str), DidError> {
    let short = short_form(did).ok_or(DidError::InvalidDid { reason: "expected a did:peer:4" })?;
    let encoded =
        did.as_str().strip_prefix(short.as_str()).and_then(|rest| rest.strip_prefix(":z"));
    Ok((short, encoded.ok_or(DidError::ShortForm)?))
}

fn document(encoded: &str, id: Did, other: String) -> Result<Document, DidError> {
    let invalid = |reason| DidError::InvalidDid { reason };
    let bytes = base58::decode(encoded).ok_or(invalid("the document is not base58"))?;
    let json = match take_varint(&bytes) {
        Some((JSON, json)) => json,
        _ => return Err(invalid("the document's multicodec is not json (0x0200)")),
    };
    let mut members: Map<String, Value> = serde_json::from_slice(json)
        .map_err(|error| DidError::document("the document", format!("not JSON: {error}")))?;
    members.insert("id".to_owned(), Value::from(id.as_str()));
    let mut document = Document::from_value(Value::Object(members))?;
    document.also_known_as.push(other);
    document.check_growth()?;
    Ok(document)
}

fn check_input(input_doc: &Value) -> Result<(), DidError> {
    let members = input_doc
        .as_object()
        .filter(|members| !members.is_empty())
        .ok_or_else(|| DidError::document("the document", "must be an object with members"))?;
    if members.contains_key("id") {
        return Err(DidError::document("id", "an input document has none: it is the DID"));
    }
    const LISTS: [&str; 7] = [
        "verificationMethod",
        "authentication",
        "assertionMethod",
        "keyAgreement",
        "capabilityInvocation",
        "capabilityDelegation",
        "service",
    ];
    for field in LISTS {
        let items = members.get(field).and_then(Value::as_array).into_iter().flatten();
        for resource in items.filter(|item| item.is_object()) {
            let id = resource.get("id").and_then(Value::as_str);
            if !id.is_some_and(|id| id.starts_with('#')) {
                return Err(DidError::document(field, "an entry's id must be relative (#…)"));
            }
        }
    }
    Ok(())
}

#[cfg(test)]
mod tests;
