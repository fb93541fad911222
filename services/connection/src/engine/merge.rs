//! Duplicates become one connection.

use std::collections::BTreeSet;

use entente_rpc::proto::connection::v1 as pb;
use entente_rpc::proto::event::v1::{EventKind, event::Record};
use entente_rpc::{ErrorReason, Failure};

use super::once::Once;
use super::{Answer, Engine};
use crate::project;
use crate::store::{Connection, NewEvent, PeerName, Work};

/// How many connections one call may merge into another.
const MAX_ABSORB: usize = 100;
/// How many connections may become part of one: their ids are in its record.
const MAX_FORMER: usize = 1_000;

impl Engine {
    /// Makes connections with the same peer part of one of them.
    pub async fn merge_connections(
        &self,
        tenant: &str,
        request: pb::MergeConnectionsRequest,
    ) -> Answer<pb::MergeConnectionsResponse> {
        let once = Once::new("MergeConnections", &request.request_id, &request)?;
        if let Some(known) = self.recall(tenant, &once).await? {
            return Ok(known);
        }
        check_request(&request)?;
        let mut work = self.work(tenant).await?;
        let mut kept = self.existing(&mut work, &request.keep).await?;
        let mut known_by = names(&mut work, &kept).await?;
        let mut absorbed = Vec::new();
        for id in &request.absorb {
            let row = self.existing(&mut work, id).await?;
            if row.id == kept.id {
                // It became part of it before.
                continue;
            }
            let names = names(&mut work, &row).await?;
            check_pair(&kept, &row)?;
            if known_by.is_disjoint(&names) {
                return Err(not_the_same(&kept, &row));
            }
            known_by.extend(names);
            take_over(&mut kept, &row)?;
            // The next look must not find it.
            work.absorb(&row, &kept.id);
            absorbed.push(row);
        }
        if !absorbed.is_empty() {
            for row in &absorbed {
                work.emit(self.merged_event(row, &kept.id)?);
            }
            work.update_connection(&mut kept);
            work.emit(self.connection_event(EventKind::ConnectionChanged, &kept)?);
        }
        let connection = Some(project::connection(&kept, &self.config.endpoint)?);
        let absorbed = absorbed.into_iter().map(|row| row.id).collect();
        let response = pb::MergeConnectionsResponse { connection, absorbed };
        self.commit_once(work, &once, response).await
    }

    /// A connection that must be there: the failure says whether there will be one.
    pub(super) async fn existing(&self, work: &mut Work, id: &str) -> Answer<Connection> {
        if let Some(found) = work.connection(id).await? {
            return Ok(found);
        }
        let Some(row) = work.exchange(id).await? else {
            return Err(Failure::not_found("connection", id));
        };
        let state = pb::ExchangeState::try_from(row.state).unwrap_or_default().as_str_name();
        let state = state.strip_prefix("EXCHANGE_STATE_").unwrap_or(state);
        Err(Failure::wrong_state("exchange of this connection", state, "DONE"))
    }

    fn merged_event(&self, row: &Connection, kept_id: &str) -> Answer<NewEvent> {
        let mut record = project::connection(row, &self.config.endpoint)?;
        record.version += 1;
        kept_id.clone_into(&mut record.merged_into);
        Ok(NewEvent {
            kind: EventKind::ConnectionMerged,
            connection_id: row.id.clone(),
            invitation_id: row.invitation_id.clone(),
            record: Record::Connection(record),
        })
    }
}

fn check_request(request: &pb::MergeConnectionsRequest) -> Answer<()> {
    let absorb = &request.absorb;
    if absorb.is_empty() || absorb.len() > MAX_ABSORB {
        return Err(Failure::field("absorb", format!("must have 1 to {MAX_ABSORB} ids")));
    }
    if absorb.contains(&request.keep) {
        return Err(Failure::field("absorb", "has the connection that is to be kept"));
    }
    Ok(())
}

/// What the peer of a connection is known by, also by what became part of it.
async fn names(work: &mut Work, row: &Connection) -> Answer<BTreeSet<PeerName>> {
    let absorbed =
        if row.former_ids.is_empty() { Vec::new() } else { work.absorbed_by(&row.id).await? };
    let all = std::iter::once(row).chain(&absorbed);
    Ok(all.flat_map(Connection::peer_names).map(|(_, name)| name).collect())
}

/// A caller that writes by the one's id must be able to write by the other's, and a DID that the peer has still to be
/// told of is told on its own connection alone.
fn check_pair(kept: &Connection, row: &Connection) -> Answer<()> {
    if kept.is_v2()? != row.is_v2()? {
        let version = |v2| if v2 { "DIDComm v2" } else { "DIDComm v1" };
        let (is, wanted) = (version(row.is_v2()?), version(kept.is_v2()?));
        let failure = Failure::wrong_state("connection", is, &format!("{wanted}, as the kept one"));
        return Err(failure.with("id", &*row.id));
    }
    for row in [kept, row] {
        if row.from_prior.is_some() {
            let state = "rotated, and the peer has not answered";
            let failure = Failure::wrong_state("connection", state, "one whose DID the peer knows");
            return Err(failure.with("id", &*row.id));
        }
    }
    Ok(())
}

fn not_the_same(kept: &Connection, row: &Connection) -> Failure {
    let text = format!(
        "nothing shows that {} and {} have the same peer: they have no DID in common that it proved to be its own",
        row.id, kept.id
    );
    Failure::new(ErrorReason::NotSamePeer, text).with("id", &*row.id)
}

/// What the kept one has of one that becomes part of it.
fn take_over(kept: &mut Connection, row: &Connection) -> Answer<()> {
    let former = [&*kept.former_ids, &*row.id, &*row.former_ids].join(" ");
    let former: Vec<_> = former.split_whitespace().collect();
    if former.len() > MAX_FORMER {
        let text =
            format!("{MAX_FORMER} connections became part of {}, which is the most", kept.id);
        let failure = Failure::new(ErrorReason::LimitReached, text);
        return Err(failure.with("limit", MAX_FORMER.to_string()));
    }
    kept.former_ids = former.join(" ");
    kept.reuses += row.reuses;
    kept.last_seen_at = kept.last_seen_at.max(row.last_seen_at);
    Ok(())
}

#[cfg(test)]
mod tests {
    use entente_protocol::Target;

    use super::*;
    use crate::engine::duplicates::tests::{keep, with};
    use crate::events::tests::{Fixture, TENANT};

    const PEER: &str = "did:web:peer.example";

    fn invited(id: &str, by: &str) -> Connection {
        let invitation_did = Some(by.to_owned());
        Connection { role: pb::Role::Invitee.into(), invitation_did, ..with(id, PEER, 0) }
    }

    async fn merge(fixture: &Fixture, kept: &str, absorb: &[&str]) -> Answer<pb::Connection> {
        let request = pb::MergeConnectionsRequest {
            keep: kept.to_owned(),
            absorb: absorb.iter().map(|&id| id.to_owned()).collect(),
            ..Default::default()
        };
        let answer = fixture.engine.merge_connections(TENANT, request).await?;
        Ok(answer.connection.unwrap())
    }

    #[tokio::test]
    async fn what_ties_one_ties_the_one_that_it_became_part_of() {
        let fixture = Fixture::new().await;
        let (first, second) = ("did:web:first.example", "did:web:second.example");
        let other = with("c", second, 0);
        let heard = Connection { last_seen_at: 7, reuses: 2, ..invited("b", second) };
        keep(&fixture, &[invited("a", first), heard, other]).await;
        // Nothing ties c to a, but b is tied to both.
        let refused = merge(&fixture, "a", &["c", "b"]).await.unwrap_err();
        assert_eq!(refused.reason, ErrorReason::NotSamePeer, "{refused}");
        let merged = merge(&fixture, "a", &["b"]).await.unwrap();
        let heard = merged.last_seen_at.as_ref().map(entente_rpc::time_from_proto);
        assert_eq!((merged.reuses, heard), (2, Some(7)));
        for did in [first, second] {
            let standing = fixture.engine.store.standing(TENANT, Some(did), "").await.unwrap();
            let ids: Vec<_> =
                standing.candidates.into_iter().map(|one| one.connection_id).collect();
            assert_eq!(ids, ["a"], "{did}");
        }
        let request = pb::FindDuplicatesRequest::default();
        let found = fixture.engine.find_duplicates(TENANT, request).await.unwrap();
        let [group] = &found.groups[..] else { panic!("{found:?}") };
        let ids: Vec<_> = group.connections.iter().map(|one| one.connection_id.as_str()).collect();
        assert_eq!((group.did.as_str(), ids), (second, vec!["a", "c"]));
        let merged = merge(&fixture, "b", &["c"]).await.unwrap();
        assert_eq!(
            (merged.id.as_str(), &merged.former_ids[..]),
            ("a", &["b".to_owned(), "c".to_owned()][..])
        );
    }

    #[tokio::test]
    async fn callers_of_one_version_are_not_given_another() {
        let fixture = Fixture::new().await;
        let (endpoint, did) = (String::new(), PEER.parse().unwrap());
        let target =
            Target::V2 { endpoint, did, keys: Vec::new(), routing: Vec::new(), others: Vec::new() };
        let target = serde_json::to_string(&target).unwrap();
        keep(&fixture, &[with("a", PEER, 0), Connection { target, ..with("b", PEER, 0) }]).await;
        let refused = merge(&fixture, "a", &["b"]).await.unwrap_err();
        assert_eq!(refused.reason, ErrorReason::WrongState, "{refused}");
    }
}
