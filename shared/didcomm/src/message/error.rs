use entente_did::DidError;
use serde_json::Value;

use crate::attachment::AttachmentError;

/// Why a message was refused.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum MessageError {
    /// Longer than we read.
    #[error("the message is {actual} bytes long, at most {limit} are read")]
    TooLarge {
        /// The most read.
        limit: usize,
        /// Its length.
        actual: usize,
    },
    /// Nested deeper than we read.
    #[error("objects and arrays nest deeper than {limit} levels")]
    TooDeep {
        /// The deepest read.
        limit: usize,
    },
    /// Not a JSON object.
    #[error("not a JSON object: {reason}")]
    Json {
        /// What the parser said.
        reason: String,
    },
    /// An object has two members of one name.
    #[error("`{field}` is given twice")]
    Duplicate {
        /// The name.
        field: String,
    },
    /// Neither a DIDComm v1 message nor a v2 one.
    #[error(
        "the message has neither `@type` (DIDComm v1) nor `type` (DIDComm v2); one of them is required"
    )]
    NoType,
    /// A DIDComm v1 message and a v2 one in one.
    #[error(
        "the message has both `@type` (DIDComm v1) and `type` (DIDComm v2), expected one of them"
    )]
    TwoTypes,
    /// A field is missing.
    #[error("`{field}` is missing")]
    Missing {
        /// Its name.
        field: &'static str,
    },
    /// A field has the wrong JSON type.
    #[error("`{field}` is {actual}, expected {expected}")]
    WrongType {
        /// Its name.
        field: &'static str,
        /// What it should be.
        expected: &'static str,
        /// What it is.
        actual: &'static str,
    },
    /// A field has the right JSON type and an impossible value.
    #[error("`{field}` is {actual:?}, expected {expected}")]
    Value {
        /// Its name.
        field: &'static str,
        /// What it should be.
        expected: &'static str,
        /// The value, shortened.
        actual: String,
    },
    /// An id is too long.
    #[error("`{field}` is {actual} bytes long, at most {limit} are read")]
    IdLength {
        /// Its name.
        field: &'static str,
        /// The most read.
        limit: usize,
        /// Its length.
        actual: usize,
    },
    /// A field is no DID.
    #[error("`{field}`: {source}")]
    Did {
        /// Its name.
        field: &'static str,
        /// Why.
        source: DidError,
    },
    /// A list is too long.
    #[error("`{field}` has {actual} entries, at most {limit} are read")]
    TooMany {
        /// Its name.
        field: &'static str,
        /// The most read.
        limit: usize,
        /// How many there are.
        actual: usize,
    },
    /// One of the `attachments` of a DIDComm v2 message is defective.
    #[error("`attachments`: {0}")]
    Attachment(#[from] AttachmentError),
}

impl MessageError {
    pub(crate) fn wrong_type(field: &'static str, expected: &'static str, actual: &Value) -> Self {
        Self::WrongType { field, expected, actual: type_name(actual) }
    }

    pub(crate) fn value(field: &'static str, expected: &'static str, actual: &str) -> Self {
        Self::Value { field, expected, actual: actual.chars().take(120).collect() }
    }
}

/// What a JSON value is, with its article, for an error.
pub(crate) fn type_name(value: &Value) -> &'static str {
    match value {
        Value::Null => "null",
        Value::Bool(_) => "a boolean",
        Value::Number(_) => "a number",
        Value::String(_) => "a string",
        Value::Array(_) => "an array",
        Value::Object(_) => "an object",
    }
}
