use super::Outbox;
use crate::engine::{Answer, Engine};
use crate::store::Outgoing;

impl Engine {
    /// The first messages of a lane that nobody took yet, the oldest first, and whether there are no more.
    pub(crate) async fn untaken(
        &self,
        tenant: &str,
        lane: &str,
        limit: usize,
    ) -> Answer<(Vec<Outgoing>, bool)> {
        loop {
            let forgotten = self.outbox.forgotten();
            let most = i64::try_from(limit).unwrap_or(i64::MAX);
            let messages = self.store.lane(tenant, lane, most).await?;
            let all = messages.len() < limit;
            if let Some(untaken) = self.outbox.untaken(messages, forgotten) {
                return Ok((untaken, all));
            }
        }
    }
}

impl Outbox {
    /// How often messages were forgotten so far.
    fn forgotten(&self) -> u64 {
        self.lanes().forgotten
    }

    /// Those of some messages that nobody took, read from the table after so many times. `None` if some were forgotten
    /// since: what was read may have been taken, and nothing here would tell.
    fn untaken(&self, messages: Vec<Outgoing>, forgotten: u64) -> Option<Vec<Outgoing>> {
        let lanes = self.lanes();
        let untaken = |message: &Outgoing| !lanes.completing.contains(&message.id);
        (lanes.forgotten == forgotten).then(|| messages.into_iter().filter(untaken).collect())
    }

    /// Messages that were taken are in the table no longer.
    pub(super) fn forget<'a>(&self, ids: impl Iterator<Item = &'a String>) {
        let mut lanes = self.lanes();
        for id in ids {
            lanes.completing.remove(id);
        }
        lanes.forgotten += 1;
    }
}

#[cfg(test)]
mod tests;
