//! The keys of a document, decoded once and found by reference.

use super::{Document, MethodRef, VerificationMethod};
use crate::did::Did;
use crate::key::PublicKey;

/// The id of a key as (DID, fragment), where no DID means the document's own.
type KeyId<'a> = (Option<&'a str>, &'a str);

/// The usable keys of a document with their ids, in order.
pub(super) struct Keys<'a> {
    document: &'a Document,
    keys: Vec<(KeyId<'a>, PublicKey)>,
}

impl<'a> Keys<'a> {
    pub(super) fn of(document: &'a Document) -> Self {
        let keys = methods(document)
            .filter_map(|method| Some((key_id(document, &method.id), method.public_key().ok()?)))
            .collect();
        Self { document, keys }
    }

    /// The usable keys of one relationship, each method once. A reference to another document's key is
    /// none of them.
    pub(super) fn related(document: &'a Document, members: &'a [MethodRef]) -> Self {
        let mut keys: Vec<(KeyId<'a>, PublicKey)> = Vec::new();
        let by_id = |reference| {
            let wanted = key_id(document, reference);
            methods(document).find(|method| key_id(document, &method.id) == wanted)
        };
        for member in members {
            let method = match member {
                MethodRef::Embedded(method) => Some(method),
                MethodRef::Reference(reference) => by_id(reference),
            };
            let Some(method) = method else { continue };
            let id = key_id(document, &method.id);
            if let (Ok(key), false) = (method.public_key(), keys.iter().any(|(k, _)| *k == id)) {
                keys.push((id, key));
            }
        }
        Self { document, keys }
    }

    /// The keys with their ids as absolute DID URLs.
    pub(super) fn absolute(&self) -> Vec<(String, PublicKey)> {
        let subject = self.document.id.as_str();
        let absolute =
            |(did, fragment): KeyId<'_>| format!("{}#{fragment}", did.unwrap_or(subject));
        self.keys.iter().map(|(id, key)| (absolute(*id), *key)).collect()
    }

    pub(super) fn iter(&self) -> impl Iterator<Item = PublicKey> {
        self.keys.iter().map(|(_, key)| *key)
    }

    pub(super) fn find(&self, reference: &str) -> Option<PublicKey> {
        let wanted = key_id(self.document, reference);
        let by_id = self.keys.iter().find(|(id, _)| *id == wanted).map(|(_, key)| *key);
        by_id.or_else(|| self.find_by_value(reference, wanted))
    }

    /// A key given by its value; also by the key ids of early did:peer libraries, `#6Mk…`.
    fn find_by_value(&self, reference: &str, id: KeyId<'_>) -> Option<PublicKey> {
        let named = match id {
            (None, fragment) if reference.contains('#') => PublicKey::from_multibase(fragment)
                .or_else(|_| PublicKey::from_multibase(&format!("z{fragment}"))),
            _ => PublicKey::parse_reference(reference),
        };
        named.ok().filter(|named| self.iter().any(|key| key == *named))
    }
}

/// All verification methods, also those embedded in a relationship.
pub(super) fn methods(document: &Document) -> impl Iterator<Item = &VerificationMethod> {
    let embedded = [
        &document.authentication,
        &document.assertion_method,
        &document.key_agreement,
        &document.capability_invocation,
        &document.capability_delegation,
    ];
    let embedded = embedded.into_iter().flatten().filter_map(|method| match method {
        MethodRef::Embedded(method) => Some(method),
        MethodRef::Reference(_) => None,
    });
    document.verification_method.iter().chain(embedded)
}

fn key_id<'a>(document: &Document, id: &'a str) -> KeyId<'a> {
    match id.split_once('#') {
        Some((did, fragment)) if did.is_empty() || is_subject(&document.id, did) => {
            (None, fragment)
        }
        Some((did, fragment)) => (Some(did), fragment),
        None => (None, id),
    }
}

/// Whether a DID within the document of `id` means its subject: the same DID, the other form of a
/// did:peer:4, or the same nym with or without `did:sov:`.
fn is_subject(id: &Did, did: &str) -> bool {
    let id = id.as_str();
    did == id
        || nym(did) == nym(id)
        || peer4_hash(did).is_some_and(|hash| Some(hash) == peer4_hash(id))
}

fn nym(did: &str) -> &str {
    did.strip_prefix("did:sov:").unwrap_or(did)
}

fn peer4_hash(did: &str) -> Option<&str> {
    did.strip_prefix("did:peer:4").and_then(|rest| rest.split(':').next())
}
