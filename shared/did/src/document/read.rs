//! JSON to [`Document`], taking what old and careless peers write.

use serde_json::{Map, Value};

use super::{Document, MAX_LIST, MethodRef, Service, VerificationMethod};
use crate::did::Did;
use crate::error::DidError;

pub(super) type Object = Map<String, Value>;

impl Document {
    /// Reads a document from parsed JSON.
    ///
    /// # Errors
    /// As [`Document::from_json`].
    pub fn from_value(value: Value) -> Result<Self, DidError> {
        let Value::Object(object) = value else {
            return Err(DidError::document("the document", "must be a JSON object"));
        };
        let id = text(&object, "id")?.ok_or_else(|| DidError::document("id", "is missing"))?;
        let id = Did::parse(id).map_err(|error| DidError::document("id", error.to_string()))?;
        let relationship = |field| {
            items(&object, field)?
                .iter()
                .map(|item| MethodRef::from_value(item, field, &id))
                .collect::<Result<Vec<_>, _>>()
        };
        let mut verification_method = Vec::new();
        for field in ["verificationMethod", "publicKey"] {
            for item in items(&object, field)? {
                verification_method.push(VerificationMethod::from_value(item, field, &id)?);
            }
        }
        Ok(Self {
            context: items(&object, "@context")?.to_vec(),
            also_known_as: texts(&object, "alsoKnownAs")?,
            verification_method,
            authentication: relationship("authentication")?,
            assertion_method: relationship("assertionMethod")?,
            key_agreement: relationship("keyAgreement")?,
            capability_invocation: relationship("capabilityInvocation")?,
            capability_delegation: relationship("capabilityDelegation")?,
            service: items(&object, "service")?
                .iter()
                .map(Service::from_value)
                .collect::<Result<_, _>>()?,
            id,
        })
    }
}

/// A member that must be a string if it is there.
pub(super) fn text<'a>(
    object: &'a Object,
    field: &'static str,
) -> Result<Option<&'a str>, DidError> {
    match object.get(field) {
        None | Some(Value::Null) => Ok(None),
        Some(Value::String(text)) => Ok(Some(text)),
        Some(_) => Err(DidError::document(field, "must be a string")),
    }
}

/// A member that is a list, or a single item that stands for a list of one.
pub(super) fn items<'a>(object: &'a Object, field: &'static str) -> Result<&'a [Value], DidError> {
    let items = match object.get(field) {
        None | Some(Value::Null) => &[],
        Some(Value::Array(items)) => items.as_slice(),
        Some(item) => std::slice::from_ref(item),
    };
    if items.len() > MAX_LIST {
        return Err(DidError::TooLarge { what: field, limit: MAX_LIST, actual: items.len() });
    }
    Ok(items)
}

/// A member that is a list of strings, or one string.
pub(super) fn texts(object: &Object, field: &'static str) -> Result<Vec<String>, DidError> {
    items(object, field)?
        .iter()
        .map(|item| match item {
            Value::String(text) => Ok(text.clone()),
            _ => Err(DidError::document(field, "must be a list of strings")),
        })
        .collect()
}
