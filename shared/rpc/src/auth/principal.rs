//! Who calls, and what it may do.

use std::sync::Arc;

use super::roles::Roles;
use crate::{ErrorReason, Failure, Method};

/// The name of who has the administrator's key.
pub const ADMIN: &str = "admin";

/// Who calls, as a credential proves it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Principal {
    /// `admin`, `api-key:<id>`, a service, or what the configuration says.
    pub name: Arc<str>,
    /// The tenant that it belongs to; `None` for one that belongs to none, as services do.
    pub tenant: Option<Arc<str>>,
    /// What it may do.
    pub roles: Roles,
}

/// What somebody may do: a method, for a tenant.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Permit {
    /// For which tenant; `None` for none.
    pub tenant: Option<Arc<str>>,
    /// By which roles.
    pub by: Roles,
}

impl Principal {
    /// Whoever has the administrator's key: keeps the tenants, and owns one.
    #[must_use]
    pub fn admin(tenant: &str) -> Self {
        Self {
            name: ADMIN.into(),
            tenant: Some(tenant.into()),
            roles: Roles::of(["operator", "owner"]),
        }
    }

    /// A service of the suite.
    #[must_use]
    pub fn service(name: &str) -> Self {
        Self { name: name.into(), tenant: None, roles: Roles::of([name]) }
    }

    /// Whether a method may be called, for the principal's own tenant, or for the one that the call names.
    ///
    /// # Errors
    /// PERMISSION_DENIED, with the same text whether there is such a tenant or not.
    pub fn may(&self, method: &Method, named: Option<&str>) -> Result<Permit, Failure> {
        let own = self.tenant.as_deref();
        // Generic clients read the descriptors with the headers of the call that they are going to make.
        let named = named.filter(|_| !method.service.starts_with("grpc.reflection."));
        let foreign = named.is_some() && named != own;
        let roles = self.roles.and(Roles::everyone());
        let roles = if foreign { roles.anywhere() } else { roles };
        let by = roles.among(Roles::that_may(method));
        if by.is_empty() {
            return Err(Failure::new(
                ErrorReason::PermissionDenied,
                "the caller may not do this; CheckAccess says what it may",
            ));
        }
        let tenant = if foreign { named.map(Arc::from) } else { self.tenant.clone() };
        Ok(Permit { tenant, by })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn method(path: &str) -> &'static Method {
        Method::of_path(path).unwrap()
    }

    #[test]
    fn a_tenant_is_named_by_those_alone_whose_role_counts_anywhere() {
        let connections = method("/entente.connection.v1.ConnectionService/ListConnections");
        let keys = method("/entente.access.v1.ApiKeyService/ListApiKeys");
        let admin = Principal::admin("default");
        let tenant = |permit: Result<Permit, Failure>| permit.unwrap().tenant;
        assert_eq!(tenant(admin.may(connections, None)).as_deref(), Some("default"));
        assert_eq!(tenant(admin.may(connections, Some("default"))).as_deref(), Some("default"));
        let refused = admin.may(connections, Some("acme")).unwrap_err();
        assert_eq!(refused.reason, ErrorReason::PermissionDenied);
        assert_eq!(tenant(admin.may(keys, Some("acme"))).as_deref(), Some("acme"));

        let gateway = Principal::service("gateway");
        assert_eq!(tenant(gateway.may(connections, Some("acme"))).as_deref(), Some("acme"));
        assert!(gateway.may(keys, Some("acme")).is_err());

        let reflection = method("/grpc.reflection.v1.ServerReflection/ServerReflectionInfo");
        assert_eq!(tenant(admin.may(reflection, Some("acme"))).as_deref(), Some("default"));

        let reader = Principal { roles: Roles::of(["reader"]), ..admin };
        assert!(reader.may(connections, None).is_ok());
        assert!(reader.may(connections, Some("acme")).is_err());
        let delete = method("/entente.connection.v1.ConnectionService/DeleteConnection");
        assert!(reader.may(delete, None).is_err());
    }
}
