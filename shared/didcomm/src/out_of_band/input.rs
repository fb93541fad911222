//! What a person or a controller hands over as "an invitation".

use url::Url;

use super::{Invitation, InvitationError};
use crate::base64url;
use crate::message::{MAX_BYTES, MessageError};

/// What an input holds.
#[derive(Debug, Clone, PartialEq)]
#[non_exhaustive]
pub enum Decoded {
    /// An invitation.
    Invitation(Box<Invitation>),
    /// An http(s) URL without an invitation in it: to be fetched (RFC 0434 "URL shortening"). What comes
    /// back, or the URL one is sent to, goes through [`parse_input`] again.
    ShortUrl(String),
}

/// Why an input holds no invitation.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum InputError {
    /// Neither JSON nor a URL.
    #[error("neither an invitation's JSON nor a URL with `oob=`: {reason}")]
    Unrecognised {
        /// What the URL parser said.
        reason: String,
    },
    /// A URL that cannot be fetched and has no invitation in it.
    #[error(
        "the URL has no `oob` parameter, and {scheme:?} is not http or https, where it could be fetched"
    )]
    NoParameter {
        /// Its scheme.
        scheme: String,
    },
    /// `oob` is not base64url.
    #[error("the `oob` parameter is not base64url")]
    Encoding,
    /// An invitation of another protocol.
    #[error(
        "the URL carries {what} (`{parameter}`), which is not supported; expected `oob`, an out-of-band 1.x invitation"
    )]
    Unsupported {
        /// The parameter that shows it.
        parameter: &'static str,
        /// What it carries.
        what: &'static str,
    },
    /// The invitation is defective.
    #[error(transparent)]
    Invitation(#[from] InvitationError),
}

/// Parameters of invitations that are known and not supported.
const UNSUPPORTED: [(&str, &str); 3] = [
    ("c_i", "a connections/1.0 invitation"),
    ("_oob", "an out-of-band/2.0 invitation of DIDComm v2"),
    ("_oobid", "a reference to an out-of-band/2.0 invitation of DIDComm v2"),
];

/// Reads an invitation from its JSON, or from a URL of any scheme with an `oob` parameter; says if a URL
/// is a short one.
///
/// # Errors
/// [`InputError`].
pub fn parse_input(input: &str) -> Result<Decoded, InputError> {
    let input = input.trim();
    if input.len() > MAX_BYTES {
        let too_large = MessageError::TooLarge { limit: MAX_BYTES, actual: input.len() };
        return Err(InvitationError::from(too_large).into());
    }
    if input.starts_with('{') {
        return Ok(Decoded::Invitation(Box::new(Invitation::parse(input.as_bytes())?)));
    }
    let url = Url::parse(input)
        .map_err(|error| InputError::Unrecognised { reason: error.to_string() })?;
    if let Some((_, oob)) = url.query_pairs().find(|(name, _)| name == "oob") {
        // A `+` of plain base64 is read as a space in a query.
        let json = base64url::decode_any(&oob.replace(' ', "+")).ok_or(InputError::Encoding)?;
        return Ok(Decoded::Invitation(Box::new(Invitation::parse(&json)?)));
    }
    for (parameter, what) in UNSUPPORTED {
        if url.query_pairs().any(|(name, _)| name == parameter) {
            return Err(InputError::Unsupported { parameter, what });
        }
    }
    match url.scheme() {
        "http" | "https" => Ok(Decoded::ShortUrl(url.into())),
        scheme => Err(InputError::NoParameter { scheme: scheme.to_owned() }),
    }
}

#[cfg(test)]
mod tests;
