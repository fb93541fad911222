//! Invitations of ours.

use entente_protocol::Handshake;
use entente_protocol::usage::{InvitationState, Usage};
use entente_rpc::proto::connection::v1::InvitationFormat;
use entente_store::{Query, StoreError, Tenants, values};
use sqlx::FromRow;

use super::{Page, Store, Work};
use crate::engine::numbers::handshake_of;

/// An invitation as it is stored. Enumerations have the numbers of the proto.
#[derive(Debug, Clone, FromRow)]
pub(crate) struct Invitation {
    pub id: String,
    pub kind: i32,
    pub state: i32,
    pub max_uses: Option<i64>,
    pub uses: i64,
    pub did: Option<String>,
    pub canonical_did: Option<String>,
    pub key: String,
    pub label: String,
    pub alias: String,
    pub goal_code: String,
    pub goal: String,
    /// How it is written.
    pub format: i32,
    /// The handshakes' numbers, separated by commas.
    pub handshakes: String,
    pub message: String,
    pub url: String,
    pub metadata: String,
    pub auto_accept: bool,
    pub exchange_id: Option<String>,
    /// Whether a request may name its DID instead of it.
    pub implicit: bool,
    pub created_at: i64,
    pub updated_at: i64,
    pub expires_at: Option<i64>,
    pub version: i64,
    /// What its short URL has of it, if there is one.
    pub short_id: Option<String>,
    pub short_url: Option<String>,
}

/// Which invitations.
#[derive(Debug, Clone, Default, Hash)]
pub(crate) struct InvitationFilter {
    pub state: i32,
    pub alias: String,
}

pub(crate) const SINGLE_USE: i32 = 1;
pub(crate) const MULTI_USE: i32 = 2;

const COLUMNS: &str = "SELECT id, kind, state, max_uses, uses, did, canonical_did, key, label, alias, \
     goal_code, goal, format, handshakes, message, url, metadata, auto_accept, exchange_id, \
     implicit, created_at, updated_at, expires_at, version, short_id, short_url FROM invitations WHERE tenant = ";

fn state_number(state: InvitationState) -> i32 {
    match state {
        InvitationState::Open => 1,
        InvitationState::Used => 2,
        InvitationState::Expired => 3,
        InvitationState::Revoked => 4,
    }
}

/// How a request names the invitation that it answers.
#[derive(Debug, Clone)]
pub(crate) enum Named {
    /// By its id.
    Id(String),
    /// By its DID: the newest open invitation that takes requests for the DID.
    Did(String),
    /// By its key: that of connections/1.0 that is open, the one that may be used often first, then the newest.
    Key(String),
}

fn named(tenant: &str, name: &Named) -> Query {
    let mut query = Query::new(COLUMNS);
    query.push_bind(tenant.to_owned());
    let open = state_number(InvitationState::Open);
    match name {
        Named::Id(id) => query.push(" AND id = ").push_bind(id.clone()),
        Named::Did(did) => query
            .push(" AND implicit AND canonical_did = ")
            .push_bind(did.clone())
            .push(" AND state = ")
            .push_bind(open)
            .push(" ORDER BY id DESC LIMIT 1"),
        Named::Key(key) => query
            .push(" AND key = ")
            .push_bind(key.clone())
            .push(" AND format = ")
            .push_bind(i32::from(InvitationFormat::Connections1))
            .push(" ORDER BY CASE WHEN state = ")
            .push_bind(open)
            .push(" THEN 0 ELSE 1 END, kind DESC, id DESC LIMIT 1"),
    };
    query
}

impl Invitation {
    /// The handshakes that it offers.
    pub fn handshakes(&self) -> impl Iterator<Item = Handshake> {
        self.handshakes.split(',').filter_map(|number| handshake_of(number.parse().ok()?))
    }

    /// How often it may be used.
    pub fn usage(&self) -> Result<Usage, StoreError> {
        let state = match self.state {
            1 => InvitationState::Open,
            2 => InvitationState::Used,
            3 => InvitationState::Expired,
            4 => InvitationState::Revoked,
            _ => return Err(StoreError::corrupt("invitations.state")),
        };
        Ok(Usage {
            state,
            multi_use: self.kind == MULTI_USE,
            max_uses: self.max_uses.map(|max| u32::try_from(max).unwrap_or(u32::MAX)),
            uses: u32::try_from(self.uses).unwrap_or(u32::MAX),
            expires_at: self.expires_at,
        })
    }

    /// Takes over what became of its uses.
    pub fn set_usage(&mut self, usage: Usage) {
        self.state = state_number(usage.state);
        self.uses = i64::from(usage.uses);
    }
}

impl Work {
    /// An invitation, as it is in this work.
    pub async fn invitation(&mut self, id: &str) -> Result<Option<Invitation>, StoreError> {
        let values = values![self.tenant(), id];
        Ok(self.fetch(&format!("{COLUMNS}$1 AND id = $2"), values).await?.pop())
    }

    /// The invitation that a request names, as it is in this work.
    pub async fn invitation_named(
        &mut self,
        name: &Named,
    ) -> Result<Option<Invitation>, StoreError> {
        let (sql, values) = named(self.tenant(), name).into_parts();
        Ok(self.fetch(&sql, values).await?.pop())
    }

    /// Keeps a new invitation.
    pub fn insert_invitation(&mut self, row: &Invitation) {
        self.write(
            "INSERT INTO invitations (tenant, id, kind, state, max_uses, uses, did, \
     canonical_did, key, label, alias, goal_code, goal, format, handshakes, message, url, \
     metadata, auto_accept, exchange_id, implicit, created_at, updated_at, expires_at, \
     version, short_id, short_url) VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12, $13, $14, \
     $15, $16, $17, $18, $19, $20, $21, $22, $23, $24, $25, $26, $27)",
            values![
                self.tenant(),
                &row.id,
                row.kind,
                row.state,
                row.max_uses,
                row.uses,
                &row.did,
                &row.canonical_did,
                &row.key,
                &row.label,
                &row.alias,
                &row.goal_code,
                &row.goal,
                row.format,
                &row.handshakes,
                &row.message,
                &row.url,
                &row.metadata,
                row.auto_accept,
                &row.exchange_id,
                row.implicit,
                row.created_at,
                row.updated_at,
                row.expires_at,
                row.version,
                &row.short_id,
                &row.short_url
            ],
        );
    }

    /// Stores what changes of an invitation, with a new version.
    pub fn update_invitation(&mut self, row: &mut Invitation) {
        row.version += 1;
        row.updated_at = self.now();
        if row.state != state_number(InvitationState::Open) {
            row.expires_at = None;
        }
        self.write(
            "UPDATE invitations SET state = $3, uses = $4, exchange_id = $5, updated_at = \
             $6, expires_at = $7, version = $8 WHERE tenant = $1 AND id = $2",
            values![
                self.tenant(),
                &row.id,
                row.state,
                row.uses,
                &row.exchange_id,
                row.updated_at,
                row.expires_at,
                row.version
            ],
        );
    }

    /// Removes an invitation.
    pub fn delete_invitation(&mut self, id: &str) {
        self.write(
            "DELETE FROM invitations WHERE tenant = $1 AND id = $2",
            values![self.tenant(), id],
        );
    }
}

impl Store {
    /// An invitation.
    pub async fn invitation(
        &self,
        tenant: &str,
        id: &str,
    ) -> Result<Option<Invitation>, StoreError> {
        let mut query = Query::new(COLUMNS);
        query.push_bind(tenant.to_owned()).push(" AND id = ").push_bind(id.to_owned());
        query.optional(self.read(tenant).await?).await
    }

    /// The invitation of a short URL, with its tenant.
    pub async fn invitation_of_short_url(
        &self,
        short_id: &str,
    ) -> Result<Option<(String, Invitation)>, StoreError> {
        let sql = "SELECT tenant, id FROM invitations WHERE short_id = $1";
        let found: Option<(String, String)> =
            self.read(Tenants::All).await?.optional(sql, values![short_id]).await?;
        let Some((tenant, id)) = found else { return Ok(None) };
        let invitation = self.invitation(&tenant, &id).await?;
        Ok(invitation.map(|invitation| (tenant, invitation)))
    }

    /// Those of some invitations that exist.
    pub async fn named_invitations(
        &self,
        tenant: &str,
        ids: &[String],
    ) -> Result<Vec<Invitation>, StoreError> {
        let mut query = Query::new(COLUMNS);
        query.push_bind(tenant.to_owned()).push(" AND id");
        query.push_one_of(ids);
        query.all(self.read(tenant).await?).await
    }

    /// The invitation that a request names.
    pub async fn invitation_named(
        &self,
        tenant: &str,
        name: &Named,
    ) -> Result<Option<Invitation>, StoreError> {
        let query = named(tenant, name);
        query.optional(self.read(tenant).await?).await
    }

    /// A page of invitations.
    pub async fn invitations(
        &self,
        tenant: &str,
        filter: &InvitationFilter,
        page: &Page,
    ) -> Result<Vec<Invitation>, StoreError> {
        let mut query = Query::new(COLUMNS);
        query.push_bind(tenant.to_owned());
        if filter.state != 0 {
            query.push(" AND state = ").push_bind(filter.state);
        }
        if !filter.alias.is_empty() {
            query.push(" AND alias = ").push_bind(filter.alias.clone());
        }
        page.push(&mut query);
        query.all(self.read(tenant).await?).await
    }

    /// Invitations whose time has passed: tenant and id.
    pub async fn expired_invitations(
        &self,
        now: i64,
        limit: i64,
    ) -> Result<Vec<(String, String)>, StoreError> {
        let rows = self
            .read(Tenants::All)
            .await?
            .all(
                "SELECT tenant, id FROM invitations WHERE expires_at <= $1 LIMIT $2",
                values![now, limit],
            )
            .await?;
        Ok(rows)
    }
}
