//! What a message says of its sender and recipients against what its envelope proves (DIDComm v2, "Message Layer
//! Addressing Consistency").

use super::same_did;
use crate::envelope::error::excerpt;

/// Why a message does not fit its envelope.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum AddressingError {
    /// A sender or signer is proved, and the message names none.
    #[error("`from` is missing: it must be the DID of {kid}, which the envelope proves")]
    NoFrom {
        /// The DID URL of the sender's or signer's key, shortened.
        kid: String,
    },
    /// Another sender is named than the one who authcrypted.
    #[error(
        "`from` is {from:?}, and the message is authcrypted with {kid}: it must be of that DID"
    )]
    SenderNotFrom {
        /// The DID that the message names, shortened.
        from: String,
        /// The DID URL of the sender's key, shortened.
        kid: String,
    },
    /// Another sender is named than the one who signed.
    #[error("`from` is {from:?}, and the message is signed with {kid}: it must be of that DID")]
    SignerNotFrom {
        /// The DID that the message names, shortened.
        from: String,
        /// The DID URL of the signer's key, shortened.
        kid: String,
    },
    /// The message is for others than the one it was encrypted to.
    #[error("`to` does not have the DID of {kid}, which the message is encrypted to")]
    RecipientNotInTo {
        /// The DID URL of the recipient's key, shortened.
        kid: String,
    },
    /// What is signed must say whom it is for when it is encrypted, else its recipient could encrypt it to others.
    #[error("`to` is missing: a message that is signed and encrypted must have it")]
    NoTo,
}

/// What an envelope proves: DID URLs of keys.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Proved<'a> {
    /// The key that it was encrypted to.
    pub recipient_kid: Option<&'a str>,
    /// The key that it was authcrypted with.
    pub sender_kid: Option<&'a str>,
    /// The key that it was signed with.
    pub signer_kid: Option<&'a str>,
}

/// Checks that `from` is the DID that authcrypted and signed the message, and that `to` has the DID that it was
/// encrypted to. A message without `to` is for whoever could open it, unless it is signed as well. The two forms of a
/// did:peer:4 are one DID.
///
/// # Errors
/// [`AddressingError`], which names the rule.
pub fn check_addressing(
    from: Option<&str>,
    to: Option<&[impl AsRef<str>]>,
    proved: Proved<'_>,
) -> Result<(), AddressingError> {
    if let Some(kid) = proved.sender_kid.or(proved.signer_kid)
        && from.is_none()
    {
        return Err(AddressingError::NoFrom { kid: excerpt(kid) });
    }
    if let (Some(from), Some(kid)) = (from, proved.sender_kid)
        && !same_did(from, kid)
    {
        return Err(AddressingError::SenderNotFrom { from: excerpt(from), kid: excerpt(kid) });
    }
    if let (Some(from), Some(kid)) = (from, proved.signer_kid)
        && !same_did(from, kid)
    {
        return Err(AddressingError::SignerNotFrom { from: excerpt(from), kid: excerpt(kid) });
    }
    match (to, proved.recipient_kid) {
        (Some(to), Some(kid)) if !to.iter().any(|to| same_did(to.as_ref(), kid)) => {
            Err(AddressingError::RecipientNotInTo { kid: excerpt(kid) })
        }
        (None, Some(_)) if proved.signer_kid.is_some() => Err(AddressingError::NoTo),
        _ => Ok(()),
    }
}
