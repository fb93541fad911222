//! The keys of a document.

use serde::ser::SerializeMap;
use serde::{Serialize, Serializer};
use serde_json::Value;

use super::read::{Object, text};
use crate::did::Did;
use crate::error::DidError;
use crate::key::{KeyType, PublicKey, decode_base58, decode_multibase};

/// A verification method (DID Core §5.2).
#[derive(Debug, Clone, PartialEq)]
pub struct VerificationMethod {
    /// Its id: a DID URL, absolute or relative (`#key-1`).
    pub id: String,
    /// Its type, such as `Multikey` or `Ed25519VerificationKey2020`.
    pub kind: String,
    /// The DID that controls it.
    pub controller: String,
    /// The key as the document has it.
    pub material: KeyMaterial,
}

/// The key of a verification method, in the encoding of the document.
#[derive(Debug, Clone, PartialEq)]
pub enum KeyMaterial {
    /// `publicKeyMultibase`
    Multibase(String),
    /// `publicKeyBase58`
    Base58(String),
    /// `publicKeyJwk`
    Jwk(Value),
    /// None of these.
    Other,
}

/// A member of a relationship such as `authentication`.
#[derive(Debug, Clone, PartialEq, Serialize)]
#[serde(untagged)]
pub enum MethodRef {
    /// The id of a method, in this document or another.
    Reference(String),
    /// A method for this relationship only.
    Embedded(VerificationMethod),
}

impl VerificationMethod {
    /// A Multikey.
    pub fn multikey(id: String, controller: &Did, key: &PublicKey) -> Self {
        Self {
            id,
            kind: "Multikey".to_owned(),
            controller: controller.to_string(),
            material: KeyMaterial::Multibase(key.multibase()),
        }
    }

    /// The key.
    ///
    /// # Errors
    /// What is wrong with the key, or [`DidError::InvalidDocument`] if its form is unknown or does not
    /// fit the method's type.
    pub fn public_key(&self) -> Result<PublicKey, DidError> {
        let expected = self.expected_type();
        let key = match &self.material {
            KeyMaterial::Base58(text) => {
                let key_type = expected.ok_or_else(|| self.unknown())?;
                PublicKey::from_bytes(key_type, &decode_base58(text)?)?
            }
            KeyMaterial::Multibase(text) => match expected {
                // Some write a 2018 or 2020 key as multibase without the multicodec.
                Some(key_type) if decode_multibase(text)?.len() == key_type.key_len() => {
                    PublicKey::from_bytes(key_type, &decode_multibase(text)?)?
                }
                _ => PublicKey::from_multibase(text)?,
            },
            KeyMaterial::Jwk(jwk) => PublicKey::from_jwk(jwk)?,
            KeyMaterial::Other => return Err(self.unknown()),
        };
        match expected {
            Some(key_type) if key_type != key.key_type() => Err(DidError::document(
                "verificationMethod",
                format!("the key's type is {}, and {} was declared", key.key_type(), self.kind),
            )),
            _ => Ok(key),
        }
    }

    /// The type of key that the method's type allows, where it allows only one.
    fn expected_type(&self) -> Option<KeyType> {
        match self.kind.as_str() {
            "Ed25519VerificationKey2018" | "Ed25519VerificationKey2020" => Some(KeyType::Ed25519),
            "Ed25519SignatureAuthentication2018" => Some(KeyType::Ed25519),
            "X25519KeyAgreementKey2019" | "X25519KeyAgreementKey2020" => Some(KeyType::X25519),
            _ => None,
        }
    }

    fn unknown(&self) -> DidError {
        // The type is the peer's text: only its beginning goes into an error.
        let kind: String = self.kind.chars().take(64).collect();
        DidError::document(
            "verificationMethod",
            format!("no usable key in a method of type {kind}"),
        )
    }

    pub(super) fn from_value(
        value: &Value,
        field: &'static str,
        document: &Did,
    ) -> Result<Self, DidError> {
        let object = value
            .as_object()
            .ok_or_else(|| DidError::document(field, "must be a list of objects"))?;
        let required = |member| {
            text(object, member)?
                .map(str::to_owned)
                .ok_or_else(|| DidError::document(field, format!("an entry has no {member}")))
        };
        Ok(Self {
            id: required("id")?,
            kind: required("type")?,
            controller: text(object, "controller")?.unwrap_or(document.as_str()).to_owned(),
            material: KeyMaterial::from_object(object)?,
        })
    }
}

impl KeyMaterial {
    fn from_object(object: &Object) -> Result<Self, DidError> {
        if let Some(multibase) = text(object, "publicKeyMultibase")? {
            return Ok(Self::Multibase(multibase.to_owned()));
        }
        if let Some(base58) = text(object, "publicKeyBase58")? {
            return Ok(Self::Base58(base58.to_owned()));
        }
        Ok(object.get("publicKeyJwk").map_or(Self::Other, |jwk| Self::Jwk(jwk.clone())))
    }
}

impl MethodRef {
    pub(super) fn from_value(
        value: &Value,
        field: &'static str,
        document: &Did,
    ) -> Result<Self, DidError> {
        match value {
            Value::String(reference) => Ok(Self::Reference(reference.clone())),
            // RFC 0160: {"type": "Ed25519SignatureAuthentication2018", "publicKey": "<reference>"}
            Value::Object(object) if object.contains_key("publicKey") => {
                let reference = text(object, "publicKey")?.unwrap_or_default();
                Ok(Self::Reference(reference.to_owned()))
            }
            _ => VerificationMethod::from_value(value, field, document).map(Self::Embedded),
        }
    }
}

impl Serialize for VerificationMethod {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let mut map = serializer.serialize_map(None)?;
        map.serialize_entry("id", &self.id)?;
        map.serialize_entry("type", &self.kind)?;
        map.serialize_entry("controller", &self.controller)?;
        match &self.material {
            KeyMaterial::Multibase(text) => map.serialize_entry("publicKeyMultibase", text)?,
            KeyMaterial::Base58(text) => map.serialize_entry("publicKeyBase58", text)?,
            KeyMaterial::Jwk(jwk) => map.serialize_entry("publicKeyJwk", jwk)?,
            KeyMaterial::Other => {}
        }
        map.end()
    }
}
