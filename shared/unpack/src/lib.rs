//! Opens envelopes: the keystore has the keys, and the resolver knows the DIDs that DIDComm v2 names in them.
//!
//! The recipients of an envelope are looked up without the network, so that a stranger cannot make this agent fetch
//! anything before a key of ours was found in the envelope. Only then is the sender resolved.

mod keys;

use bytes::Bytes;
use entente_did::{Did, DidUrl, Document, Method, resolve_offline};
use entente_didcomm::envelope::Envelope;
use entente_didcomm::forward::Forward;
use entente_didcomm::message::Message;
use entente_rpc::caller::for_tenant;
use entente_rpc::proto::connection::v1::ReceiveRequest;
use entente_rpc::proto::keystore::v1::keystore_service_client::KeystoreServiceClient;
use entente_rpc::proto::keystore::v1::{KeyReference, UnpackRequest, UnpackResponse};
use entente_rpc::proto::resolver::v1::ResolveRequest;
use entente_rpc::proto::resolver::v1::resolver_service_client::ResolverServiceClient;
use entente_rpc::{Code, DEFAULT_TENANT, ErrorReason, Failure, Link, MAX_MESSAGE, Status};

use crate::keys::Relationship::{self, Agreement, Authentication};

/// How many layers of an envelope may name a DID that must be resolved: a sender and a signer.
const MAX_RESOLUTIONS: usize = 2;
/// How many forwards to ourselves may lie around a message (DIDComm v2, routing: rewrapping).
const MAX_FORWARDS: usize = 3;
/// How many keys that an envelope names are resolved.
const MAX_KIDS: usize = 4;

/// The rules that a forward to ourselves can break: how many may lie around a message, and what each must hold.
pub const FORWARD_RULES: [&str; 2] = [TOO_MANY_FORWARDS, WRONG_FORWARD];
const TOO_MANY_FORWARDS: &str = "too_many_forwards";
const WRONG_FORWARD: &str = "wrong_forward";

/// An envelope that was parsed, and not opened yet.
pub struct Sealed {
    bytes: Bytes,
    envelope: Envelope,
}

impl Sealed {
    /// Parses an envelope, of whatever version.
    ///
    /// # Errors
    /// `MALFORMED_ENVELOPE`, which says what is wrong.
    pub fn peek(bytes: Bytes) -> Result<Self, Status> {
        let envelope = Envelope::peek(&bytes).map_err(|error| malformed(error.to_string()))?;
        Ok(Self { bytes, envelope })
    }

    /// Whether it is of DIDComm v2.
    #[must_use]
    pub fn is_v2(&self) -> bool {
        !matches!(self.envelope, Envelope::V1(_))
    }
}

/// Opens envelopes. Clones are cheap.
#[derive(Clone)]
pub struct Unpacker {
    keystore: KeystoreServiceClient<Link>,
    resolver: ResolverServiceClient<Link>,
}

/// What the connection service is told of an opened message. At most so many replies are taken on the way that it came.
#[must_use]
pub fn to_receive(opened: UnpackResponse, max_replies: u16) -> ReceiveRequest {
    ReceiveRequest {
        tenant: opened.tenant,
        plaintext: opened.plaintext,
        recipient_key: opened.recipient_key,
        recipient_kid: opened.recipient_kid,
        sender_key: opened.sender_key,
        sender_kid: opened.sender_kid,
        signer_kid: opened.signer_kid,
        max_replies: max_replies.into(),
    }
}

impl Unpacker {
    /// With these services.
    #[must_use]
    pub fn new(keystore: Link, resolver: Link) -> Self {
        Self {
            keystore: KeystoreServiceClient::new(keystore).max_decoding_message_size(MAX_MESSAGE),
            resolver: ResolverServiceClient::new(resolver).max_decoding_message_size(MAX_MESSAGE),
        }
    }

    /// Opens an envelope; one that was forwarded to ourselves is opened too.
    ///
    /// # Errors
    /// `MALFORMED_ENVELOPE` for what is not encrypted; `UNDECRYPTABLE` when no key of ours opens it, when it was changed,
    /// and when its sender is not who it says; `MALFORMED_MESSAGE` with the `rule` that a forward breaks, one of
    /// [`FORWARD_RULES`]; what the keystore and the resolver fail with.
    pub async fn unpack(&self, sealed: Sealed) -> Result<UnpackResponse, Status> {
        let mut opened = self.open(sealed).await?;
        for _ in 0..MAX_FORWARDS {
            let Some(forward) = forwarded(&opened)? else { return Ok(opened) };
            let inner = Sealed::peek(forward.envelope.into());
            let inner = inner.map_err(|status| wrong_forward(status.message()))?;
            opened = self.open(inner).await?;
            if !is_for(&forward.to, &opened.recipient_kid) {
                return Err(wrong_forward("`next` is not whom the message within is encrypted to"));
            }
        }
        match forwarded(&opened)? {
            None => Ok(opened),
            Some(_) => {
                let text = format!("more than {MAX_FORWARDS} forwards lie around the message");
                Err(broken(TOO_MANY_FORWARDS, &text))
            }
        }
    }

    async fn open(&self, sealed: Sealed) -> Result<UnpackResponse, Status> {
        let mut request = self.request(sealed).await?;
        for _ in 0..=MAX_RESOLUTIONS {
            let call = for_tenant(DEFAULT_TENANT, request.clone())?;
            let answer = self.keystore.clone().unpack(call).await?.into_inner();
            if answer.unknown_kids.is_empty() && answer.unknown_signer_kids.is_empty() {
                return Ok(answer);
            }
            let senders = self.resolve(&answer.unknown_kids, Agreement).await?;
            request.senders.extend(senders);
            let signers = self.resolve(&answer.unknown_signer_kids, Authentication).await?;
            request.signers.extend(signers);
        }
        Err(undecryptable())
    }

    /// What can be asked for without the network.
    async fn request(&self, sealed: Sealed) -> Result<UnpackRequest, Status> {
        let mut request = UnpackRequest { envelope: sealed.bytes, ..Default::default() };
        match &sealed.envelope {
            Envelope::V1(_) => {}
            Envelope::V2(envelope) => {
                for kid in envelope.recipient_kids() {
                    request.recipients.extend(self.recipient(kid).await);
                }
                let sender = envelope.sender_kid();
                request.senders.extend(sender.and_then(|kid| Agreement.find_offline(kid)));
            }
            _ => return Err(malformed("the message must be encrypted".to_owned())),
        }
        Ok(request)
    }

    /// A key that may be ours. The short form of a did:peer:4 is known from its long form; no other DID of ours needs
    /// more than itself.
    async fn recipient(&self, kid: &str) -> Option<KeyReference> {
        let did = DidUrl::parse(kid).ok()?.did;
        if did.method() == Method::Peer4 {
            let document = self.document(&did).await.ok()?;
            return Agreement.find(&document, kid);
        }
        Agreement.find_offline(kid)
    }

    /// The keys of kids that somebody claims. A DID that does not resolve proves nothing.
    async fn resolve(
        &self,
        kids: &[String],
        relationship: Relationship,
    ) -> Result<Vec<KeyReference>, Status> {
        let mut keys = Vec::new();
        for kid in kids.iter().take(MAX_KIDS) {
            let did = DidUrl::parse(kid).map_err(|_| undecryptable())?.did;
            let document = match self.document(&did).await {
                Err(status) if !is_passing(&status) => return Err(undecryptable()),
                document => document?,
            };
            keys.extend(relationship.find(&document, kid));
        }
        if keys.is_empty() && !kids.is_empty() { Err(undecryptable()) } else { Ok(keys) }
    }

    async fn document(&self, did: &Did) -> Result<Document, Status> {
        if let Some(document) = resolve_offline(did) {
            return document.map_err(|_| undecryptable());
        }
        let request = ResolveRequest { did: did.to_string(), no_cache: false };
        let request = for_tenant(DEFAULT_TENANT, request)?;
        let answer = self.resolver.clone().resolve(request).await?;
        Document::from_json(answer.into_inner().document_json).map_err(|_| undecryptable())
    }
}

/// The forward of DIDComm v2 that was opened, if it is one.
fn forwarded(opened: &UnpackResponse) -> Result<Option<Forward>, Status> {
    let forward = opened.plaintext.windows(9).any(|window| window == b"/forward\"");
    if !forward || opened.recipient_kid.is_empty() {
        return Ok(None);
    }
    match Message::parse(&opened.plaintext) {
        Ok(message) if message.is_v2() && Forward::is(&message.message_type) => {
            if message.is_expired(now()) {
                return Err(wrong_forward("it has expired"));
            }
            let forward = Forward::from_message(&message);
            forward.map(Some).map_err(|error| wrong_forward(&error.to_string()))
        }
        _ => Ok(None),
    }
}

/// Whether `next` of a forward, a DID or the DID URL of a key, is whom an envelope was for. The two forms of a
/// did:peer:4 are one DID.
fn is_for(next: &str, recipient_kid: &str) -> bool {
    match (DidUrl::parse(next), DidUrl::parse(recipient_kid)) {
        (Ok(next), Ok(kid)) => {
            next.did.canonical() == kid.did.canonical()
                && (next.fragment.is_none() || next.fragment == kid.fragment)
        }
        _ => false,
    }
}

/// Whether the resolver may answer otherwise later.
fn is_passing(status: &Status) -> bool {
    matches!(
        status.code(),
        Code::Unavailable
            | Code::ResourceExhausted
            | Code::DeadlineExceeded
            | Code::Cancelled
            | Code::Internal
            | Code::Unknown
    )
}

fn malformed(reason: String) -> Status {
    Failure::new(ErrorReason::MalformedEnvelope, reason).into()
}

/// Unix seconds.
fn now() -> i64 {
    entente_rpc::now() / 1000
}

fn wrong_forward(reason: &str) -> Status {
    broken(WRONG_FORWARD, &format!("the forward cannot be followed: {reason}"))
}

fn broken(rule: &str, reason: &str) -> Status {
    Failure::new(ErrorReason::MalformedMessage, reason).with("rule", rule).into()
}

fn undecryptable() -> Status {
    Failure::new(ErrorReason::Undecryptable, "the envelope cannot be opened").into()
}
