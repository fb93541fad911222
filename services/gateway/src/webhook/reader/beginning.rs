//! Where a new consumer begins: with what happens from its reader's start on. The services start in any order, and the log
//! has events before the reader can first look at it.

use entente_rpc::{ErrorReason, Failure, Status, time_from_proto};
use futures_util::StreamExt as _;

use super::Reader;

impl Reader {
    /// The sequence of the last event from before this reader started.
    pub(super) async fn last_before_start(&self) -> Result<i64, Status> {
        let newest = self.newest().await?;
        // What comes after `high` is young; `low` is old, once the first loop is done.
        let (mut low, mut high, mut step) = (newest, newest, 1);
        while low > 0 && self.is_young(low).await? {
            high = low - 1;
            low = (low - step).max(0);
            step *= 2;
        }
        while low < high {
            let middle = low + (high - low + 1) / 2;
            match self.is_young(middle).await? {
                true => high = middle - 1,
                false => low = middle,
            }
        }
        Ok(low)
    }

    /// The sequence of the newest event.
    async fn newest(&self) -> Result<i64, Status> {
        let mut events = self.shared.follow(self.kinds(), None).await?;
        let first = events.next().await.transpose()?;
        let first = first.ok_or_else(ended)?;
        Ok(first.event.map_or(first.cursor, |event| event.sequence - 1))
    }

    /// Whether an event is from after this reader's start. What is no longer kept is not.
    async fn is_young(&self, sequence: i64) -> Result<bool, Status> {
        let mut events = match self.shared.follow(&[], Some(sequence - 1)).await {
            Ok(events) => events,
            Err(status) if Failure::of(&status).reason == ErrorReason::EventsExpired => {
                return Ok(false);
            }
            Err(status) => return Err(status),
        };
        loop {
            let response = events.next().await.transpose()?.ok_or_else(ended)?;
            if let Some(event) = response.event {
                let time = event.time.as_ref().map(time_from_proto);
                return Ok(time.is_some_and(|time| time >= self.started));
            }
        }
    }
}

fn ended() -> Status {
    Status::unavailable("the event stream ended")
}
