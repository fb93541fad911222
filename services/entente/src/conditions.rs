//! What is wrong with a process, for operators: its certificate, the tables of its services, its clock.

use std::collections::{BTreeSet, HashMap};
use std::path::PathBuf;
use std::sync::Arc;
use std::time::Duration;

use entente_connection::Conditions;
use entente_rpc::proto::connection::v1::{Finding, FindingKind};
use entente_rpc::{now, time_to_proto};
use entente_store::StoreError;
use entente_tls::Tls;
use tokio::sync::Mutex;
use tokio::time::{Instant, timeout};

use crate::cli::chain;
use crate::config::Config;
use crate::migrate::{self, Tables};

/// How far apart clocks may be, in milliseconds: events, deadlines and tokens go by them.
pub const CLOCKS: i64 = 5_000;
/// How long before its end a certificate should have been renewed, in seconds.
pub const RENEWAL: i64 = 14 * 86_400;

/// How long what was seen of the databases counts: to look is work for them.
const FRESH: Duration = Duration::from_secs(60);
/// How long they may take to answer.
const ANSWER: Duration = Duration::from_secs(10);
/// How many differences of the tables of a service are told.
const TOLD: usize = 20;

/// What a process looks at.
struct Process {
    tables: Vec<Tables>,
    /// The file of the certificate, and what is in use of it.
    certificate: Option<(PathBuf, Tls)>,
    seen: Mutex<Seen>,
}

/// What was seen before.
#[derive(Default)]
struct Seen {
    databases: Vec<Finding>,
    looked_at: Option<Instant>,
    /// When what is still wrong was seen first, by kind and id.
    first: HashMap<(i32, String), i64>,
}

/// What the connection service is to know of a process with this configuration.
pub fn of(config: &Config, tls: Option<&Tls>) -> Conditions {
    let pair = config.tls.files.pair.as_ref();
    let certificate = pair.zip(tls).map(|((path, _), tls)| (path.clone(), tls.clone()));
    let (tables, seen) = (migrate::tables(config), Mutex::default());
    let process = Arc::new(Process { tables, certificate, seen });
    Conditions::new(move || Arc::clone(&process).look())
}

/// By how many milliseconds a clock is ahead of the one here, that was read between two moments of the latter.
pub fn skew(asked: i64, theirs: i64, answered: i64) -> i64 {
    if theirs < asked { theirs - asked } else { (theirs - answered).max(0) }
}

impl Process {
    async fn look(self: Arc<Self>) -> Vec<Finding> {
        let mut seen = self.seen.lock().await;
        if seen.looked_at.is_none_or(|looked_at| looked_at.elapsed() >= FRESH) {
            seen.databases = self.databases().await;
            seen.looked_at = Some(Instant::now());
        }
        let mut found = seen.databases.clone();
        found.extend(self.certificate());
        let first = std::mem::take(&mut seen.first);
        for finding in &mut found {
            let name = (finding.kind, finding.id.clone());
            let since = first.get(&name).copied().unwrap_or_else(now);
            finding.since = Some(time_to_proto(since));
            seen.first.insert(name, since);
        }
        found
    }

    async fn databases(&self) -> Vec<Finding> {
        let mut found = Vec::new();
        for tables in &self.tables {
            let drift = timeout(ANSWER, tables.drift()).await;
            let drift = drift.unwrap_or_else(|_| Ok(vec![unanswered()]));
            found.extend(of_tables(tables, drift));
        }
        let servers: BTreeSet<&str> =
            self.tables.iter().map(|tables| tables.url.as_str()).collect();
        for url in servers {
            if let Ok(Ok(skew)) = timeout(ANSWER, migrate::clock_skew(url)).await {
                found.extend((skew.abs() > CLOCKS).then(|| of_clock(skew)));
            }
        }
        found
    }

    fn certificate(&self) -> Option<Finding> {
        let (path, tls) = self.certificate.as_ref()?;
        let end = tls.expires()?;
        let left = end - now() / 1_000;
        let mut causes = Vec::new();
        if left < 0 {
            causes.push("the certificate has ended".to_owned());
        } else if left < RENEWAL {
            causes.push(format!("the certificate ends in {} days", left / 86_400));
        }
        if tls.is_stale() {
            causes.push(
                "the TLS files were changed, and cannot be used; the log says why".to_owned(),
            );
        }
        (!causes.is_empty()).then(|| Finding {
            kind: FindingKind::Certificate.into(),
            id: path.display().to_string(),
            count: 1,
            deadline_at: Some(time_to_proto(end.saturating_mul(1_000))),
            cause: causes.join("; "),
            remedy: "put a new certificate and its key in the place of the files; they are read within seconds, without a restart"
                .to_owned(),
            ..Finding::default()
        })
    }
}

fn of_tables(tables: &Tables, drift: Result<Vec<String>, StoreError>) -> Option<Finding> {
    let name = tables.migrations.name;
    let drift = match drift {
        Ok(drift) => drift,
        Err(error) if error.is_denied() => {
            tracing::info!(
                service = name,
                "the database role may not create a schema, so the tables are not compared; \
                 entente doctor --database-url with their owner's role does that"
            );
            return None;
        }
        Err(error) => vec![format!("the tables cannot be compared: {}", chain(&error))],
    };
    let (count, more) = (drift.len(), drift.len().saturating_sub(TOLD));
    let mut cause = drift.into_iter().take(TOLD).collect::<Vec<_>>().join("; ");
    if more > 0 {
        cause.push_str(&format!("; and {more} more"));
    }
    (count > 0).then(|| Finding {
        kind: FindingKind::SchemaDrift.into(),
        id: name.to_owned(),
        count: i64::try_from(count).unwrap_or(i64::MAX),
        cause,
        remedy: "`entente migrate` takes steps that are missing; what was changed by hand must be changed back, or a backup \
                 restored; steps of a newer version want that version here"
            .to_owned(),
        ..Finding::default()
    })
}

fn of_clock(skew: i64) -> Finding {
    let direction = if skew < 0 { "behind" } else { "ahead of" };
    Finding {
        kind: FindingKind::ClockSkew.into(),
        id: "database".to_owned(),
        count: skew,
        cause: format!("the database server's clock is {} ms {direction} this process's", skew.abs()),
        remedy: "set the clocks of both machines by NTP; deadlines, tokens and times of events go by them".to_owned(),
        ..Finding::default()
    }
}

fn unanswered() -> String {
    format!("the tables cannot be compared: no answer in {} s", ANSWER.as_secs())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_clock_that_was_read_in_between_is_not_apart() {
        assert_eq!((skew(10, 10, 20), skew(10, 15, 20), skew(10, 20, 20)), (0, 0, 0));
        assert_eq!((skew(10, 4, 20), skew(10, 26, 20)), (-6, 6));
    }
}
