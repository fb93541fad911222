//! The keys behind the kids of an envelope.

use entente_did::{DidUrl, Document, resolve_offline};
use entente_rpc::proto::keystore::v1::KeyReference;

/// What a key may do by its DID document.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Relationship {
    /// `keyAgreement`.
    Agreement,
    /// `authentication`.
    Authentication,
}

impl Relationship {
    /// The key that a kid names in the document of its DID, if the document allows it this.
    pub(crate) fn find(self, document: &Document, kid: &str) -> Option<KeyReference> {
        let key = match self {
            Self::Agreement => document.agreement_key(kid),
            Self::Authentication => document.authentication_key(kid),
        }?;
        Some(KeyReference { kid: kid.to_owned(), key: key.multibase() })
    }

    /// The key of a kid whose DID resolves without the network.
    pub(crate) fn find_offline(self, kid: &str) -> Option<KeyReference> {
        let url = DidUrl::parse(kid).ok()?;
        let document = resolve_offline(&url.did)?.ok()?;
        self.find(&document, kid)
    }
}
