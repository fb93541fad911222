//! Where every statement of an agent waits until the schedule lets it through.

use std::pin::Pin;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::sync::{Arc, Mutex, PoisonError};
use std::task::{Context, Poll, Waker};

use entente_store::gate::{Gate, Pass, Point};
use tokio::sync::oneshot;

/// The tables that are worth to be named.
const TABLES: [&str; 9] = [
    " invitations ",
    " exchanges ",
    " connections ",
    " acceptances ",
    " outbox ",
    " inbox ",
    " events ",
    " keys ",
    " peers ",
];

/// The gate before the databases of one process, which also knows when the process has nothing to do.
#[derive(Clone, Default)]
pub struct Turnstile(Arc<Inner>);

#[derive(Default)]
struct Inner {
    closed: AtomicBool,
    under_way: AtomicUsize,
    waiting: Mutex<Vec<Waiting>>,
    parked: AtomicUsize,
    driver: Mutex<Option<Waker>>,
}

struct Waiting {
    point: Point,
    what: String,
    go: oneshot::Sender<Pass>,
}

struct UnderWay(Turnstile);

impl Drop for UnderWay {
    fn drop(&mut self) {
        self.0.0.under_way.fetch_sub(1, Ordering::SeqCst);
    }
}

impl Gate for Turnstile {
    fn pass(&self, point: Point, sql: &str) -> Pin<Box<dyn Future<Output = Pass> + Send>> {
        let turnstile = self.clone();
        let what = describe(point, sql);
        Box::pin(async move {
            if !turnstile.0.closed.load(Ordering::SeqCst) {
                return Box::new(()) as Pass;
            }
            let (go, let_through) = oneshot::channel();
            turnstile.waiting().push(Waiting { point, what, go });
            let_through.await.unwrap_or_else(|_| Box::new(()))
        })
    }
}

impl Turnstile {
    /// From now on statements wait.
    pub fn close(&self) {
        self.0.closed.store(true, Ordering::SeqCst);
    }

    /// Whether something waits.
    pub fn is_wanted(&self) -> bool {
        self.waiting().iter().any(|waiting| !waiting.go.is_closed())
    }

    /// What waits, in the order it came.
    pub fn points(&self) -> Vec<(Point, String)> {
        let mut waiting = self.waiting();
        waiting.retain(|waiting| !waiting.go.is_closed());
        waiting.iter().map(|waiting| (waiting.point, waiting.what.clone())).collect()
    }

    /// Lets one through, by its place in `points`.
    pub fn release(&self, at: usize) {
        let waiting = self.waiting().remove(at);
        self.0.under_way.fetch_add(1, Ordering::SeqCst);
        // Nobody waits for it any more, perhaps; then it is not under way.
        let _ = waiting.go.send(Box::new(UnderWay(self.clone())));
    }

    /// For the runtime, whenever it has no task that could go on.
    pub fn parked(&self) {
        if self.0.under_way.load(Ordering::SeqCst) == 0 {
            self.0.parked.fetch_add(1, Ordering::SeqCst);
            let driver = self.0.driver.lock().unwrap_or_else(PoisonError::into_inner).take();
            if let Some(driver) = driver {
                driver.wake();
            }
        }
    }

    /// Ends when the process has nothing to do but to wait: for its turn, for a message, or for time to pass.
    pub fn quiet(&self) -> Quiet<'_> {
        self.0.parked.store(0, Ordering::SeqCst);
        Quiet(self)
    }

    fn waiting(&self) -> std::sync::MutexGuard<'_, Vec<Waiting>> {
        self.0.waiting.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// For people: what kind of statement, on which tables.
fn describe(point: Point, sql: &str) -> String {
    let verb = match point {
        Point::Statement => sql.split([' ', ';', '\n']).next().unwrap_or_default(),
        Point::Commit => "COMMIT",
        Point::Committed => return "committed".to_owned(),
    };
    let mut text = if verb.is_empty() { "open".to_owned() } else { verb.to_lowercase() };
    for table in TABLES {
        if sql.contains(table) {
            text.push_str(table.trim_end());
        }
    }
    text
}

/// See [`Turnstile::quiet`].
pub struct Quiet<'a>(&'a Turnstile);

impl Future for Quiet<'_> {
    type Output = ();

    fn poll(self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<()> {
        // Between two parks the runtime looks at its timers, so that what they wake is done too.
        if self.0.0.parked.load(Ordering::SeqCst) >= 2 {
            return Poll::Ready(());
        }
        let mut driver = self.0.0.driver.lock().unwrap_or_else(PoisonError::into_inner);
        *driver = Some(context.waker().clone());
        Poll::Pending
    }
}
