//! Envelopes of a stranger, who knows public keys and DIDs alone.

use entente_did::KeyType;
use entente_did::{Did, PublicKey, create, resolve_offline};
use entente_didcomm::envelope::v2::NamedKey;
use entente_didcomm::envelope::{v1, v2};
use entente_didcomm::primitives::{
    AgreementKey, AgreementSecret, Ed25519Secret, StaticKey, X25519Secret,
};
use entente_rpc::proto::connection::v1::Connection;
use serde_json::{Value, json};

use super::super::BenchError;
use super::super::work::Version;

/// What is posted.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Kind {
    /// For a key that is nobody's here.
    UnknownRecipient,
    /// For a key of the agent's, and changed on its way.
    WrongTag,
    /// For a key of the agent's, in order, of somebody whom it does not know.
    OfStranger,
    /// For a key of the agent's, in the name of the peer that it has with this key, by another's key.
    InNameOfPeer,
    /// The same, in the name of somebody whom it does not know.
    InNameOfNobody,
}

impl Kind {
    /// In the order of their values.
    pub(super) const ALL: [Self; 5] = [
        Self::UnknownRecipient,
        Self::WrongTag,
        Self::OfStranger,
        Self::InNameOfPeer,
        Self::InNameOfNobody,
    ];

    pub(super) fn name(self) -> &'static str {
        match self {
            Self::UnknownRecipient => "unknown recipient",
            Self::WrongTag => "known recipient, wrong tag",
            Self::OfStranger => "known recipient, of a stranger",
            Self::InNameOfPeer => "known recipient, in its peer's name",
            Self::InNameOfNobody => "known recipient, in a stranger's name",
        }
    }
}

/// Makes them, each with keys of its own, about a connection of the agent's.
pub(super) enum Maker {
    One { recipient: PublicKey, peer: PublicKey },
    Two { recipient: (Did, NamedKey), peer: (Did, NamedKey) },
}

impl Maker {
    pub(super) fn new(version: Version, connection: &Connection) -> Result<Self, BenchError> {
        let key = |text: &str| PublicKey::from_multibase(text).map_err(wrong);
        Ok(match version {
            Version::One => {
                Self::One { recipient: key(&connection.my_key)?, peer: key(&connection.their_key)? }
            }
            Version::Two => Self::Two {
                recipient: named(&connection.my_did)?,
                peer: named(&connection.their_did)?,
            },
        })
    }

    pub(super) fn envelope(&self, kind: Kind) -> Result<Vec<u8>, BenchError> {
        let envelope = match self {
            Self::One { recipient, peer } => {
                let secret = Ed25519Secret::from_seed(rand::random());
                let named = match kind {
                    Kind::InNameOfPeer => *peer,
                    Kind::InNameOfNobody => Ed25519Secret::from_seed(rand::random()).public(),
                    _ => secret.public(),
                };
                let nobody = Ed25519Secret::from_seed(rand::random()).public();
                let to = if kind == Kind::UnknownRecipient { nobody } else { *recipient };
                let sender = Liar { named, secret };
                v1::pack_authcrypt(&message_v1(), &sender, &[to], &mut rand::rng())
                    .map_err(wrong)?
            }
            Self::Two { recipient, peer } => {
                let (stranger, nobody) = (Stranger::new()?, Stranger::new()?);
                let (did, to) = match kind {
                    Kind::UnknownRecipient => (&nobody.did, &nobody.key),
                    _ => (&recipient.0, &recipient.1),
                };
                let other = Stranger::new()?;
                let (from, kid) = match kind {
                    Kind::InNameOfPeer => (&peer.0, &peer.1.kid),
                    Kind::InNameOfNobody => (&other.did, &other.key.kid),
                    _ => (&stranger.did, &stranger.key.kid),
                };
                let message = message_v2(from, did);
                let to = std::slice::from_ref(to);
                v2::pack_authcrypt(&message, kid, &stranger.secret, to, &mut rand::rng())
                    .map_err(wrong)?
            }
        };
        if kind == Kind::WrongTag { with_wrong_tag(&envelope) } else { Ok(envelope) }
    }
}

/// A sender of DIDComm v1 that says it is another.
struct Liar {
    named: PublicKey,
    secret: Ed25519Secret,
}

impl StaticKey for Liar {
    fn public(&self) -> PublicKey {
        self.named
    }

    fn agreement(&self) -> &X25519Secret {
        StaticKey::agreement(&self.secret)
    }
}

/// Somebody of DIDComm v2 whom nobody knows.
struct Stranger {
    did: Did,
    key: NamedKey,
    secret: AgreementSecret,
}

impl Stranger {
    fn new() -> Result<Self, BenchError> {
        let secret = AgreementSecret::random(KeyType::X25519, &mut rand::rng()).map_err(wrong)?;
        let signing = Ed25519Secret::from_seed(rand::random()).public();
        let endpoint = "http://127.0.0.1:1";
        let did = create::v2_peer2(&secret.public(), &signing, endpoint, &[]).map_err(wrong)?;
        let (did, key) = named(did.as_str())?;
        Ok(Self { did, key, secret })
    }
}

/// A DID with its key for key agreement.
fn named(did: &str) -> Result<(Did, NamedKey), BenchError> {
    let did = Did::parse(did).map_err(wrong)?;
    let missing = || BenchError::Envelope(format!("{did} does not resolve to a key"));
    let document = resolve_offline(&did).ok_or_else(missing)?.map_err(wrong)?;
    let (kid, key) = document.agreement_keys().into_iter().next().ok_or_else(missing)?;
    Ok((did, NamedKey::new(kid, key)))
}

fn message_v1() -> Vec<u8> {
    json!({"@type": "https://didcomm.org/trust_ping/1.0/ping", "@id": random_id(), "response_requested": false})
        .to_string()
        .into_bytes()
}

fn message_v2(from: &Did, to: &Did) -> Vec<u8> {
    json!({"typ": "application/didcomm-plain+json", "type": "https://didcomm.org/trust-ping/2.0/ping",
        "id": random_id(), "from": from.as_str(), "to": [to.as_str()], "body": {"response_requested": false}})
    .to_string()
    .into_bytes()
}

fn random_id() -> String {
    format!("{:032x}", rand::random::<u128>())
}

fn with_wrong_tag(envelope: &[u8]) -> Result<Vec<u8>, BenchError> {
    let mut envelope: Value = serde_json::from_slice(envelope).map_err(wrong)?;
    let tag = at_tag(&envelope).chars().map(|_| 'A').collect::<String>();
    if let Some(members) = envelope.as_object_mut() {
        members.insert("tag".to_owned(), tag.into());
    }
    Ok(envelope.to_string().into_bytes())
}

fn at_tag(envelope: &Value) -> &str {
    envelope.pointer("/tag").and_then(Value::as_str).unwrap_or_default()
}

fn wrong(error: impl std::fmt::Display) -> BenchError {
    BenchError::Envelope(error.to_string())
}
