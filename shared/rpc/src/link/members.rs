//! The places behind a link, and which is next.

use std::net::SocketAddr;
use std::sync::atomic::{AtomicU64, AtomicUsize, Ordering};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use http::uri::Authority;
use tokio::time::Instant;
use tonic::Status;
use tonic::transport::Channel;

use super::address::{self, Address};
use super::attempts::unavailable;
use super::{Security, secure};

/// How long what the DNS said is used before it is asked again.
const FRESH: Duration = Duration::from_secs(10);
/// The same, when a place could not be connected to.
const FRESH_AFTER_FAILURE: Duration = Duration::from_secs(1);
/// How long the DNS may take.
const LOOKUP: Duration = Duration::from_secs(5);
/// How long a place that could not be connected to is passed over while there are others.
const AWAY: Duration = Duration::from_secs(1);

/// A place with its connection.
pub(super) struct Member {
    /// The name and address that it was looked up by; `None` for what is not looked up.
    found: Option<(Authority, SocketAddr)>,
    pub(super) channel: Channel,
    /// In milliseconds since the members were made.
    away_until: AtomicU64,
}

impl Member {
    fn new(found: Option<(Authority, SocketAddr)>, channel: Channel) -> Arc<Self> {
        Arc::new(Self { found, channel, away_until: AtomicU64::new(0) })
    }
}

/// The places behind a link.
pub(super) struct Members {
    began: Instant,
    names: Vec<Authority>,
    security: Option<Security>,
    next: AtomicUsize,
    known: Mutex<Known>,
    looking_up: tokio::sync::Mutex<()>,
}

#[derive(Default, Clone)]
struct Known {
    members: Arc<[Arc<Member>]>,
    /// When the names are to be looked up again.
    stale: Option<Instant>,
}

impl Members {
    pub(super) fn new(addresses: Vec<Address>, security: Option<Security>) -> Self {
        let (mut members, mut names) = (Vec::new(), Vec::new());
        for address in addresses {
            let channel = match address {
                Address::Name(name) => {
                    names.push(name);
                    continue;
                }
                Address::Place(place) => address::place(&place).ok().map(|at| at.connect_lazy()),
                Address::Secure(name) => security
                    .as_ref()
                    .and_then(|security| secure::channel(&name, name.as_str(), security)),
            };
            members.extend(channel.map(|channel| Member::new(None, channel)));
        }
        Self {
            began: Instant::now(),
            names,
            security,
            next: AtomicUsize::new(0),
            known: Mutex::new(Known { members: members.into(), stale: None }),
            looking_up: tokio::sync::Mutex::new(()),
        }
    }

    /// The places in the order in which a call tries them: round the ones that can be connected to, then the others.
    pub(super) async fn in_turn(self: &Arc<Self>) -> Result<Vec<Arc<Member>>, Status> {
        let members = self.known().await?;
        let (count, now) = (members.len(), self.now());
        let first = self.next.fetch_add(1, Ordering::Relaxed) % count.max(1);
        let round = members.iter().cycle().skip(first).take(count).cloned();
        let (mut order, away): (Vec<_>, Vec<_>) =
            round.partition(|member| member.away_until.load(Ordering::Relaxed) <= now);
        order.extend(away);
        Ok(order)
    }

    /// A place could not be connected to.
    pub(super) fn failed(&self, member: &Member) {
        let until = self.began.elapsed() + AWAY;
        member.away_until.store(millis(until), Ordering::Relaxed);
        let mut known = self.lock();
        let soon = Instant::now() + FRESH_AFTER_FAILURE;
        known.stale = known.stale.map(|stale| stale.min(soon));
    }

    fn now(&self) -> u64 {
        millis(self.began.elapsed())
    }

    fn lock(&self) -> std::sync::MutexGuard<'_, Known> {
        self.known.lock().unwrap_or_else(PoisonError::into_inner)
    }

    async fn known(self: &Arc<Self>) -> Result<Arc<[Arc<Member>]>, Status> {
        if self.names.is_empty() {
            return Ok(Arc::clone(&self.lock().members));
        }
        let known = self.lock().clone();
        let fresh = known.stale.is_some_and(|stale| Instant::now() < stale);
        if fresh && !known.members.is_empty() {
            return Ok(known.members);
        }
        if known.members.is_empty() {
            let _turn = self.looking_up.lock().await;
            if self.lock().members.is_empty() {
                self.look_up().await?;
            }
            return Ok(Arc::clone(&self.lock().members));
        }
        // The call goes on with what is known.
        let members = Arc::clone(self);
        tokio::spawn(async move {
            if let Ok(_turn) = members.looking_up.try_lock()
                && let Err(status) = members.look_up().await
            {
                tracing::warn!(problem = status.message(), "a service cannot be looked up again");
            }
        });
        Ok(known.members)
    }

    /// Asks the DNS. Who is still there keeps its connection.
    fn channel(&self, name: &Authority, at: SocketAddr) -> Option<Channel> {
        match &self.security {
            Some(security) => secure::channel(name, &at.to_string(), security),
            None => Some(address::named(name, &at.to_string(), "http")?.connect_lazy()),
        }
    }

    async fn look_up(&self) -> Result<(), Status> {
        let mut found = Vec::new();
        for name in &self.names {
            let addresses = tokio::time::timeout(LOOKUP, tokio::net::lookup_host(name.as_str()));
            let unknown =
                |problem: String| unavailable(format!("{name} cannot be looked up: {problem}"));
            let addresses = addresses.await.map_err(|_| unknown("the DNS is silent".to_owned()));
            match addresses.and_then(|found| found.map_err(|error| unknown(error.to_string()))) {
                Ok(addresses) => found.extend(addresses.map(|address| (name.clone(), address))),
                Err(status) => {
                    self.lock().stale = Some(Instant::now() + FRESH_AFTER_FAILURE);
                    return Err(status);
                }
            }
        }
        found.sort_by(|(one, at), (other, there)| (one.as_str(), at).cmp(&(other.as_str(), there)));
        found.dedup();
        let mut known = self.lock();
        let keep =
            |member: &&Arc<Member>| member.found.as_ref().is_none_or(|place| found.contains(place));
        let mut members: Vec<_> = known.members.iter().filter(keep).cloned().collect();
        for (name, at) in found {
            let place = Some((name, at));
            if members.iter().any(|member| member.found == place) {
                continue;
            }
            if let Some(channel) = place.as_ref().and_then(|(name, at)| self.channel(name, *at)) {
                members.push(Member::new(place, channel));
            }
        }
        known.members = members.into();
        known.stale = Some(Instant::now() + FRESH);
        Ok(())
    }
}

fn millis(time: Duration) -> u64 {
    u64::try_from(time.as_millis()).unwrap_or(u64::MAX)
}
