//! The audit: what is appended, who reads what of it, and how long it is kept.

use entente_rpc::proto::access::v1 as pb;
use entente_rpc::{Caller, ErrorReason, Failure, Status, now};
use entente_store::page;
use tokio::sync::{mpsc, watch};
use tokio::time::{Duration, sleep, timeout};
use tokio_stream::wrappers::ReceiverStream;

use crate::service::{Access, sees_all};
use crate::store::Scope;

/// The most entries of one call.
const MAX_ENTRIES: usize = 1_000;
/// How many entries a reader gets at a time.
const BATCH: i64 = 100;
/// How often it is looked for entries that are too old, oftener where they are kept for less; and how many are removed
/// at a time.
const CLEAN_UP: Duration = Duration::from_secs(60);
const REMOVED: i64 = 500;
/// How long nothing is removed after that.
const PAUSE: Duration = Duration::from_millis(25);
/// How often the log is looked at without a hint: another replica may have written.
const POLL: Duration = Duration::from_secs(1);

type Answer<T> = Result<T, Failure>;

impl Access {
    pub async fn append_audit(&self, request: pb::AppendAuditEntriesRequest) -> Answer<()> {
        if request.entries.len() > MAX_ENTRIES {
            return Err(Failure::field("entries", "are more than 1,000"));
        }
        if request.request_id.len() > 64 {
            return Err(Failure::field(
                "request_id",
                "is too long; at most 64 characters are taken",
            ));
        }
        self.store.append(request.entries, &request.request_id, now()).await?;
        self.audited.send_replace(());
        Ok(())
    }

    /// Removes entries that are older than they are kept, until the service ends. Appending goes on meanwhile.
    pub(crate) async fn forget_audit(self, kept: Duration) {
        let interval = CLEAN_UP.min(kept);
        let kept = i64::try_from(kept.as_millis()).unwrap_or(i64::MAX);
        let mut pause = interval;
        loop {
            sleep(pause).await;
            pause = match self.store.forget_audit(now().saturating_sub(kept), REMOVED).await {
                Ok(0) => interval,
                Ok(_) => PAUSE,
                Err(error) => {
                    let error = &error as &dyn std::error::Error;
                    tracing::warn!(
                        error,
                        "old entries of the audit could not be removed; trying again later"
                    );
                    interval
                }
            };
        }
    }

    pub async fn list_audit(
        &self,
        caller: &Caller,
        request: pb::ListAuditEntriesRequest,
    ) -> Answer<pb::ListAuditEntriesResponse> {
        let limit = page::size(request.page_size)?;
        let cursor = check_cursor(request.after)?;
        let Some(scope) = scope(caller, request.filter, "ListAuditEntries") else {
            return Ok(pb::ListAuditEntriesResponse { cursor, ..Default::default() });
        };
        self.check_seen(cursor).await?;
        let mut entries = self.store.audit(cursor, &scope, limit + 1).await?;
        let limit = usize::try_from(limit).unwrap_or(usize::MAX);
        let more = entries.len() > limit;
        entries.truncate(limit);
        let cursor = entries.last().map_or(cursor, |entry| entry.sequence);
        Ok(pb::ListAuditEntriesResponse { entries, cursor, more })
    }

    /// Entries as they come. A reader that is slow holds up nobody but itself.
    pub async fn follow_audit(
        &self,
        caller: &Caller,
        request: pb::FollowAuditRequest,
        drained: watch::Receiver<bool>,
    ) -> Answer<ReceiverStream<Result<pb::FollowAuditResponse, Status>>> {
        let cursor = check_cursor(request.after)?;
        let scope = scope(caller, request.filter, "FollowAudit");
        if scope.is_some() {
            self.check_seen(cursor).await?;
        }
        let (items, stream) = mpsc::channel(4);
        let access = self.clone();
        tokio::spawn(async move { access.pump(cursor, scope, items, drained).await });
        Ok(ReceiverStream::new(stream))
    }

    /// Refuses a cursor that has seen entries which there are not: a reader would miss as many new ones.
    async fn check_seen(&self, cursor: i64) -> Answer<()> {
        let Some(newest) = self.store.newest_before_lost(cursor).await? else { return Ok(()) };
        let message = format!(
            "after is {cursor}, and the newest entry before it is {newest}: the audit was restored from a backup, or the \
             cursor is another's; go on from {newest}"
        );
        Err(Failure::new(ErrorReason::CursorInFuture, message).with("newest", newest.to_string()))
    }

    async fn pump(
        self,
        mut cursor: i64,
        scope: Option<Scope>,
        items: mpsc::Sender<Result<pb::FollowAuditResponse, Status>>,
        mut drained: watch::Receiver<bool>,
    ) {
        let mut audited = self.audited.subscribe();
        let mut failed = false;
        loop {
            audited.mark_unchanged();
            let entries = match &scope {
                Some(scope) => self.store.audit(cursor, scope, BATCH).await,
                None => Ok(Vec::new()),
            };
            let entries = match entries {
                Ok(entries) => entries,
                // A reader need not begin anew because the database was away for a moment.
                Err(_) if !std::mem::replace(&mut failed, true) => Vec::new(),
                Err(error) => {
                    let _ = items.send(Err(Failure::from(error).into())).await;
                    return;
                }
            };
            if entries.is_empty() {
                tokio::select! {
                    _ = timeout(POLL, audited.changed()) => continue,
                    () = items.closed() => return,
                    _ = drained.wait_for(|drained| *drained) => {}
                }
                let text =
                    "the service stops; go on from the last entry elsewhere, or here after a while";
                let failure = Failure::new(ErrorReason::Draining, text);
                let failure = failure.with("cursor", cursor.to_string());
                let _ = items.send(Err(failure.into())).await;
                return;
            }
            failed = false;
            for entry in entries {
                cursor = entry.sequence;
                let item = pb::FollowAuditResponse { entry: Some(entry) };
                if items.send(Ok(item)).await.is_err() {
                    return;
                }
            }
        }
    }
}

fn check_cursor(after: i64) -> Answer<i64> {
    if after < 0 {
        Err(Failure::field("after", "is negative; 0 is the beginning"))
    } else {
        Ok(after)
    }
}

/// What a caller may see of what it asks for; `None` for nothing.
fn scope(caller: &Caller, filter: Option<pb::AuditFilter>, method: &str) -> Option<Scope> {
    let filter = filter.unwrap_or_default();
    let all = sees_all(caller, &format!("AuditService/{method}"));
    let scope = Scope { tenant: filter.tenant, caller: filter.caller };
    if all {
        return Some(scope);
    }
    let own = caller.tenant.clone();
    let mine = !own.is_empty() && (scope.tenant.is_empty() || scope.tenant == own);
    mine.then_some(Scope { tenant: own, ..scope })
}
