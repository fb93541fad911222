//! Rotation of a DID (DIDComm v2, "DID Rotation"): `from_prior`, a JWT by which the prior DID names the new
//! one, or says that it ends the relationship.
//!
//! As with the other signatures, the secret is elsewhere: [`FromPrior::unsigned`] gives what is to be
//! signed. What comes from a peer is a [`Claim`] until its signature is verified.

mod error;

pub use error::FromPriorError;

use entente_did::{Did, DidUrl, Document};
use serde_json::{Map, Value, json};

use crate::base64url;
use crate::message::object;
use crate::primitives::verify;

/// The longest JWT that is read, in bytes: it has two DIDs in it, one of them twice.
pub const MAX_BYTES: usize = 128 << 10;
/// How far the peer's clock may be before ours, in seconds.
const CLOCK_SKEW: i64 = 300;

/// What a `from_prior` says.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct FromPrior {
    /// `iss`: the DID that was used before.
    pub prior: Did,
    /// `sub`: the DID that is used from now on; `None` when the relationship ends.
    pub new: Option<Did>,
    /// `iat`: when it was rotated, in Unix seconds.
    pub rotated_at: i64,
}

/// A JWT that lacks its signature.
#[derive(Debug, Clone)]
pub struct Unsigned {
    input: String,
}

impl FromPrior {
    /// The JWT, to be signed with the Ed25519 key that `kid` names: a DID URL of the prior DID, in its
    /// `authentication`.
    pub fn unsigned(&self, kid: &str) -> Unsigned {
        let header = json!({"typ": "JWT", "alg": "EdDSA", "kid": kid});
        let mut payload = json!({"iss": self.prior, "iat": self.rotated_at});
        if let (Some(new), Some(members)) = (&self.new, payload.as_object_mut()) {
            members.insert("sub".to_owned(), new.as_str().into());
        }
        let encode = |json: Value| base64url::encode(json.to_string());
        Unsigned { input: format!("{}.{}", encode(header), encode(payload)) }
    }
}

impl Unsigned {
    /// The bytes to sign.
    pub fn bytes(&self) -> &[u8] {
        self.input.as_bytes()
    }

    /// The JWT, for [`crate::message::V2Headers::from_prior`].
    pub fn with_signature(self, signature: [u8; 64]) -> String {
        format!("{}.{}", self.input, base64url::encode(signature))
    }
}

/// A `from_prior` that was parsed, and not verified: whoever sent it may have made it up.
#[derive(Debug, Clone)]
pub struct Claim {
    claimed: FromPrior,
    kid: String,
    input: String,
    signature: [u8; 64],
}

impl Claim {
    /// Parses a compact JWT.
    ///
    /// # Errors
    /// [`FromPriorError`], which names what is wrong.
    pub fn parse(jwt: &str) -> Result<Self, FromPriorError> {
        if jwt.len() > MAX_BYTES {
            return Err(FromPriorError::TooLarge { limit: MAX_BYTES, actual: jwt.len() });
        }
        let (input, signature) = jwt.rsplit_once('.').ok_or(FromPriorError::Parts)?;
        let (header, payload) = input.split_once('.').ok_or(FromPriorError::Parts)?;
        let header = part("header", header)?;
        match text(&header, "alg")? {
            "EdDSA" => {}
            other => {
                let actual = other.chars().take(40).collect();
                return Err(FromPriorError::Algorithm { actual });
            }
        }
        if header.contains_key("crit") {
            return Err(FromPriorError::Critical);
        }
        let payload = part("payload", payload)?;
        let prior = did("iss", text(&payload, "iss")?)?;
        let kid = text(&header, "kid")?.to_owned();
        let key_of =
            DidUrl::parse(&kid).map_err(|source| FromPriorError::Did { member: "kid", source })?;
        if key_of.did.canonical() != prior.canonical() {
            return Err(FromPriorError::KeyOfAnother);
        }
        let new = match payload.get("sub") {
            None | Some(Value::Null) => None,
            Some(_) => Some(did("sub", text(&payload, "sub")?)?),
        };
        let rotated_at = payload
            .get("iat")
            .and_then(|iat| iat.as_i64().or_else(|| iat.as_f64().map(|seconds| seconds as i64)))
            .ok_or(FromPriorError::Member { member: "iat", expected: "a number of seconds" })?;
        let signature = base64url::decode_array(signature)
            .ok_or(FromPriorError::Encoding { part: "signature" })?;
        let claimed = FromPrior { prior, new, rotated_at };
        Ok(Self { claimed, kid, input: input.to_owned(), signature })
    }

    /// The DID that is said to have been used before: the one whose document [`Claim::verify`] needs.
    pub fn prior(&self) -> &Did {
        &self.claimed.prior
    }

    /// The DID URL of the key that is said to have signed.
    pub fn kid(&self) -> &str {
        &self.kid
    }

    /// Checks that the prior DID, whose document this is, signed it with a key of `authentication`, that it
    /// names the sender of the message, and that it is not from the future. `from` is the DID that the
    /// message's envelope proves, `None` for a message without `from`, which ends the relationship; `now`
    /// is in Unix seconds.
    ///
    /// # Errors
    /// [`FromPriorError`].
    pub fn verify(
        self,
        prior: &Document,
        from: Option<&Did>,
        now: i64,
    ) -> Result<FromPrior, FromPriorError> {
        let Self { claimed, kid, input, signature } = self;
        if prior.id.canonical() != claimed.prior.canonical() {
            return Err(FromPriorError::ForeignDocument);
        }
        let key = prior.authentication_key(&kid).ok_or(FromPriorError::UnknownKey)?;
        verify(&key, input.as_bytes(), &signature).map_err(FromPriorError::Signature)?;
        if claimed.new.as_ref().map(Did::canonical) != from.map(Did::canonical) {
            return Err(FromPriorError::NotTheSender);
        }
        if claimed.rotated_at > now.saturating_add(CLOCK_SKEW) {
            return Err(FromPriorError::FromTheFuture { rotated_at: claimed.rotated_at });
        }
        Ok(claimed)
    }
}

fn part(part: &'static str, text: &str) -> Result<Map<String, Value>, FromPriorError> {
    let json = base64url::decode(text).ok_or(FromPriorError::Encoding { part })?;
    object(&json).map_err(|source| FromPriorError::Json { part, source })
}

fn text<'a>(map: &'a Map<String, Value>, member: &'static str) -> Result<&'a str, FromPriorError> {
    let value = map.get(member).and_then(Value::as_str);
    value.ok_or(FromPriorError::Member { member, expected: "a string" })
}

fn did(member: &'static str, text: &str) -> Result<Did, FromPriorError> {
    Did::parse(text).map_err(|source| FromPriorError::Did { member, source })
}

#[cfg(test)]
mod tests;
