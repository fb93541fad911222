//! Which addresses and URLs may be connected to.

use std::error::Error;
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};

use url::{Host, Url};

/// The addresses that may be connected to.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum AddressPolicy {
    /// Only addresses of the public internet.
    #[default]
    Public,
    /// Any address: for tests, and where all agents share a private network.
    Any,
}

/// Why a place may not be connected to. Trying again does not help.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum Refused {
    /// Another scheme.
    #[error("the scheme {scheme:?} is not supported; use {allowed}")]
    Scheme {
        /// What came.
        scheme: String,
        /// What is taken.
        allowed: String,
    },
    /// No host.
    #[error("the URL has no host")]
    NoHost,
    /// A user name or password.
    #[error("the URL has a user name or password")]
    Credentials,
    /// A private, loopback, link-local or otherwise special address.
    #[error("the address {0} is not a public one")]
    Address(IpAddr),
    /// All addresses of a name are special.
    #[error("the name {0:?} has no public address")]
    Name(String),
}

impl AddressPolicy {
    /// Whether an address may be connected to.
    #[must_use]
    pub fn allows(self, address: IpAddr) -> bool {
        match self {
            Self::Any => true,
            Self::Public => match address {
                IpAddr::V4(address) => is_public_v4(address),
                IpAddr::V6(address) => is_public_v6(address),
            },
        }
    }

    /// Checks what a URL itself says: its scheme, and its host if that is an address. A name is checked when it is
    /// resolved.
    ///
    /// # Errors
    /// [`Refused`], but not [`Refused::Name`].
    pub fn check(self, url: &Url, schemes: &[&str]) -> Result<(), Refused> {
        if !schemes.contains(&url.scheme()) {
            let scheme = url.scheme().to_owned();
            return Err(Refused::Scheme { scheme, allowed: schemes.join(", ") });
        }
        if !url.username().is_empty() || url.password().is_some() {
            return Err(Refused::Credentials);
        }
        let address = match url.host() {
            None => return Err(Refused::NoHost),
            Some(Host::Domain(_)) => return Ok(()),
            Some(Host::Ipv4(address)) => IpAddr::V4(address),
            Some(Host::Ipv6(address)) => IpAddr::V6(address),
        };
        if self.allows(address) { Ok(()) } else { Err(Refused::Address(address)) }
    }
}

/// The refusal behind an error of a [`crate::client`] or of [`crate::connect`], if that is what it was.
#[must_use]
pub fn refusal<'a>(error: &'a (dyn Error + 'static)) -> Option<&'a Refused> {
    let mut next = Some(error);
    while let Some(error) = next {
        if let Some(refused) = error.downcast_ref() {
            return Some(refused);
        }
        // An io::Error hides the error it was made from behind `get_ref`; its `source` skips it.
        let inner = error.downcast_ref::<std::io::Error>().and_then(std::io::Error::get_ref);
        next = match inner {
            Some(inner) => Some(inner),
            None => error.source(),
        };
    }
    None
}

/// IANA's special-purpose addresses, multicast and class E are not public.
fn is_public_v4(address: Ipv4Addr) -> bool {
    let [a, b, c, _] = address.octets();
    !matches!(
        (a, b, c),
        (0 | 10 | 127, _, _)
            | (100, 64..=127, _)
            | (169, 254, _)
            | (172, 16..=31, _)
            | (192, 0, 0 | 2)
            | (192, 88, 99)
            | (192, 168, _)
            | (198, 18 | 19, _)
            | (198, 51, 100)
            | (203, 0, 113)
            | (224..=255, _, _)
    )
}

/// Global unicast, 2000::/3, without its special parts. That leaves out loopback, mapped IPv4, NAT64, unique local,
/// link-local and multicast.
fn is_public_v6(address: Ipv6Addr) -> bool {
    match address.segments() {
        // IETF protocols: Teredo, ORCHID and others.
        [0x2001, 0..=0x1ff, ..] => false,
        // Documentation, 6to4.
        [0x2001, 0xdb8, ..] | [0x2002, ..] | [0x3fff, 0..=0xfff, ..] => false,
        [first, ..] => first & 0xe000 == 0x2000,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn special_addresses_are_not_public() {
        for text in [
            "0.0.0.0",
            "0.1.2.3",
            "10.0.0.1",
            "100.64.0.1",
            "100.127.255.255",
            "127.0.0.1",
            "127.255.0.1",
            "169.254.169.254",
            "172.16.0.1",
            "172.31.255.255",
            "192.0.0.8",
            "192.0.2.1",
            "192.88.99.1",
            "192.168.1.1",
            "198.18.0.1",
            "198.19.255.255",
            "198.51.100.1",
            "203.0.113.1",
            "224.0.0.1",
            "239.1.1.1",
            "240.0.0.1",
            "255.255.255.255",
            "::",
            "::1",
            "::ffff:127.0.0.1",
            "::ffff:8.8.8.8",
            "::8.8.8.8",
            "64:ff9b::808:808",
            "64:ff9b:1::1",
            "100::1",
            "2001::1",
            "2001:db8::1",
            "2002:7f00:1::",
            "3fff::1",
            "fc00::1",
            "fd12::1",
            "fe80::1",
            "fec0::1",
            "ff02::1",
            "5f00::1",
        ] {
            let address = text.parse().unwrap();
            assert!(!AddressPolicy::Public.allows(address), "{text}");
            assert!(AddressPolicy::Any.allows(address), "{text}");
        }
        for text in [
            "1.1.1.1",
            "100.63.0.1",
            "172.32.0.1",
            "192.0.1.1",
            "2606:4700::1111",
            "2001:4860::8888",
        ] {
            assert!(AddressPolicy::Public.allows(text.parse().unwrap()), "{text}");
        }
    }

    #[test]
    fn urls_are_checked_without_resolving() {
        let check = |text: &str| {
            AddressPolicy::Public.check(&Url::parse(text).unwrap(), &["http", "https"])
        };
        assert_eq!(check("https://agent.example:8020/x?y"), Ok(()));
        assert!(matches!(check("ftp://agent.example"), Err(Refused::Scheme { .. })));
        assert!(matches!(check("file:///etc/passwd"), Err(Refused::Scheme { .. })));
        assert_eq!(check("https://a:b@agent.example"), Err(Refused::Credentials));
        // Every spelling of 127.0.0.1 that a URL may have.
        for text in [
            "http://127.0.0.1",
            "http://127.1",
            "http://0x7f.1",
            "http://2130706433",
            "http://0177.0.0.1",
        ] {
            assert_eq!(check(text), Err(Refused::Address(Ipv4Addr::LOCALHOST.into())), "{text}");
        }
        assert!(matches!(check("http://[::1]:80"), Err(Refused::Address(_))));
        assert!(matches!(check("http://[::ffff:10.0.0.1]"), Err(Refused::Address(_))));
    }
}
