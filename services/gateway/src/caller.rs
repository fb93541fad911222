//! Who calls an admin API.

use std::net::IpAddr;
use std::sync::Arc;

use axum::extract::Request;
use axum::http::HeaderValue;
use entente_rpc::Failure;
use entente_rpc::auth::{Behalf, Principal, Roles};
use entente_rpc::caller::TENANT_KEY;

use crate::gateway::Shared;

/// What a request says of its caller, who is not known yet; `key` is the one that it shows.
pub(crate) fn of(request: &Request, key: Option<&str>, address: Option<IpAddr>) -> Behalf {
    let headers = request.headers();
    let named = headers.get(TENANT_KEY).and_then(|value| value.to_str().ok());
    Behalf {
        principal: None,
        tenant: named.filter(|name| !name.is_empty()).map(Arc::from),
        address,
        key: key.and_then(secret),
    }
}

impl Shared {
    /// The same caller, for a tenant that it names.
    pub(crate) fn naming(&self, tenant: &str) -> Arc<Self> {
        self.on_behalf(Behalf { tenant: Some(tenant.into()), ..self.behalf().clone() })
    }

    /// The name that peers see: the tenant's, or else the suite's.
    pub(crate) async fn label(&self) -> String {
        let standing = self.config.callers.tenants().standing(self.behalf().tenant()).await;
        let own = standing.map(|standing| standing.label.clone()).unwrap_or_default();
        if own.is_empty() { self.config.label.clone() } else { own }
    }

    /// Whether it works for an operator.
    pub(crate) fn is_an_operators(&self) -> bool {
        self.behalf().principal.as_ref().is_some_and(is_operator)
    }

    /// Whether it is known for whom it works.
    pub(crate) fn is_somebodys(&self) -> bool {
        self.behalf().principal.is_some()
    }

    /// The same for who has a key, which came on a WebSocket.
    ///
    /// # Errors
    /// Why the key lets nobody in.
    pub(crate) async fn for_key(
        &self,
        key: Option<&str>,
        path: &str,
    ) -> Result<Arc<Self>, Failure> {
        let mut behalf = self.behalf().clone();
        match self.config.callers.identify(key, behalf.address).await {
            Ok(principal) => {
                behalf.principal = Some(principal);
                behalf.key = key.and_then(secret);
                Ok(self.on_behalf(behalf))
            }
            Err(failure) => {
                self.config.callers.refused(&failure, &behalf, path);
                Err(failure)
            }
        }
    }
}

/// Whether somebody keeps tenants.
pub(crate) fn is_operator(principal: &Principal) -> bool {
    principal.roles.include(Roles::of(["operator"]))
}

fn secret(key: &str) -> Option<HeaderValue> {
    let mut value = HeaderValue::from_str(key).ok()?;
    value.set_sensitive(true);
    Some(value)
}
