use async_graphql::{Enum, ID, SimpleObject};
use entente_rpc::proto::connection::v1 as pb;

use super::error::ApiError;

/// Extension: what became of an accepted invitation.
#[derive(Enum, Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum ReuseOutcome {
    /// A new exchange.
    New,
    /// An existing connection is used.
    Reused,
    /// The peer was asked, or an exchange with the same peer is awaited; a subscription tells of the outcome.
    Pending,
    /// Neither: a new connection was not allowed.
    Refused,
}

/// Extension: why an existing connection is reused, or not.
#[derive(SimpleObject, Debug, Clone)]
pub(super) struct ReuseDecision {
    /// What became of the invitation.
    outcome: ReuseOutcome,
    /// Why: a ReuseReason of the gRPC API, such as NO_DID_IN_INVITATION, DID_UNKNOWN or PEER_ACCEPTED.
    reason: String,
    /// The connections that came into question, best first.
    candidates: Vec<ID>,
    /// The rule that chose, for people.
    rule: String,
}

impl TryFrom<&pb::ReuseDecision> for ReuseDecision {
    type Error = ApiError;

    fn try_from(decision: &pb::ReuseDecision) -> Result<Self, ApiError> {
        let outcome = match decision.outcome() {
            pb::ReuseOutcome::New => ReuseOutcome::New,
            pb::ReuseOutcome::Reused => ReuseOutcome::Reused,
            pb::ReuseOutcome::Pending => ReuseOutcome::Pending,
            pb::ReuseOutcome::Refused => ReuseOutcome::Refused,
            pb::ReuseOutcome::Unspecified => {
                return Err(ApiError::internal("a decision without an outcome"));
            }
        };
        Ok(Self {
            outcome,
            reason: reason(decision.reason()).to_owned(),
            candidates: decision.candidates.iter().map(ID::from).collect(),
            rule: decision.rule.clone(),
        })
    }
}

/// The name of a reason.
pub(super) fn reason(reason: pb::ReuseReason) -> &'static str {
    let name = reason.as_str_name();
    name.strip_prefix("REUSE_REASON_").unwrap_or(name)
}
