//! What is known of an origin (scheme, host and port): how many deliveries are under way, and its breaker.

use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::{Duration, Instant};

use moka::policy::EvictionPolicy;
use moka::sync::Cache;
use prometheus_client::metrics::gauge::Gauge;
use tokio::sync::{OwnedSemaphorePermit, Semaphore};
use url::Url;

use crate::Config;
use crate::breaker::{Breaker, BreakerSettings};
use crate::error::TransportError;

/// When a full origin may be tried again.
const OVERLOAD_RETRY: Duration = Duration::from_secs(1);

/// The origins delivered to of late.
pub(crate) struct Origins {
    known: Cache<String, Arc<Origin>>,
    max_in_flight: usize,
    max_waiting: usize,
    breaker: BreakerSettings,
    open: Gauge,
}

impl Origins {
    pub(crate) fn new(config: &Config, open: Gauge) -> Self {
        let idle = config.breaker.max_backoff.max(config.timeout) * 2;
        // Least recently used: another policy might not let a new origin in, whose limit would then not hold.
        let known = Cache::builder()
            .max_capacity(config.max_origins)
            .time_to_idle(idle)
            .eviction_policy(EvictionPolicy::lru())
            .build();
        let Config { max_in_flight, max_waiting, breaker, .. } = *config;
        Self { known, max_in_flight: max_in_flight.max(1), max_waiting, breaker, open }
    }

    pub(crate) fn of(&self, url: &Url) -> Arc<Origin> {
        let key = format!(
            "{}://{}:{}",
            url.scheme(),
            url.host_str().unwrap_or_default(),
            url.port_or_known_default().unwrap_or_default()
        );
        self.known.get_with_by_ref(&key, || {
            Arc::new(Origin {
                name: key.clone(),
                permits: Arc::new(Semaphore::new(self.max_in_flight)),
                waiting: AtomicUsize::new(0),
                max_waiting: self.max_waiting,
                breaker: Mutex::new(Breaker::new(self.breaker)),
                open: self.open.clone(),
            })
        })
    }
}

/// One origin.
pub(crate) struct Origin {
    /// `https://agent.example:443`
    pub(crate) name: String,
    permits: Arc<Semaphore>,
    waiting: AtomicUsize,
    max_waiting: usize,
    breaker: Mutex<Breaker>,
    open: Gauge,
}

impl Origin {
    /// Waits for a turn. The breaker is asked after that, since it may have opened meanwhile.
    ///
    /// # Errors
    /// [`TransportError::Overloaded`] when too many wait; [`TransportError::CircuitOpen`].
    pub(crate) async fn enter(self: Arc<Self>) -> Result<Turn, TransportError> {
        let permit = match self.permits.clone().try_acquire_owned() {
            Ok(permit) => permit,
            Err(_) => self.wait().await?,
        };
        let admitted = self.with_breaker(|breaker| breaker.admit(Instant::now()));
        admitted.map_err(|retry_after| TransportError::CircuitOpen {
            origin: self.name.clone(),
            retry_after,
        })?;
        Ok(Turn { origin: self, _permit: permit, answered: false })
    }

    async fn wait(&self) -> Result<OwnedSemaphorePermit, TransportError> {
        let waiting = Waiting::new(&self.waiting);
        if waiting.before >= self.max_waiting {
            return Err(self.overloaded());
        }
        self.permits.clone().acquire_owned().await.map_err(|_| self.overloaded())
    }

    /// The error of who cannot get a turn.
    pub(crate) fn overloaded(&self) -> TransportError {
        TransportError::Overloaded { origin: self.name.clone(), retry_after: OVERLOAD_RETRY }
    }

    /// Runs something on the breaker, and keeps the gauge of open ones right.
    fn with_breaker<T>(&self, run: impl FnOnce(&mut Breaker) -> T) -> T {
        let mut breaker = self.breaker.lock().unwrap_or_else(PoisonError::into_inner);
        let before = breaker.is_open();
        let result = run(&mut breaker);
        match (before, breaker.is_open()) {
            (false, true) => _ = self.open.inc(),
            (true, false) => _ = self.open.dec(),
            _ => {}
        }
        result
    }
}

impl Drop for Origin {
    fn drop(&mut self) {
        let breaker = self.breaker.get_mut().unwrap_or_else(PoisonError::into_inner);
        if breaker.is_open() {
            self.open.dec();
        }
    }
}

/// Counts one who waits, also when the caller gives up.
struct Waiting<'a> {
    count: &'a AtomicUsize,
    before: usize,
}

impl<'a> Waiting<'a> {
    fn new(count: &'a AtomicUsize) -> Self {
        Self { count, before: count.fetch_add(1, Ordering::Relaxed) }
    }
}

impl Drop for Waiting<'_> {
    fn drop(&mut self) {
        self.count.fetch_sub(1, Ordering::Relaxed);
    }
}

/// A delivery's turn at an origin. Dropped without a verdict, the breaker learns nothing.
pub(crate) struct Turn {
    origin: Arc<Origin>,
    _permit: OwnedSemaphorePermit,
    answered: bool,
}

impl Turn {
    /// The host answered, whatever it said.
    pub(crate) fn answered(&mut self) {
        self.answered = true;
        self.origin.with_breaker(Breaker::succeed);
    }

    /// The host did not answer.
    pub(crate) fn failed(&mut self) {
        self.answered = true;
        self.origin.with_breaker(|breaker| breaker.fail(Instant::now()));
    }
}

impl Drop for Turn {
    fn drop(&mut self) {
        if !self.answered {
            self.origin.with_breaker(|breaker| breaker.abandon(Instant::now()));
        }
    }
}
