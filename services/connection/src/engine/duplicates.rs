//! Connections that lead to the same peer.

use std::collections::{BTreeMap, BTreeSet};

use entente_rpc::proto::connection::v1 as pb;
use entente_rpc::time_to_proto;
use entente_store::{PageToken, page};
use prost::Message as _;

use super::{Answer, Engine};
use crate::project;
use crate::store::{Connection, PeerName};

/// How many connections of a group are shown.
const MAX_SHOWN: usize = 100;
/// What page tokens are bound to.
const LIST: &str = "duplicates";

impl Engine {
    /// A page of the groups.
    pub async fn find_duplicates(
        &self,
        tenant: &str,
        request: pb::FindDuplicatesRequest,
    ) -> Answer<pb::FindDuplicatesResponse> {
        let size = page::size(request.page_size)?;
        let after = page::after(&request.page_token, &LIST)?.unwrap_or_default();
        let (dids, end) = self.store.duplicated_dids(tenant, &after, size + 1).await?;
        let (mut groups, mut room, mut last) = (Vec::new(), page::MAX_BYTES, None);
        for (did, place) in dids.iter().zip(0..) {
            // One more than is shown tells whether there are more.
            let limit = i64::try_from(MAX_SHOWN).unwrap_or(i64::MAX) + 1;
            let mut tied = Vec::new();
            for row in self.store.connections_tied(tenant, did, limit).await? {
                let absorbed = match row.former_ids.is_empty() {
                    true => Vec::new(),
                    false => self.store.absorbed_by(tenant, &row.id).await?,
                };
                tied.push((row, absorbed));
            }
            let found = groups_of(did, &tied);
            let length = found.iter().map(pb::DuplicateGroup::encoded_len).sum();
            if place == size || (room < length && last.is_some()) {
                let next_page_token = PageToken::encode(last.unwrap_or(did), &LIST);
                return Ok(pb::FindDuplicatesResponse { groups, next_page_token });
            }
            room = room.saturating_sub(length);
            last = Some(did);
            groups.extend(found);
        }
        let next_page_token = end.map(|end| PageToken::encode(&end, &LIST)).unwrap_or_default();
        Ok(pb::FindDuplicatesResponse { groups, next_page_token })
    }
}

/// The groups of one DID: one, unless its connections must be told apart by their keys.
/// Each connection comes with what became part of it.
fn groups_of(did: &str, tied: &[(Connection, Vec<Connection>)]) -> Vec<pb::DuplicateGroup> {
    let mut by_name: BTreeMap<PeerName, Vec<pb::Duplicate>> = BTreeMap::new();
    for (row, absorbed) in tied {
        let mut ties: BTreeMap<PeerName, BTreeSet<i32>> = BTreeMap::new();
        let names = std::iter::once(row).chain(absorbed).flat_map(Connection::peer_names);
        for (tie, name) in names.filter(|(_, name)| name.did == did) {
            ties.entry(name).or_default().insert(tie.into());
        }
        for (name, ties) in ties {
            by_name.entry(name).or_default().push(duplicate(row, ties.into_iter().collect()));
        }
    }
    let several = by_name.into_iter().filter(|(_, connections)| connections.len() > 1);
    let more = tied.len() > MAX_SHOWN;
    let group = |(name, mut connections): (PeerName, Vec<_>)| {
        connections.truncate(MAX_SHOWN);
        let their_key = name.key.unwrap_or_default();
        pb::DuplicateGroup { did: name.did, their_key, connections, more }
    };
    several.map(group).collect()
}

fn duplicate(row: &Connection, ties: Vec<i32>) -> pb::Duplicate {
    pb::Duplicate {
        connection_id: row.id.clone(),
        ties,
        role: row.role,
        protocol: row.protocol,
        their_label: row.their_label.clone(),
        alias: row.alias.clone(),
        last_seen_at: (row.last_seen_at > 0).then(|| time_to_proto(row.last_seen_at)),
        created_at: Some(time_to_proto(row.created_at)),
        reuses: project::count(row.reuses),
    }
}

#[cfg(test)]
pub(crate) mod tests {
    use pb::PeerTie;

    use super::*;
    use crate::engine::read::tests::{connection, target};
    use crate::events::tests::{Fixture, TENANT};

    const KEYS: [&str; 2] = [
        "z6MkiTBz1ymuepAQ4HEHYSF1H8quG5GLVVQR3djdX3mDooWp",
        "z6MkhaXgBZDvotDkL5257faiztiGiC2QtKLGpbnnEGta2doK",
    ];

    /// A connection with the peer of a DID, and with one of two keys.
    pub(crate) fn with(id: &str, their_did: &str, key: usize) -> Connection {
        Connection {
            role: pb::Role::Inviter.into(),
            my_did: format!("did:web:{id}.agent.example"),
            their_did: their_did.to_owned(),
            their_key: KEYS[key].to_owned(),
            target: serde_json::to_string(&target(KEYS[key])).unwrap(),
            invitation_did: Some("did:web:ours.example".to_owned()),
            metadata: "{}".to_owned(),
            ..connection(id, "")
        }
    }

    fn invited(id: &str, their_did: &str, by: &str) -> Connection {
        let invitation_did = Some(by.to_owned());
        Connection { role: pb::Role::Invitee.into(), invitation_did, ..with(id, their_did, 0) }
    }

    pub(crate) async fn keep(fixture: &Fixture, rows: &[Connection]) {
        let mut work = fixture.engine.work(TENANT).await.unwrap();
        for row in rows {
            work.insert_connection(row);
            // What only a rotation writes.
            work.readdress_connection(&mut row.clone());
        }
        fixture.engine.commit(work).await.unwrap();
    }

    async fn page(
        fixture: &Fixture,
        page_size: i32,
        page_token: &str,
    ) -> pb::FindDuplicatesResponse {
        let request = pb::FindDuplicatesRequest { page_size, page_token: page_token.to_owned() };
        fixture.engine.find_duplicates(TENANT, request).await.unwrap()
    }

    /// All groups: the DID, and the connections.
    async fn groups(fixture: &Fixture, page_size: i32) -> Vec<(String, Vec<String>)> {
        let (mut found, mut token) = (Vec::new(), String::new());
        loop {
            let answer = page(fixture, page_size, &token).await;
            for group in answer.groups {
                let ids = group.connections.into_iter().map(|one| one.connection_id).collect();
                found.push((group.did, ids));
            }
            token = answer.next_page_token;
            if token.is_empty() {
                return found;
            }
        }
    }

    fn named(groups: &[(&str, &[&str])]) -> Vec<(String, Vec<String>)> {
        let owned = |ids: &[&str]| ids.iter().map(|&id| id.to_owned()).collect();
        groups.iter().map(|(did, ids)| ((*did).to_owned(), owned(ids))).collect()
    }

    #[tokio::test]
    async fn only_what_a_peer_proved_ties_connections_together() {
        let fixture = Fixture::new().await;
        let (nym, web) = ("EMmo7oSqQk1twmgLDRNjzC", "did:web:peer.example");
        let rotated = Connection { first_did: Some(web.to_owned()), ..with("d", "did:key:zd", 0) };
        let agreed = Connection { role: 0, ..with("s", web, 1) };
        let newest = Connection { last_seen_at: 9, ..with("b", web, 0) };
        keep(
            &fixture,
            &[
                with("a", web, 0),
                newest,
                invited("c", "did:key:zc", web),
                rotated,
                // Its owner alone says that it is the peer's.
                agreed,
                // Our own invitation, a label, an endpoint and a key of ours tie nothing.
                with("e", "did:key:ze", 0),
                // Of these anybody may say that it is his.
                with("k", nym, 0),
                with("l", nym, 1),
                with("m", nym, 1),
                with("n", "did:example:1", 0),
                with("o", "did:example:1", 1),
            ],
        )
        .await;
        let expected = named(&[(nym, &["m", "l"]), (web, &["b", "d", "c", "a"])]);
        assert_eq!(groups(&fixture, 0).await, expected);
        assert_eq!(groups(&fixture, 1).await, expected, "page by page");
        let answer = page(&fixture, 0, "").await;
        let [by_key, by_did] = &answer.groups[..] else { panic!("{answer:?}") };
        assert_eq!((by_key.their_key.as_str(), by_did.their_key.as_str()), (KEYS[1], ""));
        let ties: Vec<_> = by_did.connections.iter().map(|one| one.ties.clone()).collect();
        let [did, former, invitation] =
            [PeerTie::PeerDid, PeerTie::FormerPeerDid, PeerTie::InvitationDid].map(i32::from);
        assert_eq!(ties, [vec![did], vec![former], vec![invitation], vec![did]]);
    }

    #[tokio::test]
    async fn a_page_looks_at_a_part_and_no_group_is_lost_between_two() {
        let fixture = Fixture::new().await;
        let did = |number: usize| format!("did:key:z{number:06}");
        let single: Vec<_> =
            (0..10_500).map(|number| with(&format!("x{number:06}"), &did(number), 0)).collect();
        for rows in single.chunks(500) {
            keep(&fixture, rows).await;
        }
        // One pair before the end of the first part, one across it, one after.
        let pairs = [7, 10_000, 10_400];
        keep(&fixture, &pairs.map(|number| with(&format!("y{number:06}"), &did(number), 0))).await;
        let first = page(&fixture, 0, "").await;
        assert!(first.groups.len() < pairs.len() && !first.next_page_token.is_empty(), "{first:?}");
        let found = groups(&fixture, 0).await;
        let dids: Vec<_> = found.into_iter().map(|(did, _)| did).collect();
        assert_eq!(dids, pairs.map(did));
    }

    #[tokio::test]
    async fn of_a_large_group_a_part_is_shown() {
        let fixture = Fixture::new().await;
        let rows: Vec<_> =
            (0..150).map(|n| with(&format!("x{n:03}"), "did:web:peer.example", 0)).collect();
        keep(&fixture, &rows).await;
        let answer = page(&fixture, 0, "").await;
        let [group] = &answer.groups[..] else { panic!("{answer:?}") };
        assert!(group.more && group.connections.len() == MAX_SHOWN, "{group:?}");
        assert_eq!(groups(&fixture, 0).await.len(), 1);
    }
}
