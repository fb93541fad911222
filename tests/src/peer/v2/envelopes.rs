//! Keys, DIDs, and what is packed with them.

use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use entente_did::create::v2_peer2;
use entente_did::peer2::{self, Purpose};
use entente_did::{Did, DidUrl, Document, KeyType, PublicKey, resolve_offline};
use entente_didcomm::envelope::Envelope;
use entente_didcomm::envelope::v2::{self, NamedKey};
use entente_didcomm::from_prior::FromPrior;
use entente_didcomm::primitives::{
    AgreementKey as _, AgreementSecret, ContentEncryption, Ed25519Secret,
};
use entente_rpc::proto::connection::v1::Invitation;
use serde_json::{Value, json};

use super::{REQUEST, message};

/// What a DID of the test's is made of.
#[derive(Clone, Copy)]
pub(super) struct Keys {
    agreement: [u8; 32],
    signing: [u8; 32],
}

impl Keys {
    pub fn random() -> Self {
        Self { agreement: rand::random(), signing: rand::random() }
    }

    /// Who has these keys, and listens there.
    pub fn at(self, url: &str) -> Identity {
        let did = v2_peer2(&self.agreement().public(), &self.signing().public(), url, &[]);
        self.of(did.unwrap().to_string())
    }

    /// Who has these keys, the first for key agreement and the next for authentication.
    fn of(self, did: String) -> Identity {
        Identity { keys: self, did, agreement: 1, authentication: 2 }
    }

    fn agreement(&self) -> AgreementSecret {
        AgreementSecret::from_bytes(KeyType::X25519, &self.agreement).unwrap()
    }

    fn signing(&self) -> Ed25519Secret {
        Ed25519Secret::from_seed(self.signing)
    }
}

/// A did:peer:2 with its keys.
#[derive(Clone)]
pub struct Identity {
    keys: Keys,
    /// The DID.
    pub did: String,
    /// The numbers of its keys in the DID.
    agreement: usize,
    authentication: usize,
}

impl Identity {
    /// One that listens at a URL.
    pub fn at(url: &str) -> Self {
        Keys::random().at(url)
    }

    /// One that listens nowhere: its DID has no service.
    pub fn nowhere() -> Self {
        let keys = Keys::random();
        let all = [
            (Purpose::KeyAgreement, keys.agreement().public()),
            (Purpose::Authentication, keys.signing().public()),
        ];
        keys.of(peer2::encode(&all, &[]).unwrap().to_string())
    }

    /// One whose DID has this service, abbreviated as did:peer:2 wants it or not.
    pub fn with_service(service: &Value) -> Self {
        let mut me = Self::nowhere();
        me.did = served(&me.did, service);
        me
    }

    /// The same with a further service.
    #[must_use]
    pub fn and_service(mut self, service: &Value) -> Self {
        self.did = served(&self.did, service);
        self
    }

    /// Two who share a DID, each with a key of its own for key agreement.
    pub fn two_at(url: &str) -> [Self; 2] {
        let keys = [Keys::random(), Keys::random()];
        let all = [
            (Purpose::KeyAgreement, keys[0].agreement().public()),
            (Purpose::KeyAgreement, keys[1].agreement().public()),
            (Purpose::Authentication, keys[0].signing().public()),
        ];
        let did = peer2::encode(&all, &[]).unwrap().to_string();
        let did = served(&did, &json!({"t": "dm", "s": {"uri": url, "a": ["didcomm/v2"]}}));
        [0, 1].map(|index| Self {
            keys: keys[index],
            did: did.clone(),
            agreement: index + 1,
            authentication: 3,
        })
    }

    /// The DID URL of the key that authcrypts.
    pub fn kid(&self) -> String {
        format!("{}#key-{}", self.did, self.agreement)
    }

    /// The DID URL of the key that signs.
    pub fn signing_kid(&self) -> String {
        format!("{}#key-{}", self.did, self.authentication)
    }

    /// A message to a DID.
    pub fn message(&self, kind: &str, to: &str, headers: Value) -> Value {
        let mut written = message(kind, json!({"from": self.did, "to": [to]}));
        let Value::Object(headers) = headers else { panic!("headers are an object") };
        written.as_object_mut().unwrap().extend(headers);
        written
    }

    /// A request for an invitation.
    pub fn request(&self, invitation: &Invitation) -> Value {
        let headers = json!({"thid": invitation.id, "pthid": invitation.id, "body": {"accept": ["didcomm/v2"]}});
        self.message(REQUEST, &invitation.did, headers)
    }

    /// Authcrypts a message to a DID.
    pub fn pack(&self, message: &Value, to: &str) -> Vec<u8> {
        self.pack_as(message, &self.kid(), to)
    }

    /// The same under another name for the key.
    pub fn pack_as(&self, message: &Value, kid: &str, to: &str) -> Vec<u8> {
        let (plaintext, key) = (message.to_string(), self.keys.agreement());
        v2::pack_authcrypt(plaintext.as_bytes(), kid, &key, &keys(to), &mut rand::rng()).unwrap()
    }

    /// Signs a message.
    pub fn sign(&self, message: &Value) -> Vec<u8> {
        self.sign_as(message, &self.signing_kid())
    }

    /// The same under another name for the key.
    pub fn sign_as(&self, message: &Value, kid: &str) -> Vec<u8> {
        v2::sign(message.to_string().as_bytes(), kid, &self.keys.signing()).unwrap()
    }

    /// Authcrypts what is packed already, such as a signed message.
    pub fn pack_bytes(&self, bytes: &[u8], to: &str) -> Vec<u8> {
        let key = self.keys.agreement();
        v2::pack_authcrypt(bytes, &self.kid(), &key, &keys(to), &mut rand::rng()).unwrap()
    }

    /// The JWT by which this DID gives way to another.
    pub fn from_prior(&self, new: &str) -> String {
        let claim = FromPrior {
            prior: Did::parse(&self.did).unwrap(),
            new: Some(Did::parse(new).unwrap()),
            rotated_at: 1_700_000_000,
        };
        let unsigned = claim.unsigned(&self.signing_kid());
        let signature = self.keys.signing().sign(unsigned.bytes());
        unsigned.with_signature(signature)
    }

    /// Opens an envelope: the message, and the key that authcrypted it.
    pub fn open(&self, envelope: &[u8]) -> Option<(Value, Option<PublicKey>)> {
        let Ok(Envelope::V2(envelope)) = Envelope::peek(envelope) else { return None };
        let (kid, key) = (self.kid(), self.keys.agreement());
        let sender = envelope.sender_kid().and_then(|kid| {
            let document = resolve(DidUrl::parse(kid).ok()?.did.as_str());
            Some(NamedKey::new(kid, document.agreement_key(kid)?))
        });
        let senders: Vec<_> = sender.into_iter().collect();
        let keys = v2::Keys { recipients: &[(&kid, &key)], senders: &senders, signers: &[] };
        let opened = envelope.open(&keys).ok()?;
        let sender = opened.sender.map(|sender| sender.key);
        Some((serde_json::from_slice(&opened.plaintext).ok()?, sender))
    }
}

/// A did:peer:2 with a service more.
fn served(did: &str, service: &Value) -> String {
    format!("{did}.S{}", URL_SAFE_NO_PAD.encode(service.to_string()))
}

fn resolve(did: &str) -> Document {
    resolve_offline(&Did::parse(did).unwrap()).expect("an offline DID").unwrap()
}

fn keys(did: &str) -> Vec<NamedKey> {
    resolve(did).agreement_keys().into_iter().map(|(kid, key)| NamedKey { kid, key }).collect()
}

/// The endpoint of a DID.
pub fn endpoint(did: &str) -> String {
    resolve(did).v2_services().next().expect("a service").uri.clone()
}

/// Anoncrypts a message to a DID.
pub fn pack_anonymous(message: &Value, to: &str) -> Vec<u8> {
    pack_anonymous_with(message.to_string().as_bytes(), to, ContentEncryption::A256CbcHs512)
}

/// Anoncrypts a message, or what is packed already.
pub fn pack_anonymous_with(bytes: &[u8], to: &str, encryption: ContentEncryption) -> Vec<u8> {
    v2::pack_anoncrypt(bytes, &keys(to), encryption, &mut rand::rng()).unwrap()
}

/// A forward of an envelope, attached as JSON or in base64.
pub fn forward(next: &str, envelope: &[u8], in_base64: bool) -> Value {
    let data = match in_base64 {
        true => json!({"base64": URL_SAFE_NO_PAD.encode(envelope)}),
        false => json!({"json": serde_json::from_slice::<Value>(envelope).unwrap()}),
    };
    let attachment = json!({"id": "1", "media_type": v2::MEDIA_TYPE_ENCRYPTED, "data": data});
    let fields = json!({"body": {"next": next}, "attachments": [attachment]});
    message("https://didcomm.org/routing/2.0/forward", fields)
}
