//! Where gRPC listens.

use std::fmt;
use std::net::SocketAddr;
use std::path::PathBuf;
use std::str::FromStr;

use entente_rpc::link::socket_path;

/// An address of this machine, or a Unix socket.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Listen {
    /// `ip:port`.
    Tcp(SocketAddr),
    /// `unix:/path`.
    Unix(PathBuf),
}

impl Listen {
    /// Whether only this machine reaches it.
    #[must_use]
    pub fn is_local(&self) -> bool {
        match self {
            Self::Tcp(address) => address.ip().is_loopback(),
            Self::Unix(_) => true,
        }
    }
}

impl FromStr for Listen {
    type Err = ();

    fn from_str(text: &str) -> Result<Self, ()> {
        match text.strip_prefix("unix:") {
            None => text.parse().map(Self::Tcp).map_err(|_| ()),
            Some(rest) => socket_path(rest).map(Self::Unix).ok_or(()),
        }
    }
}

impl fmt::Display for Listen {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Tcp(address) => address.fmt(formatter),
            Self::Unix(path) => write!(formatter, "unix:{}", path.display()),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::Listen;

    #[test]
    fn what_is_printed_is_the_same_address() {
        for text in ["127.0.0.1:1", "[::1]:2", "unix:/a", "unix:///a/b", "unix:////a//b"] {
            let listen: Listen = text.parse().unwrap();
            assert_eq!(listen.to_string().parse(), Ok(listen), "{text}");
        }
        assert_eq!("unix://///".parse::<Listen>(), Err(()));
    }
}
