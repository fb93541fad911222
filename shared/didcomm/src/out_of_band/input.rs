//! What a person or a controller hands over as "an invitation".

use url::Url;

use super::{Invitation, InvitationError, InvitationFormat};
use crate::base64url;
use crate::message::MAX_BYTES;

/// What an input holds.
#[derive(Debug, Clone, PartialEq)]
#[non_exhaustive]
pub enum Decoded {
    /// An invitation.
    Invitation(Box<Invitation>),
    /// An http(s) URL without an invitation in it: to be fetched (RFC 0434 "URL shortening"; DIDComm v2,
    /// "Short URL Message Retrieval"). What comes
    /// back, or the URL one is sent to, goes through [`parse_input`] again.
    ShortUrl(String),
}

/// Why an input holds no invitation.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum InputError {
    /// Neither JSON nor a URL.
    #[error("neither an invitation's JSON nor a URL with `oob=`, `_oob=` or `c_i=`: {reason}")]
    Unrecognised {
        /// What the URL parser said.
        reason: String,
    },
    /// A URL that cannot be fetched and has no invitation in it.
    #[error(
        "the URL has none of the parameters `oob`, `_oob` and `c_i`, and {scheme:?} is not http or https, where it could be fetched"
    )]
    NoParameter {
        /// Its scheme.
        scheme: String,
    },
    /// The parameter is not base64url.
    #[error("the `{parameter}` parameter is not base64url")]
    Encoding {
        /// `oob`, `_oob` or `c_i`.
        parameter: &'static str,
    },
    /// The input is too long for what it is.
    #[error("{what} is {actual} bytes long, at most {limit} are read")]
    TooLarge {
        /// What it is.
        what: &'static str,
        /// The most read.
        limit: usize,
        /// Its length.
        actual: usize,
    },
    /// The invitation is defective.
    #[error(transparent)]
    Invitation(#[from] InvitationError),
}

/// The longest input with a connections/1.0 invitation that is read, in bytes.
pub const MAX_CONNECTIONS_BYTES: usize = 64 << 10;

const FORMATS: [InvitationFormat; 3] =
    [InvitationFormat::OutOfBand1, InvitationFormat::OutOfBand2, InvitationFormat::Connections1];

/// Reads an invitation of any format: from its JSON, from the base64url of it, or from a URL of any
/// scheme with the parameter `oob`, `_oob` or `c_i`. Says if a URL is a short one, such as one with
/// `_oobid`.
///
/// # Errors
/// [`InputError`].
pub fn parse_input(input: &str) -> Result<Decoded, InputError> {
    let input = input.trim();
    within("the input", MAX_BYTES, input.len())?;
    if input.starts_with('{') {
        return invitation(input.as_bytes(), input.len());
    }
    let url = match Url::parse(input) {
        Ok(url) => url,
        // What stands in the URL is handed over without it, too.
        Err(error) => match base64url::decode_any(input).filter(|json| json.starts_with(b"{")) {
            Some(json) => return invitation(&json, input.len()),
            None => return Err(InputError::Unrecognised { reason: error.to_string() }),
        },
    };
    for format in FORMATS {
        let parameter = format.parameter();
        if let Some((_, text)) = url.query_pairs().find(|(name, _)| name == parameter) {
            // A `+` of plain base64 is read as a space in a query.
            let json = base64url::decode_any(&text.replace(' ', "+"))
                .ok_or(InputError::Encoding { parameter })?;
            return invitation(&json, input.len());
        }
    }
    match url.scheme() {
        "http" | "https" => Ok(Decoded::ShortUrl(url.into())),
        scheme => Err(InputError::NoParameter { scheme: scheme.to_owned() }),
    }
}

/// The format is what the JSON says, whatever the parameter.
fn invitation(json: &[u8], input_bytes: usize) -> Result<Decoded, InputError> {
    let invitation = Invitation::parse(json)?;
    if invitation.format == InvitationFormat::Connections1 {
        within("the connections/1.0 invitation", MAX_CONNECTIONS_BYTES, input_bytes)?;
    }
    Ok(Decoded::Invitation(Box::new(invitation)))
}

fn within(what: &'static str, limit: usize, actual: usize) -> Result<(), InputError> {
    if actual > limit { Err(InputError::TooLarge { what, limit, actual }) } else { Ok(()) }
}

#[cfg(test)]
mod tests;
