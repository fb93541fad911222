//! The headers of DIDComm v2 ("Plaintext Message Structure", "DID Rotation", "ACKs", "Return-Route").

use entente_did::{Did, DidError, DidUrl};
use serde_json::{Map, Value};

use super::decorator::{put, take_id, take_object, take_text, take_type};
use super::{
    MAX_ID_BYTES, MAX_PARENT_ID_BYTES, Message, MessageError, Thread, Timing, Transport, type_name,
};
use crate::attachment::Attachment;
use crate::from_prior;

/// The media type of a plaintext message.
pub const MEDIA_TYPE_PLAIN: &str = "application/didcomm-plain+json";
/// The most entries of `to`, `ack` and `please_ack` that are read.
const MAX_LIST: usize = 64;

/// What a message of DIDComm v2 has, and one of v1 has not. Nothing here is proved by the message:
/// who sent it, and whom it is for, is what its envelope says.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct V2Headers {
    /// `from`: the sender.
    pub from: Option<Did>,
    /// `to`: the recipients; empty when it is absent.
    pub to: Vec<Did>,
    /// `created_time`, in Unix seconds.
    pub created_time: Option<i64>,
    /// `attachments`.
    pub attachments: Vec<Attachment>,
    /// `from_prior`: the JWT by which the sender's former DID names its new one.
    pub from_prior: Option<String>,
    /// `please_ack`: the ids of messages whose receipt is to be acknowledged; an empty text is this one.
    pub please_ack: Vec<String>,
    /// `ack`: the ids of messages that were received, the oldest first.
    pub ack: Vec<String>,
    /// Other headers.
    pub other: Map<String, Value>,
}

/// Reads a message. A header that is null is absent, as agents of the Identus family write it.
pub(super) fn read(mut map: Map<String, Value>) -> Result<Message, MessageError> {
    check_media_type(&mut map)?;
    let message_type = take_type(&mut map, "type")?;
    let id = take_id(&mut map, "id", "id", MAX_ID_BYTES)?
        .ok_or(MessageError::Missing { field: "id" })?;
    let thread = Thread {
        thid: take_id(&mut map, "thid", "thid", MAX_ID_BYTES)?,
        pthid: take_id(&mut map, "pthid", "pthid", MAX_PARENT_ID_BYTES)?,
        ..Thread::default()
    };
    let transport = Transport {
        return_route: take_text(&mut map, "return_route", "return_route")?,
        return_route_thread: take_id(
            &mut map,
            "return_route_thread",
            "return_route_thread",
            MAX_ID_BYTES,
        )?,
        other: Map::new(),
    };
    let expires_time = take_time(&mut map, "expires_time")?;
    let body = take_object(&mut map, "body")?.unwrap_or_default();
    let headers = V2Headers {
        from: take_text(&mut map, "from", "from")?.map(|text| did("from", &text)).transpose()?,
        to: take_texts(&mut map, "to")?
            .iter()
            .map(|text| did("to", text))
            .collect::<Result<_, _>>()?,
        created_time: take_time(&mut map, "created_time")?,
        attachments: Attachment::list("attachments", map.remove("attachments").as_ref())?,
        from_prior: take_id(&mut map, "from_prior", "from_prior", from_prior::MAX_BYTES)?,
        please_ack: take_texts(&mut map, "please_ack")?,
        ack: take_texts(&mut map, "ack")?,
        other: map,
    };
    Ok(Message {
        id,
        message_type,
        thread,
        transport: (transport != Transport::default()).then_some(transport),
        timing: expires_time.map(|end| Timing { expires_time: Some(end), ..Timing::default() }),
        body,
        v2: Some(Box::new(headers)),
    })
}

/// Writes a message, always with `typ` and `body`.
pub(super) fn write(message: &Message, headers: &V2Headers) -> Value {
    let mut map = headers.other.clone();
    map.insert("id".to_owned(), message.id.clone().into());
    map.insert("type".to_owned(), message.message_type.to_string().into());
    map.insert("typ".to_owned(), MEDIA_TYPE_PLAIN.into());
    put(&mut map, "from", headers.from.as_ref().map(Did::as_str));
    put(&mut map, "thid", message.thread.thid.as_deref());
    put(&mut map, "pthid", message.thread.pthid.as_deref());
    put(&mut map, "created_time", headers.created_time);
    put(&mut map, "expires_time", message.expires_time());
    put(&mut map, "from_prior", headers.from_prior.as_deref());
    if let Some(transport) = &message.transport {
        put(&mut map, "return_route", transport.return_route.as_deref());
        put(&mut map, "return_route_thread", transport.return_route_thread.as_deref());
    }
    let list = |items: Vec<Value>| (!items.is_empty()).then_some(items);
    let texts = |items: &[String]| list(items.iter().cloned().map(Value::from).collect());
    put(&mut map, "to", list(headers.to.iter().map(|did| did.as_str().into()).collect()));
    put(&mut map, "please_ack", texts(&headers.please_ack));
    put(&mut map, "ack", texts(&headers.ack));
    let attachments = headers.attachments.iter().map(Attachment::to_v2_value).collect();
    put(&mut map, "attachments", list(attachments));
    map.insert("body".to_owned(), Value::Object(message.body.clone()));
    Value::Object(map)
}

impl Message {
    /// `from` of DIDComm v2. Nothing proves it but the envelope.
    pub fn from_did(&self) -> Option<&Did> {
        self.v2.as_ref()?.from.as_ref()
    }

    /// `to` of DIDComm v2; empty when it is absent.
    pub fn to_dids(&self) -> &[Did] {
        self.v2.as_ref().map_or(&[], |headers| &headers.to)
    }

    /// Sets `from` and `to`. A message of v1 has neither and stays as it is.
    #[must_use]
    pub fn between(mut self, from: &Did, to: &Did) -> Self {
        if let Some(headers) = &mut self.v2 {
            headers.from = Some(from.clone());
            headers.to = vec![to.clone()];
        }
        self
    }

    /// Sets `created_time`, in Unix seconds. A message of v1 has none and stays as it is.
    #[must_use]
    pub fn created_at(mut self, unix_seconds: i64) -> Self {
        if let Some(headers) = &mut self.v2 {
            headers.created_time = Some(unix_seconds);
        }
        self
    }

    /// The ids of the messages that the sender wants acknowledged: this one, where it says so by an empty
    /// text. None for a forward, which a mediator must not acknowledge.
    pub fn acks_wanted(&self) -> Vec<&str> {
        let Some(headers) = &self.v2 else { return Vec::new() };
        if self.is("routing", "forward") {
            return Vec::new();
        }
        let ids = headers.please_ack.iter().map(String::as_str);
        ids.map(|id| if id.is_empty() { self.id.as_str() } else { id }).collect()
    }

    /// Asks for an acknowledgement of this message.
    #[must_use]
    pub fn asking_for_ack(mut self) -> Self {
        if let Some(headers) = &mut self.v2 {
            headers.please_ack = vec![String::new()];
        }
        self
    }

    /// Acknowledges messages, the oldest first. A message of v1 cannot, and stays as it is.
    #[must_use]
    pub fn acknowledging(mut self, ids: impl IntoIterator<Item = impl Into<String>>) -> Self {
        if let Some(headers) = &mut self.v2 {
            headers.ack.extend(ids.into_iter().map(Into::into));
        }
        self
    }
}

/// `typ` says what the JSON is; without a slash it is short for `application/…` (RFC 7515 §4.1.9).
fn check_media_type(map: &mut Map<String, Value>) -> Result<(), MessageError> {
    let Some(text) = take_text(map, "typ", "typ")? else { return Ok(()) };
    let plain = text.eq_ignore_ascii_case(MEDIA_TYPE_PLAIN)
        || MEDIA_TYPE_PLAIN.strip_prefix("application/").is_some_and(|short| short == text);
    if plain { Ok(()) } else { Err(MessageError::value("typ", MEDIA_TYPE_PLAIN, &text)) }
}

/// A DID. The standard forbids a fragment here; one that is there is dropped.
fn did(field: &'static str, text: &str) -> Result<Did, MessageError> {
    let read = DidUrl::parse(text).map(|url| url.did).and_then(|did| match did.is_unqualified() {
        false => Ok(did),
        true => Err(DidError::InvalidDid { reason: "it does not start with did:" }),
    });
    read.map_err(|source| MessageError::Did { field, source })
}

/// Unix seconds; a number with a fraction is cut.
fn take_time(
    map: &mut Map<String, Value>,
    field: &'static str,
) -> Result<Option<i64>, MessageError> {
    const EXPECTED: &str = "a whole number of seconds since 1970";
    let value = match map.remove(field) {
        None | Some(Value::Null) => return Ok(None),
        Some(value) => value,
    };
    let Value::Number(number) = &value else {
        return Err(MessageError::WrongType {
            field,
            expected: EXPECTED,
            actual: type_name(&value),
        });
    };
    // From year 0 to 9999, so that nothing that is reckoned from it overflows.
    let seconds = number.as_i64().or_else(|| number.as_f64().map(|seconds| seconds as i64));
    match seconds.filter(|seconds| (-62_167_219_200..=253_402_300_799).contains(seconds)) {
        Some(seconds) => Ok(Some(seconds)),
        None => Err(MessageError::value(field, EXPECTED, &number.to_string())),
    }
}

/// A list of texts; a text alone is a list of one.
fn take_texts(
    map: &mut Map<String, Value>,
    field: &'static str,
) -> Result<Vec<String>, MessageError> {
    const EXPECTED: &str = "a list of strings";
    let items = match map.remove(field) {
        None | Some(Value::Null) => return Ok(Vec::new()),
        Some(Value::Array(items)) => items,
        Some(text @ Value::String(_)) => vec![text],
        Some(other) => return Err(MessageError::wrong_type(field, EXPECTED, &other)),
    };
    if items.len() > MAX_LIST {
        return Err(MessageError::TooMany { field, limit: MAX_LIST, actual: items.len() });
    }
    items
        .into_iter()
        .map(|item| match item {
            Value::String(text) => Ok(text),
            other => Err(MessageError::wrong_type(field, EXPECTED, &other)),
        })
        .collect()
}

#[cfg(test)]
mod tests;
