//! Who calls, and for which tenant.

use tonic::metadata::MetadataValue;
use tonic::{Request, Status};

use crate::auth::Roles;
use crate::{ErrorReason, Failure};

/// The tenant of a suite that serves one owner.
pub const DEFAULT_TENANT: &str = "default";

/// The metadata key that carries the tenant between services. At the edge it is the tenant that a caller names.
pub const TENANT_KEY: &str = "entente-tenant";
/// The metadata key that carries the caller's name. The edge removes what a caller sends under it.
pub(crate) const CALLER_KEY: &str = "entente-caller";
/// The metadata key that carries the caller's roles, with commas between. The edge removes what a caller sends under it.
pub(crate) const ROLES_KEY: &str = "entente-roles";

/// The authenticated caller of an RPC, as the edge established it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Caller {
    /// The tenant on whose data the call works.
    pub tenant: String,
    /// Who calls; empty for a service of this process.
    pub name: String,
    /// What the caller may do; nothing for a service of this process, which may all.
    pub roles: Roles,
}

impl Caller {
    /// The caller of a request. Every handler begins with this, so that no call runs without a tenant.
    ///
    /// # Errors
    /// UNAUTHENTICATED when the edge set no tenant.
    pub fn of<T>(request: &Request<T>) -> Result<Self, Status> {
        let caller = Self::for_any(request);
        if caller.tenant.is_empty() {
            let text = "the call carries no tenant: name one by the metadata entente-tenant";
            return Err(Failure::new(ErrorReason::Unauthenticated, text).into());
        }
        Ok(caller)
    }

    /// The caller of a request that works on no tenant's data; its tenant may be empty.
    pub fn for_any<T>(request: &Request<T>) -> Self {
        let text = |key| {
            let value = request.metadata().get(key).and_then(|value| value.to_str().ok());
            value.unwrap_or_default()
        };
        Self {
            tenant: text(TENANT_KEY).to_owned(),
            name: text(CALLER_KEY).to_owned(),
            roles: Roles::of(text(ROLES_KEY).split(',')),
        }
    }
}

/// A request that works on a tenant's data, for a call from one service to another.
///
/// # Errors
/// INVALID_ARGUMENT when the tenant's name cannot be carried; names made by this suite always can.
pub fn for_tenant<T>(tenant: &str, message: T) -> Result<Request<T>, Status> {
    let mut request = Request::new(message);
    let value = MetadataValue::try_from(tenant)
        .map_err(|_| Failure::field("tenant", "has characters that metadata may not carry"))?;
    request.metadata_mut().insert(TENANT_KEY, value);
    Ok(request)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_request_without_a_tenant_is_refused() {
        let status = Caller::of(&Request::new(())).unwrap_err();
        assert_eq!(status.code(), tonic::Code::Unauthenticated);
        assert_eq!(Caller::of(&for_tenant("acme", ()).unwrap()).unwrap().tenant, "acme");
    }
}
