//! Key agreement of DIDComm v2: ECDH over X25519 and the curves of NIST.

use entente_did::{KeyType, PublicKey};
use p256::NistP256;
use p256::ecdsa::signature::Signer as _;
use p256::ecdsa::{Signature, SigningKey};
use p256::elliptic_curve::SecretKey;
use p384::NistP384;
use p521::NistP521;
use rand_core::CryptoRng;
use zeroize::{Zeroize, ZeroizeOnDrop, Zeroizing};

use super::{CryptoError, X25519Secret, nist};

/// The most bytes of a shared secret: those of P-521.
const MAX_SHARED: usize = 66;

/// An ECDH shared secret, to be derived from and for nothing else. It may be cached and cloned by whoever may hold the
/// secret itself. Zeroized on drop, and not `Debug`.
#[derive(Clone, Zeroize, ZeroizeOnDrop)]
pub struct SharedSecret {
    bytes: [u8; MAX_SHARED],
    len: usize,
}

impl SharedSecret {
    pub(super) fn new(secret: &[u8]) -> Self {
        let mut bytes = [0; MAX_SHARED];
        for (to, from) in bytes.iter_mut().zip(secret) {
            *to = *from;
        }
        Self { bytes, len: secret.len().min(MAX_SHARED) }
    }

    pub(super) fn as_bytes(&self) -> &[u8] {
        self.bytes.get(..self.len).unwrap_or_default()
    }
}

/// One of our keys for key agreement. [`AgreementSecret`] is one; a keystore may wrap it in a type that remembers the
/// shared secrets with its peers' static keys, which saves a multiplication for each authenticated message.
pub trait AgreementKey {
    /// Our public key.
    fn public(&self) -> PublicKey;

    /// The shared secret with a key that is used once.
    ///
    /// # Errors
    /// [`CryptoError::CurveMismatch`]; [`CryptoError::PublicKey`] for what is no point of the curve;
    /// [`CryptoError::LowOrder`].
    fn agree(&self, theirs: &PublicKey) -> Result<SharedSecret, CryptoError>;

    /// The shared secret with a peer's static key. The one method worth overriding, with a cache.
    ///
    /// # Errors
    /// As [`AgreementKey::agree`].
    fn agree_static(&self, theirs: &PublicKey) -> Result<SharedSecret, CryptoError> {
        self.agree(theirs)
    }
}

/// A secret for key agreement, with its public key. A P-256 secret also signs. Zeroized on drop; neither `Debug` nor
/// `Clone`.
pub struct AgreementSecret {
    secret: Secret,
    public: PublicKey,
}

enum Secret {
    X25519(X25519Secret),
    /// With the public key, which the signature needs.
    P256(Box<SigningKey>),
    P384(Box<SecretKey<NistP384>>),
    P521(Box<SecretKey<NistP521>>),
}

impl AgreementSecret {
    /// Bytes of a secret of this type; `None` if the type is not for key agreement.
    pub fn secret_len(key_type: KeyType) -> Option<usize> {
        match key_type {
            KeyType::X25519 | KeyType::P256 => Some(32),
            KeyType::P384 => Some(48),
            KeyType::P521 => Some(66),
            _ => None,
        }
    }

    /// The secret of an X25519 scalar (clamped as RFC 7748 says), or of a big-endian scalar of the curve.
    ///
    /// # Errors
    /// [`CryptoError::Secret`] for a wrong length, or a scalar that is zero or not below the group's order;
    /// [`CryptoError::NotForAgreement`].
    pub fn from_bytes(key_type: KeyType, bytes: &[u8]) -> Result<Self, CryptoError> {
        let wrong = |_| CryptoError::Secret(key_type);
        if Self::secret_len(key_type).ok_or(CryptoError::NotForAgreement(key_type))? != bytes.len()
        {
            return Err(CryptoError::Secret(key_type));
        }
        let (secret, public) = match key_type {
            KeyType::P256 => {
                let secret =
                    SigningKey::from_slice(bytes).map_err(|_| CryptoError::Secret(key_type))?;
                let public = nist::public::<NistP256>(secret.as_nonzero_scalar());
                (Secret::P256(Box::new(secret)), public)
            }
            KeyType::P384 => {
                let secret = SecretKey::from_slice(bytes).map_err(wrong)?;
                let public = nist::public::<NistP384>(&secret.to_nonzero_scalar());
                (Secret::P384(Box::new(secret)), public)
            }
            KeyType::P521 => {
                let secret = SecretKey::from_slice(bytes).map_err(wrong)?;
                let public = nist::public::<NistP521>(&secret.to_nonzero_scalar());
                (Secret::P521(Box::new(secret)), public)
            }
            _ => {
                let bytes =
                    Zeroizing::new(bytes.try_into().map_err(|_| CryptoError::Secret(key_type))?);
                return Ok(X25519Secret::from_bytes(*bytes).into());
            }
        };
        Ok(Self { secret, public: PublicKey::from_bytes(key_type, &public)? })
    }

    /// Clears those of random bytes' bits that no scalar of the type has: a scalar of P-521 has 521 of 528.
    pub fn mask(key_type: KeyType, bytes: &mut [u8]) {
        if let (KeyType::P521, Some(first)) = (key_type, bytes.first_mut()) {
            *first &= 1;
        }
    }

    /// A fresh secret.
    ///
    /// # Errors
    /// [`CryptoError::NotForAgreement`].
    pub fn random(key_type: KeyType, rng: &mut impl CryptoRng) -> Result<Self, CryptoError> {
        let len = Self::secret_len(key_type).ok_or(CryptoError::NotForAgreement(key_type))?;
        let mut bytes = Zeroizing::new([0; MAX_SHARED]);
        let bytes = bytes.get_mut(..len).unwrap_or_default();
        loop {
            rng.fill_bytes(bytes);
            Self::mask(key_type, bytes);
            // A draw outside the group's order is possible, once in 2^32 for P-256 and hardly ever for the others.
            if let Ok(secret) = Self::from_bytes(key_type, bytes) {
                return Ok(secret);
            }
        }
    }

    /// The ES256 signature of `message` (RFC 7518, 3.4: r and s); `None` unless the secret is of P-256.
    pub fn sign_es256(&self, message: &[u8]) -> Option<[u8; 64]> {
        let Secret::P256(key) = &self.secret else { return None };
        let signature: Signature = key.try_sign(message).ok()?;
        Some(signature.to_bytes().into())
    }
}

impl From<X25519Secret> for AgreementSecret {
    fn from(secret: X25519Secret) -> Self {
        Self { public: secret.public(), secret: Secret::X25519(secret) }
    }
}

impl AgreementKey for AgreementSecret {
    fn public(&self) -> PublicKey {
        self.public
    }

    fn agree(&self, theirs: &PublicKey) -> Result<SharedSecret, CryptoError> {
        match (&self.secret, theirs) {
            (Secret::X25519(ours), PublicKey::X25519(theirs)) => {
                Ok(SharedSecret::new(ours.diffie_hellman(theirs)?.as_slice()))
            }
            (Secret::P256(ours), PublicKey::P256(theirs)) => {
                nist::agree::<NistP256>(ours.as_nonzero_scalar(), theirs)
            }
            (Secret::P384(ours), PublicKey::P384(theirs)) => {
                nist::agree::<NistP384>(&ours.to_nonzero_scalar(), theirs)
            }
            (Secret::P521(ours), PublicKey::P521(theirs)) => {
                nist::agree::<NistP521>(&ours.to_nonzero_scalar(), theirs)
            }
            _ => Err(CryptoError::CurveMismatch {
                ours: self.public.key_type(),
                theirs: theirs.key_type(),
            }),
        }
    }
}

/// The coordinates of a public key for key agreement, as a JWK has them: x, and y unless it is X25519.
///
/// # Errors
/// [`CryptoError::PublicKey`] for what is no point of the curve; [`CryptoError::NotForAgreement`].
pub fn coordinates(key: &PublicKey) -> Result<(Vec<u8>, Option<Vec<u8>>), CryptoError> {
    let (x, y) = match key {
        PublicKey::X25519(x) => return Ok((x.to_vec(), None)),
        PublicKey::P256(point) => nist::coordinates::<NistP256>(point)?,
        PublicKey::P384(point) => nist::coordinates::<NistP384>(point)?,
        PublicKey::P521(point) => nist::coordinates::<NistP521>(point)?,
        other => return Err(CryptoError::NotForAgreement(other.key_type())),
    };
    Ok((x, Some(y)))
}

#[cfg(test)]
mod tests;
