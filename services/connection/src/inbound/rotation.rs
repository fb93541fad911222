//! A peer that has taken a new DID (DIDComm v2, "DID Rotation").

use entente_did::{Document, PublicKey};
use entente_didcomm::from_prior::Claim;
use entente_didcomm::message::Message;
use entente_protocol::{Envelope, Target, peer};
use entente_rpc::proto::connection::v1::ReceiveRequest;
use entente_rpc::proto::event::v1::EventKind;
use entente_rpc::{Code, ErrorReason, Failure};
use entente_store::StoreError;

use crate::engine::{Answer, Engine, now};

impl Engine {
    /// The connection of a message from a DID that is new to us, if the DID before it says that it is its own. The
    /// connection is with the new DID then, and messages of the old one are of a stranger.
    pub(super) async fn follow_rotation(
        &self,
        request: &ReceiveRequest,
        message: &Message,
        sender: &PublicKey,
    ) -> Answer<Option<String>> {
        let Some(jwt) = message.v2.as_ref().and_then(|headers| headers.from_prior.as_deref())
        else {
            return Ok(None);
        };
        let (tenant, my_key) = (&request.tenant, &request.recipient_key);
        let claim = Claim::parse(jwt).map_err(malformed)?;
        let prior = claim.prior().canonical().to_string();
        let Some((id, _)) = self.store.connection_of_pair(tenant, my_key, &prior).await? else {
            return Ok(None);
        };
        let document = self.document_of(tenant, &claim.prior().clone()).await?;
        let rotation = claim
            .verify(&document, message.from_did(), now().div_euclid(1000))
            .map_err(malformed)?;
        let Some(new) = rotation.new else { return Ok(None) };
        let document = self.document_of(tenant, &new).await?;
        let keys = peer::keys_of(Envelope::V2, &document).map_err(malformed)?;
        let target = Target::of(Envelope::V2, &document).map_err(malformed)?;
        let mut work = self.work(tenant).await?;
        let found = work.absorbed(&id).await?;
        let is_absorbed = found.is_some();
        let found = if is_absorbed { found } else { work.connection(&id).await? };
        let Some(mut row) = found.filter(|row| row.id == id && row.their_did == prior) else {
            return Ok(None);
        };
        row.first_did.get_or_insert(prior);
        row.their_did = new.canonical().to_string();
        row.their_key = sender.multibase();
        row.target = serde_json::to_string(&target)
            .map_err(|_| StoreError::corrupt("connections.target"))?;
        work.delete_peers(&id, None);
        for mine in [Some(&row.my_key), row.prior_key.as_ref()].into_iter().flatten() {
            work.insert_peers(mine, keys.iter().map(PublicKey::multibase), &id);
        }
        if is_absorbed {
            work.readdress_absorbed(&row);
        } else {
            work.readdress_connection(&mut row);
            work.emit(self.connection_event(EventKind::ConnectionChanged, &row)?);
        }
        self.commit(work).await?;
        Ok(Some(id))
    }

    async fn document_of(&self, tenant: &str, did: &entente_did::Did) -> Answer<Document> {
        self.clients.resolve(tenant, did).await.map_err(|failure| match failure.code() {
            Code::Unavailable | Code::ResourceExhausted | Code::Internal => failure,
            _ => malformed(failure),
        })
    }
}

fn malformed(error: impl std::fmt::Display) -> Failure {
    Failure::new(ErrorReason::MalformedMessage, error.to_string())
}
