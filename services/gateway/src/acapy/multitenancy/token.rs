//! The token of a sub-wallet: an API key of the tenant, of which nothing can be read. One at a time.

use std::time::Duration;

use entente_rpc::proto::access::v1::{
    CreateApiKeyRequest, ListApiKeysRequest, RevokeApiKeyRequest, RotateApiKeyRequest,
};

use crate::acapy::error::ApiError;
use crate::gateway::Shared;

/// What these keys are called.
const NAME: &str = "ACA-Py token";
/// More keys than a tenant may have.
const ALL: i32 = 1_000;

/// The first token of a wallet.
pub(super) async fn create(shared: &Shared) -> Result<String, ApiError> {
    let request = CreateApiKeyRequest {
        name: NAME.to_owned(),
        roles: vec!["owner".to_owned()],
        expires_in: None,
    };
    let made = shared.clients.api_keys.clone().create_api_key(shared.request(request)?).await?;
    Ok(made.into_inner().key)
}

/// A new token, in place of those before.
pub(super) async fn renew(shared: &Shared) -> Result<String, ApiError> {
    let request =
        shared.request(ListApiKeysRequest { page_size: ALL, ..ListApiKeysRequest::default() })?;
    let known = shared.clients.api_keys.clone().list_api_keys(request).await?.into_inner().api_keys;
    let mut tokens = known.into_iter().filter(|key| key.name == NAME);
    let Some(kept) = tokens.next() else { return create(shared).await };
    // Two calls at once may have made more than one.
    for other in tokens {
        let request = shared.request(RevokeApiKeyRequest { id: other.id })?;
        shared.clients.api_keys.clone().revoke_api_key(request).await?;
    }
    let overlap = Some(prost_types::Duration::try_from(Duration::ZERO).unwrap_or_default());
    let request = RotateApiKeyRequest { id: kept.id, overlap, expires_in: None };
    let rotated = shared.clients.api_keys.clone().rotate_api_key(shared.request(request)?).await?;
    Ok(rotated.into_inner().key)
}
