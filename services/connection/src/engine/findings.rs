//! What does not go on by itself, why, and what can be done about it.

use entente_rpc::auth::Roles;
use entente_rpc::proto::connection::v1 as pb;
use entente_rpc::proto::connection::v1::{ExchangeState, FindingKind, Role};
use entente_rpc::{Caller, Failure, duration_from_proto, time_to_proto};
use entente_store::{PageToken, page};
use prost_types::Duration;

use super::{Answer, Engine, now, numbers};
use crate::store::{Finding, Stage};

/// How long anyone may take before it is a finding, in milliseconds.
const PATIENCE: i64 = 60_000;

/// What is stuck, in the order of the list.
const STUCK: [FindingKind; 5] = [
    FindingKind::Undelivered,
    FindingKind::Unanswered,
    FindingKind::Undecided,
    FindingKind::DeadLetters,
    FindingKind::Behind,
];

/// What nothing needs, after what is stuck. These are looked for among all there are, some for each page.
const ORPHANS: [FindingKind; 2] = [FindingKind::OrphanedDid, FindingKind::OrphanedKey];

/// What is wrong with the process, at the end.
const CONDITIONS: [FindingKind; 3] =
    [FindingKind::Certificate, FindingKind::SchemaDrift, FindingKind::ClockSkew];

impl Engine {
    /// A page of what is stuck or wrong.
    pub async fn list_findings(
        &self,
        caller: &Caller,
        request: pb::ListFindingsRequest,
    ) -> Answer<pb::ListFindingsResponse> {
        let tenant = caller.tenant.as_str();
        numbers::known::<FindingKind>("kind", request.kind)?;
        let size = page::size(request.page_size)?;
        let patience = patience(request.patience.as_ref())?;
        let filter = (request.kind, patience);
        let token = page::after(&request.page_token, &filter)?;
        let (first, after) = match token.as_deref() {
            Some(token) => place(token).ok_or_else(page::invalid_token)?,
            None => (0, ""),
        };
        let now = now();
        let wanted = |kind: FindingKind| request.kind == 0 || request.kind == kind as i32;
        let mut findings = Vec::new();
        for kind in STUCK.into_iter().filter(|kind| *kind as i32 >= first && wanted(*kind)) {
            let room = size + 1 - i64::try_from(findings.len()).unwrap_or(i64::MAX);
            if room <= 0 {
                break;
            }
            let after = if kind as i32 == first { after } else { "" };
            let since = now.saturating_sub(patience);
            let rows = self.findings(tenant, kind, since, after, room).await?;
            findings.extend(rows.into_iter().map(|row| finding(kind, row)));
        }
        let mut next_page_token = page::cut(&mut findings, size, &filter, |finding| {
            format!("{} {}", finding.kind, finding.id)
        });
        for kind in ORPHANS.into_iter().filter(|kind| *kind as i32 >= first && wanted(*kind)) {
            if !next_page_token.is_empty() {
                break;
            }
            let after = if kind as i32 == first { after } else { "" };
            let room = usize::try_from(size).unwrap_or_default().saturating_sub(findings.len());
            let since = now.saturating_sub(patience);
            let (found, next) = match kind {
                FindingKind::OrphanedDid => self.orphaned_dids(tenant, since, after, room).await?,
                _ => self.orphaned_keys(tenant, since, after, room).await?,
            };
            findings.extend(found);
            if let Some(place) = next {
                next_page_token = PageToken::encode(&format!("{} {place}", kind as i32), &filter);
            }
        }
        let of_process = CONDITIONS.into_iter().any(wanted) && is_operator(caller);
        if of_process && next_page_token.is_empty() {
            let after_it = |found: &pb::Finding| (found.kind, found.id.as_str()) > (first, after);
            let mut found = self.config.conditions.look().await;
            found.retain(|found| wanted(found.kind()) && after_it(found));
            // Where the page is full before, the next one begins with the first of these.
            let room = usize::try_from(size).unwrap_or_default().saturating_sub(findings.len());
            if found.len() > room {
                found.truncate(room);
                let place = found.last().map(|last| (last.kind, last.id.as_str()));
                let (kind, id) = place.unwrap_or((FindingKind::Certificate.into(), ""));
                next_page_token = PageToken::encode(&format!("{kind} {id}"), &filter);
            }
            findings.extend(found);
        }
        let checked_at = Some(time_to_proto(now));
        Ok(pb::ListFindingsResponse { findings, next_page_token, checked_at })
    }

    async fn findings(
        &self,
        tenant: &str,
        kind: FindingKind,
        since: i64,
        after: &str,
        limit: i64,
    ) -> Answer<Vec<Finding>> {
        let store = &self.store;
        Ok(match kind {
            FindingKind::Undelivered => store.undelivered(tenant, after, limit).await?,
            FindingKind::Unanswered => {
                let stages = [
                    stage(Role::Invitee, ExchangeState::Request),
                    stage(Role::Inviter, ExchangeState::Response),
                ];
                store.standing_still(tenant, stages, since, after, limit).await?
            }
            FindingKind::Undecided => {
                let stages = [
                    stage(Role::Invitee, ExchangeState::Invitation),
                    stage(Role::Inviter, ExchangeState::Request),
                ];
                store.standing_still(tenant, stages, since, after, limit).await?
            }
            FindingKind::DeadLetters => store.giving_up(tenant, after, limit).await?,
            FindingKind::Behind => store.lagging(tenant, since, after, limit).await?,
            _ => Vec::new(),
        })
    }

    /// Has what waits in a lane sent now. Says how many messages that are.
    pub async fn retry_delivery(&self, tenant: &str, id: &str) -> Answer<i32> {
        let mut work = self.work(tenant).await?;
        let mut messages = work.hurry(id).await?;
        if let Some(kept) = work.kept_id(id).await? {
            messages += work.hurry(&kept).await?;
        }
        if messages == 0 {
            return Err(Failure::not_found(
                "message that waits for the exchange or connection",
                id,
            ));
        }
        work.wake_timers();
        self.commit(work).await?;
        Ok(i32::try_from(messages).unwrap_or(i32::MAX))
    }
}

/// How long anyone may take, in milliseconds.
pub(crate) fn patience(asked: Option<&Duration>) -> Answer<i64> {
    let Some(asked) = asked else { return Ok(PATIENCE) };
    duration_from_proto(asked).ok_or_else(|| Failure::field("patience", "must not be negative"))
}

/// The process is the business of who runs it, and not of those who have a tenant in it.
fn is_operator(caller: &Caller) -> bool {
    let operator = Roles::of(["operator"]);
    !operator.is_empty() && caller.roles.include(operator)
}

fn stage(role: Role, state: ExchangeState) -> Stage {
    (role.into(), state.into())
}

/// The place that a page token names: kind, space, id.
fn place(text: &str) -> Option<(i32, &str)> {
    let (kind, id) = text.split_once(' ')?;
    Some((kind.parse().ok()?, id))
}

fn finding(kind: FindingKind, row: Finding) -> pb::Finding {
    let Finding { id, since, count, attempts, next_attempt_at, deadline_at, error } = row;
    let (cause, remedy) = match kind {
        FindingKind::Undelivered => (
            error,
            format!(
                "it is tried again by itself; RetryDelivery (`entente exchanges retry {id}`) tries now, \
                 AbandonExchange (`entente exchanges abandon {id}`) gives a handshake up"
            ),
        ),
        FindingKind::Unanswered => (
            "the peer took our message and has not answered".to_owned(),
            format!(
                "the deadline ends it by itself; AbandonExchange (`entente exchanges abandon {id}`) does now"
            ),
        ),
        FindingKind::Undecided => (
            format!("its owner has not decided on {}", from(&error)),
            format!("`entente exchanges approve {id}`, or `entente exchanges reject {id}`"),
        ),
        FindingKind::DeadLetters => (
            error,
            format!("mend the consumer, then ReplayDeadLetters (`entente dead-letters replay {id}`)"),
        ),
        _ => (
            "the consumer has not moved its cursor".to_owned(),
            "start the consumer, or see why it is slow; events are kept for the time that the retention gives"
                .to_owned(),
        ),
    };
    pb::Finding {
        kind: kind.into(),
        id,
        since: Some(time_to_proto(since)),
        count,
        attempts,
        next_attempt_at: next_attempt_at.map(time_to_proto),
        deadline_at: deadline_at.map(time_to_proto),
        cause,
        remedy,
    }
}

fn from(label: &str) -> String {
    if label.is_empty() { "the peer".to_owned() } else { format!("{label:?}") }
}
