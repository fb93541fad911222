//! What a peer did wrong, and how it is told.

use entente_did::DidError;
use entente_didcomm::attachment::AttachmentError;
use entente_didcomm::attachment::jws::JwsError;
use entente_didcomm::message::{MessageError, Unsupported};
use entente_didcomm::signature::SignatureError;

/// A message that its sender had no right to send, or that does not say what it must.
#[derive(Debug, Clone, PartialEq, thiserror::Error)]
#[non_exhaustive]
pub enum Misbehaved {
    /// A field is missing or malformed.
    #[error(transparent)]
    Message(#[from] MessageError),
    /// An attachment is malformed.
    #[error(transparent)]
    Attachment(#[from] AttachmentError),
    /// An attachment's signature does not hold.
    #[error("the attachment's signature does not hold: {0}")]
    Signature(#[from] JwsError),
    /// A signed field is malformed, or its signature does not hold.
    #[error(transparent)]
    SignedField(#[from] SignatureError),
    /// The DID or its document is malformed, or does not resolve.
    #[error(transparent)]
    Did(#[from] DidError),
    /// The DID could not be resolved.
    #[error("the DID {did} cannot be resolved: {reason}")]
    Unresolvable {
        /// The DID.
        did: String,
        /// What the resolver said.
        reason: String,
    },
    /// The envelope does not prove a sender.
    #[error("the message is anonymous; it must be authcrypted")]
    Anonymous,
    /// `~thread.pthid` is missing.
    #[error("~thread.pthid must be the @id of the invitation")]
    NoParentThread,
    /// The parent thread is no invitation of ours, or may no longer be used.
    #[error("the invitation {0}")]
    Invitation(#[from] crate::usage::Unusable),
    /// A DID that cannot be resolved came without its document.
    #[error("the message must carry the document of {did}, which cannot be resolved")]
    NoDocument {
        /// The DID.
        did: String,
    },
    /// The attached document is another DID's.
    #[error("the attached document is of {document}, not of {did}")]
    ForeignDocument {
        /// The DID in the message.
        did: String,
        /// The document's id.
        document: String,
    },
    /// A document has no key of the kind that speaks for its subject in envelopes.
    #[error("the document of {did} has no {kind} key")]
    NoKey {
        /// The DID.
        did: String,
        /// The kind.
        kind: &'static str,
    },
    /// An answer could only go back on the way that a message came, and there is none.
    #[error("the document of {did} has no endpoint that an answer could go to")]
    NoEndpoint {
        /// The DID.
        did: String,
    },
    /// Neither attachment proves that the DID is the inviter's.
    #[error(
        "the response proves nothing: did_rotate~attach or did_doc~attach must be signed by the invitation's key"
    )]
    Unproven,
    /// Signed, but by a key that is not the invitation's.
    #[error("the response is signed by a key that is not the invitation's")]
    WrongSigner,
    /// Another DID than the invitation's answers, and nothing says that it may.
    #[error("the response is from {did}, which is not the DID of the invitation")]
    WrongInviter {
        /// The DID that answers.
        did: String,
    },
    /// A message of a handshake is for one recipient.
    #[error("the message has {0} recipients in `to`, expected one")]
    SeveralRecipients(usize),
    /// The message is of no handshake that we speak.
    #[error("the message is of no handshake that is spoken here")]
    NoHandshake,
    /// The response is of another handshake than the request.
    #[error("the response is of {received}, and the request was of {expected}")]
    OtherHandshake {
        /// The response's.
        received: &'static str,
        /// The request's.
        expected: &'static str,
    },
    /// `did_rotate~attach` names another DID.
    #[error("did_rotate~attach is for {rotated:?}, not for {did}")]
    RotatedElsewhere {
        /// The DID in the message.
        did: String,
        /// What was signed.
        rotated: String,
    },
    /// The envelope's sender key is not in the document.
    #[error("the sender's key is not in the document of {did}")]
    SenderNotInDocument {
        /// The DID.
        did: String,
    },
    /// The thread is not one of this exchange.
    #[error("the thread {0:?} is not of this exchange")]
    WrongThread(String),
    /// The version is not one that we speak.
    #[error(transparent)]
    Version(#[from] Unsupported),
    /// The message does not fit the state.
    #[error("a {message} does not fit an exchange in the state {state}")]
    OutOfOrder {
        /// The message's name.
        message: &'static str,
        /// The state.
        state: &'static str,
    },
    /// `~timing.expires_time` has passed.
    #[error("the message expired")]
    Expired,
    /// The sender is not the peer of the connection that the message is about.
    #[error("the sender is not the peer of this {0}")]
    Stranger(&'static str),
}

impl Misbehaved {
    /// The rule that was broken, in one word, for metrics.
    #[must_use]
    pub fn rule(&self) -> &'static str {
        match self {
            Self::Message(_) => "message",
            Self::Attachment(_) => "attachment",
            Self::Signature(_) | Self::SignedField(_) => "signature",
            Self::Did(_) => "did",
            Self::Unresolvable { .. } => "unresolvable",
            Self::Anonymous => "anonymous",
            Self::NoParentThread => "no_parent_thread",
            Self::Invitation(_) => "invitation",
            Self::NoDocument { .. } => "no_document",
            Self::ForeignDocument { .. } => "foreign_document",
            Self::NoKey { .. } => "no_key",
            Self::NoEndpoint { .. } => "no_endpoint",
            Self::Unproven => "unproven",
            Self::WrongSigner => "wrong_signer",
            Self::WrongInviter { .. } => "wrong_inviter",
            Self::SeveralRecipients(_) => "several_recipients",
            Self::NoHandshake | Self::OtherHandshake { .. } => "handshake",
            Self::RotatedElsewhere { .. } => "rotated_elsewhere",
            Self::SenderNotInDocument { .. } => "sender_not_in_document",
            Self::WrongThread(_) => "wrong_thread",
            Self::Version(_) => "version",
            Self::OutOfOrder { .. } => "out_of_order",
            Self::Expired => "expired",
            Self::Stranger(_) => "stranger",
        }
    }
}
