//! A reader of events that keeps nothing but its cursor.

use std::sync::{Arc, Mutex};
use std::time::Duration;

use crate::Suite;
use entente_rpc::proto::event::v1::{Event, SubscribeRequest};
use entente_rpc::{Code, Failure, Status};
use tokio::task::JoinHandle;

use crate::load::may_be_repeated;

/// Reads the log from its beginning on, in a task of its own.
pub struct Reader {
    seen: Arc<Mutex<Vec<Event>>>,
    endings: Arc<Mutex<Vec<Status>>>,
    task: JoinHandle<()>,
}

impl Reader {
    /// Starts it.
    pub fn start(suite: &Suite) -> Self {
        let (seen, endings) =
            (Arc::<Mutex<Vec<Event>>>::default(), Arc::<Mutex<Vec<_>>>::default());
        let (events, mut client, ended) = (Arc::clone(&seen), suite.events(), Arc::clone(&endings));
        let task = tokio::spawn(async move {
            loop {
                let after = events.lock().unwrap().last().map_or(0, |event| event.sequence);
                let request = SubscribeRequest { after, ..Default::default() };
                let mut stream = match client.subscribe(request).await {
                    Ok(stream) => stream.into_inner(),
                    Err(status) => {
                        assert!(may_be_repeated(&status), "{status:?}");
                        tokio::time::sleep(Duration::from_millis(50)).await;
                        continue;
                    }
                };
                loop {
                    match stream.message().await {
                        Ok(Some(answer)) => events.lock().unwrap().extend(answer.event),
                        Ok(None) => break,
                        Err(status) => {
                            ended.lock().unwrap().push(status);
                            break;
                        }
                    }
                }
            }
        });
        Self { seen, endings, task }
    }

    /// Fails unless it read what the log has, each event once and in order.
    pub async fn assert_saw(&self, log: &[Event]) {
        crate::load::until("the reader is at the end of the log", async || {
            assert!(!self.task.is_finished(), "the reader reads on");
            (self.seen.lock().unwrap().len() >= log.len()).then_some(())
        })
        .await;
        let seen = self.seen.lock().unwrap();
        for (at, (seen, event)) in seen.iter().zip(log).enumerate() {
            assert_eq!(event.sequence, i64::try_from(at).unwrap() + 1, "no gap in the log");
            assert_eq!(seen, event);
        }
        assert_eq!(seen.len(), log.len());
    }

    /// How the streams ended that did: how many, once each is known to have been told its cursor.
    pub fn assert_ended_in_order(&self) -> usize {
        let endings = self.endings.lock().unwrap();
        for status in &*endings {
            assert_eq!(status.code(), Code::Unavailable, "{status:?}");
            assert!(Failure::of(status).metadata("cursor").is_some(), "{status:?}");
        }
        endings.len()
    }
}

impl Drop for Reader {
    fn drop(&mut self) {
        self.task.abort();
    }
}
