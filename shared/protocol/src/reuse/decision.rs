//! What becomes of an invitation: a new connection, or one that exists.

/// What the caller wants.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Policy {
    /// Make a new connection even where one could be reused.
    pub disabled: bool,
    /// What to do when the peer does not confirm.
    pub no_answer: NoAnswer,
}

/// What to do when the peer does not confirm a reuse.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum NoAnswer {
    /// Make a new connection with the invitation.
    NewConnection,
    /// Give up.
    Fail,
    /// Keep waiting.
    KeepWaiting,
}

/// A live connection that came from an invitation with the same DID.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Candidate {
    /// Its id.
    pub connection_id: String,
    /// When the peer was last heard, in milliseconds since the epoch.
    pub last_seen_at: i64,
    /// When it was made.
    pub created_at: i64,
}

/// All that the decision depends on.
#[derive(Debug, Clone)]
pub struct Question {
    /// Whether the invitation's services carry a DID.
    pub has_did: bool,
    /// Whether requests are attached.
    pub has_requests: bool,
    /// Whether no message can ask the peer to confirm: DIDComm v2 and connections/1.0 have none, and an implicit
    /// invitation (RFC 0023) has no id to ask by.
    pub unasked: bool,
    /// What the caller wants.
    pub policy: Policy,
    /// The live connections from invitations with the same DID, in any order.
    pub candidates: Vec<Candidate>,
    /// An exchange of ours under way with the same DID.
    pub under_way: Option<String>,
}

/// What becomes of it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Outcome {
    /// A new exchange.
    New,
    /// The first candidate.
    Reused,
    /// The first candidate once the peer confirms, or the exchange under way once it is done.
    Pending,
    /// Nothing.
    Refused,
}

/// Why.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Reason {
    /// The services carry no DID.
    NoDidInInvitation,
    /// No connection came from an invitation with this DID.
    DidUnknown,
    /// The caller asked for a new connection.
    DisabledByCaller,
    /// The peer was asked.
    AwaitingPeer,
    /// An exchange with the same DID is under way.
    ConnectionNotReady,
    /// The peer confirmed.
    PeerAccepted,
    /// The peer did not answer in time.
    PeerDidNotAnswer,
    /// The peer refused.
    PeerRefused,
    /// The attached request is answered on the connection, without a reuse message.
    RequestAttached,
    /// The exchange that was followed made the connection.
    JoinedExchange,
    /// The exchange that was followed was abandoned.
    ExchangeAbandoned,
    /// The reuse could not be delivered.
    NotDelivered,
    /// The invitation was accepted before.
    AlreadyAccepted,
    /// A connection is known by the DID, and no message asks its peer.
    KnownDid,
}

/// What was decided.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Decision {
    /// What becomes of the invitation.
    pub outcome: Outcome,
    /// Why.
    pub reason: Reason,
    /// The connections in question, best first.
    pub candidates: Vec<String>,
    /// The rule, for people.
    pub rule: &'static str,
}

/// Decides on an invitation. The best candidate is the one whose peer was heard last; then the newest; then the one
/// with the lowest id, so that the same facts always give the same choice.
#[must_use]
pub fn decide(question: Question) -> Decision {
    let Question { has_did, has_requests, unasked, policy, mut candidates, under_way } = question;
    candidates.sort_by(|a, b| {
        (b.last_seen_at, b.created_at)
            .cmp(&(a.last_seen_at, a.created_at))
            .then(a.connection_id.cmp(&b.connection_id))
    });
    let candidates: Vec<_> =
        candidates.into_iter().map(|candidate| candidate.connection_id).collect();
    let (outcome, reason, rule) = if !has_did {
        let rule =
            "only a DID in the invitation's services lets a connection be recognised (RFC 0434)";
        (Outcome::New, Reason::NoDidInInvitation, rule)
    } else if policy.disabled {
        (Outcome::New, Reason::DisabledByCaller, "the caller asked for a new connection")
    } else if !candidates.is_empty() && has_requests {
        let rule = "an attached request is answered on the existing connection, without a reuse message (RFC 0434)";
        (Outcome::Reused, Reason::RequestAttached, rule)
    } else if !candidates.is_empty() && unasked {
        let rule = "a connection is known by this DID, and no message asks its peer: DIDComm v2 and connections/1.0 \
                    have none, and an implicit invitation no id";
        (Outcome::Reused, Reason::KnownDid, rule)
    } else if !candidates.is_empty() {
        let rule =
            "the connection whose peer was heard last is reused once the peer confirms (RFC 0434)";
        (Outcome::Pending, Reason::AwaitingPeer, rule)
    } else if under_way.is_some() {
        let rule = "an exchange with the same DID is under way; its connection will be reused";
        (Outcome::Pending, Reason::ConnectionNotReady, rule)
    } else {
        (
            Outcome::New,
            Reason::DidUnknown,
            "no live connection came from an invitation with this DID",
        )
    };
    Decision { outcome, reason, candidates, rule }
}

/// What becomes of a pending reuse that the peer did not confirm, for `reason`; `None` to keep waiting.
#[must_use]
pub fn unanswered(no_answer: NoAnswer, reason: Reason) -> Option<Outcome> {
    match (no_answer, reason) {
        (NoAnswer::NewConnection, _) => Some(Outcome::New),
        (NoAnswer::KeepWaiting, Reason::PeerDidNotAnswer) => None,
        (NoAnswer::Fail | NoAnswer::KeepWaiting, _) => Some(Outcome::Refused),
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    const POLICY: Policy = Policy { disabled: false, no_answer: NoAnswer::NewConnection };

    fn candidate(id: &str, last_seen_at: i64, created_at: i64) -> Candidate {
        Candidate { connection_id: id.into(), last_seen_at, created_at }
    }

    fn question() -> Question {
        Question {
            has_did: true,
            has_requests: false,
            unasked: false,
            policy: POLICY,
            candidates: vec![],
            under_way: None,
        }
    }

    #[test]
    fn each_reason_has_its_case() {
        let known = || vec![candidate("a", 1, 1)];
        let under_way = || Some("x".to_owned());
        let disabled = Policy { disabled: true, ..POLICY };
        let cases = [
            (question(), Outcome::New, Reason::DidUnknown),
            (Question { has_did: false, ..question() }, Outcome::New, Reason::NoDidInInvitation),
            (
                Question { policy: disabled, candidates: known(), ..question() },
                Outcome::New,
                Reason::DisabledByCaller,
            ),
            (
                Question { candidates: known(), ..question() },
                Outcome::Pending,
                Reason::AwaitingPeer,
            ),
            (
                Question { candidates: known(), has_requests: true, ..question() },
                Outcome::Reused,
                Reason::RequestAttached,
            ),
            (
                Question { candidates: known(), unasked: true, ..question() },
                Outcome::Reused,
                Reason::KnownDid,
            ),
            (Question { unasked: true, ..question() }, Outcome::New, Reason::DidUnknown),
            (
                Question { under_way: under_way(), ..question() },
                Outcome::Pending,
                Reason::ConnectionNotReady,
            ),
            (
                Question { under_way: under_way(), candidates: known(), ..question() },
                Outcome::Pending,
                Reason::AwaitingPeer,
            ),
        ];
        for (question, outcome, reason) in cases {
            let decision = decide(question.clone());
            assert_eq!((decision.outcome, decision.reason), (outcome, reason), "{question:?}");
        }
    }

    #[test]
    fn the_peer_heard_last_comes_first() {
        let candidates = vec![
            candidate("old", 5, 1),
            candidate("b", 9, 2),
            candidate("a", 9, 2),
            candidate("new", 9, 3),
        ];
        assert_eq!(
            decide(Question { candidates, ..question() }).candidates,
            ["new", "a", "b", "old"]
        );
    }

    #[test]
    fn without_an_answer_the_policy_decides() {
        assert_eq!(unanswered(NoAnswer::NewConnection, Reason::PeerRefused), Some(Outcome::New));
        assert_eq!(unanswered(NoAnswer::Fail, Reason::PeerDidNotAnswer), Some(Outcome::Refused));
        assert_eq!(unanswered(NoAnswer::KeepWaiting, Reason::PeerDidNotAnswer), None);
        assert_eq!(unanswered(NoAnswer::KeepWaiting, Reason::PeerRefused), Some(Outcome::Refused));
    }

    proptest! {
        #[test]
        fn the_order_of_the_facts_does_not_matter(mut seen in proptest::collection::vec((0i64..4, 0i64..4), 1..8), rotate in 0usize..8) {
            let list = |seen: &[(i64, i64, usize)]| seen.iter().map(|(l, c, i)| candidate(&i.to_string(), *l, *c)).collect();
            let mut numbered: Vec<_> = seen.drain(..).enumerate().map(|(i, (l, c))| (l, c, i)).collect();
            let first = decide(Question { candidates: list(&numbered), ..question() });
            let by = rotate % numbered.len();
            numbered.rotate_left(by);
            prop_assert_eq!(first, decide(Question { candidates: list(&numbered), ..question() }));
        }

        #[test]
        fn nothing_is_reused_against_the_callers_will(has_requests: bool, has_did: bool, unasked: bool, under_way: bool) {
            let decision = decide(Question {
                has_did, has_requests, unasked,
                policy: Policy { disabled: true, no_answer: NoAnswer::Fail },
                candidates: vec![candidate("a", 1, 1)],
                under_way: under_way.then(|| "x".to_owned()),
            });
            prop_assert_eq!(decision.outcome, Outcome::New);
        }
    }
}
