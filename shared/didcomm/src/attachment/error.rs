use serde_json::Value;

use crate::message::type_name;

/// Why an attachment was refused.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum AttachmentError {
    /// A member has the wrong JSON type.
    #[error("`{field}` of an attachment is {actual}, expected {expected}")]
    WrongType {
        /// Its name.
        field: &'static str,
        /// What it should be.
        expected: &'static str,
        /// What it is.
        actual: &'static str,
    },
    /// No `data`, or nothing in it.
    #[error("an attachment has no content: `data` needs base64, json or links")]
    NoContent,
    /// The content is not in the message.
    #[error(
        "the attachment has links only, its content must be inline (`data.base64` or `data.json`)"
    )]
    NotInline,
    /// `data.base64` is not base64.
    #[error("`data.base64` of an attachment is neither base64url nor base64")]
    Encoding,
    /// The content does not have the hash that is given with it.
    #[error("the attachment's content does not match its `data.sha256`")]
    HashMismatch,
    /// The content is too large.
    #[error("the attachment is {actual} bytes long, at most {limit} are read")]
    TooLarge {
        /// The most read.
        limit: usize,
        /// Its length.
        actual: usize,
    },
    /// Too many attachments in a field.
    #[error("`{field}` has {actual} attachments, at most {limit} are read")]
    TooMany {
        /// The field.
        field: &'static str,
        /// The most read.
        limit: usize,
        /// How many there are.
        actual: usize,
    },
    /// A field for one attachment has several.
    #[error("`{field}` has {actual} attachments, expected one")]
    NotSingle {
        /// The field.
        field: &'static str,
        /// How many there are.
        actual: usize,
    },
}

impl AttachmentError {
    pub(super) fn wrong_type(field: &'static str, expected: &'static str, actual: &Value) -> Self {
        Self::WrongType { field, expected, actual: type_name(actual) }
    }
}
