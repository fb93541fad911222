//! DIDs of ours.

use entente_did::{Did, PublicKey};
use entente_protocol::Identity;
use entente_store::{StoreError, values};
use sqlx::FromRow;

use super::{Store, Work};

/// A DID of ours with its key.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct OurDid {
    /// As it is sent.
    pub did: Did,
    pub key: PublicKey,
}

#[derive(FromRow)]
struct Row {
    wire_did: String,
    key: String,
}

impl TryFrom<Row> for OurDid {
    type Error = StoreError;

    fn try_from(row: Row) -> Result<Self, StoreError> {
        Ok(Self {
            did: Did::parse(&row.wire_did).map_err(|_| StoreError::corrupt("dids.wire_did"))?,
            key: PublicKey::from_multibase(&row.key)
                .map_err(|_| StoreError::corrupt("dids.key"))?,
        })
    }
}

/// What is so of a DID of ours, `d`, that nothing needs: invitations do not share it, and none of a tenant's invitations,
/// handshakes and connections is of it.
pub(super) const UNUSED: &str = "d.shared_as IS NULL \
     AND NOT EXISTS (SELECT 1 FROM invitations i WHERE i.tenant = $1 AND i.key = d.key AND i.canonical_did = d.did) \
     AND NOT EXISTS (SELECT 1 FROM exchanges e WHERE e.tenant = $1 AND e.my_did = d.did) \
     AND NOT EXISTS (SELECT 1 FROM connections c WHERE c.tenant = $1 AND c.my_did = d.did) \
     AND NOT EXISTS (SELECT 1 FROM absorbed a WHERE a.tenant = $1 AND a.my_did = d.did)";

impl Store {
    /// One of our DIDs, in either form.
    pub async fn our_did(&self, tenant: &str, did: &Did) -> Result<Option<OurDid>, StoreError> {
        let row: Option<Row> = self
            .read(tenant)
            .await?
            .optional(
                "SELECT wire_did, key FROM dids WHERE tenant = $1 AND did = $2",
                values![tenant, did.canonical().as_str()],
            )
            .await?;
        row.map(OurDid::try_from).transpose()
    }

    /// The DID that invitations share.
    pub async fn shared_did(
        &self,
        tenant: &str,
        shared_as: &str,
    ) -> Result<Option<OurDid>, StoreError> {
        let row: Option<Row> = self
            .read(tenant)
            .await?
            .optional(
                "SELECT wire_did, key FROM dids WHERE tenant = $1 AND shared_as = $2",
                values![tenant, shared_as],
            )
            .await?;
        row.map(OurDid::try_from).transpose()
    }
}

impl Work {
    /// Keeps a DID of ours. False if another DID is shared under the same name already.
    pub async fn insert_did(
        &mut self,
        did: &OurDid,
        shared_as: Option<&str>,
    ) -> Result<bool, StoreError> {
        let (tenant, now) = (self.tenant().to_owned(), self.now());
        let inserted = self
            .execute(
                "INSERT INTO dids (tenant, did, wire_did, key, shared_as, created_at) VALUES \
     ($1, $2, $3, $4, $5, $6) ON CONFLICT (tenant, shared_as) DO NOTHING",
                values![
                    tenant,
                    did.did.canonical().as_str(),
                    did.did.as_str(),
                    did.key.multibase(),
                    shared_as,
                    now
                ],
            )
            .await?;
        Ok(inserted == 1)
    }

    /// Whether a DID is one that invitations carry.
    pub async fn keeps_did(&mut self, did: &str) -> Result<bool, StoreError> {
        let found: Option<(bool,)> = self
            .fetch(
                "SELECT TRUE FROM dids WHERE tenant = $1 AND did = $2",
                values![self.tenant(), did],
            )
            .await?
            .pop();
        Ok(found.is_some())
    }

    /// Whether a key of ours is that of another DID than this, or this DID has another key.
    pub async fn is_otherwise_paired(&mut self, did: &str, key: &str) -> Result<bool, StoreError> {
        let values = values![self.tenant(), did, key];
        let found: Vec<(bool,)> = self
            .fetch(
                "SELECT TRUE FROM dids WHERE tenant = $1 AND key = $3 AND did <> $2 \
     UNION ALL SELECT TRUE FROM dids WHERE tenant = $1 AND did = $2 AND key <> $3 \
     UNION ALL SELECT TRUE FROM connections WHERE tenant = $1 AND my_did = $2 AND my_key <> $3 \
     UNION ALL SELECT TRUE FROM invitations WHERE tenant = $1 AND key = $3 \
     AND (canonical_did IS NULL OR canonical_did <> $2) \
     UNION ALL SELECT TRUE FROM absorbed WHERE tenant = $1 AND my_did = $2 AND my_key <> $3 \
     UNION ALL SELECT TRUE FROM peers p WHERE p.tenant = $1 AND p.my_key = $3 AND NOT EXISTS \
     (SELECT 1 FROM connections c WHERE c.tenant = $1 AND c.id = p.exchange_id AND c.my_did = $2) \
     AND NOT EXISTS \
     (SELECT 1 FROM absorbed a WHERE a.tenant = $1 AND a.id = p.exchange_id AND a.my_did = $2) \
     LIMIT 1",
                values,
            )
            .await?;
        Ok(!found.is_empty())
    }

    /// Forgets a DID of ours, unless invitations share it, or an invitation, handshake or connection is of it.
    pub async fn remove_did(&mut self, did: &str) -> Result<Option<OurDid>, StoreError> {
        let sql = format!(
            "DELETE FROM dids AS d WHERE d.tenant = $1 AND d.did = $2 AND {UNUSED} \
             RETURNING wire_did, key"
        );
        let row: Option<Row> = self.fetch(&sql, values![self.tenant(), did]).await?.pop();
        row.map(OurDid::try_from).transpose()
    }
}

impl From<OurDid> for Identity {
    fn from(OurDid { did, key }: OurDid) -> Self {
        Self { did, key }
    }
}
