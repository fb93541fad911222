//! New DIDs for connections of DIDComm v2 ("DID Rotation"): ours, and what becomes of the old one.

use entente_did::{Did, KeyType, resolve_offline};
use entente_didcomm::from_prior::FromPrior;
use entente_protocol::reuse::empty;
use entente_protocol::{Envelope, Identity, peer};
use entente_rpc::proto::connection::v1 as proto;
use entente_rpc::proto::event::v1::EventKind;
use entente_rpc::{ErrorReason, Failure};
use entente_store::StoreError;

use super::{Answer, Engine, message_id, now};
use crate::project;
use crate::store::{Connection, Kind, Work};

impl Engine {
    /// Takes a new DID for a connection, and tells the peer. It is told with every message until it has answered.
    pub async fn rotate_did(&self, tenant: &str, id: &str) -> Answer<proto::Connection> {
        let not_found = || Failure::not_found("connection", id);
        let wanted = self.store.connection(tenant, id).await?.ok_or_else(not_found)?;
        check(&wanted)?;
        let fresh = self.v2_identity(tenant).await?;
        let rotated = self.rotate_to(tenant, &wanted, &fresh).await;
        if let Err(failure) = &rotated {
            self.forget_after(failure, tenant, &fresh).await;
        }
        rotated
    }

    async fn rotate_to(
        &self,
        tenant: &str,
        wanted: &Connection,
        fresh: &Identity,
    ) -> Answer<proto::Connection> {
        let prior =
            Did::parse(&wanted.my_did).map_err(|_| StoreError::corrupt("connections.my_did"))?;
        let from_prior = self.sign_rotation(tenant, prior, &fresh.did).await?;
        let document = self.their_document(tenant, wanted).await?;
        let their_keys = peer::keys_of(Envelope::V2, &document)
            .map_err(|error| Failure::new(ErrorReason::PeerMisbehaved, error.to_string()))?;
        let mut work = self.work(tenant).await?;
        let found = work.connection(&wanted.id).await?;
        let mut row = found.ok_or_else(|| Failure::not_found("connection", &wanted.id))?;
        check(&row)?;
        if row.my_did != wanted.my_did || row.their_did != wanted.their_did {
            return Err(StoreError::Conflict.into());
        }
        row.prior_did = Some(std::mem::replace(&mut row.my_did, fresh.did.canonical().to_string()));
        row.prior_key = Some(std::mem::replace(&mut row.my_key, fresh.key.multibase()));
        row.from_prior = Some(from_prior);
        work.readdress_connection(&mut row);
        let keys = their_keys.iter().map(entente_did::PublicKey::multibase);
        work.insert_peers(&row.my_key, keys, &row.id);
        work.send_on(&row, Kind::Answer, &empty(&message_id()))?;
        work.emit(self.connection_event(EventKind::ConnectionChanged, &row)?);
        self.commit(work).await?;
        Ok(project::connection(&row, &self.config.endpoint)?)
    }

    /// The JWT by which a DID of ours names the one that follows it.
    async fn sign_rotation(&self, tenant: &str, prior: Did, new: &Did) -> Answer<String> {
        let unusable =
            || Failure::new(ErrorReason::Internal, "our DID has no key that signs for it");
        let document = resolve_offline(&prior).and_then(Result::ok).ok_or_else(unusable)?;
        let keys = document.authentication_keys();
        let signs = |key: &entente_did::PublicKey| key.key_type() == KeyType::Ed25519;
        let (kid, key) = keys.into_iter().find(|(_, key)| signs(key)).ok_or_else(unusable)?;
        let rotated_at = now().div_euclid(1000);
        let unsigned = FromPrior { prior, new: Some(new.clone()), rotated_at }.unsigned(&kid);
        let signature = self.clients.sign(tenant, &key, unsigned.bytes()).await?;
        Ok(unsigned.with_signature(signature))
    }

    async fn their_document(
        &self,
        tenant: &str,
        connection: &Connection,
    ) -> Answer<entente_did::Document> {
        let did = Did::parse(&connection.their_did)
            .map_err(|_| StoreError::corrupt("connections.their_did"))?;
        self.clients.resolve(tenant, &did).await
    }

    /// The peer has written to our new DID: the old one is of no use any more. Gives its keys if nothing needs them.
    pub(crate) async fn rotation_answered(
        &self,
        work: &mut Work,
        row: &mut Connection,
    ) -> Answer<Vec<entente_did::PublicKey>> {
        let (did, key) = (row.prior_did.take(), row.prior_key.take());
        row.from_prior = None;
        work.readdress_connection(row);
        let (Some(did), Some(key)) = (did, key) else { return Ok(Vec::new()) };
        work.delete_peers(&row.id, Some(&key));
        match (Did::parse(&did), entente_did::PublicKey::from_multibase(&key)) {
            (Ok(did), Ok(key)) => self.release(work, &Identity { did, key }).await,
            _ => Ok(Vec::new()),
        }
    }
}

fn check(connection: &Connection) -> Answer<()> {
    if !connection.is_v2()? {
        return Err(Failure::wrong_state("connection", "DIDComm v1", "one of DIDComm v2"));
    }
    if connection.from_prior.is_some() {
        return Err(Failure::wrong_state(
            "connection",
            "rotated, and the peer has not answered",
            "one whose DID the peer has written to",
        ));
    }
    Ok(())
}
