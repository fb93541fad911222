//! Wakes at a moment, true to less than a tenth of a millisecond.
//!
//! A timer of the runtime is late by the part of a millisecond at which the runtime last had nothing more to do: that tells
//! when the work before the waiting ended, which is what must not be told.

use std::collections::BTreeMap;
use std::sync::mpsc::{self, Receiver, RecvTimeoutError};
use std::thread;
use std::time::Instant;

use tokio::sync::oneshot;

/// A thread that waits for others.
pub(crate) struct Alarm(mpsc::Sender<Wait>);

struct Wait {
    until: Instant,
    over: oneshot::Sender<()>,
}

impl Alarm {
    /// It ends when this is dropped.
    pub(crate) fn start() -> Self {
        let (waits, coming) = mpsc::channel();
        let thread = thread::Builder::new().name("alarm".to_owned()).spawn(move || ring(&coming));
        if let Err(error) = thread {
            tracing::warn!(%error, "there is no thread that times answers: they are true to a millisecond only");
        }
        Self(waits)
    }

    /// Ends at a moment, never before.
    pub(super) async fn wait(&self, until: Instant) {
        let (over, rung) = oneshot::channel();
        // Without the thread this is dropped at once.
        let _ = self.0.send(Wait { until, over });
        if rung.await.is_err() {
            tokio::time::sleep_until(until.into()).await;
        }
    }
}

fn ring(coming: &Receiver<Wait>) {
    let mut waiting = BTreeMap::<(Instant, u64), oneshot::Sender<()>>::new();
    for number in 0_u64.. {
        let now = Instant::now();
        while let Some(first) = waiting.first_entry()
            && first.key().0 <= now
        {
            // Whoever waited may have gone.
            let _ = first.remove().send(());
        }
        let next = match waiting.first_key_value() {
            Some(((until, _), _)) => coming.recv_timeout(until.saturating_duration_since(now)),
            None => coming.recv().map_err(RecvTimeoutError::from),
        };
        match next {
            Ok(Wait { until, over }) => {
                waiting.insert((until, number), over);
            }
            Err(RecvTimeoutError::Timeout) => {}
            Err(RecvTimeoutError::Disconnected) => return,
        }
    }
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use super::*;

    async fn none_ends_early(alarm: &Alarm) {
        let begin = Instant::now();
        let waits = [30, 10, 20, 10, 0].map(|milliseconds| async move {
            let until = begin + Duration::from_millis(milliseconds);
            alarm.wait(until).await;
            assert!(Instant::now() >= until, "{milliseconds}");
        });
        futures_util::future::join_all(waits).await;
    }

    #[tokio::test]
    async fn all_wait_for_their_moments() {
        none_ends_early(&Alarm::start()).await;
    }

    #[tokio::test]
    async fn all_wait_where_there_is_no_thread() {
        let (waits, coming) = mpsc::channel();
        drop(coming);
        none_ends_early(&Alarm(waits)).await;
    }
}
