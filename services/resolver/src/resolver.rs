//! From a DID to its document, by method.

use entente_did::{Did, DidError, Method, peer4, resolve_offline};
use serde_json::to_string;

use crate::error::ResolveError;
use crate::peer4::Peer4;
use crate::web::Web;

/// The resolver behind the RPC.
pub(crate) struct Resolver {
    pub(crate) peer4: Peer4,
    pub(crate) web: Web,
}

/// What a resolution gives.
pub(crate) struct Resolution {
    pub(crate) document_json: String,
    pub(crate) cached: bool,
    /// The other form of a did:peer:4.
    pub(crate) equivalent: Option<Did>,
}

impl Resolver {
    pub(crate) async fn resolve(
        &self,
        tenant: &str,
        did: &Did,
        no_cache: bool,
    ) -> Result<Resolution, ResolveError> {
        match did.method() {
            Method::Web => self.web.resolve(did, no_cache).await,
            Method::Peer4 if peer4::is_long(did) => self.long(tenant, did).await,
            Method::Peer4 => self.short(tenant, did).await,
            method => match resolve_offline(did) {
                Some(document) => Ok(Resolution {
                    document_json: json(&document?)?,
                    cached: false,
                    equivalent: None,
                }),
                None => Err(DidError::MethodNotSupported { method: method.to_string() }.into()),
            },
        }
    }

    /// The document comes first, so that a broken one is never remembered.
    async fn long(&self, tenant: &str, did: &Did) -> Result<Resolution, ResolveError> {
        let document_json = json(&peer4::resolve_long(did)?)?;
        self.peer4.remember(tenant, did).await?;
        Ok(Resolution { document_json, cached: false, equivalent: Some(did.canonical()) })
    }

    async fn short(&self, tenant: &str, did: &Did) -> Result<Resolution, ResolveError> {
        let (long, cached) = self.peer4.long_form(tenant, did).await?;
        let document_json = json(&peer4::resolve_short(&long)?)?;
        Ok(Resolution { document_json, cached, equivalent: Some(long) })
    }
}

fn json(document: &entente_did::Document) -> Result<String, DidError> {
    to_string(document).map_err(|error| DidError::InvalidDocument {
        field: "the document",
        reason: error.to_string(),
    })
}
