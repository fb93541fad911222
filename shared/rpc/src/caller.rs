//! Who calls, and for which tenant.

use tonic::metadata::MetadataValue;
use tonic::{Request, Status};

use crate::{ErrorReason, Failure};

/// The tenant of a suite that serves one owner.
pub const DEFAULT_TENANT: &str = "default";

/// The metadata key that carries the tenant between services. The edge removes what a caller sends under it.
pub const TENANT_KEY: &str = "entente-tenant";

/// The authenticated caller of an RPC, as the edge established it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Caller {
    /// The tenant on whose data the call works.
    pub tenant: String,
}

impl Caller {
    /// The caller of a request. Every handler begins with this, so that no call runs without a tenant.
    ///
    /// # Errors
    /// UNAUTHENTICATED when the edge set no tenant.
    pub fn of<T>(request: &Request<T>) -> Result<Self, Status> {
        let tenant = request.metadata().get(TENANT_KEY).and_then(|value| value.to_str().ok());
        match tenant {
            Some(tenant) if !tenant.is_empty() => Ok(Self { tenant: tenant.to_owned() }),
            _ => {
                Err(Failure::new(ErrorReason::Unauthenticated, "the call carries no tenant").into())
            }
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
