use entente_rpc::proto::connection::v1::{ExchangeState, HandshakeProtocol, Role};

/// A state in both vocabularies: RFC 0160's and RFC 0023's.
pub(super) fn names(state: ExchangeState, role: Role) -> (&'static str, &'static str) {
    use ExchangeState as S;
    let inviter = role == Role::Inviter;
    match state {
        S::Unspecified => ("init", "start"),
        S::Invitation => {
            ("invitation", if inviter { "invitation-sent" } else { "invitation-received" })
        }
        S::Request => ("request", if inviter { "request-received" } else { "request-sent" }),
        S::Response => ("response", if inviter { "response-sent" } else { "response-received" }),
        S::Done => ("active", "completed"),
        S::Abandoned => ("error", "abandoned"),
    }
}

/// What a `state` filter asks for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(in crate::acapy) struct StateFilter {
    /// The state; `None` for one that no record of ours is ever in.
    pub(in crate::acapy) state: Option<ExchangeState>,
    /// The role that the name implies.
    pub(in crate::acapy) role: Option<Role>,
}

/// Reads a state of either vocabulary; `None` for a word of neither.
pub(in crate::acapy) fn parse_state(text: &str) -> Option<StateFilter> {
    use ExchangeState as S;
    let (state, role) = match text {
        "init" | "start" => (None, None),
        "invitation" => (Some(S::Invitation), None),
        "invitation-sent" => (Some(S::Invitation), Some(Role::Inviter)),
        "invitation-received" => (Some(S::Invitation), Some(Role::Invitee)),
        "request" => (Some(S::Request), None),
        "request-sent" => (Some(S::Request), Some(Role::Invitee)),
        "request-received" => (Some(S::Request), Some(Role::Inviter)),
        "response" => (Some(S::Response), None),
        "response-sent" => (Some(S::Response), Some(Role::Inviter)),
        "response-received" => (Some(S::Response), Some(Role::Invitee)),
        "active" | "completed" => (Some(S::Done), None),
        "error" | "abandoned" => (Some(S::Abandoned), None),
        _ => return None,
    };
    Some(StateFilter { state, role })
}

/// Reads `their_role`: the peer's part, so that ours is the other.
pub(in crate::acapy) fn parse_role(text: &str) -> Option<Role> {
    match text {
        "inviter" | "responder" => Some(Role::Invitee),
        "invitee" | "requester" => Some(Role::Inviter),
        _ => None,
    }
}

pub(super) fn their_role(role: Role) -> &'static str {
    match role {
        Role::Inviter => "invitee",
        Role::Invitee => "inviter",
        Role::Unspecified => "",
    }
}

pub(super) fn protocol(protocol: HandshakeProtocol) -> &'static str {
    match protocol {
        HandshakeProtocol::Didexchange10 => "didexchange/1.0",
        HandshakeProtocol::Didexchange11 => "didexchange/1.1",
        HandshakeProtocol::Connections10 => "connections/1.0",
        HandshakeProtocol::Identus10 => "mercury/connections/1.0",
        HandshakeProtocol::Unspecified => "",
    }
}
