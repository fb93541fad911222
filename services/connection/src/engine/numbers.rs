//! The numbers of the proto, which the tables store.

use entente_protocol::Handshake;
use entente_protocol::exchange::{Cause, Role, State};
use entente_protocol::reuse::{NoAnswer, Outcome, Reason};
use entente_rpc::Failure;
use entente_rpc::proto::connection::v1 as proto;

/// A number that a caller gave for an enum. One that is not of the enum must not be taken for its default.
pub(crate) fn known<E: TryFrom<i32>>(field: &str, number: i32) -> Result<E, Failure> {
    E::try_from(number)
        .map_err(|_| Failure::field(field, format!("{number} is no value of this enum")))
}

pub(crate) fn state(state: State) -> i32 {
    use proto::ExchangeState as P;
    match state {
        State::Invitation => P::Invitation,
        State::Request => P::Request,
        State::Response => P::Response,
        State::Done => P::Done,
        State::Abandoned => P::Abandoned,
    }
    .into()
}

pub(crate) fn role(role: Role) -> i32 {
    match role {
        Role::Inviter => proto::Role::Inviter,
        Role::Invitee => proto::Role::Invitee,
    }
    .into()
}

pub(crate) fn handshake(handshake: Handshake) -> i32 {
    use proto::HandshakeProtocol as P;
    match handshake {
        Handshake::DidExchange10 => P::Didexchange10,
        Handshake::DidExchange11 => P::Didexchange11,
        Handshake::Connections10 => P::Connections10,
        Handshake::Identus10 => P::Identus10,
        _ => P::Unspecified,
    }
    .into()
}

pub(crate) fn handshake_of(number: i32) -> Option<Handshake> {
    match proto::HandshakeProtocol::try_from(number).ok()? {
        proto::HandshakeProtocol::Didexchange10 => Some(Handshake::DidExchange10),
        proto::HandshakeProtocol::Didexchange11 => Some(Handshake::DidExchange11),
        proto::HandshakeProtocol::Connections10 => Some(Handshake::Connections10),
        proto::HandshakeProtocol::Identus10 => Some(Handshake::Identus10),
        _ => None,
    }
}

pub(crate) fn cause(cause: Cause) -> proto::AbandonCause {
    use proto::AbandonCause as P;
    match cause {
        Cause::Rejected => P::Rejected,
        Cause::Cancelled => P::Cancelled,
        Cause::PeerReported => P::PeerReported,
        Cause::DeadlinePassed => P::DeadlinePassed,
        Cause::NotDelivered => P::NotDelivered,
        Cause::InvitationEnded => P::InvitationEnded,
    }
}

pub(crate) fn outcome(outcome: Outcome) -> proto::ReuseOutcome {
    use proto::ReuseOutcome as P;
    match outcome {
        Outcome::New => P::New,
        Outcome::Reused => P::Reused,
        Outcome::Pending => P::Pending,
        Outcome::Refused => P::Refused,
    }
}

/// Each reason with its number.
const REASONS: [(Reason, proto::ReuseReason); 14] = [
    (Reason::NoDidInInvitation, proto::ReuseReason::NoDidInInvitation),
    (Reason::DidUnknown, proto::ReuseReason::DidUnknown),
    (Reason::DisabledByCaller, proto::ReuseReason::DisabledByCaller),
    (Reason::AwaitingPeer, proto::ReuseReason::AwaitingPeer),
    (Reason::ConnectionNotReady, proto::ReuseReason::ConnectionNotReady),
    (Reason::PeerAccepted, proto::ReuseReason::PeerAccepted),
    (Reason::PeerDidNotAnswer, proto::ReuseReason::PeerDidNotAnswer),
    (Reason::PeerRefused, proto::ReuseReason::PeerRefused),
    (Reason::RequestAttached, proto::ReuseReason::RequestAttached),
    (Reason::JoinedExchange, proto::ReuseReason::JoinedExchange),
    (Reason::ExchangeAbandoned, proto::ReuseReason::ExchangeAbandoned),
    (Reason::NotDelivered, proto::ReuseReason::NotDelivered),
    (Reason::AlreadyAccepted, proto::ReuseReason::AlreadyAccepted),
    (Reason::KnownDid, proto::ReuseReason::KnownDid),
];

pub(crate) fn reason(reason: Reason) -> proto::ReuseReason {
    REASONS
        .iter()
        .find(|(known, _)| *known == reason)
        .map_or(proto::ReuseReason::Unspecified, |(_, number)| *number)
}

pub(crate) fn reason_of(number: i32) -> Option<Reason> {
    REASONS.iter().find(|(_, known)| i32::from(*known) == number).map(|(reason, _)| *reason)
}

pub(crate) fn no_answer(number: i32) -> NoAnswer {
    match proto::NoAnswerPolicy::try_from(number) {
        Ok(proto::NoAnswerPolicy::Fail) => NoAnswer::Fail,
        Ok(proto::NoAnswerPolicy::KeepWaiting) => NoAnswer::KeepWaiting,
        _ => NoAnswer::NewConnection,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_reason_has_a_number() {
        for (known, number) in REASONS {
            assert_eq!(reason_of(reason(known).into()), Some(known));
            assert_ne!(number, proto::ReuseReason::Unspecified);
        }
    }
}
