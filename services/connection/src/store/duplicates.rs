//! Connections that lead to the same peer: what ties each to a DID, and the DIDs with several.

use entente_did::{Did, Method};
use entente_rpc::proto::connection::v1::{PeerTie, Role};
use entente_store::{Query, StoreError, values};

use super::connections::COLUMNS;
use super::{Connection, Store};

/// How many rows of each index one look goes through.
const SPAN: i64 = 10_000;

/// The columns that tie to a DID and the rows for which they do, each with an index in the order of the DID.
const TIES: [(&str, &str); 3] =
    [("their_did", ""), ("first_did", ""), ("invitation_did", " AND role = 2")];
/// The tables that have them, with the column that names the connection.
const TABLES: [(&str, &str); 2] = [("connections", "id"), ("absorbed", "kept_id")];

/// Who a peer is, by something that it proved. Two connections that have one in common have the same peer.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) struct PeerName {
    pub did: String,
    /// The peer's key, where the DID is one that anybody could have written.
    pub key: Option<String>,
}

impl Connection {
    /// Who its peer is, and what that is known by.
    pub fn peer_names(&self) -> impl Iterator<Item = (PeerTie, PeerName)> {
        let invitee = self.role == i32::from(Role::Invitee);
        [
            (PeerTie::PeerDid, Some(&self.their_did)),
            (PeerTie::FormerPeerDid, self.first_did.as_ref()),
            (PeerTie::InvitationDid, self.invitation_did.as_ref().filter(|_| invitee)),
        ]
        .into_iter()
        .filter_map(|(tie, did)| Some((tie, self.peer_name(did?.clone()))))
    }

    fn peer_name(&self, did: String) -> PeerName {
        let key = (!self.is_proven(&did)).then(|| self.their_key.clone());
        PeerName { did, key }
    }

    /// Whether a DID has keys of its own, with which the peer showed that it is its. That of another method comes with a
    /// document that the peer wrote; a static connection is what its owner says it is.
    fn is_proven(&self, did: &str) -> bool {
        match Did::parse(did).map(|did| did.method()) {
            Ok(Method::Key | Method::Peer0 | Method::Peer2 | Method::Peer4) => true,
            Ok(Method::Web) => self.role != i32::from(Role::Unspecified),
            _ => false,
        }
    }
}

impl Store {
    /// DIDs after one to which several connections are tied, in order, and where the look ended, if there is more.
    pub async fn duplicated_dids(
        &self,
        tenant: &str,
        after: &str,
        limit: i64,
    ) -> Result<(Vec<String>, Option<String>), StoreError> {
        let mut reader = self.read(tenant).await?;
        let mut query = Query::new("SELECT MIN(did) FROM (");
        for (at, tie) in ties().enumerate() {
            query.push(if at == 0 { "" } else { " UNION ALL " }).push("SELECT did FROM (");
            push_tied(&mut query, tie, tenant, after, None);
            query.push(" ORDER BY did LIMIT 1 OFFSET ").push_bind(SPAN).push(") AS last");
        }
        let (sql, values) = query.push(") AS ends").clone().into_parts();
        let (end,): (Option<String>,) = reader.one(&sql, values).await?;
        let mut query = Query::new("SELECT did FROM (");
        for (at, tie) in ties().enumerate() {
            query.push(if at == 0 { "" } else { " UNION ALL " });
            push_tied(&mut query, tie, tenant, after, end.as_deref());
        }
        query.push(") AS tied GROUP BY did HAVING COUNT(DISTINCT id) > 1 ORDER BY did LIMIT ");
        let (sql, values) = query.push_bind(limit).clone().into_parts();
        let rows: Vec<(String,)> = reader.all(&sql, values).await?;
        Ok((rows.into_iter().map(|(did,)| did).collect(), end))
    }

    /// The connections that are tied to a DID, themselves or by what became part of them, heard last first.
    pub async fn connections_tied(
        &self,
        tenant: &str,
        did: &str,
        limit: i64,
    ) -> Result<Vec<Connection>, StoreError> {
        let tied = |[table, id, column, rows]: [&str; 4]| {
            format!("SELECT {id} FROM {table} WHERE tenant = $1{rows} AND {column} = $2")
        };
        // By one index each: an OR over them, with a query in it, would have PostgreSQL read the tenant's connections.
        let tied = ties().map(tied).collect::<Vec<_>>().join(" UNION ALL ");
        let sql =
            format!("{COLUMNS}$1 AND id IN ({tied}) ORDER BY last_seen_at DESC, id DESC LIMIT $3");
        self.read(tenant).await?.all(&sql, values![tenant, did, limit]).await
    }
}

fn ties() -> impl Iterator<Item = [&'static str; 4]> {
    let of = |(table, id)| TIES.into_iter().map(move |(column, rows)| [table, id, column, rows]);
    TABLES.into_iter().flat_map(of)
}

/// Adds the ties of one kind to the DIDs after one, up to another.
fn push_tied(
    query: &mut Query,
    [table, id, column, rows]: [&str; 4],
    tenant: &str,
    after: &str,
    up_to: Option<&str>,
) {
    query.push("SELECT ").push(column).push(" AS did, ").push(id).push(" AS id FROM ").push(table);
    query.push(" WHERE tenant = ").push_bind(tenant).push(rows);
    query.push(" AND ").push(column).push(" > ").push_bind(after);
    if let Some(up_to) = up_to {
        query.push(" AND ").push(column).push(" <= ").push_bind(up_to);
    }
}
