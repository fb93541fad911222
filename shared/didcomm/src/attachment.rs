//! Attachments of DIDComm v1 (RFC 0017) and v2 ("Attachments"), and their signatures.

mod error;
pub mod jws;

pub use error::AttachmentError;

use serde_json::{Map, Value};
use sha2::{Digest as _, Sha256};

use crate::base64url;

/// The most attachments that are read from one field.
pub const MAX_ATTACHMENTS: usize = 32;

/// An attachment. Members that we do not know are kept in `other`.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct Attachment {
    /// `@id`; `id` in DIDComm v2.
    pub id: Option<String>,
    /// `description`.
    pub description: Option<String>,
    /// `filename`; a hint, never a path to write to.
    pub filename: Option<String>,
    /// `mime-type`; `media_type` in DIDComm v2, whose drafts had `mime_type`. Any is read in either.
    pub mime_type: Option<String>,
    /// `format`: what the content is, more closely than `mime_type`.
    pub format: Option<String>,
    /// `byte_count`; a hint.
    pub byte_count: Option<u64>,
    /// `data`.
    pub data: Data,
    /// Its other members.
    pub other: Map<String, Value>,
}

/// The content of an attachment, in one form or several.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct Data {
    /// A detached JWS over the bytes of `base64`; see [`jws::verify`].
    pub jws: Option<Value>,
    /// The SHA-256 of the content, in hex (v1).
    pub sha256: Option<String>,
    /// The multihash of the content (v2), for one who fetches the links. It is not checked here.
    pub hash: Option<String>,
    /// Where to fetch the content.
    pub links: Vec<String>,
    /// The content in base64url or plain base64, with or without padding.
    pub base64: Option<String>,
    /// The content as JSON.
    pub json: Option<Value>,
}

impl Attachment {
    /// An attachment of bytes. They are written in plain base64, with padding: RFC 0017 says base64url,
    /// but ACA-Py refuses its alphabet here, and every peer reads the plain one.
    pub fn from_bytes(id: impl Into<String>, mime_type: &str, content: &[u8]) -> Self {
        let data = Data { base64: Some(base64url::encode_plain(content)), ..Data::default() };
        Self::with_data(id, mime_type, data)
    }

    /// An attachment of JSON, which cannot be signed.
    pub fn from_json(id: impl Into<String>, content: Value) -> Self {
        let data = Data { json: Some(content), ..Data::default() };
        Self::with_data(id, "application/json", data)
    }

    fn with_data(id: impl Into<String>, mime_type: &str, data: Data) -> Self {
        Self { id: Some(id.into()), mime_type: Some(mime_type.to_owned()), data, ..Self::default() }
    }

    /// Reads an attachment.
    ///
    /// # Errors
    /// [`AttachmentError::WrongType`], [`AttachmentError::NoContent`].
    pub fn parse(value: &Value) -> Result<Self, AttachmentError> {
        let Value::Object(map) = value else {
            return Err(AttachmentError::wrong_type("the attachment", "an object", value));
        };
        let mut other = map.clone();
        let data = match other.remove("data") {
            Some(Value::Object(data)) => Data::parse(data)?,
            Some(wrong) => return Err(AttachmentError::wrong_type("data", "an object", &wrong)),
            None => return Err(AttachmentError::NoContent),
        };
        let mut mime_type = None;
        for name in ["media_type", "mime_type", "mime-type"] {
            mime_type = take_text(&mut other, name)?.or(mime_type);
        }
        let id = take_text(&mut other, "@id")?;
        Ok(Self {
            id: if id.is_some() { id } else { take_text(&mut other, "id")? },
            description: take_text(&mut other, "description")?,
            filename: take_text(&mut other, "filename")?,
            mime_type,
            format: take_text(&mut other, "format")?,
            byte_count: other.remove("byte_count").as_ref().and_then(Value::as_u64),
            data,
            other,
        })
    }

    /// Reads a field that holds one attachment or a list of them.
    pub(crate) fn list(
        field: &'static str,
        value: Option<&Value>,
    ) -> Result<Vec<Self>, AttachmentError> {
        let items = match value {
            None | Some(Value::Null) => return Ok(Vec::new()),
            Some(Value::Array(items)) => items.as_slice(),
            Some(one) => std::slice::from_ref(one),
        };
        if items.len() > MAX_ATTACHMENTS {
            let (limit, actual) = (MAX_ATTACHMENTS, items.len());
            return Err(AttachmentError::TooMany { field, limit, actual });
        }
        items.iter().map(Self::parse).collect()
    }

    /// The attachment as JSON, as DIDComm v1 writes it.
    pub fn to_value(&self) -> Value {
        self.write("@id", "mime-type")
    }

    /// The attachment as JSON, as DIDComm v2 writes it.
    pub fn to_v2_value(&self) -> Value {
        self.write("id", "media_type")
    }

    fn write(&self, id: &str, media_type: &str) -> Value {
        let mut map = self.other.clone();
        for (name, text) in [
            (id, &self.id),
            ("description", &self.description),
            ("filename", &self.filename),
            (media_type, &self.mime_type),
            ("format", &self.format),
        ] {
            if let Some(text) = text {
                map.insert(name.to_owned(), text.clone().into());
            }
        }
        if let Some(count) = self.byte_count {
            map.insert("byte_count".to_owned(), count.into());
        }
        map.insert("data".to_owned(), self.data.to_value());
        Value::Object(map)
    }

    /// The content that is in the attachment itself: the bytes of `base64`, checked against `sha256` if
    /// there is one, or the compact text of `json`.
    ///
    /// # Errors
    /// [`AttachmentError::TooLarge`] above `limit` bytes, [`AttachmentError::NotInline`] when there are
    /// only links, [`AttachmentError::Encoding`], [`AttachmentError::HashMismatch`].
    pub fn content(&self, limit: usize) -> Result<Vec<u8>, AttachmentError> {
        let content = match (&self.data.base64, &self.data.json) {
            (Some(text), _) => {
                // Before decoding, so that nothing large is allocated.
                within(limit, text.trim_end_matches('=').len() / 4 * 3)?;
                let content = base64url::decode_any(text).ok_or(AttachmentError::Encoding)?;
                self.data.check_hash(&content)?;
                content
            }
            (None, Some(json)) => json.to_string().into_bytes(),
            (None, None) => return Err(AttachmentError::NotInline),
        };
        within(limit, content.len())?;
        Ok(content)
    }
}

impl Data {
    fn parse(mut data: Map<String, Value>) -> Result<Self, AttachmentError> {
        let links = match data.remove("links") {
            None | Some(Value::Null) => Vec::new(),
            Some(Value::String(link)) => vec![link],
            Some(Value::Array(links)) => links.into_iter().map(link).collect::<Result<_, _>>()?,
            Some(wrong) => {
                return Err(AttachmentError::wrong_type("data.links", "a list of strings", &wrong));
            }
        };
        let parsed = Self {
            jws: data.remove("jws").filter(|jws| !jws.is_null()),
            sha256: take_text(&mut data, "sha256")?,
            hash: take_text(&mut data, "hash")?,
            links,
            base64: take_text(&mut data, "base64")?,
            json: data.remove("json").filter(|json| !json.is_null()),
        };
        if parsed.base64.is_none() && parsed.json.is_none() && parsed.links.is_empty() {
            return Err(AttachmentError::NoContent);
        }
        Ok(parsed)
    }

    fn to_value(&self) -> Value {
        let mut map = Map::new();
        let links = (!self.links.is_empty()).then(|| Value::from(self.links.clone()));
        for (name, value) in [
            ("base64", self.base64.clone().map(Value::from)),
            ("json", self.json.clone()),
            ("links", links),
            ("sha256", self.sha256.clone().map(Value::from)),
            ("hash", self.hash.clone().map(Value::from)),
            ("jws", self.jws.clone()),
        ] {
            if let Some(value) = value {
                map.insert(name.to_owned(), value);
            }
        }
        Value::Object(map)
    }

    fn check_hash(&self, content: &[u8]) -> Result<(), AttachmentError> {
        let Some(expected) = &self.sha256 else { return Ok(()) };
        let hash = base16ct::lower::encode_string(&Sha256::digest(content));
        if expected.eq_ignore_ascii_case(&hash) {
            Ok(())
        } else {
            Err(AttachmentError::HashMismatch)
        }
    }
}

fn within(limit: usize, actual: usize) -> Result<(), AttachmentError> {
    if actual > limit { Err(AttachmentError::TooLarge { limit, actual }) } else { Ok(()) }
}

fn link(value: Value) -> Result<String, AttachmentError> {
    match value {
        Value::String(link) => Ok(link),
        wrong => Err(AttachmentError::wrong_type("data.links", "a list of strings", &wrong)),
    }
}

fn take_text(
    map: &mut Map<String, Value>,
    field: &'static str,
) -> Result<Option<String>, AttachmentError> {
    match map.remove(field) {
        None | Some(Value::Null) => Ok(None),
        Some(Value::String(text)) => Ok(Some(text)),
        Some(wrong) => Err(AttachmentError::wrong_type(field, "a string", &wrong)),
    }
}

#[cfg(test)]
mod tests;
