//! The decorators that every message may carry: `~thread`, `~transport`, `~timing`. In DIDComm v2 their
//! members are headers.

use serde_json::{Map, Value};

use super::{MAX_ID_BYTES, MAX_PARENT_ID_BYTES, MessageError, MessageType, timestamp};

/// `~thread` (RFC 0008); `thid` and `pthid` of DIDComm v2, which has no others.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct Thread {
    /// The thread; absent in its first message.
    pub thid: Option<String>,
    /// The thread that this one belongs to, such as an invitation's `@id`.
    pub pthid: Option<String>,
    /// The number of this message among its sender's in the thread, from 0.
    pub sender_order: Option<u64>,
    /// Its other members, `received_orders` and `goal_code` among them.
    pub other: Map<String, Value>,
}

/// `~transport` (RFC 0092); `return_route` and `return_route_thread` of DIDComm v2.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct Transport {
    /// `none`, `all` or `thread`, or another value, to be read as `none`.
    pub return_route: Option<String>,
    /// The thread whose messages may come back, with `thread`.
    pub return_route_thread: Option<String>,
    /// Its other members.
    pub other: Map<String, Value>,
}

/// `~timing` (RFC 0032); `expires_time` of DIDComm v2.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct Timing {
    /// When the message expires, in Unix seconds.
    pub expires_time: Option<i64>,
    /// Its other members, as they came.
    pub other: Map<String, Value>,
}

impl Thread {
    pub(super) fn take(body: &mut Map<String, Value>) -> Result<Self, MessageError> {
        let Some(mut other) = take_object(body, "~thread")? else { return Ok(Self::default()) };
        let thid = take_id(&mut other, "thid", "~thread.thid", MAX_ID_BYTES)?;
        let pthid = take_id(&mut other, "pthid", "~thread.pthid", MAX_PARENT_ID_BYTES)?;
        // Advisory, and written as text or -1 by some: kept as it is unless it is a number.
        let sender_order = other.get("sender_order").and_then(Value::as_u64);
        if sender_order.is_some() {
            other.remove("sender_order");
        }
        Ok(Self { thid, pthid, sender_order, other })
    }

    pub(super) fn to_value(&self) -> Option<Value> {
        let mut map = self.other.clone();
        put(&mut map, "thid", self.thid.as_deref());
        put(&mut map, "pthid", self.pthid.as_deref());
        put(&mut map, "sender_order", self.sender_order);
        (!map.is_empty()).then_some(Value::Object(map))
    }
}

impl Transport {
    /// A decorator that asks for every answer on the way that this message came.
    pub fn return_all() -> Self {
        Self { return_route: Some("all".to_owned()), ..Self::default() }
    }

    pub(super) fn take(body: &mut Map<String, Value>) -> Result<Option<Self>, MessageError> {
        let Some(mut other) = take_object(body, "~transport")? else { return Ok(None) };
        Ok(Some(Self {
            return_route: take_id(
                &mut other,
                "return_route",
                "~transport.return_route",
                MAX_ID_BYTES,
            )?,
            return_route_thread: take_id(
                &mut other,
                "return_route_thread",
                "~transport.return_route_thread",
                MAX_ID_BYTES,
            )?,
            other,
        }))
    }

    pub(super) fn to_value(&self) -> Value {
        let mut map = self.other.clone();
        put(&mut map, "return_route", self.return_route.as_deref());
        put(&mut map, "return_route_thread", self.return_route_thread.as_deref());
        Value::Object(map)
    }
}

impl Timing {
    const EXPIRES: &'static str = "~timing.expires_time";

    pub(super) fn take(body: &mut Map<String, Value>) -> Result<Option<Self>, MessageError> {
        let Some(mut other) = take_object(body, "~timing")? else { return Ok(None) };
        let expires_time = match take_text(&mut other, "expires_time", Self::EXPIRES)? {
            None => None,
            Some(text) => Some(timestamp::parse(&text).ok_or_else(|| {
                let expected = "an ISO 8601 time such as 2019-01-23 18:03:27Z";
                MessageError::value(Self::EXPIRES, expected, &text)
            })?),
        };
        Ok(Some(Self { expires_time, other }))
    }

    pub(super) fn to_value(&self) -> Value {
        let mut map = self.other.clone();
        put(&mut map, "expires_time", self.expires_time.and_then(timestamp::format));
        Value::Object(map)
    }
}

/// An id that came from outside, if it is not empty or too long.
fn checked_id(field: &'static str, limit: usize, id: String) -> Result<String, MessageError> {
    if id.is_empty() {
        return Err(MessageError::value(field, "an id of 8 to 64 characters", ""));
    }
    if id.len() > limit {
        return Err(MessageError::IdLength { field, limit, actual: id.len() });
    }
    Ok(id)
}

pub(super) fn take_type(
    map: &mut Map<String, Value>,
    field: &'static str,
) -> Result<MessageType, MessageError> {
    match map.remove(field) {
        Some(Value::String(text)) => MessageType::parse_field(field, &text),
        Some(other) => Err(MessageError::wrong_type(field, "a string", &other)),
        None => Err(MessageError::Missing { field }),
    }
}

pub(super) fn take_object(
    body: &mut Map<String, Value>,
    field: &'static str,
) -> Result<Option<Map<String, Value>>, MessageError> {
    match body.remove(field) {
        None | Some(Value::Null) => Ok(None),
        Some(Value::Object(map)) => Ok(Some(map)),
        Some(other) => Err(MessageError::wrong_type(field, "an object", &other)),
    }
}

pub(super) fn take_text(
    map: &mut Map<String, Value>,
    name: &str,
    field: &'static str,
) -> Result<Option<String>, MessageError> {
    match map.remove(name) {
        None | Some(Value::Null) => Ok(None),
        Some(Value::String(text)) => Ok(Some(text)),
        Some(other) => Err(MessageError::wrong_type(field, "a string", &other)),
    }
}

pub(super) fn take_id(
    map: &mut Map<String, Value>,
    name: &str,
    field: &'static str,
    limit: usize,
) -> Result<Option<String>, MessageError> {
    take_text(map, name, field)?.map(|text| checked_id(field, limit, text)).transpose()
}

pub(super) fn put(map: &mut Map<String, Value>, name: &str, value: Option<impl Into<Value>>) {
    if let Some(value) = value {
        map.insert(name.to_owned(), value.into());
    }
}
