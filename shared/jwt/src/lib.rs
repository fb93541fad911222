//! Tokens of issuers that publish their keys (JWT, RFC 7519 and RFC 8725; JWKS, RFC 7517): who shows one, of which
//! tenant, and with which roles. Keys are kept, fetched again when a token names an unknown one and every few minutes, and
//! used on while their host is away.

mod claims;
mod keys;
mod ring;
mod settings;

use std::sync::Arc;
use std::time::Duration;

use jsonwebtoken::errors::ErrorKind;
use jsonwebtoken::{Algorithm, Header, TokenData, Validation, dangerous, decode, decode_header};
use serde_json::Value;

pub use claims::Subject;
pub use settings::{IssuerSettings, SettingsError};

use keys::Keys;

/// The longest token, in bytes.
pub const MAX_TOKEN: usize = 8 * 1024;
/// What the clocks may be apart, in seconds.
const SKEW: u64 = 60;

/// The issuers whose tokens count. Clones are one.
#[derive(Clone, Default)]
pub struct Issuers(Arc<[Issuer]>);

struct Issuer {
    settings: IssuerSettings,
    algorithms: Vec<Algorithm>,
    keys: Keys,
}

/// Why a token lets nobody in. What is said was true of a signed token only where it is about its claims.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum Refused {
    /// Too long.
    #[error("the token is longer than {MAX_TOKEN} bytes")]
    TooLong,
    /// No JWT, an algorithm that is not allowed, an unknown issuer or key, or a wrong signature.
    #[error("the token is not valid here: check its issuer, key and algorithm")]
    Invalid,
    /// Its time is over.
    #[error("the token was right, and its time is over: take a new one")]
    Expired,
    /// Its time has not come.
    #[error("the token is not valid yet: check the clocks")]
    Early,
    /// It is for others.
    #[error("the token is not for this audience")]
    Audience,
    /// A claim is missing or has the wrong form.
    #[error(
        "the token lacks a claim that is needed, or has it in another form: exp, sub, or the tenant's"
    )]
    Claim,
}

impl Issuers {
    /// Those of the configuration. Their keys are fetched at the first token, or by [`Issuers::follow`].
    ///
    /// # Errors
    /// [`SettingsError`], which names the issuer and what would be right.
    pub fn new(settings: Vec<IssuerSettings>) -> Result<Self, SettingsError> {
        ring::install();
        let read = |settings: IssuerSettings| {
            let (algorithms, source) = settings.check()?;
            Ok(Issuer { settings, algorithms, keys: Keys::new(source) })
        };
        settings.into_iter().map(read).collect::<Result<Vec<_>, _>>().map(|all| Self(all.into()))
    }

    /// Whether a text has the form of a token, and there is anybody to have made it.
    #[must_use]
    pub fn take(&self, text: &str) -> bool {
        !self.0.is_empty()
            && text.starts_with("ey")
            && text.bytes().filter(|b| *b == b'.').count() == 2
    }

    /// Fetches the keys now and every few minutes, for as long as this is polled.
    pub async fn follow(self) {
        if self.0.is_empty() {
            return;
        }
        loop {
            for issuer in self.0.iter() {
                issuer.keys.fetch().await;
            }
            tokio::time::sleep(keys::PERIOD.mul_f64(spread())).await;
        }
    }

    /// Who has a token.
    ///
    /// # Errors
    /// [`Refused`].
    pub async fn verify(&self, token: &str) -> Result<Subject, Refused> {
        if token.len() > MAX_TOKEN {
            return Err(Refused::TooLong);
        }
        let header = decode_header(token).map_err(|_| Refused::Invalid)?;
        let claims: Value =
            dangerous::insecure_decode_claims(token).map_err(|_| Refused::Invalid)?;
        // Only to find whose key to use; the claim counts once the signature does.
        let issuer = claims.get("iss").and_then(Value::as_str).ok_or(Refused::Invalid)?;
        let issuer = self.0.iter().find(|known| known.settings.issuer == issuer);
        issuer.ok_or(Refused::Invalid)?.verify(token, &header).await
    }
}

impl Issuer {
    async fn verify(&self, token: &str, header: &Header) -> Result<Subject, Refused> {
        // What must be understood is not (RFC 7515 §4.1.11).
        if header.crit.is_some() || !self.algorithms.contains(&header.alg) {
            return Err(Refused::Invalid);
        }
        let mut validation = Validation::new(header.alg);
        validation.leeway = SKEW;
        validation.validate_nbf = true;
        validation.set_audience(&self.settings.audience);
        validation.set_issuer(&[&self.settings.issuer]);
        validation.set_required_spec_claims(&["exp", "iss", "aud", "sub"]);
        let mut refused = Refused::Invalid;
        for key in self.keys.find(header.kid.as_deref(), header.alg).await {
            match decode::<Value>(token, &key, &validation) {
                Ok(TokenData { claims, .. }) => return claims::read(&self.settings, &claims),
                Err(error) => refused = why(error.kind()),
            }
            if refused != Refused::Invalid {
                break;
            }
        }
        Err(refused)
    }
}

/// The library looks at the claims after the signature, so what it says of them is about a token that was signed.
fn why(error: &ErrorKind) -> Refused {
    match error {
        ErrorKind::ExpiredSignature => Refused::Expired,
        ErrorKind::ImmatureSignature => Refused::Early,
        ErrorKind::InvalidAudience => Refused::Audience,
        ErrorKind::MissingRequiredClaim(claim) if claim == "aud" => Refused::Audience,
        ErrorKind::MissingRequiredClaim(_) | ErrorKind::InvalidClaimFormat(_) => Refused::Claim,
        _ => Refused::Invalid,
    }
}

/// So that replicas do not ask at the same time.
fn spread() -> f64 {
    let nanos = std::time::SystemTime::now().duration_since(std::time::UNIX_EPOCH);
    let part = nanos.unwrap_or(Duration::ZERO).subsec_nanos();
    0.9 + 0.2 * f64::from(part) / 1e9
}
