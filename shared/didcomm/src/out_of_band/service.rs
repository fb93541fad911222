use entente_did::PublicKey;
use serde_json::{Map, Value};
use url::Url;

use super::{Profile, ServiceError, select_profile};
use crate::message::type_name;

/// The one type of inline service.
const TYPE: &str = "did-communication";
/// The most keys in a list.
const MAX_KEYS: usize = 16;
/// The longest DID; a did:peer:4 holds its document.
const MAX_DID_BYTES: usize = 16 << 10;

/// How to reach the inviter.
#[derive(Debug, Clone, PartialEq)]
pub enum InvitationService {
    /// A DID, to be resolved. Only such a service makes a connection reusable.
    Did(String),
    /// Keys and an endpoint.
    Inline(InlineService),
}

/// An inline `did-communication` service (RFC 0434, RFC 0067).
#[derive(Debug, Clone, PartialEq)]
pub struct InlineService {
    /// `id`, such as `#inline`.
    pub id: String,
    /// `recipientKeys`, Ed25519, at least one.
    pub recipient_keys: Vec<PublicKey>,
    /// `routingKeys`, Ed25519.
    pub routing_keys: Vec<PublicKey>,
    /// `serviceEndpoint`: a URL, or the DID of a mediator.
    pub endpoint: String,
    /// `accept`.
    pub accept: Vec<String>,
    /// Its other members.
    pub other: Map<String, Value>,
}

impl InlineService {
    /// A service with one key at an endpoint.
    pub fn new(recipient_key: PublicKey, endpoint: impl Into<String>) -> Self {
        Self {
            id: "#inline".to_owned(),
            recipient_keys: vec![recipient_key],
            routing_keys: Vec::new(),
            endpoint: endpoint.into(),
            accept: Vec::new(),
            other: Map::new(),
        }
    }
}

impl InvitationService {
    /// The DID, if it is one.
    pub fn did(&self) -> Option<&str> {
        match self {
            Self::Did(did) => Some(did),
            Self::Inline(_) => None,
        }
    }

    pub(super) fn parse(value: &Value) -> Result<Self, ServiceError> {
        match value {
            Value::String(did) if did.starts_with("did:") && did.len() <= MAX_DID_BYTES => {
                Ok(Self::Did(did.clone()))
            }
            Value::String(_) => Err(ServiceError::NotADid),
            Value::Object(map) => inline(map.clone()).map(Self::Inline),
            other => Err(ServiceError::Kind { actual: type_name(other) }),
        }
    }

    pub(super) fn to_value(&self) -> Value {
        let service = match self {
            Self::Did(did) => return did.clone().into(),
            Self::Inline(service) => service,
        };
        let keys = |keys: &[PublicKey]| Value::from_iter(keys.iter().map(PublicKey::did_key));
        let mut map = service.other.clone();
        map.insert("id".to_owned(), service.id.clone().into());
        map.insert("type".to_owned(), TYPE.into());
        map.insert("recipientKeys".to_owned(), keys(&service.recipient_keys));
        if !service.routing_keys.is_empty() {
            map.insert("routingKeys".to_owned(), keys(&service.routing_keys));
        }
        map.insert("serviceEndpoint".to_owned(), service.endpoint.clone().into());
        if !service.accept.is_empty() {
            map.insert("accept".to_owned(), service.accept.clone().into());
        }
        Value::Object(map)
    }
}

pub(super) fn inline(mut map: Map<String, Value>) -> Result<InlineService, ServiceError> {
    // A missing type is the one that there is (RFC 0434).
    match map.remove("type") {
        None | Some(Value::Null) => {}
        Some(Value::String(name)) if name == TYPE => {}
        Some(Value::String(name)) => {
            return Err(ServiceError::Type { actual: name.chars().take(60).collect() });
        }
        Some(other) => return Err(member("type", "a string", Some(&other))),
    }
    let recipient_keys = keys(&mut map, "recipientKeys")?;
    if recipient_keys.is_empty() {
        let expected = "1 to 16";
        return Err(ServiceError::KeyCount { member: "recipientKeys", actual: 0, expected });
    }
    let routing_keys = keys(&mut map, "routingKeys")?;
    let endpoint = match map.remove("serviceEndpoint") {
        Some(Value::String(endpoint)) if !endpoint.is_empty() => checked_endpoint(endpoint)?,
        other => return Err(member("serviceEndpoint", "a URL or a DID", other.as_ref())),
    };
    let accept = texts(&mut map, "accept")?;
    select_profile(&accept, &Profile::V1)?;
    let id = match map.remove("id") {
        Some(Value::String(id)) => id,
        _ => "#inline".to_owned(),
    };
    Ok(InlineService { id, recipient_keys, routing_keys, endpoint, accept, other: map })
}

/// A URL that messages can be sent to, the DID of a mediator, or `didcomm:` for one who has no endpoint.
fn checked_endpoint(endpoint: String) -> Result<String, ServiceError> {
    const SCHEMES: [&str; 6] = ["http", "https", "ws", "wss", "did", "didcomm"];
    let scheme = Url::parse(&endpoint).ok().map(|url| url.scheme().to_owned());
    if scheme.is_some_and(|scheme| SCHEMES.contains(&scheme.as_str())) {
        return Ok(endpoint);
    }
    Err(ServiceError::Endpoint { actual: endpoint.chars().take(120).collect() })
}

fn keys(map: &mut Map<String, Value>, name: &'static str) -> Result<Vec<PublicKey>, ServiceError> {
    let list = texts(map, name)?;
    if list.len() > MAX_KEYS {
        let expected = "at most 16";
        return Err(ServiceError::KeyCount { member: name, actual: list.len(), expected });
    }
    list.iter().enumerate().map(|(index, text)| key(name, index, text)).collect()
}

fn key(member: &'static str, index: usize, text: &str) -> Result<PublicKey, ServiceError> {
    let key = PublicKey::parse_reference(text).map_err(|source| ServiceError::Key {
        member,
        index,
        source,
    })?;
    match key {
        PublicKey::Ed25519(_) => Ok(key),
        _ => Err(ServiceError::KeyType { member, index }),
    }
}

fn texts(map: &mut Map<String, Value>, name: &'static str) -> Result<Vec<String>, ServiceError> {
    const EXPECTED: &str = "a list of strings";
    match map.remove(name) {
        None | Some(Value::Null) => Ok(Vec::new()),
        Some(Value::Array(items)) => items
            .into_iter()
            .map(|item| match item {
                Value::String(text) => Ok(text),
                other => Err(member(name, EXPECTED, Some(&other))),
            })
            .collect(),
        Some(other) => Err(member(name, EXPECTED, Some(&other))),
    }
}

fn member(member: &'static str, expected: &'static str, actual: Option<&Value>) -> ServiceError {
    let actual = match actual {
        None => "missing",
        Some(Value::String(text)) if text.is_empty() => "empty",
        Some(value) => type_name(value),
    };
    ServiceError::Member { member, actual, expected }
}
