//! Connection reuse (RFC 0434): the decision, and the messages.

mod decision;
mod message;

pub use decision::{
    Candidate, Decision, NoAnswer, Outcome, Policy, Question, Reason, decide, unanswered,
};
pub use message::{
    EMPTY, accepted, answer_on_connection, answered_invitation, empty, handshake_reuse, version,
};

/// The protocol's name.
pub const PROTOCOL: &str = "out-of-band";
