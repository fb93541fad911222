//! What we are to a peer: a fresh key, its DID, and the proof that goes with it.

use entente_did::{Did, KeyType, Method, PublicKey, create, resolve_offline};
use entente_didcomm::attachment::{Attachment, jws};
use entente_didcomm::signature::signing_input;
use entente_protocol::handshake::{Evidence, connection};
use entente_protocol::{Approval, Exchange, Handshake, Identity};
use entente_rpc::proto::connection::v1::DidMethod;
use entente_rpc::{ErrorReason, Failure};
use serde_json::Value;

use super::{Answer, Engine, now};
use crate::store::ExchangeRow;

/// The kind of a pairwise DID.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Kind {
    Peer2,
    Peer4,
    /// An unqualified DID, which comes with its document.
    Legacy,
    /// A did:peer:2 of DIDComm v2, as the agents of Identus make them.
    V2,
}

/// What an invitation of ours says of us.
pub(crate) struct Invited<'a> {
    label: &'a str,
    key: &'a PublicKey,
    did: Option<Did>,
}

impl<'a> Invited<'a> {
    /// By our name, the invitation's key, and the DID in its services.
    pub fn of(label: &'a str, key: &'a PublicKey, did: &Option<String>) -> Self {
        Self { label, key, did: did.as_deref().and_then(|did| Did::parse(did).ok()) }
    }
}

impl Engine {
    /// What an invitee's request is sent with.
    pub(crate) async fn invitee_approval(
        &self,
        tenant: &str,
        row: &ExchangeRow,
        machine: &Exchange,
    ) -> Answer<Approval> {
        let handshake = machine.terms().handshake;
        let kind = match (DidMethod::try_from(row.did_method), handshake) {
            (_, Handshake::Identus10) => Kind::V2,
            (Ok(DidMethod::Peer2), _) => Kind::Peer2,
            (Ok(DidMethod::Peer4), _) => Kind::Peer4,
            (_, Handshake::DidExchange10 | Handshake::Connections10) => Kind::Legacy,
            _ => Kind::Peer4,
        };
        let (identity, document) = self.identity(tenant, kind).await?;
        let evidence = match (handshake, document) {
            (Handshake::Connections10, document) => {
                Evidence::Connection(connection(&identity.did, document))
            }
            (_, Some(document)) => self.signed_document(tenant, &identity.key, &document).await?,
            (_, None) => Evidence::None,
        };
        // The agents of Identus give back the goal that they were invited with.
        let goal = |text: &str| {
            (handshake == Handshake::Identus10 && !text.is_empty()).then(|| text.to_owned())
        };
        let (goal_code, goal) = (goal(&row.goal_code), goal(&row.goal));
        Ok(Approval { identity, label: row.label.clone(), evidence, goal_code, goal })
    }

    /// What an inviter's response is sent with: a DID of the kind that the peer showed, signed by the invitation's key.
    /// In the handshake of Identus the invitation's DID stays.
    pub(crate) async fn inviter_approval(
        &self,
        tenant: &str,
        invited: &Invited<'_>,
        handshake: Handshake,
        their_did: &Did,
    ) -> Answer<Approval> {
        let (label, invitation_key) = (invited.label, invited.key);
        if handshake == Handshake::Identus10
            && let Some(did) = &invited.did
        {
            let identity = Identity { did: did.clone(), key: *invitation_key };
            let evidence = Evidence::None;
            let label = label.to_owned();
            return Ok(Approval { identity, label, evidence, goal_code: None, goal: None });
        }
        let kind = match (their_did.method(), handshake) {
            (Method::Peer2, _) => Kind::Peer2,
            (Method::Peer4, _) => Kind::Peer4,
            (Method::Unqualified, _) | (_, Handshake::Connections10) => Kind::Legacy,
            _ => Kind::Peer4,
        };
        let (identity, document) = self.identity(tenant, kind).await?;
        let evidence = match (handshake, document) {
            (Handshake::Connections10, document) => {
                let content = connection(&identity.did, document);
                let unsigned = signing_input(&content, invitation_key, now().div_euclid(1000));
                let signature = self.clients.sign(tenant, invitation_key, unsigned.bytes()).await?;
                Evidence::Connection(unsigned.with_signature(signature))
            }
            (_, Some(document)) => self.signed_document(tenant, invitation_key, &document).await?,
            (_, None) => {
                let did = identity.did.as_str().as_bytes();
                let rotation =
                    self.attachment(tenant, invitation_key, "did-rotate", "text/string", did);
                Evidence::Rotation(rotation.await?)
            }
        };
        Ok(Approval { identity, label: label.to_owned(), evidence, goal_code: None, goal: None })
    }

    async fn signed_document(
        &self,
        tenant: &str,
        key: &PublicKey,
        document: &Value,
    ) -> Answer<Evidence> {
        let document = document.to_string();
        let signed =
            self.attachment(tenant, key, "did-doc", "application/json", document.as_bytes());
        Ok(Evidence::Document(signed.await?))
    }

    /// An attachment signed with one of our keys (RFC 0017).
    async fn attachment(
        &self,
        tenant: &str,
        key: &PublicKey,
        id: &str,
        mime_type: &str,
        content: &[u8],
    ) -> Answer<Attachment> {
        let unsigned = jws::signing_input(content, key)
            .map_err(|error| Failure::new(ErrorReason::Internal, error.to_string()))?;
        let signature = self.clients.sign(tenant, key, unsigned.bytes()).await?;
        let mut attachment = Attachment::from_bytes(id, mime_type, content);
        attachment.data.jws = Some(unsigned.with_signature(signature));
        Ok(attachment)
    }

    /// A fresh identity, with its document if nobody could resolve it.
    async fn identity(&self, tenant: &str, kind: Kind) -> Answer<(Identity, Option<Value>)> {
        let endpoint = &self.config.endpoint;
        if kind == Kind::V2 {
            return Ok((self.v2_identity(tenant).await?, None));
        }
        let key = self.clients.create_key(tenant).await?;
        let (did, document) = match kind {
            Kind::Peer2 => (create::v1_peer2(&key, endpoint, &[]).map_err(unusable)?, None),
            Kind::Peer4 | Kind::V2 => {
                (create::v1_peer4(&key, endpoint, &[]).map_err(unusable)?.long, None)
            }
            Kind::Legacy => {
                let (did, document) = create::legacy(&key, endpoint, &[]);
                (did, Some(document))
            }
        };
        Ok((Identity { did, key }, document))
    }

    /// A fresh identity of DIDComm v2.
    pub(crate) async fn v2_identity(&self, tenant: &str) -> Answer<Identity> {
        let (key, signing) = self.clients.create_v2_keys(tenant).await?;
        let did = create::v2_peer2(&key, &signing, &self.config.endpoint, &[]).map_err(unusable)?;
        Ok(Identity { did, key })
    }

    /// Destroys the keys of an identity that a failed work was to store. They stay where it may have been stored all the
    /// same: a commit whose answer was lost.
    pub(crate) async fn forget_after(&self, failure: &Failure, tenant: &str, identity: &Identity) {
        if !matches!(failure.reason, ErrorReason::StoreUnavailable | ErrorReason::Internal) {
            self.forget(tenant, identity).await;
        }
    }

    /// Destroys the keys of an identity that nothing needs any more.
    pub(crate) async fn forget(&self, tenant: &str, identity: &Identity) {
        for key in keys_of(identity) {
            self.clients.delete_key(tenant, &key).await;
        }
    }
}

/// The key that speaks for an identity, and the one that signs for it in DIDComm v2, which its DID names.
pub(crate) fn keys_of(identity: &Identity) -> Vec<PublicKey> {
    let mut keys = vec![identity.key];
    if identity.key.key_type() != KeyType::Ed25519
        && let Some(Ok(document)) = resolve_offline(&identity.did)
    {
        keys.extend(document.authentication_keys().into_iter().map(|(_, key)| key));
    }
    keys
}

/// Only an endpoint that makes no DID can bring this about.
pub(crate) fn unusable(error: entente_did::DidError) -> Failure {
    Failure::new(
        ErrorReason::Internal,
        format!("no DID can be made for the configured endpoint: {error}"),
    )
}
