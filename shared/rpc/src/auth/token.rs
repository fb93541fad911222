//! Who has a token.

use entente_jwt::{Issuers, Refused};

use super::{Principal, Roles};
use crate::{ErrorReason, Failure};

/// Who has a token of one of the issuers. No token makes a service of the suite.
pub(super) async fn holder(issuers: &Issuers, token: &str) -> Result<Principal, Failure> {
    let subject = issuers.verify(token).await.map_err(|refused| {
        let reason = match refused {
            Refused::Expired => ErrorReason::CredentialExpired,
            _ => ErrorReason::Unauthenticated,
        };
        Failure::new(reason, refused.to_string())
    })?;
    let outside = |name: &&str| {
        Roles::named(name).is_some_and(|role| role.among(Roles::of_services()).is_empty())
    };
    let roles = Roles::of(subject.roles.iter().map(String::as_str).filter(outside));
    Ok(Principal { name: subject.name.into(), tenant: Some(subject.tenant.into()), roles })
}
