//! Plaintext messages of DIDComm v1 (RFC 0003, 0008, 0020) and v2 ("Plaintext Message Structure").

mod decorator;
mod error;
mod json;
mod message_type;
mod timestamp;
mod v2;

pub use decorator::{Thread, Timing, Transport};
pub use error::MessageError;
pub use message_type::{MessageType, Prefix, Protocol, Unsupported, Version, negotiate};
pub use v2::{MEDIA_TYPE_PLAIN, V2Headers};

use std::borrow::Cow;

use serde_json::{Map, Value};

use crate::attachment::{Attachment, AttachmentError};

pub(crate) use error::type_name;
pub(crate) use json::object;

/// The longest message that is parsed, in bytes (2 MiB, ACA-Py's limit too).
pub const MAX_BYTES: usize = 2 << 20;
/// How deep objects and arrays may nest in a message.
pub const MAX_DEPTH: usize = 32;
/// The longest `@id` or `thid` that is read, in bytes: RFC 0020 says 64, and its own examples are longer;
/// DIDComm v2 says 32, and recommends UUIDs, which are longer.
pub const MAX_ID_BYTES: usize = 256;
/// The longest `pthid` that is read, in bytes. It may be a DID URL (RFC 0023), and a did:peer:4 holds a
/// whole document.
pub const MAX_PARENT_ID_BYTES: usize = 16 << 10;

/// A plaintext message of DIDComm v1 or v2: its headers, and everything else as it is.
///
/// What both versions have is in one place: `@id` and `id`, `~thread` and `thid`, and so on. A message
/// is written in the version that it was made or read in.
#[derive(Debug, Clone, PartialEq)]
pub struct Message {
    /// `@id`, `id`. Compare by [`Message::comparable`].
    pub id: String,
    /// `@type`, `type`.
    pub message_type: MessageType,
    /// `~thread`; empty when the message has none.
    pub thread: Thread,
    /// `~transport`.
    pub transport: Option<Transport>,
    /// `~timing`.
    pub timing: Option<Timing>,
    /// The fields of the message. In v1 every other member, unknown ones and other decorators included;
    /// in v2 `body`.
    pub body: Map<String, Value>,
    /// What only a message of DIDComm v2 has; `None` in one of v1.
    pub v2: Option<Box<V2Headers>>,
}

/// How answers may come back on the way that a message came (RFC 0092; DIDComm v2, "Return-Route").
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum ReturnRoute<'a> {
    /// They may not.
    None,
    /// All may.
    All,
    /// Those of one thread may.
    Thread(&'a str),
}

impl Message {
    /// A DIDComm v1 message with nothing but its headers.
    pub fn new(id: impl Into<String>, message_type: &MessageType) -> Self {
        Self {
            id: id.into(),
            message_type: message_type.clone(),
            thread: Thread::default(),
            transport: None,
            timing: None,
            body: Map::new(),
            v2: None,
        }
    }

    /// A DIDComm v2 message with nothing but its headers. The id should be lower-case.
    pub fn new_v2(id: impl Into<String>, message_type: &MessageType) -> Self {
        Self { v2: Some(Box::default()), ..Self::new(id, message_type) }
    }

    /// Parses a message of either version: one with `@type` is of v1, one with `type` of v2. Unknown
    /// members are kept, never refused.
    ///
    /// # Errors
    /// [`MessageError`], which names the field: too large or deep, a name twice in one object, the id or
    /// the type missing, both types at once, or a header of the wrong type.
    pub fn parse(bytes: &[u8]) -> Result<Self, MessageError> {
        Self::from_map(json::object(bytes)?)
    }

    /// Reads a message that is JSON already, such as one attached to another.
    ///
    /// # Errors
    /// As [`Message::parse`].
    pub fn from_value(value: Value) -> Result<Self, MessageError> {
        match value {
            Value::Object(map) => Self::from_map(map),
            other => Err(MessageError::wrong_type("the message", "a JSON object", &other)),
        }
    }

    fn from_map(map: Map<String, Value>) -> Result<Self, MessageError> {
        match (map.contains_key("@type"), map.contains_key("type")) {
            (true, false) => Self::from_v1(map),
            (false, true) => v2::read(map),
            (true, true) => Err(MessageError::TwoTypes),
            (false, false) => Err(MessageError::NoType),
        }
    }

    fn from_v1(mut body: Map<String, Value>) -> Result<Self, MessageError> {
        Ok(Self {
            message_type: decorator::take_type(&mut body, "@type")?,
            id: decorator::take_id(&mut body, "@id", "@id", MAX_ID_BYTES)?
                .ok_or(MessageError::Missing { field: "@id" })?,
            thread: Thread::take(&mut body)?,
            transport: Transport::take(&mut body)?,
            timing: Timing::take(&mut body)?,
            body,
            v2: None,
        })
    }

    /// The message as a JSON object, in its version.
    pub fn to_value(&self) -> Value {
        if let Some(headers) = &self.v2 {
            return v2::write(self, headers);
        }
        let mut map = Map::with_capacity(self.body.len() + 5);
        map.insert("@type".to_owned(), self.message_type.to_string().into());
        map.insert("@id".to_owned(), self.id.clone().into());
        for (name, decorator) in [
            ("~thread", self.thread.to_value()),
            ("~transport", self.transport.as_ref().map(Transport::to_value)),
            ("~timing", self.timing.as_ref().map(Timing::to_value)),
        ] {
            if let Some(value) = decorator {
                map.insert(name.to_owned(), value);
            }
        }
        map.extend(self.body.iter().map(|(name, value)| (name.clone(), value.clone())));
        Value::Object(map)
    }

    /// The message as compact JSON.
    pub fn to_vec(&self) -> Vec<u8> {
        self.to_value().to_string().into_bytes()
    }

    /// Whether this is a message of DIDComm v2.
    pub fn is_v2(&self) -> bool {
        self.v2.is_some()
    }

    /// Whether this is a message of a protocol that didcomm.org names, in any version of the protocol.
    /// DIDComm v1 compares names byte by byte (RFC 0003), v2 without regard to case and punctuation.
    pub fn is(&self, protocol: &str, name: &str) -> bool {
        let kind = &self.message_type;
        kind.is(protocol, name) || (self.is_v2() && kind.resembles(protocol, name))
    }

    /// The form of one of this message's ids to store and look up by: DIDComm v2 compares ids without
    /// regard to case, v1 as they are. Answers repeat an id as it was written.
    pub fn comparable<'a>(&self, id: &'a str) -> Cow<'a, str> {
        if self.is_v2() && id.bytes().any(|b| b.is_ascii_uppercase()) {
            Cow::Owned(id.to_ascii_lowercase())
        } else {
            Cow::Borrowed(id)
        }
    }

    /// When the message expires, in Unix seconds.
    pub fn expires_time(&self) -> Option<i64> {
        self.timing.as_ref()?.expires_time
    }

    /// Whether the message has expired, given the time in Unix seconds.
    pub fn is_expired(&self, now: i64) -> bool {
        self.expires_time().is_some_and(|end| end <= now)
    }

    /// How answers may come back on the way that the message came. A value that is not known means that
    /// they may not.
    pub fn return_route(&self) -> ReturnRoute<'_> {
        let Some(transport) = &self.transport else { return ReturnRoute::None };
        match transport.return_route.as_deref() {
            Some("all") => ReturnRoute::All,
            Some("thread") => ReturnRoute::Thread(
                transport.return_route_thread.as_deref().unwrap_or(self.thread_id()),
            ),
            _ => ReturnRoute::None,
        }
    }

    /// The thread: `thid`, or `@id` for the first message of a thread (RFC 0008).
    pub fn thread_id(&self) -> &str {
        self.thread.thid.as_deref().unwrap_or(&self.id)
    }

    /// `pthid`, such as the id of the invitation that this answers.
    pub fn parent_thread_id(&self) -> Option<&str> {
        self.thread.pthid.as_deref()
    }

    /// Makes this a reply: in the thread of `received`, and under its parent thread if it named one.
    /// (A did-exchange response without `pthid` leaves ACA-Py unable to complete.)
    #[must_use]
    pub fn reply_to(mut self, received: &Message) -> Self {
        self.thread.thid = Some(received.thread_id().to_owned());
        self.thread.pthid.clone_from(&received.thread.pthid);
        self
    }

    /// Puts the message in a thread.
    #[must_use]
    pub fn in_thread(mut self, thid: impl Into<String>) -> Self {
        self.thread.thid = Some(thid.into());
        self
    }

    /// Puts the message's thread under a parent thread.
    #[must_use]
    pub fn under_thread(mut self, pthid: impl Into<String>) -> Self {
        self.thread.pthid = Some(pthid.into());
        self
    }

    /// Sets when the message expires, in Unix seconds.
    #[must_use]
    pub fn expiring_at(mut self, unix_seconds: i64) -> Self {
        self.timing.get_or_insert_default().expires_time = Some(unix_seconds);
        self
    }

    /// Sets a field of the body.
    #[must_use]
    pub fn with(mut self, field: &str, value: impl Into<Value>) -> Self {
        self.body.insert(field.to_owned(), value.into());
        self
    }

    /// A text field of the body; `None` when it is absent or null.
    ///
    /// # Errors
    /// [`MessageError::WrongType`].
    pub fn text(&self, field: &'static str) -> Result<Option<&str>, MessageError> {
        match self.body.get(field) {
            None | Some(Value::Null) => Ok(None),
            Some(Value::String(text)) => Ok(Some(text)),
            Some(other) => Err(MessageError::wrong_type(field, "a string", other)),
        }
    }

    /// A text field that must be there.
    ///
    /// # Errors
    /// [`MessageError::Missing`], [`MessageError::WrongType`].
    pub fn required_text(&self, field: &'static str) -> Result<&str, MessageError> {
        self.text(field)?.ok_or(MessageError::Missing { field })
    }

    /// The attachment in a field such as `did_doc~attach`: an object, or a list of one as some peers
    /// write it. `None` when the field is absent or null.
    ///
    /// # Errors
    /// [`AttachmentError`].
    pub fn attachment(&self, field: &'static str) -> Result<Option<Attachment>, AttachmentError> {
        let mut list = self.attachments(field)?;
        if list.len() > 1 {
            return Err(AttachmentError::NotSingle { field, actual: list.len() });
        }
        Ok(list.pop())
    }

    /// The attachments in a field such as `requests~attach`; none when it is absent or null.
    ///
    /// # Errors
    /// [`AttachmentError`].
    pub fn attachments(&self, field: &'static str) -> Result<Vec<Attachment>, AttachmentError> {
        Attachment::list(field, self.body.get(field))
    }
}

#[cfg(test)]
mod tests;
