//! What a token says, once its signature counts.

use serde_json::Value;

use crate::{IssuerSettings, Refused, SKEW};

/// The longest subject, in bytes (OpenID Connect Core §2).
const MAX_SUBJECT: usize = 255;

/// Who shows a token.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Subject {
    /// `<issuer>/<subject>`: by what the audit names it.
    pub name: String,
    /// The tenant that it belongs to.
    pub tenant: String,
    /// Names of roles; there need not be such roles.
    pub roles: Vec<String>,
}

pub(crate) fn read(settings: &IssuerSettings, claims: &Value) -> Result<Subject, Refused> {
    let subject = claims.get("sub").and_then(Value::as_str).unwrap_or_default();
    let plain = subject.bytes().all(|byte| byte.is_ascii_graphic());
    if subject.is_empty() || subject.len() > MAX_SUBJECT || !plain {
        return Err(Refused::Claim);
    }
    // The times that there are have to be numbers, whichever of them the library looked at.
    let mut times = ["exp", "nbf", "iat"].into_iter().filter_map(|name| claims.get(name));
    if times.any(|time| !time.is_number()) {
        return Err(Refused::Claim);
    }
    let now = jsonwebtoken::get_current_timestamp();
    let issued = claims.get("iat").and_then(Value::as_f64).unwrap_or_default();
    #[allow(clippy::cast_precision_loss, reason = "seconds since 1970 are exact")]
    if issued > (now + SKEW) as f64 {
        return Err(Refused::Early);
    }
    let claimed = settings.tenant_claim.as_deref().and_then(|name| find(claims, name));
    let tenant = settings.tenant.as_deref().or_else(|| claimed.and_then(Value::as_str));
    let tenant = tenant.filter(|tenant| !tenant.is_empty()).ok_or(Refused::Claim)?;
    let values = settings.roles_claim.as_deref().and_then(|name| find(claims, name));
    let values = values.map(texts).unwrap_or_default();
    let given = values.into_iter().flat_map(|value| match settings.role_map.get(value) {
        Some(roles) => roles.clone(),
        None if settings.role_map.is_empty() => vec![value.to_owned()],
        None => Vec::new(),
    });
    Ok(Subject {
        name: format!("{}/{subject}", settings.issuer.trim_end_matches('/')),
        tenant: tenant.to_owned(),
        roles: settings.roles.iter().cloned().chain(given).collect(),
    })
}

/// A claim by its name, or by the way to it.
fn find<'a>(claims: &'a Value, name: &str) -> Option<&'a Value> {
    claims.get(name).or_else(|| name.split('.').try_fold(claims, |at, key| at.get(key)))
}

fn texts(value: &Value) -> Vec<&str> {
    match value {
        Value::String(text) => text.split_ascii_whitespace().collect(),
        Value::Array(values) => values.iter().filter_map(Value::as_str).collect(),
        _ => Vec::new(),
    }
}
