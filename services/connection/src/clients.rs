//! The other services, as this one uses them.

use bytes::Bytes;
use entente_did::{Did, Document, PublicKey};
use entente_protocol::{Sender, Target};
use entente_rpc::caller::for_tenant;
use entente_rpc::proto::keystore::v1::keystore_service_client::KeystoreServiceClient;
use entente_rpc::proto::keystore::v1::{
    CreateKeyRequest, CreateKeysRequest, DeleteKeyRequest, EnvelopeFormat, GetKeyRequest, Key,
    KeyReference, KeyType, ListKeysRequest, PackRequest, SignRequest, UnpackResponse,
};
use entente_rpc::proto::resolver::v1::resolver_service_client::ResolverServiceClient;
use entente_rpc::proto::resolver::v1::{
    ListDueDidsRequest, ResolveRequest, SettleDidsRequest, TenantDid,
};
use entente_rpc::proto::transport::v1::transport_service_client::TransportServiceClient;
use entente_rpc::proto::transport::v1::{DeliverRequest, FetchInvitationRequest};
use entente_rpc::{Code, DEFAULT_TENANT, Failure, Link, MAX_MESSAGE, time_from_proto};
use entente_unpack::{Sealed, Unpacker};

use crate::Links;

/// Clients of the keystore, the resolver and the transport.
#[derive(Clone)]
pub(crate) struct Clients {
    keystore: KeystoreServiceClient<Link>,
    resolver: ResolverServiceClient<Link>,
    transport: TransportServiceClient<Link>,
    unpacker: Unpacker,
}

/// What this service's keys are made for, so that it knows them again.
const PURPOSE: &str = "connection";

/// A key that was made for this service.
#[derive(Debug, Clone)]
pub(crate) struct OwnKey {
    /// Multibase.
    pub key: String,
    /// The first key that was made with it, for the others of a DID; empty for that first one.
    made_with: String,
    /// Milliseconds since the epoch.
    pub created_at: i64,
}

impl OwnKey {
    /// None for a key that was made for something else.
    fn read(key: Key) -> Option<Self> {
        let created_at = key.created_at.as_ref().map(time_from_proto)?;
        let Key { multibase, made_with, purpose, .. } = key;
        (purpose == PURPOSE).then_some(Self { key: multibase, made_with, created_at })
    }

    /// The key that records name it by.
    pub fn name(&self) -> &str {
        if self.made_with.is_empty() { &self.key } else { &self.made_with }
    }
}

/// The result of a call to another service.
type Answer<T> = Result<T, Failure>;

impl Clients {
    pub fn new(links: Links) -> Self {
        Self {
            unpacker: Unpacker::new(links.keystore.clone(), links.resolver.clone()),
            keystore: KeystoreServiceClient::new(links.keystore)
                .max_decoding_message_size(MAX_MESSAGE),
            resolver: ResolverServiceClient::new(links.resolver)
                .max_decoding_message_size(MAX_MESSAGE),
            transport: TransportServiceClient::new(links.transport)
                .max_decoding_message_size(MAX_MESSAGE),
        }
    }

    /// A new Ed25519 key.
    pub async fn create_key(&self, tenant: &str) -> Answer<PublicKey> {
        let request = CreateKeyRequest {
            r#type: KeyType::Ed25519.into(),
            request_id: String::new(),
            purpose: PURPOSE.to_owned(),
        };
        let answer =
            self.keystore.clone().create_key(for_tenant(tenant, request).map_err(failure)?).await;
        let key = answer.map_err(failure)?.into_inner().key.unwrap_or_default();
        PublicKey::from_multibase(&key.multibase).map_err(|error| broken("keystore", &error))
    }

    /// Whether a key is in the keystore.
    pub async fn has_key(&self, tenant: &str, key: &PublicKey) -> Answer<bool> {
        Ok(self.key(tenant, key).await?.is_some())
    }

    /// A key in the keystore that was made for this service.
    pub async fn own_key(&self, tenant: &str, key: &PublicKey) -> Answer<Option<OwnKey>> {
        Ok(self.key(tenant, key).await?.and_then(OwnKey::read))
    }

    async fn key(&self, tenant: &str, key: &PublicKey) -> Answer<Option<Key>> {
        let request = GetKeyRequest { key: key.multibase() };
        match self.keystore.clone().get_key(for_tenant(tenant, request).map_err(failure)?).await {
            Ok(answer) => Ok(answer.into_inner().key),
            Err(status) if status.code() == Code::NotFound => Ok(None),
            Err(status) => Err(failure(status)),
        }
    }

    /// A page of the keys that were made for this service, oldest first, and the token of the next one.
    pub async fn own_keys(
        &self,
        tenant: &str,
        page_size: i64,
        page_token: &str,
    ) -> Answer<(Vec<OwnKey>, String)> {
        let request = ListKeysRequest {
            page_size: i32::try_from(page_size).unwrap_or_default(),
            page_token: page_token.to_owned(),
            purpose: PURPOSE.to_owned(),
        };
        let request = for_tenant(tenant, request).map_err(failure)?;
        let page = self.keystore.clone().list_keys(request).await.map_err(failure)?.into_inner();
        Ok((page.keys.into_iter().filter_map(OwnKey::read).collect(), page.next_page_token))
    }

    /// A new X25519 key and a new Ed25519 key, for a DID of DIDComm v2.
    pub async fn create_v2_keys(&self, tenant: &str) -> Answer<(PublicKey, PublicKey)> {
        let request = CreateKeysRequest {
            types: vec![KeyType::X25519.into(), KeyType::Ed25519.into()],
            request_id: String::new(),
            purpose: PURPOSE.to_owned(),
        };
        let answer =
            self.keystore.clone().create_keys(for_tenant(tenant, request).map_err(failure)?).await;
        let keys = answer.map_err(failure)?.into_inner().keys;
        let key = |at: usize| {
            let text = keys.get(at).map(|key| key.multibase.as_str()).unwrap_or_default();
            PublicKey::from_multibase(text).map_err(|error| broken("keystore", &error))
        };
        Ok((key(0)?, key(1)?))
    }

    /// Destroys a key that is not needed any more. It is no harm if that fails.
    pub async fn delete_key(&self, tenant: &str, key: &PublicKey) {
        let Ok(request) = for_tenant(tenant, DeleteKeyRequest { key: key.multibase() }) else {
            return;
        };
        if let Err(status) = self.keystore.clone().delete_key(request).await {
            tracing::warn!(code = %status.code(), "a key that is not needed any more could not be deleted");
        }
    }

    /// The signature of some bytes by one of our keys.
    pub async fn sign(&self, tenant: &str, key: &PublicKey, payload: &[u8]) -> Answer<[u8; 64]> {
        let request = SignRequest { key: key.multibase(), payload: payload.to_vec().into() };
        let answer =
            self.keystore.clone().sign(for_tenant(tenant, request).map_err(failure)?).await;
        let signature = answer.map_err(failure)?.into_inner().signature;
        signature.as_ref().try_into().map_err(|error| broken("keystore's signature", &error))
    }

    /// An envelope for a target.
    pub async fn pack(
        &self,
        tenant: &str,
        plaintext: String,
        from: Option<&Sender>,
        to: &Target,
    ) -> Answer<Vec<u8>> {
        let plaintext = plaintext.into_bytes().into();
        let request = match to {
            Target::V1 { recipient_keys, .. } => PackRequest {
                plaintext,
                recipient_keys: recipient_keys.iter().map(PublicKey::multibase).collect(),
                sender_key: from.map(|from| from.key.multibase()).unwrap_or_default(),
                ..PackRequest::default()
            },
            Target::V2 { keys, .. } => PackRequest {
                plaintext,
                format: EnvelopeFormat::V2.into(),
                recipients: keys.iter().map(|(kid, key)| reference(kid, key)).collect(),
                sender: from
                    .map(|Sender { key, kid }| reference(kid.as_deref().unwrap_or_default(), key)),
                ..PackRequest::default()
            },
        };
        let answer =
            self.keystore.clone().pack(for_tenant(tenant, request).map_err(failure)?).await;
        Ok(answer.map_err(failure)?.into_inner().envelope.into())
    }

    /// A DID's document.
    pub async fn resolve(&self, tenant: &str, did: &Did) -> Answer<Document> {
        let request = ResolveRequest { did: did.to_string(), no_cache: false };
        let answer =
            self.resolver.clone().resolve(for_tenant(tenant, request).map_err(failure)?).await;
        Document::from_json(answer.map_err(failure)?.into_inner().document_json)
            .map_err(|error| broken("resolver's document", &error))
    }

    /// Short forms of did:peer:4, of all tenants, of which the resolver asks whether they are needed.
    pub async fn due_dids(&self) -> Answer<Vec<TenantDid>> {
        let request = for_tenant(DEFAULT_TENANT, ListDueDidsRequest::default()).map_err(failure)?;
        let answer = self.resolver.clone().list_due_dids(request).await;
        Ok(answer.map_err(failure)?.into_inner().dids)
    }

    /// Tells the resolver which of them are needed.
    pub async fn settle_dids(
        &self,
        tenant: &str,
        needed: Vec<String>,
        needless: Vec<String>,
    ) -> Answer<()> {
        let request = for_tenant(tenant, SettleDidsRequest { needed, needless });
        let answer = self.resolver.clone().settle_dids(request.map_err(failure)?).await;
        answer.map(drop).map_err(failure)
    }

    /// Delivers an envelope to the endpoint that comes first. A packed message that came back is the answer.
    pub async fn deliver(
        &self,
        tenant: &str,
        envelope: Bytes,
        to: &Target,
    ) -> Answer<Option<Vec<u8>>> {
        let multibase = |keys: &[PublicKey]| keys.iter().map(PublicKey::multibase).collect();
        let endpoint = to.endpoint().to_owned();
        let request = match to {
            Target::V1 { recipient_keys, routing_keys, .. } => DeliverRequest {
                envelope,
                endpoint,
                recipient_key: recipient_keys.first().map(PublicKey::multibase).unwrap_or_default(),
                routing_keys: multibase(routing_keys),
                recipient_did: String::new(),
            },
            Target::V2 { did, routing, .. } => DeliverRequest {
                envelope,
                endpoint,
                recipient_key: String::new(),
                routing_keys: routing.clone(),
                recipient_did: did.to_string(),
            },
        };
        let answer =
            self.transport.clone().deliver(for_tenant(tenant, request).map_err(failure)?).await;
        let reply = answer.map_err(failure)?.into_inner().reply;
        Ok((!reply.is_empty()).then(|| reply.into()))
    }

    /// What is behind a short invitation URL.
    pub async fn fetch_invitation(&self, tenant: &str, url: &str) -> Answer<String> {
        let request = FetchInvitationRequest { url: url.to_owned() };
        let answer = self
            .transport
            .clone()
            .fetch_invitation(for_tenant(tenant, request).map_err(failure)?)
            .await;
        Ok(answer.map_err(failure)?.into_inner().invitation)
    }

    /// Opens an envelope that came back on a delivery.
    pub async fn unpack(&self, envelope: Vec<u8>) -> Answer<UnpackResponse> {
        let sealed = Sealed::peek(envelope.into()).map_err(failure)?;
        self.unpacker.unpack(sealed).await.map_err(failure)
    }
}

fn reference(kid: &str, key: &PublicKey) -> KeyReference {
    KeyReference { kid: kid.to_owned(), key: key.multibase() }
}

fn failure(status: entente_rpc::Status) -> Failure {
    Failure::of(&status)
}

fn broken(what: &str, error: &dyn std::fmt::Display) -> Failure {
    Failure::new(entente_rpc::ErrorReason::Internal, format!("the {what} cannot be used: {error}"))
}
