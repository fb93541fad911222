//! Which of a request's headers says who calls.

use axum::http::HeaderMap;
use entente_rpc::auth::{API_KEY_HEADER, bearer_in, key_in};

use crate::identus;

/// The operator's key in Identus.
const ADMIN_KEY_HEADER: &str = "x-admin-api-key";

/// What a request shows.
#[derive(Debug, Default, PartialEq)]
pub(super) struct Shown<'a> {
    /// The key by which it is known who calls.
    pub(super) key: Option<&'a str>,
    /// A key beside it, which must be right too: ACA-Py's callers send the base wallet's with a tenant's token.
    pub(super) beside: Option<&'a str>,
    /// Whether the key is an operator's, shown where tenants' keys are asked for.
    pub(super) misplaced: bool,
    /// Whether it is shown as an operator's, where those are asked for.
    pub(super) administers: bool,
}

impl<'a> Shown<'a> {
    pub(super) fn of(path: &str, headers: &'a HeaderMap) -> Self {
        let text = |name| headers.get(name).and_then(|value| value.to_str().ok());
        let admin = text(ADMIN_KEY_HEADER).filter(|_| identus::owns(path));
        let other = key_in(headers);
        match (admin, other) {
            (Some(key), _) if identus::is_administration(path) => {
                Self { key: Some(key), administers: true, ..Self::default() }
            }
            (Some(key), None) => Self { key: Some(key), misplaced: true, ..Self::default() },
            _ => match (bearer_in(headers), text(API_KEY_HEADER)) {
                (Some(bearer), beside @ Some(_)) => {
                    Self { key: Some(bearer), beside, ..Self::default() }
                }
                _ => Self { key: other, ..Self::default() },
            },
        }
    }
}

#[cfg(test)]
mod tests {
    use axum::http::HeaderValue;

    use super::*;

    #[test]
    fn a_tenants_key_comes_before_the_one_beside_it() {
        let bearer = ("authorization", "Bearer tenant");
        let key = |key| Shown { key: Some(key), ..Shown::default() };
        for (path, headers, expected) in [
            ("/connections", &[bearer][..], key("tenant")),
            ("/connections", &[("x-api-key", "base")], key("base")),
            ("/connections", &[], Shown::default()),
            (
                "/connections",
                &[("x-api-key", "base"), bearer],
                Shown { beside: Some("base"), ..key("tenant") },
            ),
            ("/connections", &[("x-admin-api-key", "admin")], Shown::default()),
            (
                "/cloud-agent/wallets",
                &[("x-admin-api-key", "admin"), bearer],
                Shown { administers: true, ..key("admin") },
            ),
            ("/cloud-agent/connections", &[("x-admin-api-key", "admin"), bearer], key("tenant")),
            (
                "/cloud-agent/connections",
                &[("x-admin-api-key", "admin")],
                Shown { misplaced: true, ..key("admin") },
            ),
        ] {
            let headers: HeaderMap = headers
                .iter()
                .map(|(name, value)| (name.parse().unwrap(), HeaderValue::from_static(value)))
                .collect();
            assert_eq!(Shown::of(path, &headers), expected, "{path} {headers:?}");
        }
    }
}
