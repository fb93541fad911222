//! What the formats have in common.

use serde_json::{Map, Value};

use super::Invitation;
use crate::message::{Message, MessageError};

pub(super) fn take_text(
    body: &mut Map<String, Value>,
    field: &'static str,
) -> Result<Option<String>, MessageError> {
    match body.remove(field) {
        None | Some(Value::Null) => Ok(None),
        Some(Value::String(text)) => Ok(Some(text)),
        Some(other) => Err(MessageError::wrong_type(field, "a string", &other)),
    }
}

pub(super) fn take_texts(
    body: &mut Map<String, Value>,
    field: &'static str,
) -> Result<Vec<String>, MessageError> {
    const EXPECTED: &str = "a list of strings";
    match body.remove(field) {
        None | Some(Value::Null) => Ok(Vec::new()),
        Some(Value::Array(items)) => items
            .into_iter()
            .map(|item| match item {
                Value::String(text) => Ok(text),
                other => Err(MessageError::wrong_type(field, EXPECTED, &other)),
            })
            .collect(),
        Some(other) => Err(MessageError::wrong_type(field, EXPECTED, &other)),
    }
}

/// Writes the other members, the texts that there are, and the expiry.
pub(super) fn write(
    invitation: &Invitation,
    mut message: Message,
    texts: &[(&str, &Option<String>)],
) -> Message {
    message.body.clone_from(&invitation.other);
    for (field, text) in texts {
        if let Some(text) = text {
            message = message.with(field, text.clone());
        }
    }
    match invitation.expires_time {
        Some(end) => message.expiring_at(end),
        None => message,
    }
}
