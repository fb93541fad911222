//! Public keys: their types, their encodings, did:key.

pub(crate) mod did_key;
mod jwk;

use std::fmt;

use curve25519_dalek::edwards::CompressedEdwardsY;
use curve25519_dalek::montgomery::MontgomeryPoint;
use serde::{Deserialize, Deserializer, Serialize, Serializer};

use crate::error::DidError;

pub use did_key::resolve;

/// The longest text of a key that we try to decode, in bytes.
const MAX_KEY_TEXT: usize = 128;
const DID_KEY: &str = "did:key:";

/// The type of a public key.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
#[non_exhaustive]
pub enum KeyType {
    /// Ed25519, for signatures; 32 bytes.
    Ed25519,
    /// X25519, for key agreement; 32 bytes.
    X25519,
    /// NIST P-256, compressed: 33 bytes.
    P256,
    /// NIST P-384, compressed: 49 bytes.
    P384,
    /// NIST P-521, compressed: 67 bytes.
    P521,
    /// secp256k1, for signatures (ES256K), compressed: 33 bytes.
    Secp256k1,
}

impl KeyType {
    /// Bytes of a public key of this type.
    pub fn key_len(self) -> usize {
        match self {
            Self::Ed25519 | Self::X25519 => 32,
            Self::P256 | Self::Secp256k1 => 33,
            Self::P384 => 49,
            Self::P521 => 67,
        }
    }

    /// The number in the multicodec table.
    fn codec(self) -> u64 {
        match self {
            Self::Ed25519 => 0xed,
            Self::X25519 => 0xec,
            Self::P256 => 0x1200,
            Self::P384 => 0x1201,
            Self::P521 => 0x1202,
            Self::Secp256k1 => 0xe7,
        }
    }

    fn from_codec(codec: u64) -> Result<Self, DidError> {
        match codec {
            0xed => Ok(Self::Ed25519),
            0xec => Ok(Self::X25519),
            0x1200 => Ok(Self::P256),
            0x1201 => Ok(Self::P384),
            0x1202 => Ok(Self::P521),
            0xe7 => Ok(Self::Secp256k1),
            codec => Err(DidError::KeyTypeUnsupported { codec }),
        }
    }
}

/// As multibase text.
impl Serialize for PublicKey {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.serialize_str(&self.multibase())
    }
}

impl<'de> Deserialize<'de> for PublicKey {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let text = String::deserialize(deserializer)?;
        Self::from_multibase(&text).map_err(serde::de::Error::custom)
    }
}

impl fmt::Display for KeyType {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Ed25519 => "Ed25519",
            Self::X25519 => "X25519",
            Self::P256 => "P-256",
            Self::P384 => "P-384",
            Self::P521 => "P-521",
            Self::Secp256k1 => "secp256k1",
        })
    }
}

/// A public key. Its length is right for its type; whether it is a point of its curve is found out
/// where it is used ([`PublicKey::to_x25519`], or the signature's check).
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
#[non_exhaustive]
pub enum PublicKey {
    /// Ed25519 (RFC 8032 encoding).
    Ed25519([u8; 32]),
    /// X25519 (RFC 7748 encoding).
    X25519([u8; 32]),
    /// P-256, compressed SEC1 point.
    P256([u8; 33]),
    /// P-384, compressed SEC1 point.
    P384([u8; 49]),
    /// P-521, compressed SEC1 point.
    P521([u8; 67]),
    /// secp256k1, compressed SEC1 point.
    Secp256k1([u8; 33]),
}

impl PublicKey {
    /// A key of the given type from its raw bytes.
    ///
    /// # Errors
    /// [`DidError::KeyLength`], or [`DidError::KeyEncoding`] for a point that is not compressed.
    pub fn from_bytes(key_type: KeyType, bytes: &[u8]) -> Result<Self, DidError> {
        let length =
            |_| DidError::KeyLength { key_type, expected: key_type.key_len(), actual: bytes.len() };
        match key_type {
            KeyType::Ed25519 => bytes.try_into().map(Self::Ed25519).map_err(length),
            KeyType::X25519 => bytes.try_into().map(Self::X25519).map_err(length),
            KeyType::P256 => point(bytes.try_into().map_err(length)?).map(Self::P256),
            KeyType::P384 => point(bytes.try_into().map_err(length)?).map(Self::P384),
            KeyType::P521 => point(bytes.try_into().map_err(length)?).map(Self::P521),
            KeyType::Secp256k1 => point(bytes.try_into().map_err(length)?).map(Self::Secp256k1),
        }
    }

    /// The raw bytes: [`KeyType::key_len`] of them.
    pub fn as_bytes(&self) -> &[u8] {
        match self {
            Self::Ed25519(bytes) | Self::X25519(bytes) => bytes,
            Self::P256(bytes) | Self::Secp256k1(bytes) => bytes,
            Self::P384(bytes) => bytes,
            Self::P521(bytes) => bytes,
        }
    }

    /// The type.
    pub fn key_type(&self) -> KeyType {
        match self {
            Self::Ed25519(_) => KeyType::Ed25519,
            Self::X25519(_) => KeyType::X25519,
            Self::P256(_) => KeyType::P256,
            Self::P384(_) => KeyType::P384,
            Self::P521(_) => KeyType::P521,
            Self::Secp256k1(_) => KeyType::Secp256k1,
        }
    }

    /// Multibase base58btc of the multicodec and the key (`z6Mk…` for Ed25519), as in did:key and
    /// `publicKeyMultibase` of a Multikey.
    pub fn multibase(&self) -> String {
        let mut bytes = Vec::with_capacity(2 + self.as_bytes().len());
        put_varint(&mut bytes, self.key_type().codec());
        bytes.extend_from_slice(self.as_bytes());
        format!("z{}", crate::base58::encode(&bytes))
    }

    /// Reads what [`PublicKey::multibase`] writes; any multibase encoding is taken.
    ///
    /// # Errors
    /// [`DidError::KeyEncoding`], [`DidError::KeyTypeUnsupported`], [`DidError::KeyLength`].
    pub fn from_multibase(text: &str) -> Result<Self, DidError> {
        const EXPECTED: DidError =
            DidError::KeyEncoding { expected: "multibase of a multicodec key (z…)" };
        let bytes = decode_multibase(text)?;
        let (codec, key) = take_varint(&bytes).ok_or(EXPECTED)?;
        Self::from_bytes(KeyType::from_codec(codec)?, key)
    }

    /// `did:key:z…` (RFC 0360).
    pub fn did_key(&self) -> String {
        format!("{DID_KEY}{}", self.multibase())
    }

    /// `did:key:z…#z…`, the key's id within its did:key document.
    pub fn did_key_url(&self) -> String {
        let multibase = self.multibase();
        format!("{DID_KEY}{multibase}#{multibase}")
    }

    /// Reads a did:key, with or without the fragment. A fragment that names another key (such as the
    /// derived X25519 key) gives that key only if it is the one derived from the DID's.
    ///
    /// # Errors
    /// As [`PublicKey::from_multibase`]; [`DidError::InvalidDidUrl`] for a fragment that names no key
    /// of the DID.
    pub fn from_did_key(text: &str) -> Result<Self, DidError> {
        let rest = text
            .strip_prefix(DID_KEY)
            .ok_or(DidError::KeyEncoding { expected: "a did:key (did:key:z…)" })?;
        let Some((multibase, fragment)) = rest.split_once('#') else {
            return Self::from_multibase(rest);
        };
        let key = Self::from_multibase(multibase)?;
        if fragment == multibase {
            return Ok(key);
        }
        let named = Self::from_multibase(fragment);
        match key.to_x25519() {
            Ok(derived) if named == Ok(derived) => Ok(derived),
            _ => {
                Err(DidError::InvalidDidUrl { reason: "the fragment names no key of the did:key" })
            }
        }
    }

    /// Base58 of the raw bytes: the "verkey" of DIDComm v1 for an Ed25519 key.
    pub fn base58(&self) -> String {
        crate::base58::encode(self.as_bytes())
    }

    /// Reads the base58 of a raw Ed25519 key.
    ///
    /// # Errors
    /// [`DidError::KeyEncoding`], [`DidError::KeyLength`].
    pub fn from_base58_ed25519(text: &str) -> Result<Self, DidError> {
        Self::from_bytes(KeyType::Ed25519, &decode_base58(text)?)
    }

    /// Reads a key that stands for itself, in any of the forms peers write in `recipientKeys`,
    /// `routingKeys` and the `to` of a forward: base58 of an Ed25519 key, did:key, did:key with
    /// fragment. A reference into a document goes through `Document::find_key`.
    ///
    /// # Errors
    /// As [`PublicKey::from_did_key`] and [`PublicKey::from_base58_ed25519`].
    pub fn parse_reference(text: &str) -> Result<Self, DidError> {
        if text.starts_with("did:") {
            Self::from_did_key(text)
        } else {
            Self::from_base58_ed25519(text)
        }
    }

    /// The X25519 key for key agreement: itself, or the Montgomery form of an Ed25519 key.
    ///
    /// # Errors
    /// [`DidError::KeyOffCurve`], [`DidError::KeyLowOrder`]; [`DidError::KeyTypeMismatch`] for the other types.
    pub fn to_x25519(&self) -> Result<PublicKey, DidError> {
        match self {
            Self::Ed25519(bytes) => {
                let point = CompressedEdwardsY(*bytes).decompress().ok_or(DidError::KeyOffCurve)?;
                if point.is_small_order() {
                    return Err(DidError::KeyLowOrder);
                }
                Ok(Self::X25519(point.to_montgomery().to_bytes()))
            }
            Self::X25519(bytes) => {
                // Eight times a point of low order is the identity, on the curve and on its twist.
                let times_eight =
                    MontgomeryPoint(*bytes).mul_bits_be([true, false, false, false].into_iter());
                if times_eight.0 == [0; 32] {
                    return Err(DidError::KeyLowOrder);
                }
                Ok(*self)
            }
            other => Err(DidError::KeyTypeMismatch {
                key_type: other.key_type(),
                purpose: "X25519 key agreement",
            }),
        }
    }
}

/// A compressed SEC1 point, by its first byte.
fn point<const N: usize>(bytes: [u8; N]) -> Result<[u8; N], DidError> {
    match bytes.first() {
        Some(2 | 3) => Ok(bytes),
        _ => Err(DidError::KeyEncoding { expected: "a compressed point (02… or 03…)" }),
    }
}

/// Bytes of a short base58 text.
pub(crate) fn decode_base58(text: &str) -> Result<Vec<u8>, DidError> {
    check_len(text)?;
    bs58::decode(text).into_vec().map_err(|_| DidError::KeyEncoding { expected: "base58" })
}

/// Bytes of a short multibase text.
pub(crate) fn decode_multibase(text: &str) -> Result<Vec<u8>, DidError> {
    check_len(text)?;
    let (_, bytes) = multibase::decode(text)
        .map_err(|_| DidError::KeyEncoding { expected: "multibase (z…)" })?;
    Ok(bytes)
}

fn check_len(text: &str) -> Result<(), DidError> {
    let actual = text.len();
    if actual > MAX_KEY_TEXT {
        return Err(DidError::TooLarge { what: "the key, in bytes,", limit: MAX_KEY_TEXT, actual });
    }
    Ok(())
}

/// Appends an unsigned varint (multiformats).
pub(crate) fn put_varint(out: &mut Vec<u8>, mut value: u64) {
    while value >= 0x80 {
        out.push((value & 0x7f) as u8 | 0x80);
        value >>= 7;
    }
    out.push(value as u8);
}

/// Splits off an unsigned varint; at most nine bytes, in its shortest form (multiformats).
pub(crate) fn take_varint(bytes: &[u8]) -> Option<(u64, &[u8])> {
    let mut value = 0u64;
    for (i, byte) in bytes.iter().enumerate().take(9) {
        value |= u64::from(byte & 0x7f) << (7 * i);
        if byte & 0x80 == 0 {
            let shortest = i == 0 || *byte != 0;
            return if shortest { bytes.get(i + 1..).map(|rest| (value, rest)) } else { None };
        }
    }
    None
}

#[cfg(test)]
mod tests;
