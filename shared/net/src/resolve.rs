//! Names to addresses that the policy allows.

use std::io;
use std::net::{IpAddr, SocketAddr};

use reqwest::dns::{Addrs, Name, Resolve, Resolving};
use tokio::net::{TcpStream, lookup_host};

use crate::{AddressPolicy, Refused};

/// The system's resolver, less the addresses that the policy does not allow.
pub(crate) struct Guarded(pub(crate) AddressPolicy);

impl Resolve for Guarded {
    fn resolve(&self, name: Name) -> Resolving {
        let policy = self.0;
        Box::pin(async move {
            let addresses = lookup(policy, name.as_str(), 0).await?;
            Ok(Box::new(addresses.into_iter()) as Addrs)
        })
    }
}

async fn lookup(policy: AddressPolicy, host: &str, port: u16) -> io::Result<Vec<SocketAddr>> {
    let mut found = lookup_host((host, port)).await?.peekable();
    if found.peek().is_none() {
        return Err(io::Error::new(io::ErrorKind::NotFound, "the name has no address"));
    }
    let allowed: Vec<SocketAddr> = found.filter(|address| policy.allows(address.ip())).collect();
    if allowed.is_empty() {
        return Err(io::Error::new(
            io::ErrorKind::PermissionDenied,
            Refused::Name(host.to_owned()),
        ));
    }
    Ok(allowed)
}

/// A TCP connection to a name or address that the policy allows, with TCP_NODELAY. The caller limits the time.
///
/// # Errors
/// A refusal ([`crate::refusal`] finds it), or why the host cannot be reached.
pub async fn connect(policy: AddressPolicy, host: &str, port: u16) -> io::Result<TcpStream> {
    // Url writes IPv6 hosts in brackets.
    let host = host.strip_prefix('[').and_then(|host| host.strip_suffix(']')).unwrap_or(host);
    let addresses = match host.parse::<IpAddr>() {
        Ok(address) if policy.allows(address) => vec![SocketAddr::new(address, port)],
        Ok(address) => {
            return Err(io::Error::new(io::ErrorKind::PermissionDenied, Refused::Address(address)));
        }
        Err(_) => lookup(policy, host, port).await?,
    };
    let stream = TcpStream::connect(addresses.as_slice()).await?;
    stream.set_nodelay(true)?;
    Ok(stream)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::refusal;

    #[tokio::test]
    async fn a_name_for_a_private_address_is_refused() {
        for host in ["localhost", "127.0.0.1", "[::1]"] {
            let error = connect(AddressPolicy::Public, host, 9).await.unwrap_err();
            assert!(refusal(&error).is_some(), "{host}: {error}");
        }
    }
}
