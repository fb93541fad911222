//! An agent of the test's own, made of envelopes and keys alone: it says what the test wants, also what it must not.

mod connections;
mod handshake;
mod listener;
pub mod v2;

use entente_did::create::v1_peer2;
use entente_did::{Did, PublicKey, resolve_offline};
use entente_didcomm::envelope::v1::{pack_anoncrypt, pack_authcrypt};
use entente_didcomm::envelope::{Envelope, MEDIA_TYPE_V1};
use entente_didcomm::primitives::Ed25519Secret;
use entente_rpc::proto::connection::v1::Invitation;
use serde_json::{Value, json};

pub use connections::{
    connected, connection, connection_request, connection_response, sign_connection,
};
pub use handshake::{Connected, attach, attach_signed, complete, request, responder, response};
pub use listener::{Listener, Received};

use crate::Suite;

/// A key pair of the test's.
#[derive(Clone, Copy)]
pub struct Key {
    seed: [u8; 32],
    /// The public half.
    pub public: PublicKey,
}

impl Key {
    /// A new one.
    pub fn random() -> Self {
        let seed = rand::random();
        Self { seed, public: Ed25519Secret::from_seed(seed).public() }
    }

    /// The private half.
    pub fn secret(&self) -> Ed25519Secret {
        Ed25519Secret::from_seed(self.seed)
    }

    /// An authcrypted envelope from this key.
    pub fn pack(&self, message: &Value, to: &PublicKey) -> Vec<u8> {
        self.pack_bytes(message.to_string().as_bytes(), to)
    }

    /// The same of what may be no message.
    pub fn pack_bytes(&self, plaintext: &[u8], to: &PublicKey) -> Vec<u8> {
        pack_authcrypt(plaintext, &self.secret(), &[*to], &mut rand::rng()).unwrap()
    }
}

/// An anoncrypted envelope.
pub fn pack_anonymous(message: &Value, to: &PublicKey) -> Vec<u8> {
    pack_anoncrypt(message.to_string().as_bytes(), &[*to], &mut rand::rng()).unwrap()
}

/// A message with a fresh id. `kind` is what follows the prefix: `trust_ping/1.0/ping`.
pub fn message(kind: &str, fields: Value) -> Value {
    let mut message = json!({
        "@type": format!("https://didcomm.org/{kind}"),
        "@id": uuid::Uuid::new_v4().to_string(),
    });
    let Value::Object(fields) = fields else { panic!("fields are an object") };
    message.as_object_mut().unwrap().extend(fields);
    message
}

/// The thread of a message that was read.
pub fn thread(message: &Value) -> &str {
    message["~thread"]["thid"].as_str().or(message["@id"].as_str()).expect("an @id")
}

/// What follows the prefix of a message's type; fails unless the prefix is the current one.
pub fn kind(message: &Value) -> &str {
    let kind = message["@type"].as_str().expect("an @type");
    kind.strip_prefix("https://didcomm.org/").unwrap_or_else(|| panic!("the prefix of {kind}"))
}

/// The keys and the endpoint of a DID that needs no network.
pub fn resolve(did: &str) -> (PublicKey, String) {
    let document = resolve_offline(&Did::parse(did).unwrap()).expect("an offline DID").unwrap();
    let service = document.v1_services().unwrap().remove(0);
    (service.recipient_keys[0], service.endpoint)
}

/// What an HTTP POST was answered with.
#[derive(Debug)]
pub struct Answer {
    /// The status.
    pub status: u16,
    /// The content type; empty if there is none.
    pub content_type: String,
    /// The body.
    pub body: Vec<u8>,
}

async fn post(
    http: &reqwest::Client,
    url: &str,
    content_type: &str,
    body: impl Into<reqwest::Body>,
) -> Answer {
    let request = http.post(url).header("content-type", content_type).body(body);
    let response = request.send().await.unwrap();
    let content_type = response.headers().get("content-type");
    Answer {
        status: response.status().as_u16(),
        content_type: content_type.map(|t| t.to_str().unwrap().to_owned()).unwrap_or_default(),
        body: response.bytes().await.unwrap().to_vec(),
    }
}

/// The agent: one key, one DID, one listener.
pub struct Peer {
    /// Its key.
    pub key: Key,
    /// Its did:peer:2.
    pub did: String,
    /// Where its messages arrive.
    pub listener: Listener,
    http: reqwest::Client,
}

impl Peer {
    /// One that listens.
    pub async fn start() -> Self {
        let key = Key::random();
        let listener = Listener::start(|_| Box::new(move |bytes| open(bytes, &key))).await;
        let did = v1_peer2(&key.public, &listener.url, &[]).unwrap().to_string();
        Self { key, did, listener, http: crate::suite::http() }
    }

    /// Posts a body.
    pub async fn post(
        &self,
        url: &str,
        content_type: &str,
        body: impl Into<reqwest::Body>,
    ) -> Answer {
        post(&self.http, url, content_type, body).await
    }

    /// Posts an envelope with the media type of RFC 0044.
    pub async fn post_envelope(&self, url: &str, envelope: Vec<u8>) -> Answer {
        self.post(url, MEDIA_TYPE_V1, envelope).await
    }

    /// Sends a message on a connection; it must be taken.
    pub async fn send(&self, to: &Connected, message: &Value) -> Answer {
        let answer = self.post_envelope(&to.url, self.key.pack(message, &to.key)).await;
        assert!((200..300).contains(&answer.status), "{message}: {answer:?}");
        answer
    }

    /// Sends a message on a connection, and gives what comes back.
    pub async fn ask(&self, to: &Connected, message: &Value) -> Received {
        self.send(to, message).await;
        self.listener.next().await
    }

    /// Checks that nothing came before the answer to a ping that is sent now: messages keep their order.
    pub async fn hears_nothing(&self, from: &Connected) {
        let ping = message("trust_ping/1.0/ping", json!({}));
        let pong = self.ask(from, &ping).await;
        assert_eq!(thread(&pong.message), ping["@id"], "nothing else shall come: {}", pong.message);
    }

    /// Opens an envelope with this peer's key.
    pub fn open(&self, envelope: &[u8]) -> (Value, Option<PublicKey>) {
        open(envelope, &self.key).expect("an envelope for this peer")
    }

    /// An invitation of this peer by its DID.
    pub fn invitation(&self, fields: Value) -> Value {
        let mut invitation = message(
            "out-of-band/1.1/invitation",
            json!({
                "label": "Peer",
                "accept": ["didcomm/aip1", "didcomm/aip2;env=rfc19"],
                "handshake_protocols": ["https://didcomm.org/didexchange/1.1", "https://didcomm.org/didexchange/1.0"],
                "services": [self.did],
            }),
        );
        let Value::Object(fields) = fields else { panic!("fields are an object") };
        invitation.as_object_mut().unwrap().extend(fields);
        invitation
    }

    /// Sends a request for an invitation of `suite`.
    pub async fn request(&self, invitation: &Invitation, request: &Value) -> Answer {
        let key = PublicKey::from_multibase(&invitation.key).unwrap();
        let url = service_url(invitation);
        self.post_envelope(&url, self.key.pack(request, &key)).await
    }

    /// Joins an agent by a new invitation: the whole handshake.
    pub async fn join(&self, suite: &Suite) -> Connected {
        self.join_by(suite, &suite.invite_many().await).await
    }
}

/// The endpoint in an invitation's DID or inline service.
pub fn service_url(invitation: &Invitation) -> String {
    let message: Value = serde_json::from_str(&invitation.message_json).unwrap();
    // An invitation of connections/1.0 is its own service, or has a DID.
    let own = if message["did"].is_null() { &message } else { &message["did"] };
    match message["services"].get(0).unwrap_or(own) {
        Value::String(did) => resolve(did).1,
        service => service["serviceEndpoint"].as_str().unwrap().to_owned(),
    }
}

/// Opens an envelope.
pub fn open(envelope: &[u8], key: &Key) -> Option<(Value, Option<PublicKey>)> {
    let Ok(Envelope::V1(envelope)) = Envelope::peek(envelope) else { return None };
    let opened = envelope.open(&key.public, &key.secret()).ok()?;
    Some((serde_json::from_slice(&opened.plaintext).ok()?, opened.sender))
}
