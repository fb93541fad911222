//! Who is at the other end of a connection.

use std::net::{IpAddr, SocketAddr};
use std::str::FromStr;

use entente_tls::{Identity, SpiffeId};
use http::HeaderMap;
use tokio::time::Instant;

use super::forwarded;

/// The header by which a proxy tells of the certificate that was shown to it (Envoy).
pub const FORWARDED_HEADER: &str = "x-forwarded-client-cert";

/// The header by which a proxy tells for whom it calls.
const SERVED_HEADER: &str = "x-forwarded-for";

/// Who is at the other end of a connection: an extension of each of its requests.
#[derive(Debug, Clone, Default)]
pub struct Peer {
    /// From where; `None` over a Unix socket.
    pub address: Option<SocketAddr>,
    /// What its certificate says.
    pub identity: Identity,
    /// When the connection is cut, if it ever is: what goes on over it should end before.
    pub ends_at: Option<Instant>,
}

impl Peer {
    /// Somebody at an address, without a certificate.
    #[must_use]
    pub fn at(address: SocketAddr) -> Self {
        Self { address: Some(address), identity: Identity::None, ends_at: None }
    }
}

/// The proxies that are believed when they say for whom they call.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Proxies {
    /// By address.
    pub networks: Vec<Network>,
    /// By certificate.
    pub ids: Vec<SpiffeId>,
}

/// A network as CIDR, or one address.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Network {
    address: IpAddr,
    prefix: u8,
}

impl Proxies {
    /// Who makes a call as its connection shows it or, where that is a proxy's, as the proxy says. What others say is
    /// taken out of the headers, and so is what was read.
    pub(super) fn identity(&self, headers: &mut HeaderMap, peer: &Peer) -> Identity {
        let said: Vec<_> = headers.get_all(FORWARDED_HEADER).iter().cloned().collect();
        headers.remove(FORWARDED_HEADER);
        if said.is_empty() || !self.include(peer) {
            return peer.identity.clone();
        }
        forwarded::identity(&said)
    }

    /// From where a call comes.
    pub(super) fn address(&self, headers: &HeaderMap, peer: &Peer) -> Option<IpAddr> {
        if !self.include(peer) {
            return peer.address.map(|address| address.ip().to_canonical());
        }
        // The nearest proxy's own is the last.
        let said = headers.get_all(SERVED_HEADER).iter().next_back()?.to_str().ok()?;
        let last = said.rsplit(',').next()?.trim();
        last.parse().map(|address: IpAddr| address.to_canonical()).ok()
    }

    fn include(&self, peer: &Peer) -> bool {
        let at = |address: SocketAddr| self.networks.iter().any(|net| net.has(address.ip()));
        let by_id = matches!(&peer.identity, Identity::Spiffe(id) if self.ids.contains(id));
        by_id || peer.address.is_some_and(at)
    }
}

impl Network {
    fn has(&self, address: IpAddr) -> bool {
        let bits = |address: IpAddr| match address {
            IpAddr::V4(address) => (u128::from(address.to_bits()) << 96, 32),
            IpAddr::V6(address) => (address.to_bits(), 128),
        };
        // An IPv4 address that comes over IPv6 is the same address.
        let ((own, width), (other, others)) = (bits(self.address), bits(address.to_canonical()));
        let shift = 128 - u32::from(self.prefix);
        width == others && own.checked_shr(shift) == other.checked_shr(shift)
    }
}

impl FromStr for Network {
    type Err = ();

    fn from_str(text: &str) -> Result<Self, ()> {
        let (address, prefix) = match text.split_once('/') {
            Some((address, prefix)) => (address, Some(prefix)),
            None => (text, None),
        };
        let address: IpAddr = address.parse().map_err(|_| ())?;
        let most = if address.is_ipv4() { 32 } else { 128 };
        let prefix = match prefix {
            Some(prefix) => prefix.parse().map_err(|_| ())?,
            None => most,
        };
        if prefix <= most { Ok(Self { address, prefix }) } else { Err(()) }
    }
}

#[cfg(test)]
mod tests {
    use http::HeaderValue;

    use super::*;

    fn network(text: &str) -> Network {
        text.parse().unwrap()
    }

    #[test]
    fn networks_have_their_addresses() {
        for (net, inside, outside) in [
            ("10.0.0.0/8", "10.255.0.1", "11.0.0.1"),
            ("127.0.0.1", "127.0.0.1", "127.0.0.2"),
            ("127.0.0.1", "::ffff:127.0.0.1", "::1"),
            ("fd00::/8", "fd12::1", "fe80::1"),
            ("0.0.0.0/0", "8.8.8.8", "::1"),
            ("::/0", "fe80::1", "8.8.8.8"),
            ("192.168.1.128/25", "192.168.1.200", "192.168.1.127"),
        ] {
            assert!(network(net).has(inside.parse().unwrap()), "{net} {inside}");
            assert!(!network(net).has(outside.parse().unwrap()), "{net} {outside}");
        }
        for wrong in ["", "10.0.0.0/33", "10.0.0/8", "::/129", "10.0.0.0/", "10.0.0.0/-1", "a"] {
            assert!(wrong.parse::<Network>().is_err(), "{wrong}");
        }
    }

    fn headers(values: &[&str]) -> HeaderMap {
        let header = |value: &&str| {
            (FORWARDED_HEADER.parse().unwrap(), HeaderValue::from_str(value).unwrap())
        };
        values.iter().map(header).collect()
    }

    #[test]
    fn only_a_listed_proxy_is_believed() {
        let id = |name: &str| name.parse::<SpiffeId>().unwrap();
        let proxies = Proxies {
            networks: vec![network("10.1.0.0/16")],
            ids: vec![id("spiffe://mesh/ingress")],
        };
        let said = ["URI=spiffe://mesh/admin"];
        let at = |address: &str| Peer::at(address.parse().unwrap());
        let with = |peer: Peer, name: &str| Peer { identity: Identity::Spiffe(id(name)), ..peer };
        let admin = Identity::Spiffe(id("spiffe://mesh/admin"));
        let reader = Identity::Spiffe(id("spiffe://mesh/reader"));
        for (peer, expected) in [
            (at("10.1.2.3:4"), &admin),
            (with(at("192.0.2.1:4"), "spiffe://mesh/ingress"), &admin),
            (at("192.0.2.1:4"), &Identity::None),
            (with(at("192.0.2.1:4"), "spiffe://mesh/reader"), &reader),
            (Peer::default(), &Identity::None),
        ] {
            let mut headers = headers(&said);
            assert_eq!(proxies.identity(&mut headers, &peer), *expected, "{peer:?}");
            assert!(headers.is_empty());
        }
        // Without the header the proxy is who it is.
        let ingress = with(at("10.1.2.3:4"), "spiffe://mesh/ingress");
        assert_eq!(proxies.identity(&mut HeaderMap::new(), &ingress), ingress.identity);
        // Nobody is listed by default.
        let peer = at("10.1.2.3:4");
        assert_eq!(Proxies::default().identity(&mut headers(&said), &peer), Identity::None);
    }

    #[test]
    fn what_a_caller_sent_before_the_proxy_added_its_own_does_not_count() {
        let proxies = Proxies { networks: vec![network("10.0.0.1")], ids: Vec::new() };
        let peer = Peer::at("10.0.0.1:4".parse().unwrap());
        let reader = Identity::Spiffe("spiffe://mesh/reader".parse().unwrap());
        for said in [
            &["URI=spiffe://mesh/admin,By=spiffe://mesh/x;Hash=ab;URI=spiffe://mesh/reader"][..],
            &["URI=spiffe://mesh/admin", "URI=spiffe://mesh/reader"],
        ] {
            assert_eq!(proxies.identity(&mut headers(said), &peer), reader, "{said:?}");
        }
    }
}
