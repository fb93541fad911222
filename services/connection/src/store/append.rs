//! Appending to the log. The tenant's counter is locked until the commit, so that numbers are committed in their order.

use std::fmt::Write as _;

use entente_rpc::proto::event::v1 as event;
use entente_store::{StoreError, values};
use prost::Message as _;

use super::Work;
use super::chain::{Unlinked, link, link_sql};

/// How many events one statement writes: where the database links them, its length goes by the square of it.
const TOGETHER: usize = 8;

/// The newest event's sequence and hash.
pub(super) type Head = (i64, Vec<u8>);

struct Entry {
    event: event::Event,
    invitation_id: String,
    record: Vec<u8>,
    leaf: Vec<u8>,
    /// Where the database does not link.
    hash: Option<Vec<u8>>,
}

impl Work {
    /// The head of the log, which the work has for itself. PostgreSQL links events itself, and is spared the question.
    pub(super) async fn head(&mut self) -> Result<Option<Head>, StoreError> {
        if self.transaction.has_sha256() {
            return Ok(None);
        }
        let sql = "SELECT last_sequence, hash FROM logs WHERE tenant = $1";
        let found = self.fetch(sql, values![self.tenant()]).await?.pop();
        Ok(Some(found.unwrap_or_default()))
    }

    /// Numbers the events, links them and writes them. The statements that count give the last number.
    pub(super) fn write_events(
        &mut self,
        mut head: Option<Head>,
    ) -> Result<Vec<event::Event>, StoreError> {
        let mut entries = Vec::new();
        for new in std::mem::take(&mut self.events) {
            let event = event::Event {
                sequence: 0,
                kind: new.kind.into(),
                time: None,
                connection_id: new.connection_id,
                record: Some(new.record),
            };
            let record = event.encode_to_vec();
            let unlinked = Unlinked {
                tenant: self.tenant(),
                connection_id: &event.connection_id,
                invitation_id: &new.invitation_id,
                time: self.now(),
                kind: event.kind,
                record: &record,
            };
            let leaf = unlinked.leaf();
            let hash = head.as_mut().map(|(sequence, hash)| {
                *sequence += 1;
                *hash = link(hash, *sequence, &leaf);
                hash.clone()
            });
            let invitation_id = new.invitation_id;
            entries.push(Entry { event, invitation_id, record, leaf, hash });
        }
        for entries in entries.chunks_mut(TOGETHER) {
            self.count_entries(entries)?;
            self.write_entries(entries)?;
        }
        Ok(entries.into_iter().map(|entry| entry.event).collect())
    }

    /// Moves the head on.
    fn count_entries(&mut self, entries: &[Entry]) -> Result<(), StoreError> {
        // Of the first ones of a tenant the place is known.
        let fresh = (1..).zip(entries).fold(Vec::new(), |hash, (sequence, entry)| {
            entry.hash.clone().unwrap_or_else(|| link(&hash, sequence, &entry.leaf))
        });
        let mut values = values![self.tenant(), super::work::count(entries)?, fresh];
        let mut hash = "excluded.hash".to_owned();
        if entries.iter().any(|entry| entry.hash.is_none()) {
            hash = "logs.hash".to_owned();
            for (number, entry) in (1..).zip(entries) {
                values.extend(values![entry.leaf.clone()]);
                hash = link_sql(&hash, &format!("logs.last_sequence + {number}"), values.len());
            }
        }
        let sql = format!(
            "INSERT INTO logs (tenant, last_sequence, purged_sequence, hash) VALUES ($1, $2, 0, $3) \
             ON CONFLICT (tenant) DO UPDATE SET last_sequence = logs.last_sequence + excluded.last_sequence, \
             prior_hash = logs.hash, hash = {hash} RETURNING CAST(NULL AS TEXT), last_sequence"
        );
        self.write(&sql, values);
        Ok(())
    }

    /// Writes them where the head says.
    fn write_entries(&mut self, entries: &mut [Entry]) -> Result<(), StoreError> {
        let (mut rows, mut values) = (String::new(), Vec::new());
        let mut linked = "prior_hash".to_owned();
        let count = super::work::count(entries)?;
        for (entry, before_last) in entries.iter_mut().zip((0..count).rev()) {
            let union = if rows.is_empty() { "" } else { " UNION ALL " };
            let [p1, p2, p3, p4, p5, p6, p7, p8] =
                [1, 2, 3, 4, 5, 6, 7, 8].map(|at| values.len() + at);
            linked = match entry.hash {
                Some(_) => format!("${p8}"),
                None => link_sql(&linked, &format!("last_sequence - {before_last}"), p8),
            };
            // Writing to a String does not fail.
            let _ = write!(
                rows,
                "{union}SELECT tenant, last_sequence - ${p2}, ${p3}, ${p4}, ${p5}, ${p6}, ${p7}, {linked} \
                 FROM logs WHERE tenant = ${p1}"
            );
            values.extend(values![
                self.tenant(),
                before_last,
                entry.event.kind,
                &entry.event.connection_id,
                &entry.invitation_id,
                self.now(),
                std::mem::take(&mut entry.record),
                entry.hash.clone().unwrap_or_else(|| entry.leaf.clone())
            ]);
        }
        let columns = "tenant, sequence, kind, connection_id, invitation_id, time, record, hash";
        self.write(&format!("INSERT INTO events ({columns}) {rows}"), values);
        Ok(())
    }
}
