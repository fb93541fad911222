//! Keys and DIDs of ours that no record names: those of a call that was cut off between the keystore and the tables.

use std::collections::HashSet;

use entente_did::{Did, PublicKey};
use entente_rpc::proto::connection::v1 as pb;
use entente_rpc::proto::connection::v1::FindingKind;
use entente_rpc::{Failure, time_to_proto};

use super::identity::keys_of;
use super::{Answer, Engine, now};
use crate::clients::OwnKey;

/// How many are looked at for a page.
const LOOKED_AT: i64 = 1_000;
/// The most DIDs on a page: they are long.
const MAX_DIDS: usize = 200;

/// Some that were found, and the place to go on from where not all were looked at.
pub(super) type Found = (Vec<pb::Finding>, Option<String>);

impl Engine {
    /// Orphaned DIDs after one, that were made before a time.
    pub(super) async fn orphaned_dids(
        &self,
        tenant: &str,
        since: i64,
        after: &str,
        room: usize,
    ) -> Answer<Found> {
        let room = room.min(MAX_DIDS);
        let looked_at = self.store.look_at_dids(tenant, after, LOOKED_AT).await?;
        let full = i64::try_from(looked_at.len()).is_ok_and(|looked_at| looked_at == LOOKED_AT);
        let last = if full { looked_at.last().map(|last| last.did.clone()) } else { None };
        let mut found: Vec<_> = looked_at
            .into_iter()
            .filter(|did| did.unused && did.created_at <= since)
            .map(|did| finding(FindingKind::OrphanedDid, did.did, did.created_at))
            .collect();
        if found.len() <= room {
            return Ok((found, last));
        }
        found.truncate(room);
        let last = found.last().map_or_else(|| after.to_owned(), |last| last.id.clone());
        Ok((found, Some(last)))
    }

    /// Orphaned keys after a place, that were made before a time. A place is a key, and the token of the page it is on.
    pub(super) async fn orphaned_keys(
        &self,
        tenant: &str,
        since: i64,
        after: &str,
        room: usize,
    ) -> Answer<Found> {
        let (after, page_token) = after.split_once(' ').unwrap_or_default();
        let (keys, next) = self.clients.own_keys(tenant, LOOKED_AT, page_token).await?;
        let done = keys.iter().any(|key| key.created_at > since);
        let next = (!next.is_empty() && !done).then(|| format!(" {next}"));
        let known = keys.iter().position(|key| key.key == after).map_or(0, |place| place + 1);
        let keys = keys.into_iter().skip(known).filter(|key| key.created_at <= since).collect();
        let mut found: Vec<_> = self
            .unused(tenant, keys)
            .await?
            .into_iter()
            .map(|key| finding(FindingKind::OrphanedKey, key.key, key.created_at))
            .collect();
        if found.len() <= room {
            return Ok((found, next));
        }
        found.truncate(room);
        let last = found.last().map_or(after, |last| last.id.as_str());
        let place = format!("{last} {page_token}");
        Ok((found, Some(place)))
    }

    /// Those of our keys that nothing needs.
    async fn unused(&self, tenant: &str, mut keys: Vec<OwnKey>) -> Answer<Vec<OwnKey>> {
        // A record names the first key of a DID, and the DID the others.
        let names = |keys: &[OwnKey]| -> Vec<String> {
            let names: HashSet<_> = keys.iter().map(OwnKey::name).collect();
            names.into_iter().map(str::to_owned).collect()
        };
        let used: HashSet<_> =
            self.store.keys_in_use(tenant, &names(&keys)).await?.into_iter().collect();
        keys.retain(|key| !used.contains(key.name()));
        if keys.is_empty() {
            return Ok(keys);
        }
        let used: HashSet<_> =
            self.store.keys_of_connections(tenant, &names(&keys)).await?.into_iter().collect();
        keys.retain(|key| !used.contains(key.name()));
        Ok(keys)
    }

    /// Destroys an orphaned key, or an orphaned DID with its keys, that was made before a time.
    pub async fn discard_orphan(&self, tenant: &str, id: &str, patience: i64) -> Answer<()> {
        let since = now().saturating_sub(patience);
        let unknown = || Failure::not_found("orphaned key or DID", id);
        if let Ok(did) = Did::parse(id) {
            let did = did.canonical().to_string();
            let made = self.store.did_made_at(tenant, &did).await?;
            if made.is_none_or(|made| made > since) {
                return Err(unknown());
            }
            let mut work = self.work(tenant).await?;
            // It looks whether anything needs the DID.
            let freed = work.remove_did(&did).await?.ok_or_else(unknown)?;
            self.commit(work).await?;
            self.delete_keys(tenant, keys_of(&freed.into())).await;
            return Ok(());
        }
        let key = PublicKey::from_multibase(id).map_err(|_| {
            Failure::field(
                "id",
                "is neither a DID nor a public key as multibase, as ListFindings gives them",
            )
        })?;
        let found = self.clients.own_key(tenant, &key).await?;
        let found = found.filter(|found| found.created_at <= since).ok_or_else(unknown)?;
        if self.unused(tenant, vec![found]).await?.is_empty() {
            return Err(unknown());
        }
        self.delete_keys(tenant, [key]).await;
        Ok(())
    }
}

fn finding(kind: FindingKind, id: String, made: i64) -> pb::Finding {
    let remedy = format!("DiscardOrphan (`entente keys discard {id}`) destroys it");
    pb::Finding {
        kind: kind.into(),
        id,
        since: Some(time_to_proto(made)),
        count: 1,
        cause: "no invitation, handshake or connection is of it: what it was made for did not come about"
            .to_owned(),
        remedy,
        ..pb::Finding::default()
    }
}
