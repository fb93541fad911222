//! From a document to the keys and places of DIDComm v2.

use super::keys::Keys;
use super::{Document, ServiceType, V2Endpoint};
use crate::did::Did;
use crate::key::PublicKey;

impl Document {
    /// The keys to encrypt to, of every type, with their key ids as absolute DID URLs (the `kid` of an
    /// envelope): those of `keyAgreement`, in order, each once. Keys that cannot be read are left out.
    pub fn agreement_keys(&self) -> Vec<(String, PublicKey)> {
        Keys::related(self, &self.key_agreement).absolute()
    }

    /// The keys whose signatures are the subject's, with their key ids: those of `authentication`, as
    /// [`Document::agreement_keys`] gives them.
    pub fn authentication_keys(&self) -> Vec<(String, PublicKey)> {
        Keys::related(self, &self.authentication).absolute()
    }

    /// The key of `keyAgreement` that `kid` names, in any form that [`Document::find_key`] takes.
    pub fn agreement_key(&self, kid: &str) -> Option<PublicKey> {
        Keys::related(self, &self.key_agreement).find(kid)
    }

    /// The key of `authentication` that `kid` names, in any form that [`Document::find_key`] takes.
    pub fn authentication_key(&self, kid: &str) -> Option<PublicKey> {
        Keys::related(self, &self.authentication).find(kid)
    }

    /// Where a DIDComm v2 message to the subject can go, in the order of the document, which is that of
    /// preference. A message goes to one of them.
    pub fn v2_services(&self) -> impl Iterator<Item = &V2Endpoint> {
        self.service
            .iter()
            .filter_map(|service| match &service.kind {
                ServiceType::DidCommMessaging(endpoints) => Some(endpoints),
                _ => None,
            })
            .flatten()
            .filter(|endpoint| !endpoint.uri.is_empty())
    }
}

impl V2Endpoint {
    /// The mediator, if the endpoint is a DID. Messages go to that DID's own endpoint, with its
    /// `keyAgreement` keys before the routing keys of this one.
    pub fn mediator(&self) -> Option<Did> {
        self.uri.starts_with("did:").then(|| Did::parse(&self.uri).ok()).flatten()
    }
}

#[cfg(test)]
mod tests;
