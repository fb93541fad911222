//! did:peer:2, keys and services inline (did:peer specification, method 2).

use base64::Engine;
use base64::alphabet::URL_SAFE;
use base64::engine::{DecodePaddingMode, GeneralPurpose, GeneralPurposeConfig};
use base64::prelude::BASE64_URL_SAFE_NO_PAD;
use serde::Serialize;
use serde_json::{Map, Value};
use sha2::{Digest, Sha256};

use crate::did::Did;
use crate::document::{
    Document, MAX_LIST, MethodRef, Names, Service, ServiceType, VerificationMethod,
};
use crate::error::DidError;
use crate::key::PublicKey;

const PREFIX: &str = "did:peer:2";
/// The specification's "common string abbreviations": full and short.
const ABBREVIATIONS: [(&str, &str); 4] =
    [("type", "t"), ("serviceEndpoint", "s"), ("routingKeys", "r"), ("accept", "a")];
const SHORT: Names =
    Names { kind: "t", endpoint: "s", routing_keys: "r", accept: "a", didcomm_messaging: "dm" };
/// Early libraries padded.
const BASE64: GeneralPurpose = GeneralPurpose::new(
    &URL_SAFE,
    GeneralPurposeConfig::new()
        .with_decode_padding_mode(DecodePaddingMode::Indifferent)
        .with_decode_allow_trailing_bits(true),
);

/// What a key of a did:peer:2 is for.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Purpose {
    /// `assertionMethod`
    Assertion,
    /// `authentication`
    Authentication,
    /// `capabilityDelegation`
    CapabilityDelegation,
    /// `capabilityInvocation`
    CapabilityInvocation,
    /// `keyAgreement`
    KeyAgreement,
}

impl Purpose {
    fn code(self) -> char {
        match self {
            Self::Assertion => 'A',
            Self::Authentication => 'V',
            Self::CapabilityDelegation => 'D',
            Self::CapabilityInvocation => 'I',
            Self::KeyAgreement => 'E',
        }
    }

    fn from_code(code: char) -> Option<Self> {
        [
            Self::Assertion,
            Self::Authentication,
            Self::CapabilityDelegation,
            Self::CapabilityInvocation,
            Self::KeyAgreement,
        ]
        .into_iter()
        .find(|purpose| purpose.code() == code)
    }

    fn of(self, document: &mut Document) -> &mut Vec<MethodRef> {
        match self {
            Self::Assertion => &mut document.assertion_method,
            Self::Authentication => &mut document.authentication,
            Self::CapabilityDelegation => &mut document.capability_delegation,
            Self::CapabilityInvocation => &mut document.capability_invocation,
            Self::KeyAgreement => &mut document.key_agreement,
        }
    }
}

/// The did:peer:2 of keys and services, in the order given; the keys get the ids `#key-1`, `#key-2`, ….
///
/// # Errors
/// [`DidError::InvalidDocument`] if there is no key or a service's id is not relative;
/// [`DidError::TooLarge`].
pub fn encode(keys: &[(Purpose, PublicKey)], services: &[Service]) -> Result<Did, DidError> {
    for service in services {
        if service.id.as_ref().is_some_and(|id| !id.starts_with('#')) {
            return Err(DidError::document("service.id", "must be relative (#…) in a did:peer:2"));
        }
    }
    let services: Vec<_> = services.iter().map(|service| Short(abbreviated(service))).collect();
    encode_written(keys, &services)
}

/// As [`encode`], for services that write themselves as they shall stand in the DID.
pub(crate) fn encode_written(
    keys: &[(Purpose, PublicKey)],
    services: &[impl Serialize],
) -> Result<Did, DidError> {
    if keys.is_empty() {
        return Err(DidError::document("keys", "a did:peer:2 needs at least one"));
    }
    check_count("the number of keys", keys.len())?;
    check_count("the number of services", services.len())?;
    let mut did = PREFIX.to_owned();
    for (purpose, key) in keys {
        did.extend(['.', purpose.code()]);
        did.push_str(&key.multibase());
    }
    for service in services {
        let json = serde_json::to_vec(service)
            .map_err(|error| DidError::document("service", error.to_string()))?;
        did.push_str(".S");
        did.push_str(&BASE64_URL_SAFE_NO_PAD.encode(json));
    }
    Did::parse(&did)
}

/// The document of a did:peer:2. Reads also what early libraries wrote: padded base64, several services
/// in one element, names in full.
///
/// # Errors
/// [`DidError::InvalidDid`] for an element that is none; what is wrong with a key or a service.
pub fn resolve(did: &Did) -> Result<Document, DidError> {
    let elements =
        did.as_str().strip_prefix(PREFIX).and_then(|rest| rest.strip_prefix('.')).ok_or(
            DidError::InvalidDid { reason: "expected did:peer:2 and elements after a '.'" },
        )?;
    let mut document = Document::new(did.clone());
    for element in elements.split('.') {
        let mut chars = element.chars();
        let code = chars.next().unwrap_or_default();
        if code == 'S' {
            push_services(&mut document, chars.as_str())?;
        } else if let Some(purpose) = Purpose::from_code(code) {
            push_key(&mut document, purpose, chars.as_str())?;
        } else {
            return Err(DidError::InvalidDid {
                reason: "an element's purpose is none of A D E I S V",
            });
        }
    }
    number_services(&mut document.service);
    document.also_known_as.push(peer3(did));
    document.check_growth()?;
    Ok(document)
}

/// did:peer:3 is the hash of a did:peer:2 after its prefix.
fn peer3(did: &Did) -> String {
    let rest = did.as_str().strip_prefix(PREFIX).unwrap_or_default();
    let multihash = [&[0x12, 0x20], Sha256::digest(rest.as_bytes()).as_slice()].concat();
    format!("did:peer:3z{}", bs58::encode(multihash).into_string())
}

fn push_key(document: &mut Document, purpose: Purpose, multibase: &str) -> Result<(), DidError> {
    let number = document.verification_method.len() + 1;
    check_count("the number of keys", number)?;
    let key = PublicKey::from_multibase(multibase)?;
    let id = format!("#key-{number}");
    purpose.of(document).push(MethodRef::Reference(id.clone()));
    let method = VerificationMethod::multikey(id, &document.id, &key);
    document.verification_method.push(method);
    Ok(())
}

fn push_services(document: &mut Document, encoded: &str) -> Result<(), DidError> {
    let invalid = |reason: String| DidError::document("service", reason);
    let json = BASE64.decode(encoded).map_err(|_| invalid("not base64url".to_owned()))?;
    let value: Value =
        serde_json::from_slice(&json).map_err(|error| invalid(format!("not JSON: {error}")))?;
    let services = match value {
        Value::Array(services) => services,
        service => vec![service],
    };
    for service in services {
        check_count("the number of services", document.service.len() + 1)?;
        document.service.push(Service::from_value(&expand(service))?);
    }
    Ok(())
}

fn check_count(what: &'static str, actual: usize) -> Result<(), DidError> {
    if actual > MAX_LIST {
        return Err(DidError::TooLarge { what, limit: MAX_LIST, actual });
    }
    Ok(())
}

/// `#service`, `#service-1`, `#service-2`, … for those without an id.
fn number_services(services: &mut [Service]) {
    let unnamed = services.iter_mut().filter(|service| service.id.is_none());
    for (number, service) in unnamed.enumerate() {
        service.id = Some(match number {
            0 => "#service".to_owned(),
            number => format!("#service-{number}"),
        });
    }
}

/// A service that writes itself with the short names.
struct Short(Service);

impl Serialize for Short {
    fn serialize<S: serde::Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        self.0.write(serializer, &SHORT)
    }
}

/// The service with short names inside an endpoint we do not model.
fn abbreviated(service: &Service) -> Service {
    let mut service = service.clone();
    if let ServiceType::Other { endpoint, .. } = &mut service.kind {
        let shorten =
            |name: &str| ABBREVIATIONS.iter().find(|(full, _)| *full == name).map(|(_, s)| *s);
        *endpoint = rename(std::mem::take(endpoint), &shorten, "dm", "DIDCommMessaging");
    }
    service
}

fn expand(service: Value) -> Value {
    let lengthen =
        |name: &str| ABBREVIATIONS.iter().find(|(_, short)| *short == name).map(|(f, _)| *f);
    rename(service, &lengthen, "DIDCommMessaging", "dm")
}

/// Renames members at every depth (JSON that was parsed is at most 128 deep), and a type's value.
fn rename(
    value: Value,
    name_of: &impl Fn(&str) -> Option<&'static str>,
    to_type: &str,
    from_type: &str,
) -> Value {
    let inner = |value| rename(value, name_of, to_type, from_type);
    match value {
        Value::Object(members) => Value::Object(
            members
                .into_iter()
                .map(|(name, value)| match (name_of(&name).unwrap_or(&name), value) {
                    (kind @ ("t" | "type"), Value::String(text)) if text == from_type => {
                        (kind.to_owned(), Value::from(to_type))
                    }
                    (name, value) => (name.to_owned(), inner(value)),
                })
                .collect::<Map<_, _>>(),
        ),
        Value::Array(items) => Value::Array(items.into_iter().map(inner).collect()),
        other => other,
    }
}

#[cfg(test)]
mod tests;
