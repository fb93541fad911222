//! Who was refused: every one is counted, and a flood does not flood the audit.

use std::collections::HashMap;
use std::sync::{Arc, LazyLock, Mutex, PoisonError};
use std::time::Duration;

use prometheus_client::encoding::EncodeLabelSet;
use prometheus_client::metrics::counter::Counter;
use prometheus_client::metrics::family::Family;
use prometheus_client::registry::Registry;

use super::Behalf;
use super::journal::Journal;
use crate::metrics::code_name;
use crate::proto::access::v1::AuditEntry;
use crate::{Failure, time};

/// For how long refusals of the same kind are one entry.
pub(super) const PERIOD: Duration = Duration::from_secs(60);
/// The kinds that are told apart within that time; what is more is told together.
const KINDS: usize = 1024;

#[derive(Debug, Clone, PartialEq, Eq, Hash, EncodeLabelSet)]
struct Reason {
    reason: &'static str,
}

static REFUSED: LazyLock<Family<Reason, Counter>> = LazyLock::new(Family::default);
static LOST: LazyLock<Counter> = LazyLock::new(Counter::default);

/// Shows `auth_refused_total{reason}` and `audit_lost_total`.
pub(crate) fn register(registry: &mut Registry) {
    registry.register("auth_refused", "Calls refused for who made them", REFUSED.clone());
    registry.register("audit_lost", "Entries that the audit could not be told", LOST.clone());
}

/// An entry was lost.
pub(super) fn lost() {
    LOST.inc();
}

/// The refusals of the last minute, by caller, tenant, address and reason.
#[derive(Clone)]
pub(super) struct Refusals {
    journal: Journal,
    kinds: Arc<Mutex<HashMap<[String; 4], AuditEntry>>>,
}

impl Refusals {
    pub(super) fn new(journal: Journal) -> Self {
        Self { journal, kinds: Arc::default() }
    }

    /// Counts a refusal. The first of its kind within a minute is told at once, the others together after it.
    pub(super) fn add(&self, failure: &Failure, behalf: &Behalf, method: &str) {
        let reason = failure.reason.name();
        REFUSED.get_or_create_owned(&Reason { reason }).inc();
        if !self.journal.is_read() {
            return;
        }
        let caller = behalf.principal.as_ref().map(|who| &*who.name).unwrap_or_default();
        // A tenant that is only claimed is not one.
        let tenant = if caller.is_empty() { "" } else { behalf.tenant() };
        let mut entry = AuditEntry {
            time: Some(time::to_proto(time::now())),
            caller: caller.to_owned(),
            tenant: tenant.chars().take(64).collect(),
            method: method.chars().take(200).collect(),
            code: code_name(failure.code()).to_owned(),
            reason: reason.to_owned(),
            address: behalf.address.map(|address| address.to_string()).unwrap_or_default(),
            count: 1,
            ..Default::default()
        };
        let mut kinds = self.kinds.lock().unwrap_or_else(PoisonError::into_inner);
        let mut kind =
            [&entry.caller, &entry.tenant, &entry.address, &entry.reason].map(String::clone);
        if !kinds.contains_key(&kind) && kinds.len() >= KINDS {
            kind = [const { String::new() }; 4];
            entry =
                AuditEntry { count: 1, code: entry.code, time: entry.time, ..Default::default() };
        }
        match kinds.get_mut(&kind) {
            Some(before) => {
                let count = before.count + 1;
                *before = AuditEntry { count, ..entry };
            }
            None => {
                kinds.insert(kind, AuditEntry { count: 0, ..entry.clone() });
                drop(kinds);
                self.journal.add(entry);
            }
        }
    }

    /// What was not told yet of the minute that is over.
    pub(super) fn take(&self) -> Vec<AuditEntry> {
        let mut kinds = self.kinds.lock().unwrap_or_else(PoisonError::into_inner);
        std::mem::take(&mut *kinds).into_values().filter(|entry| entry.count > 0).collect()
    }
}
