//! What we are to a peer: a fresh key, its DID, and the proof that goes with it.

use entente_did::{Did, Method, PublicKey, create};
use entente_didcomm::attachment::Attachment;
use entente_protocol::exchange::{Approval, Handshake};
use entente_protocol::{Exchange, Identity};
use entente_rpc::proto::connection::v1::DidMethod;
use entente_rpc::{ErrorReason, Failure};

use super::{Answer, Engine};
use crate::store::ExchangeRow;

/// The kind of a pairwise DID.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Kind {
    Peer2,
    Peer4,
    /// An unqualified DID, which comes with its document.
    Legacy,
}

impl Engine {
    /// What an invitee's request is sent with.
    pub(crate) async fn invitee_approval(
        &self,
        tenant: &str,
        row: &ExchangeRow,
        machine: &Exchange,
    ) -> Answer<Approval> {
        let kind = match DidMethod::try_from(row.did_method) {
            Ok(DidMethod::Peer2) => Kind::Peer2,
            Ok(DidMethod::Peer4) => Kind::Peer4,
            _ if machine.terms().handshake == Handshake::DidExchange10 => Kind::Legacy,
            _ => Kind::Peer4,
        };
        let (identity, document) = self.identity(tenant, kind).await?;
        let document = match document {
            Some(document) => Some(self.signed_document(tenant, &identity.key, &document).await?),
            None => None,
        };
        Ok(Approval {
            identity,
            label: row.label.clone(),
            document,
            rotation: None,
            goal_code: None,
            goal: None,
        })
    }

    /// What an inviter's response is sent with: a DID of the kind that the peer showed, signed by the invitation's key.
    pub(crate) async fn inviter_approval(
        &self,
        tenant: &str,
        label: &str,
        invitation_key: &PublicKey,
        their_did: &Did,
    ) -> Answer<Approval> {
        let kind = match their_did.method() {
            Method::Peer2 => Kind::Peer2,
            Method::Unqualified => Kind::Legacy,
            _ => Kind::Peer4,
        };
        let (identity, document) = self.identity(tenant, kind).await?;
        let (document, rotation) = match document {
            Some(document) => {
                (Some(self.signed_document(tenant, invitation_key, &document).await?), None)
            }
            None => {
                let did = identity.did.as_str().as_bytes();
                let rotation = self
                    .clients
                    .sign(tenant, invitation_key, "did-rotate", "text/string", did)
                    .await?;
                (None, Some(rotation))
            }
        };
        Ok(Approval {
            identity,
            label: label.to_owned(),
            document,
            rotation,
            goal_code: None,
            goal: None,
        })
    }

    async fn signed_document(
        &self,
        tenant: &str,
        key: &PublicKey,
        document: &str,
    ) -> Answer<Attachment> {
        self.clients.sign(tenant, key, "did-doc", "application/json", document.as_bytes()).await
    }

    /// A fresh identity, with its document if nobody could resolve it.
    async fn identity(&self, tenant: &str, kind: Kind) -> Answer<(Identity, Option<String>)> {
        let key = self.clients.create_key(tenant).await?;
        let endpoint = &self.config.endpoint;
        let (did, document) = match kind {
            Kind::Peer2 => (create::v1_peer2(&key, endpoint, &[]).map_err(unusable)?, None),
            Kind::Peer4 => (create::v1_peer4(&key, endpoint, &[]).map_err(unusable)?.long, None),
            Kind::Legacy => {
                let (did, document) = create::legacy(&key, endpoint, &[]);
                (did, Some(document.to_string()))
            }
        };
        Ok((Identity { did, key }, document))
    }
}

/// Only an endpoint that makes no DID can bring this about.
pub(crate) fn unusable(error: entente_did::DidError) -> Failure {
    Failure::new(
        ErrorReason::Internal,
        format!("no DID can be made for the configured endpoint: {error}"),
    )
}
