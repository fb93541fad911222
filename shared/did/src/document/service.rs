//! The services of a document (RFC 0067, RFC 0160, DIDComm v2 "DID Document Service Endpoints").

use serde::ser::SerializeMap;
use serde::{Deserialize, Serialize, Serializer};
use serde_json::Value;

use super::read::{Object, items, text, texts};
use crate::error::DidError;

/// A service of a DID document.
#[derive(Debug, Clone, PartialEq, Deserialize)]
#[serde(try_from = "Value")]
pub struct Service {
    /// Its id: a DID URL, absolute or relative (`#didcomm-0`). Absent only where the DID method gives
    /// it one (did:peer:2).
    pub id: Option<String>,
    /// What kind of service, and where.
    pub kind: ServiceType,
}

/// The kinds of service that carry DIDComm, and the rest.
#[derive(Debug, Clone, PartialEq)]
pub enum ServiceType {
    /// `did-communication`: DIDComm v1 (RFC 0067). Its recipient keys are references into the document.
    DidCommunication(V1Endpoint),
    /// `IndyAgent`: DIDComm v1 before RFC 0067 (RFC 0160). Its keys are raw base58.
    IndyAgent(V1Endpoint),
    /// `DIDCommMessaging`: DIDComm v2, the endpoints in order of preference.
    DidCommMessaging(Vec<V2Endpoint>),
    /// Anything else.
    Other {
        /// Its `type`.
        kind: String,
        /// Its `serviceEndpoint`, as it stands.
        endpoint: Value,
    },
}

/// An endpoint for DIDComm v1.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct V1Endpoint {
    /// The lowest is preferred.
    pub priority: u32,
    /// Keys to encrypt to.
    pub recipient_keys: Vec<String>,
    /// Keys of the mediators, from the recipient's outwards as RFC 0067 orders them.
    pub routing_keys: Vec<String>,
    /// Media type profiles (RFC 0044); empty if not said.
    pub accept: Vec<String>,
    /// A URL, or the DID of a mediator.
    pub endpoint: String,
}

/// An endpoint for DIDComm v2.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct V2Endpoint {
    /// A URL, or the DID of a mediator.
    pub uri: String,
    /// Media type profiles; empty if not said.
    pub accept: Vec<String>,
    /// Keys of the mediators, as DID URLs.
    pub routing_keys: Vec<String>,
}

impl Service {
    /// The endpoint for DIDComm v1, if this is a service for it. `DIDCommMessaging` never is.
    pub fn v1(&self) -> Option<&V1Endpoint> {
        match &self.kind {
            ServiceType::DidCommunication(endpoint) | ServiceType::IndyAgent(endpoint) => {
                Some(endpoint)
            }
            _ => None,
        }
    }

    /// Reads a service from parsed JSON.
    ///
    /// # Errors
    /// [`DidError::InvalidDocument`], naming the member; [`DidError::TooLarge`].
    pub fn from_value(value: &Value) -> Result<Self, DidError> {
        let object = value
            .as_object()
            .ok_or_else(|| DidError::document("service", "must be a list of objects"))?;
        let types = texts(object, "type")?;
        let known = |name: &str| types.iter().any(|kind| kind == name);
        let kind = if known("did-communication") {
            ServiceType::DidCommunication(V1Endpoint::from_object(object)?)
        } else if known("IndyAgent") {
            ServiceType::IndyAgent(V1Endpoint::from_object(object)?)
        } else if known("DIDCommMessaging") {
            ServiceType::DidCommMessaging(v2_endpoints(object)?)
        } else {
            ServiceType::Other {
                kind: types
                    .into_iter()
                    .next()
                    .ok_or_else(|| DidError::document("service", "a service has no type"))?,
                endpoint: object.get("serviceEndpoint").cloned().unwrap_or_default(),
            }
        };
        Ok(Self { id: text(object, "id")?.map(str::to_owned), kind })
    }

    /// The JSON of the service with other names for some members, in a fixed order: a did:peer:2 has
    /// this text in it.
    pub(crate) fn write<S: Serializer>(&self, to: S, names: &Names) -> Result<S::Ok, S::Error> {
        let mut map = to.serialize_map(None)?;
        if let Some(id) = &self.id {
            map.serialize_entry("id", id)?;
        }
        match &self.kind {
            ServiceType::DidCommunication(v1) => {
                map.serialize_entry(names.kind, "did-communication")?;
                v1.write(&mut map, names)?;
            }
            ServiceType::IndyAgent(v1) => {
                map.serialize_entry(names.kind, "IndyAgent")?;
                v1.write(&mut map, names)?;
            }
            ServiceType::DidCommMessaging(endpoints) => {
                map.serialize_entry(names.kind, names.didcomm_messaging)?;
                match endpoints.as_slice() {
                    [endpoint] => map.serialize_entry(names.endpoint, &Named(endpoint, names))?,
                    endpoints => {
                        let all: Vec<_> = endpoints.iter().map(|e| Named(e, names)).collect();
                        map.serialize_entry(names.endpoint, &all)?;
                    }
                }
            }
            ServiceType::Other { kind, endpoint } => {
                map.serialize_entry(names.kind, kind)?;
                map.serialize_entry(names.endpoint, endpoint)?;
            }
        }
        map.end()
    }
}

/// How the members of a service are spelled.
pub(crate) struct Names {
    pub kind: &'static str,
    pub endpoint: &'static str,
    pub routing_keys: &'static str,
    pub accept: &'static str,
    pub didcomm_messaging: &'static str,
}

const FULL: Names = Names {
    kind: "type",
    endpoint: "serviceEndpoint",
    routing_keys: "routingKeys",
    accept: "accept",
    didcomm_messaging: "DIDCommMessaging",
};

struct Named<'a>(&'a V2Endpoint, &'a Names);

impl Serialize for Named<'_> {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let Named(endpoint, names) = self;
        let mut map = serializer.serialize_map(None)?;
        map.serialize_entry("uri", &endpoint.uri)?;
        if !endpoint.accept.is_empty() {
            map.serialize_entry(names.accept, &endpoint.accept)?;
        }
        if !endpoint.routing_keys.is_empty() {
            map.serialize_entry(names.routing_keys, &endpoint.routing_keys)?;
        }
        map.end()
    }
}

impl Serialize for Service {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        self.write(serializer, &FULL)
    }
}

impl TryFrom<Value> for Service {
    type Error = DidError;

    fn try_from(value: Value) -> Result<Self, DidError> {
        Self::from_value(&value)
    }
}

impl V1Endpoint {
    fn from_object(object: &Object) -> Result<Self, DidError> {
        let priority = match object.get("priority") {
            None | Some(Value::Null) => 0,
            Some(priority) => {
                priority.as_u64().and_then(|priority| u32::try_from(priority).ok()).ok_or_else(
                    || DidError::document("priority", "must be an unsigned 32-bit integer"),
                )?
            }
        };
        Ok(Self {
            priority,
            recipient_keys: texts(object, "recipientKeys")?,
            routing_keys: texts(object, "routingKeys")?,
            accept: texts(object, "accept")?,
            endpoint: v1_uri(object)?,
        })
    }

    fn write<M: SerializeMap>(&self, map: &mut M, names: &Names) -> Result<(), M::Error> {
        map.serialize_entry("priority", &self.priority)?;
        map.serialize_entry("recipientKeys", &self.recipient_keys)?;
        map.serialize_entry(names.routing_keys, &self.routing_keys)?;
        if !self.accept.is_empty() {
            map.serialize_entry(names.accept, &self.accept)?;
        }
        map.serialize_entry(names.endpoint, &self.endpoint)
    }
}

/// The endpoint of a v1 service is a string; a few write it as v2 does.
fn v1_uri(object: &Object) -> Result<String, DidError> {
    let endpoint = items(object, "serviceEndpoint")?.first();
    endpoint
        .and_then(|endpoint| endpoint.as_str().or_else(|| endpoint.get("uri")?.as_str()))
        .map(str::to_owned)
        .ok_or_else(|| DidError::document("serviceEndpoint", "must be a URI"))
}

/// A string, an object or a list of them. Beside a string, as early libraries wrote it, `accept` and
/// `routingKeys` are members of the service.
fn v2_endpoints(service: &Object) -> Result<Vec<V2Endpoint>, DidError> {
    let endpoint = |uri: &str, members: &Object| {
        Ok(V2Endpoint {
            uri: uri.to_owned(),
            accept: texts(members, "accept")?,
            routing_keys: texts(members, "routingKeys")?,
        })
    };
    items(service, "serviceEndpoint")?
        .iter()
        .map(|item| match item {
            Value::String(uri) => endpoint(uri, service),
            Value::Object(object) => match text(object, "uri")? {
                Some(uri) => endpoint(uri, object),
                None => Err(DidError::document("serviceEndpoint", "an endpoint has no uri")),
            },
            _ => Err(DidError::document("serviceEndpoint", "must be a URI, an object or a list")),
        })
        .collect()
}
