//! Connections.

use entente_did::{Did, PublicKey};
use entente_didcomm::message::Message;
use entente_protocol::reuse::Candidate;
use entente_protocol::{Envelope, Identity, Sender, Target};
use entente_store::{Query, StoreError, values};
use sqlx::FromRow;

use super::{Kind, Page, Store, Work};

/// A connection as it is stored. Enumerations have the numbers of the proto.
#[derive(Debug, Clone, FromRow)]
pub(crate) struct Connection {
    pub id: String,
    pub role: i32,
    pub protocol: i32,
    pub my_did: String,
    pub their_did: String,
    pub my_key: String,
    pub their_key: String,
    pub target: String,
    pub their_label: String,
    pub alias: String,
    pub invitation_id: String,
    pub invitation_did: Option<String>,
    pub metadata: String,
    pub reuses: i64,
    pub last_seen_at: i64,
    pub created_at: i64,
    pub updated_at: i64,
    pub version: i64,
    /// The JWT by which our former DID names this one, until the peer has answered it.
    pub from_prior: Option<String>,
    /// Our former DID until then.
    pub prior_did: Option<String>,
    /// Its key.
    pub prior_key: Option<String>,
    /// The peer's DID before it took another for the first time.
    pub first_did: Option<String>,
    /// The ids of those that became part of it, separated by spaces.
    pub former_ids: String,
}

/// Which connections.
#[derive(Debug, Clone, Default, Hash)]
pub(crate) struct ConnectionFilter {
    pub invitation_id: String,
    pub invitation_did: String,
    pub alias: String,
    pub my_did: String,
    pub their_did: String,
    /// Only those that no handshake made.
    pub static_only: bool,
}

/// Begins a query of connections in a table.
macro_rules! columns {
    ($table:literal) => {
        concat!(
            "SELECT ",
            crate::store::connections::fields!(),
            " FROM ",
            $table,
            " WHERE tenant = "
        )
    };
}
pub(super) use columns;
macro_rules! fields {
    () => {
        "id, role, protocol, my_did, their_did, my_key, their_key, target, their_label, alias, invitation_id, \
         invitation_did, metadata, reuses, last_seen_at, created_at, updated_at, version, from_prior, prior_did, \
         prior_key, first_did, former_ids"
    };
}
pub(super) use fields;

/// The columns of a connection.
pub(super) const FIELDS: &str = fields!();
pub(super) const COLUMNS: &str = columns!("connections");

/// What stands between us and the inviter of a DID: the live connections that we made with its invitations, or that such
/// became part of, heard last first (the limit bounds the work), and the exchange under way with it.
const STANDING: &str = "SELECT id, last_seen_at, created_at, FALSE FROM \
     (SELECT id, last_seen_at, created_at FROM connections \
     WHERE tenant = $1 AND invitation_did = $2 AND role = 2 \
     ORDER BY last_seen_at DESC, id DESC LIMIT 16) AS candidates \
     UNION SELECT id, last_seen_at, created_at, FALSE FROM connections WHERE tenant = $1 AND id IN \
     (SELECT kept_id FROM absorbed WHERE tenant = $1 AND invitation_did = $2 AND role = 2) \
     UNION ALL SELECT id, 0, 0, TRUE FROM exchanges WHERE tenant = $1 AND pending_for = $3";

/// What stands between us and an inviter.
#[derive(Debug, Default)]
pub(crate) struct Standing {
    /// The connections that its invitation may be answered on.
    pub candidates: Vec<Candidate>,
    /// The exchange under way.
    pub under_way: Option<String>,
}

impl Standing {
    fn of(rows: Vec<(String, i64, i64, bool)>) -> Self {
        let mut standing = Self::default();
        for (id, last_seen_at, created_at, under_way) in rows {
            if under_way {
                standing.under_way = Some(id);
            } else {
                standing.candidates.push(Candidate { connection_id: id, last_seen_at, created_at });
            }
        }
        standing
    }
}

impl Connection {
    /// A new connection between two identities, with what neither a handshake nor an owner has said yet.
    pub fn new(
        id: String,
        mine: &Identity,
        their_did: &Did,
        their_key: &PublicKey,
        target: &Target,
        now: i64,
    ) -> Result<Self, StoreError> {
        Ok(Self {
            id,
            role: 0,
            protocol: 0,
            my_did: mine.did.canonical().to_string(),
            their_did: their_did.canonical().to_string(),
            my_key: mine.key.multibase(),
            their_key: their_key.multibase(),
            target: serde_json::to_string(target)
                .map_err(|_| StoreError::corrupt("connections.target"))?,
            their_label: String::new(),
            alias: String::new(),
            invitation_id: String::new(),
            invitation_did: None,
            metadata: "{}".to_owned(),
            reuses: 0,
            last_seen_at: 0,
            created_at: now,
            updated_at: now,
            version: 1,
            from_prior: None,
            prior_did: None,
            prior_key: None,
            first_did: None,
            former_ids: String::new(),
        })
    }

    /// Where the peer receives messages.
    pub fn target(&self) -> Result<Target, StoreError> {
        serde_json::from_str(&self.target).map_err(|_| StoreError::corrupt("connections.target"))
    }

    /// Whether it speaks DIDComm v2.
    pub fn is_v2(&self) -> Result<bool, StoreError> {
        Ok(self.target()?.envelope() == Envelope::V2)
    }

    /// The key that we speak with.
    pub fn my_key(&self) -> Result<PublicKey, StoreError> {
        PublicKey::from_multibase(&self.my_key)
            .map_err(|_| StoreError::corrupt("connections.my_key"))
    }

    /// The key that authenticates us in envelopes.
    pub fn sender(&self) -> Result<Sender, StoreError> {
        let did = did("connections.my_did", &self.my_did)?;
        Ok(Identity { did, key: self.my_key()? }.sender())
    }
}

fn did(column: &'static str, text: &str) -> Result<Did, StoreError> {
    Did::parse(text).map_err(|_| StoreError::corrupt(column))
}

impl Work {
    /// Sends a message to the peer of a connection.
    pub fn send_on(
        &mut self,
        connection: &Connection,
        kind: Kind,
        message: &Message,
    ) -> Result<(), StoreError> {
        let mine = did("connections.my_did", &connection.my_did)?;
        let theirs = did("connections.their_did", &connection.their_did)?;
        let mut message = message.clone().between(&mine, &theirs);
        if let (Some(headers), Some(from_prior)) = (&mut message.v2, &connection.from_prior) {
            headers.from_prior = Some(from_prior.clone());
        }
        let from = Some(connection.sender()?);
        self.send(&connection.id, kind, &message, from, connection.target()?);
        Ok(())
    }

    /// A connection, as it is in this work, also by the id of one that became part of it.
    pub async fn connection(&mut self, id: &str) -> Result<Option<Connection>, StoreError> {
        let sql = format!("{COLUMNS}$1 AND id = $2");
        let values = values![self.tenant(), id];
        if let Some(found) = self.fetch(&sql, values).await?.pop() {
            return Ok(Some(found));
        }
        let Some(kept) = self.kept_id(id).await? else { return Ok(None) };
        let values = values![self.tenant(), kept];
        Ok(self.fetch(&sql, values).await?.pop())
    }

    /// What stands between us and the inviter of a DID, as it is in this work.
    pub async fn standing(
        &mut self,
        did: Option<&str>,
        inviter: &str,
    ) -> Result<Standing, StoreError> {
        let values = values![self.tenant(), did, inviter];
        Ok(Standing::of(self.fetch(STANDING, values).await?))
    }

    /// The handshake or connection that two DIDs, or two keys, have already.
    pub async fn connection_between(
        &mut self,
        dids: [&str; 2],
        keys: [&str; 2],
    ) -> Result<Option<String>, StoreError> {
        let ([my_did, their_did], [my_key, their_key]) = (dids, keys);
        let values = values![self.tenant(), my_did, their_did, my_key, their_key];
        let found: Vec<(String,)> = self
            .fetch(
                "SELECT id FROM connections WHERE tenant = $1 AND my_did = $2 AND their_did = $3 \
                 UNION ALL SELECT kept_id FROM absorbed WHERE tenant = $1 AND my_did = $2 AND their_did = $3 \
                 UNION ALL SELECT exchange_id FROM peers WHERE tenant = $1 AND my_key = $4 AND \
                 their_key = $5 LIMIT 1",
                values,
            )
            .await?;
        Ok(found.into_iter().next().map(|(id,)| id))
    }

    /// Whether a connection has a DID of ours.
    pub async fn speaks_as(&mut self, did: &str) -> Result<bool, StoreError> {
        let values = values![self.tenant(), did];
        let sql = "SELECT TRUE FROM connections WHERE tenant = $1 AND my_did = $2 \
                   UNION ALL SELECT TRUE FROM absorbed WHERE tenant = $1 AND my_did = $2 LIMIT 1";
        Ok(!self.fetch::<(bool,)>(sql, values).await?.is_empty())
    }

    /// Keeps a new connection.
    pub fn insert_connection(&mut self, row: &Connection) {
        self.write(
            "INSERT INTO connections (tenant, id, role, protocol, my_did, their_did, \
     my_key, their_key, target, their_label, alias, invitation_id, invitation_did, \
     metadata, reuses, last_seen_at, created_at, updated_at, version) VALUES ($1, \
     $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12, $13, $14, $15, $16, $17, $18, \
     $19)",
            values![
                self.tenant(),
                &row.id,
                row.role,
                row.protocol,
                &row.my_did,
                &row.their_did,
                &row.my_key,
                &row.their_key,
                &row.target,
                &row.their_label,
                &row.alias,
                &row.invitation_id,
                &row.invitation_did,
                &row.metadata,
                row.reuses,
                row.last_seen_at,
                row.created_at,
                row.updated_at,
                row.version
            ],
        );
    }

    /// Stores what changes of a connection, with a new version.
    pub fn update_connection(&mut self, row: &mut Connection) {
        row.version += 1;
        row.updated_at = self.now();
        self.write(
            "UPDATE connections SET alias = $3, metadata = $4, reuses = $5, last_seen_at = \
             $6, former_ids = $7, updated_at = $8, version = $9 WHERE tenant = $1 AND id = $2",
            values![
                self.tenant(),
                &row.id,
                &row.alias,
                &row.metadata,
                row.reuses,
                row.last_seen_at,
                &row.former_ids,
                row.updated_at,
                row.version
            ],
        );
    }

    /// Stores who the two of a connection are, with a new version.
    pub fn readdress_connection(&mut self, row: &mut Connection) {
        row.version += 1;
        row.updated_at = self.now();
        self.readdress_in("connections", row);
    }

    /// Stores the same of one that became part of another.
    pub fn readdress_absorbed(&mut self, row: &Connection) {
        self.readdress_in("absorbed", row);
    }

    fn readdress_in(&mut self, table: &'static str, row: &Connection) {
        self.write(
            &format!(
                "UPDATE {table} SET my_did = $3, my_key = $4, their_did = $5, their_key = $6, target = $7, \
                 from_prior = $8, prior_did = $9, prior_key = $10, first_did = $11, updated_at = $12, version = $13 \
                 WHERE tenant = $1 AND id = $2"
            ),
            values![
                self.tenant(),
                &row.id,
                &row.my_did,
                &row.my_key,
                &row.their_did,
                &row.their_key,
                &row.target,
                &row.from_prior,
                &row.prior_did,
                &row.prior_key,
                &row.first_did,
                row.updated_at,
                row.version
            ],
        );
    }

    /// Notes that the peer was heard. It is no change of the record, so it makes no version.
    pub fn touch_connection(&mut self, id: &str) {
        let (tenant, now) = (self.tenant().to_owned(), self.now());
        self.write(
            "UPDATE connections SET last_seen_at = $3 WHERE tenant = $1 AND id = $2",
            values![tenant, id, now],
        );
    }

    /// Removes a connection.
    pub fn delete_connection(&mut self, id: &str) {
        self.write(
            "DELETE FROM connections WHERE tenant = $1 AND id = $2",
            values![self.tenant(), id],
        );
    }
}

impl Store {
    /// The connection that we have under a key of ours with the peer of a DID, or had before it became part of another: its
    /// id then, and the peer's key. The key may be
    /// of the DID before a rotation that the peer has not answered: it may have taken a new DID at the same time.
    pub async fn connection_of_pair(
        &self,
        tenant: &str,
        my_key: &str,
        their_did: &str,
    ) -> Result<Option<(String, String)>, StoreError> {
        let sql = "SELECT id, their_key FROM connections WHERE tenant = $1 AND their_did = $2 AND \
                   $3 IN (my_key, prior_key) UNION ALL SELECT id, their_key FROM absorbed WHERE \
                   tenant = $1 AND their_did = $2 AND my_key = $3 LIMIT 1";
        self.read(tenant).await?.optional(sql, values![tenant, their_did, my_key]).await
    }

    /// A connection, also by the id of one that became part of it.
    pub async fn connection(
        &self,
        tenant: &str,
        id: &str,
    ) -> Result<Option<Connection>, StoreError> {
        let sql = format!("{COLUMNS}$1 AND id = $2");
        let found = self.read(tenant).await?.optional(&sql, values![tenant, id]).await?;
        if found.is_some() {
            return Ok(found);
        }
        let Some(kept) = self.kept_id(tenant, id).await? else { return Ok(None) };
        self.read(tenant).await?.optional(&sql, values![tenant, kept]).await
    }

    /// What stands between us and the inviter of a DID.
    pub async fn standing(
        &self,
        tenant: &str,
        did: Option<&str>,
        inviter: &str,
    ) -> Result<Standing, StoreError> {
        let values = values![tenant, did, inviter];
        Ok(Standing::of(self.read(tenant).await?.all(STANDING, values).await?))
    }

    /// A page of connections.
    pub async fn connections(
        &self,
        tenant: &str,
        filter: &ConnectionFilter,
        page: &Page,
    ) -> Result<Vec<Connection>, StoreError> {
        let mut query = Query::new(COLUMNS);
        query.push_bind(tenant.to_owned());
        for (column, value) in [
            ("invitation_id", &filter.invitation_id),
            ("invitation_did", &filter.invitation_did),
            ("alias", &filter.alias),
            ("my_did", &filter.my_did),
            ("their_did", &filter.their_did),
        ] {
            if !value.is_empty() {
                query.push(" AND ").push(column).push(" = ").push_bind(value.clone());
            }
        }
        if filter.static_only {
            query.push(" AND role = 0");
        }
        page.push(&mut query);
        query.all(self.read(tenant).await?).await
    }
}
