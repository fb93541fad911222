use entente_rpc::proto::connection::v1::{AbandonCause, Exchange, ExchangeState, Role};

/// The state's name; `under_way` while the message of the state waits for its endpoint.
pub(super) fn state(exchange: &Exchange, under_way: bool) -> &'static str {
    use ExchangeState as S;
    let inviter = exchange.role() != Role::Invitee;
    match (exchange.state(), inviter, under_way) {
        (S::Invitation | S::Unspecified, true, _) => "InvitationGenerated",
        (S::Invitation | S::Unspecified, false, _) => "InvitationReceived",
        (S::Request, true, _) => "ConnectionRequestReceived",
        (S::Request, false, true) => "ConnectionRequestPending",
        (S::Request, false, false) => "ConnectionRequestSent",
        (S::Response, true, true) => "ConnectionResponsePending",
        (S::Response | S::Done, true, _) => "ConnectionResponseSent",
        (S::Response | S::Done, false, _) => "ConnectionResponseReceived",
        (S::Abandoned, _, _) => match exchange.abandon_cause() {
            AbandonCause::InvitationEnded if inviter => "InvitationExpired",
            AbandonCause::PeerReported => "ProblemReportReceived",
            _ => "ProblemReportSent",
        },
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_state_has_its_name() {
        use ExchangeState as S;
        for (core, role, under_way, name) in [
            (S::Invitation, Role::Inviter, false, "InvitationGenerated"),
            (S::Invitation, Role::Invitee, false, "InvitationReceived"),
            (S::Request, Role::Inviter, false, "ConnectionRequestReceived"),
            (S::Request, Role::Invitee, true, "ConnectionRequestPending"),
            (S::Request, Role::Invitee, false, "ConnectionRequestSent"),
            (S::Response, Role::Inviter, true, "ConnectionResponsePending"),
            (S::Response, Role::Inviter, false, "ConnectionResponseSent"),
            (S::Response, Role::Invitee, true, "ConnectionResponseReceived"),
            (S::Response, Role::Invitee, false, "ConnectionResponseReceived"),
            // What follows a connection does not take it back.
            (S::Done, Role::Inviter, true, "ConnectionResponseSent"),
            (S::Done, Role::Inviter, false, "ConnectionResponseSent"),
            (S::Done, Role::Invitee, true, "ConnectionResponseReceived"),
        ] {
            let exchange = Exchange { role: role.into(), state: core.into(), ..Default::default() };
            assert_eq!(state(&exchange, under_way), name, "{core:?} {role:?} {under_way}");
        }
    }

    #[test]
    fn an_end_says_who_ended_it() {
        use AbandonCause as C;
        for (cause, role, name) in [
            (C::InvitationEnded, Role::Inviter, "InvitationExpired"),
            (C::InvitationEnded, Role::Invitee, "ProblemReportSent"),
            (C::PeerReported, Role::Inviter, "ProblemReportReceived"),
            (C::PeerReported, Role::Invitee, "ProblemReportReceived"),
            (C::Rejected, Role::Inviter, "ProblemReportSent"),
            (C::Cancelled, Role::Inviter, "ProblemReportSent"),
            (C::DeadlinePassed, Role::Invitee, "ProblemReportSent"),
            (C::NotDelivered, Role::Invitee, "ProblemReportSent"),
        ] {
            let exchange = Exchange {
                role: role.into(),
                state: ExchangeState::Abandoned.into(),
                abandon_cause: cause.into(),
                ..Default::default()
            };
            assert_eq!(state(&exchange, false), name, "{cause:?} {role:?}");
        }
    }
}
