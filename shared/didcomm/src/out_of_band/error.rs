use std::fmt;

use entente_did::DidError;

use crate::attachment::AttachmentError;
use crate::message::{MessageError, Unsupported};

/// Why an invitation was refused.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum InvitationError {
    /// Not a message, or a field of the wrong type.
    #[error(transparent)]
    Message(#[from] MessageError),
    /// Another message.
    #[error(
        "the message is a {actual}, expected an invitation of out-of-band/1.x, out-of-band/2.0 or connections/1.0"
    )]
    NotAnInvitation {
        /// Its type, shortened.
        actual: String,
    },
    /// Another version of the protocol, or one that belongs to the other version of DIDComm.
    #[error("an invitation of {protocol} with `{field}`: {source}")]
    Version {
        /// The protocol.
        protocol: &'static str,
        /// Where the message has its type: `@type` in DIDComm v1, `type` in v2.
        field: &'static str,
        /// Which versions would do.
        source: Unsupported,
    },
    /// An attached request is defective.
    #[error("`requests~attach`: {0}")]
    Request(#[from] AttachmentError),
    /// A connections/1.0 invitation says in no way whom to answer.
    #[error(
        "the invitation has neither a `did` nor `recipientKeys` and `serviceEndpoint`; one of these is required"
    )]
    NoInviter,
    /// A connections/1.0 invitation says in two ways whom to answer.
    #[error(
        "the invitation has both a `did` and `recipientKeys` or `serviceEndpoint`, expected one of these"
    )]
    TwoInviters,
    /// The keys or the endpoint of a connections/1.0 invitation cannot be used.
    #[error("the invitation cannot be answered: {0}")]
    Service(#[from] ServiceError),
    /// The `did` of a connections/1.0 invitation is none.
    #[error("`did`: {0}")]
    Did(#[from] DidError),
    /// It invites to nothing.
    #[error(
        "the invitation has neither `handshake_protocols` nor `requests~attach`; at least one is required"
    )]
    NothingOffered,
    /// There is no service, or too many.
    #[error("the invitation has {actual} `services`, expected 1 to {limit}")]
    ServiceCount {
        /// The most read.
        limit: usize,
        /// How many there are.
        actual: usize,
    },
    /// No service can be used.
    #[error("no usable entry in `services`: {}", list(problems))]
    NoUsableService {
        /// What is wrong with each, in order.
        problems: Vec<ServiceProblem>,
    },
}

/// Why one of the services cannot be used.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ServiceProblem {
    /// Its place, from 0.
    pub index: usize,
    /// Why.
    pub error: ServiceError,
}

impl fmt::Display for ServiceProblem {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "services[{}]: {}", self.index, self.error)
    }
}

fn list(problems: &[ServiceProblem]) -> String {
    problems.iter().map(ToString::to_string).collect::<Vec<_>>().join("; ")
}

/// What is wrong with a service.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum ServiceError {
    /// Neither a text nor an object.
    #[error("it is {actual}, expected a DID or an object")]
    Kind {
        /// What it is.
        actual: &'static str,
    },
    /// The text is no DID.
    #[error("the text does not begin with `did:` or is too long for a DID")]
    NotADid,
    /// A service of another type.
    #[error("its `type` is {actual:?}, expected \"did-communication\"")]
    Type {
        /// The type, shortened.
        actual: String,
    },
    /// A member is missing or of the wrong type.
    #[error("`{member}` is {actual}, expected {expected}")]
    Member {
        /// Its name.
        member: &'static str,
        /// What it is.
        actual: &'static str,
        /// What it should be.
        expected: &'static str,
    },
    /// The number of keys is not one that we take.
    #[error("`{member}` has {actual} keys, expected {expected}")]
    KeyCount {
        /// `recipientKeys` or `routingKeys`.
        member: &'static str,
        /// How many there are.
        actual: usize,
        /// What it should be.
        expected: &'static str,
    },
    /// A key cannot be read.
    #[error("`{member}[{index}]` is no Ed25519 key, as did:key or in base58: {source}")]
    Key {
        /// `recipientKeys` or `routingKeys`.
        member: &'static str,
        /// The key's place, from 0.
        index: usize,
        /// Why.
        source: DidError,
    },
    /// A key of another type.
    #[error("`{member}[{index}]` is not an Ed25519 key, which DIDComm v1 needs")]
    KeyType {
        /// `recipientKeys` or `routingKeys`.
        member: &'static str,
        /// The key's place, from 0.
        index: usize,
    },
    /// Nothing can be sent to the endpoint.
    #[error(
        "`serviceEndpoint` is {actual:?}, expected a URL with http, https, ws or wss, or the DID of a mediator"
    )]
    Endpoint {
        /// What it is, shortened.
        actual: String,
    },
    /// The service accepts no profile of ours.
    #[error("its `accept`: {0}")]
    Accept(#[from] super::NoCommonProfile),
}
