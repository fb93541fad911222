//! Where a simulation holds statements back: it says which of them is next, and can end a process between two.

use std::any::Any;
use std::cell::RefCell;
use std::pin::Pin;
use std::sync::Arc;

/// A place in the life of a connection.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Point {
    /// Before a connection is opened, or a statement is carried out that does not commit.
    Statement,
    /// Before a transaction is committed.
    Commit,
    /// After it was, before anybody knows.
    Committed,
}

/// A statement that is let through is under way until this is dropped.
pub type Pass = Box<dyn Any + Send>;

/// Lets statements through.
pub trait Gate: Send + Sync {
    /// Waits for the turn of a statement; the text is empty for the opening of a connection.
    fn pass(&self, point: Point, sql: &str) -> Pin<Box<dyn Future<Output = Pass> + Send>>;
}

thread_local! {
    static GATE: RefCell<Option<Arc<dyn Gate>>> = const { RefCell::new(None) };
}

/// Puts a gate before whatever runs on this thread; `None` takes it away.
pub fn install(gate: Option<Arc<dyn Gate>>) {
    GATE.set(gate);
}

/// Carries a statement out when it may be.
pub(crate) async fn through<T, E>(
    sql: &str,
    statement: impl Future<Output = Result<T, E>>,
) -> Result<T, E> {
    let Some(gate) = GATE.with_borrow(Clone::clone) else { return statement.await };
    let commits = sql.ends_with("COMMIT");
    let pass = gate.pass(if commits { Point::Commit } else { Point::Statement }, sql).await;
    let result = statement.await;
    drop(pass);
    if commits && result.is_ok() {
        drop(gate.pass(Point::Committed, sql).await);
    }
    result
}
