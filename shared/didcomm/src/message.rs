//! Plaintext DIDComm v1 messages (RFC 0003, 0008, 0020).

mod decorator;
mod error;
mod json;
mod message_type;
mod timestamp;

pub use decorator::{Thread, Timing, Transport};
pub use error::MessageError;
pub use message_type::{MessageType, Prefix, Protocol, Unsupported, Version, negotiate};

use serde_json::{Map, Value};

use crate::attachment::{Attachment, AttachmentError};

pub(crate) use error::type_name;
pub(crate) use json::object;

/// The longest message that is parsed, in bytes (2 MiB, ACA-Py's limit too).
pub const MAX_BYTES: usize = 2 << 20;
/// How deep objects and arrays may nest in a message.
pub const MAX_DEPTH: usize = 32;
/// The longest `@id` or `thid` that is read, in bytes: RFC 0020 says 64, and its own examples are longer.
pub const MAX_ID_BYTES: usize = 256;
/// The longest `pthid` that is read, in bytes. It may be a DID URL (RFC 0023), and a did:peer:4 holds a
/// whole document.
pub const MAX_PARENT_ID_BYTES: usize = 16 << 10;

/// A plaintext message: its headers, and everything else as it is.
#[derive(Debug, Clone, PartialEq)]
pub struct Message {
    /// `@id`.
    pub id: String,
    /// `@type`.
    pub message_type: MessageType,
    /// `~thread`; empty when the message has none.
    pub thread: Thread,
    /// `~transport`.
    pub transport: Option<Transport>,
    /// `~timing`.
    pub timing: Option<Timing>,
    /// Every other member: the fields of the message, unknown ones and other decorators included.
    pub body: Map<String, Value>,
}

impl Message {
    /// A message with nothing but its headers.
    pub fn new(id: impl Into<String>, message_type: &MessageType) -> Self {
        Self {
            id: id.into(),
            message_type: message_type.clone(),
            thread: Thread::default(),
            transport: None,
            timing: None,
            body: Map::new(),
        }
    }

    /// Parses a message. Unknown members are kept, never refused.
    ///
    /// # Errors
    /// [`MessageError`], which names the field: too large or deep, a name twice in one object, `@id` or
    /// `@type` missing, or a header of the wrong type.
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

    fn from_map(mut body: Map<String, Value>) -> Result<Self, MessageError> {
        let message_type = match body.remove("@type") {
            Some(Value::String(text)) => MessageType::parse(&text)?,
            Some(other) => return Err(MessageError::wrong_type("@type", "a string", &other)),
            None => return Err(MessageError::Missing { field: "@type" }),
        };
        let id = match body.remove("@id") {
            Some(Value::String(text)) => decorator::checked_id("@id", MAX_ID_BYTES, text)?,
            Some(other) => return Err(MessageError::wrong_type("@id", "a string", &other)),
            None => return Err(MessageError::Missing { field: "@id" }),
        };
        let thread = Thread::take(&mut body)?;
        let transport = Transport::take(&mut body)?;
        let timing = Timing::take(&mut body)?;
        Ok(Self { id, message_type, thread, transport, timing, body })
    }

    /// The message as a JSON object.
    pub fn to_value(&self) -> Value {
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
