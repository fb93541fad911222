//! The addresses of a service, as configurations write them (gRPC Name Resolution).

use std::path::{Path, PathBuf};
use std::time::Duration;

use http::Uri;
use http::uri::Authority;
use tonic::transport::Endpoint;

use super::LinkError;

/// One address.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Address {
    /// `http://host:port` or `unix:/path`: one place, which the library connects to.
    Place(String),
    /// `https://host:port`: one place, over TLS.
    Secure(Authority),
    /// `dns:///name:port`: as many places as the name has addresses.
    Name(Authority),
}

impl Address {
    pub(super) fn is_https(&self) -> bool {
        matches!(self, Self::Secure(_))
    }

    /// The host, or the path of a socket; and the port.
    pub(super) fn host_and_port(&self) -> (String, Option<u16>) {
        match self {
            Self::Name(name) | Self::Secure(name) => (name.host().to_owned(), name.port_u16()),
            Self::Place(place) => match place.parse::<Uri>() {
                Ok(uri) if uri.host().is_some_and(|host| !host.is_empty()) => {
                    (uri.host().unwrap_or_default().to_owned(), uri.port_u16())
                }
                _ => (place.trim_start_matches("unix:").to_owned(), None),
            },
        }
    }
}

pub(super) fn parse(addresses: &str) -> Result<Vec<Address>, LinkError> {
    addresses.split(',').map(|address| parse_one(address.trim())).collect()
}

/// The Unix socket that an address names by what follows `unix:`, which is `/path` or `///path`. `None` for a relative path, and
/// for one that names no file. Doubled slashes are one: two at the beginning, after `unix:`, would be those of `unix://`.
#[must_use]
pub fn socket_path(rest: &str) -> Option<PathBuf> {
    let path = Path::new(rest.strip_prefix("//").unwrap_or(rest));
    let names_one = path.is_absolute() && path.file_name().is_some();
    names_one.then(|| path.components().collect())
}

fn parse_one(address: &str) -> Result<Address, LinkError> {
    let wrong = || LinkError::Address(address.to_owned());
    if let Some(rest) = address.strip_prefix("unix:") {
        let path = socket_path(rest).ok_or_else(wrong)?;
        return Ok(Address::Place(format!("unix:{}", path.display())));
    }
    if let Some(rest) = address.strip_prefix("dns:") {
        // An authority between the slashes would be the DNS server to ask, which is the system's to say.
        let name = rest.strip_prefix("///").unwrap_or(rest);
        let name: Authority = name.parse().map_err(|_| wrong())?;
        return match name.port_u16() {
            Some(_) if !name.host().is_empty() && !name.as_str().contains('@') => {
                Ok(Address::Name(name))
            }
            _ => Err(wrong()),
        };
    }
    let uri: Uri = address.parse().map_err(|_| wrong())?;
    let host = uri.host().unwrap_or_default();
    match uri.scheme_str() {
        Some("http") if !host.is_empty() => Ok(Address::Place(address.to_owned())),
        Some("https") if !host.is_empty() => {
            uri.authority().cloned().map(Address::Secure).ok_or_else(wrong)
        }
        _ => Err(wrong()),
    }
}

/// How to connect to a place.
pub(super) fn place(address: &str) -> Result<Endpoint, LinkError> {
    let endpoint = Endpoint::from_shared(address.to_owned())
        .map_err(|_| LinkError::Address(address.to_owned()))?;
    Ok(settings(endpoint))
}

/// How to connect to one of the addresses of a name, which goes with each call. TLS is the connector's: the library is
/// told of `http` only, and of what goes with the calls.
pub(super) fn named(name: &Authority, address: &str, scheme: &str) -> Option<Endpoint> {
    let endpoint = Endpoint::from_shared(format!("http://{address}")).ok()?;
    let origin = Uri::builder().scheme(scheme).authority(name.clone()).path_and_query("/").build();
    Some(settings(endpoint).origin(origin.ok()?))
}

fn settings(endpoint: Endpoint) -> Endpoint {
    endpoint
        .connect_timeout(Duration::from_secs(3))
        .tcp_nodelay(true)
        .http2_keep_alive_interval(Duration::from_secs(20))
        .keep_alive_timeout(Duration::from_secs(10))
        .keep_alive_while_idle(true)
        .http2_max_header_list_size(crate::server::MAX_HEADERS)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn addresses_are_places_and_names() {
        let place = |text: &str| Address::Place(text.to_owned());
        let name = |text: &str| Address::Name(text.parse().unwrap());
        for (text, expected) in [
            ("http://127.0.0.1:1", vec![place("http://127.0.0.1:1")]),
            ("unix:/run/a.sock", vec![place("unix:/run/a.sock")]),
            ("unix:///run/a.sock", vec![place("unix:/run/a.sock")]),
            ("unix:////run//a.sock", vec![place("unix:/run/a.sock")]),
            ("https://a:1", vec![Address::Secure("a:1".parse().unwrap())]),
            ("dns:///keystore:8032", vec![name("keystore:8032")]),
            ("dns:keystore:8032", vec![name("keystore:8032")]),
            ("http://a:1, dns:///b:2", vec![place("http://a:1"), name("b:2")]),
        ] {
            assert_eq!(parse(text).unwrap(), expected, "{text}");
        }
        for text in [
            "",
            "a:1",
            "http://",
            "ftp://a",
            "dns:///a",
            "dns://8.8.8.8/a:1",
            "dns:///:1",
            "unix:a",
            "unix:/",
            "http://a:1,",
            "dns:///u@a:1",
        ] {
            assert!(parse(text).is_err(), "{text}");
        }
    }
}
