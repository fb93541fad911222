use std::collections::HashSet;
use std::time::Duration;

use entente_rpc::Status;
use entente_rpc::proto::event::v1::{CommitConsumerRequest, DeadLetter};
use tokio::time::timeout;

use super::Reader;
use crate::webhook::window::Window;

/// The most dead letters that one call stores.
const MAX_STORED: usize = 1000;

impl Reader {
    /// Stores the cursor, what was given up before it, and what was delivered after all.
    pub(super) async fn commit(&mut self) -> Result<(), Status> {
        let Some(done) = self.window.as_ref().map(Window::cursor) else { return Ok(()) };
        let (cursor, dead_letters) = storable(done, &self.dead_letters);
        if cursor == self.committed && dead_letters.is_empty() && self.replayed.is_empty() {
            return Ok(());
        }
        let stored: HashSet<i64> = dead_letters.iter().map(|letter| letter.sequence).collect();
        let delivered: Vec<i64> = self.replayed.iter().copied().take(MAX_STORED).collect();
        let count = delivered.len();
        let request =
            CommitConsumerRequest { name: self.consumer(), cursor, dead_letters, delivered };
        let request = self.shared.request(request)?;
        let mut events = self.shared.clients.events.clone();
        let committed = timeout(Duration::from_secs(5), events.commit_consumer(request)).await;
        committed.map_err(|_| Status::deadline_exceeded("the cursor was not stored in time"))??;
        self.committed = cursor;
        self.dead_letters.retain(|letter| !stored.contains(&letter.sequence));
        self.replayed.drain(..count);
        Ok(())
    }
}

/// The dead letters to store now, and the cursor to store with them: no further than the first that does not fit, so
/// that none is passed over.
fn storable(done: i64, dead_letters: &[DeadLetter]) -> (i64, Vec<DeadLetter>) {
    let mut letters: Vec<_> =
        dead_letters.iter().filter(|letter| letter.sequence <= done).cloned().collect();
    letters.sort_by_key(|letter| letter.sequence);
    let rest = letters.split_off(letters.len().min(MAX_STORED));
    (rest.first().map_or(done, |letter| letter.sequence - 1), letters)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn letters(sequences: impl Iterator<Item = i64>) -> Vec<DeadLetter> {
        sequences.map(|sequence| DeadLetter { sequence, ..DeadLetter::default() }).collect()
    }

    #[test]
    fn no_dead_letter_is_passed_over() {
        let (cursor, stored) = storable(7, &letters([9, 3, 7].into_iter()));
        assert_eq!((cursor, stored), (7, letters([3, 7].into_iter())));
        let (cursor, stored) = storable(5000, &letters((1..=2000).rev()));
        assert_eq!((cursor, stored), (1000, letters(1..=1000)));
    }
}
