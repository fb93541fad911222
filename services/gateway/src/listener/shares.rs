//! How many connections each address may have open, so that none has them all.

use std::collections::HashMap;
use std::net::IpAddr;
use std::sync::{Arc, Mutex, PoisonError};

use axum::http::HeaderMap;
use entente_rpc::auth::{Callers, Peer, network};

/// The connections that are open, by address. Clones count together.
#[derive(Clone)]
pub(crate) struct Shares {
    most: usize,
    open: Arc<Mutex<HashMap<IpAddr, usize>>>,
}

/// A connection that counts until it is dropped.
pub(super) struct Share {
    counted: Option<(Shares, IpAddr)>,
}

impl Shares {
    /// So many for each address.
    pub(crate) fn new(most: usize) -> Self {
        Self { most, open: Arc::default() }
    }

    /// A further connection; `None` when its address has as many as it may. Those of a proxy that is believed are
    /// everyone's, and not counted.
    pub(super) fn take(&self, callers: &Callers, peer: &Peer) -> Option<Share> {
        let Some(from) = network(callers.address(&HeaderMap::new(), peer)) else {
            return Some(Share { counted: None });
        };
        let mut open = self.open.lock().unwrap_or_else(PoisonError::into_inner);
        let count = open.entry(from).or_default();
        if *count >= self.most {
            return None;
        }
        *count += 1;
        Some(Share { counted: Some((self.clone(), from)) })
    }
}

impl Drop for Share {
    fn drop(&mut self) {
        let Some((shares, from)) = &self.counted else { return };
        let mut open = shares.open.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(count) = open.get_mut(from) {
            *count -= 1;
            if *count == 0 {
                open.remove(from);
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_address_has_so_many_at_a_time() {
        let (shares, callers) = (Shares::new(2), Callers::insecure());
        let take = |from: &str| shares.take(&callers, &Peer::at(from.parse().unwrap()));
        let first = take("192.0.2.1:1");
        let second = take("192.0.2.1:2");
        assert!(first.is_some() && second.is_some() && take("192.0.2.1:3").is_none());
        assert!(take("192.0.2.2:1").is_some());
        drop(first);
        let third = take("192.0.2.1:4");
        assert!(third.is_some() && take("192.0.2.1:5").is_none());
        // Everyone may be behind loopback.
        let local: Vec<_> = (1..10).map(|port| take(&format!("127.0.0.1:{port}"))).collect();
        assert!(local.iter().all(Option::is_some));
        drop((second, third, local));
        assert!(shares.open.lock().unwrap().is_empty());
    }
}
