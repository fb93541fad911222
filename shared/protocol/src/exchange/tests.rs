use std::sync::LazyLock;

use entente_did::{Did, PublicKey};
use entente_didcomm::primitives::Ed25519Secret;
use proptest::prelude::*;

use super::*;

fn key(seed: u8) -> PublicKey {
    Ed25519Secret::from_seed([seed; 32]).public()
}

fn identity(seed: u8) -> Identity {
    let did = entente_did::create::v1_peer4(&key(seed), "http://127.0.0.1:1", &[]).unwrap().long;
    Identity { did, key: key(seed) }
}

fn peer(seed: u8) -> Peer {
    let Identity { did, key } = identity(seed);
    let target = Target {
        endpoint: "http://127.0.0.1:2".into(),
        recipient_keys: vec![key],
        routing_keys: vec![],
    };
    Peer { did, key, keys: vec![key], target, label: "peer".into() }
}

fn terms() -> Terms {
    static TERMS: LazyLock<Terms> = LazyLock::new(make_terms);
    TERMS.clone()
}

fn make_terms() -> Terms {
    Terms {
        handshake: Handshake::DidExchange11,
        invitation_id: "invitation-1".into(),
        invitation_keys: vec![key(1)],
        invitation_did: Some(Did::parse(&key(1).did_key()).unwrap()),
        target: Some(peer(1).target),
    }
}

fn approval() -> Approval {
    let (document, rotation, goal_code, goal) = (None, None, None, None);
    Approval { identity: identity(2), label: "me".into(), document, rotation, goal_code, goal }
}

fn context() -> Context {
    Context { message_id: "message-1".into() }
}

fn end(exchange: Exchange) -> Exchange {
    exchange.handle(&context(), Input::DeadlinePassed).unwrap().next
}

fn states() -> Vec<(&'static str, Exchange)> {
    let (thread_id, mine) = ("thread-1".to_owned(), identity(2));
    let invitee = |state| Exchange::Invitee(state);
    let inviter = |state| Exchange::Inviter(state);
    vec![
        ("inviter INVITATION", Exchange::inviter(terms())),
        (
            "inviter REQUEST",
            inviter(Inviter::Requested {
                terms: terms(),
                thread_id: thread_id.clone(),
                peer: peer(3),
            }),
        ),
        (
            "inviter RESPONSE",
            inviter(Inviter::Responded {
                terms: terms(),
                thread_id: thread_id.clone(),
                peer: peer(3),
                mine: mine.clone(),
            }),
        ),
        (
            "inviter DONE",
            inviter(Inviter::Done {
                terms: terms(),
                thread_id: thread_id.clone(),
                peer: peer(3),
                mine: mine.clone(),
            }),
        ),
        ("inviter ABANDONED", end(Exchange::inviter(terms()))),
        ("invitee INVITATION", Exchange::invitee(terms())),
        (
            "invitee REQUEST",
            invitee(Invitee::Requested {
                terms: terms(),
                thread_id: thread_id.clone(),
                mine: mine.clone(),
            }),
        ),
        ("invitee DONE", invitee(Invitee::Done { terms: terms(), thread_id, peer: peer(3), mine })),
        ("invitee ABANDONED", end(Exchange::invitee(terms()))),
    ]
}

fn inputs() -> Vec<Input> {
    let thread_id = || "thread-1".to_owned();
    let handshake = Handshake::DidExchange11;
    vec![
        Input::Approve(Box::new(approval())),
        Input::Reject("no".into()),
        Input::Request(VerifiedRequest { thread_id: thread_id(), handshake, peer: peer(3) }),
        Input::Response(VerifiedResponse { thread_id: thread_id(), handshake, peer: peer(3) }),
        Input::Complete(VerifiedComplete { thread_id: thread_id() }),
        Input::ProblemReport("bad".into()),
        Input::PeerMessage,
        Input::DeadlinePassed,
        Input::NotDelivered("refused".into()),
        Input::InvitationEnded("expired".into()),
    ]
}

/// A new input or state breaks the build here, so that the table below is made complete.
fn exhaustive(exchange: &Exchange, input: &Input) {
    match exchange {
        Exchange::Inviter(
            Inviter::Invited { .. }
            | Inviter::Requested { .. }
            | Inviter::Responded { .. }
            | Inviter::Done { .. }
            | Inviter::Abandoned(_),
        )
        | Exchange::Invitee(
            Invitee::Invited { .. }
            | Invitee::Requested { .. }
            | Invitee::Done { .. }
            | Invitee::Abandoned(_),
        ) => {}
    }
    match input {
        Input::Approve(_)
        | Input::Reject(_)
        | Input::Request(_)
        | Input::Response(_)
        | Input::Complete(_)
        | Input::ProblemReport(_)
        | Input::PeerMessage
        | Input::DeadlinePassed
        | Input::NotDelivered(_)
        | Input::InvitationEnded(_) => {}
    }
}

/// What each input leads to in each state: the next state, `+` for each message sent, `*` for a connection; `-` when
/// it is refused. In the order of [`inputs`].
const TABLE: [(&str, [&str; 10]); 9] = [
    (
        "inviter INVITATION",
        ["-", "ABANDONED", "REQUEST", "-", "-", "-", "-", "ABANDONED", "-", "ABANDONED"],
    ),
    (
        "inviter REQUEST",
        ["RESPONSE+", "ABANDONED+", "-", "-", "-", "ABANDONED", "-", "ABANDONED", "ABANDONED", "-"],
    ),
    (
        "inviter RESPONSE",
        ["-", "ABANDONED+", "-", "-", "DONE*", "ABANDONED", "DONE*", "ABANDONED", "ABANDONED", "-"],
    ),
    ("inviter DONE", ["-"; 10]),
    ("inviter ABANDONED", ["-"; 10]),
    (
        "invitee INVITATION",
        ["REQUEST+", "ABANDONED", "-", "-", "-", "-", "-", "ABANDONED", "-", "ABANDONED"],
    ),
    (
        "invitee REQUEST",
        ["-", "ABANDONED+", "-", "DONE+*", "-", "ABANDONED", "-", "ABANDONED", "ABANDONED", "-"],
    ),
    ("invitee DONE", ["-"; 10]),
    ("invitee ABANDONED", ["-"; 10]),
];

#[test]
fn every_state_answers_every_input_as_the_table_says() {
    let states = states();
    assert_eq!(states.len(), TABLE.len());
    for ((name, state), (row, expected)) in states.into_iter().zip(TABLE) {
        assert_eq!(name, row);
        for (input, expected) in inputs().into_iter().zip(expected) {
            exhaustive(&state, &input);
            let label = format!("{name} x {}", input.name());
            let found = match state.clone().handle(&context(), input) {
                Ok(transition) => {
                    assert_eq!(transition.next.role(), state.role(), "{label}");
                    let marks = transition.effects.iter().map(|effect| match effect {
                        Effect::Send { .. } => '+',
                        Effect::Connect { .. } => '*',
                    });
                    transition.next.state().name().chars().chain(marks).collect()
                }
                Err(rejected) => {
                    assert_eq!(*rejected.exchange, state, "a refusal changed the state: {label}");
                    "-".to_owned()
                }
            };
            assert_eq!(found, expected, "{label}");
        }
    }
}

#[test]
fn a_message_of_another_thread_changes_nothing() {
    let other = || "thread-2".to_owned();
    let handshake = Handshake::DidExchange11;
    let cases = [
        ("inviter RESPONSE", Input::Complete(VerifiedComplete { thread_id: other() })),
        (
            "invitee REQUEST",
            Input::Response(VerifiedResponse { thread_id: other(), handshake, peer: peer(3) }),
        ),
    ];
    for (name, input) in cases {
        let (_, state) = states().into_iter().find(|(label, _)| *label == name).unwrap();
        let rejected = state.clone().handle(&context(), input).unwrap_err();
        assert_eq!(rejected.misbehaved, Misbehaved::WrongThread(other()));
        assert_eq!(*rejected.exchange, state);
    }
}

#[test]
fn a_state_survives_being_stored() {
    for (name, state) in states() {
        let stored = serde_json::to_string(&state).unwrap();
        assert_eq!(serde_json::from_str::<Exchange>(&stored).unwrap(), state, "{name}");
    }
}

proptest! {
    /// Whatever comes, in whatever order: the state never moves back, an end is final, the role stays, and there is one
    /// connection exactly when the exchange is done.
    #[test]
    fn the_invariants_hold(inviter: bool, picks in proptest::collection::vec(0usize..10, 0..40)) {
        static INPUTS: LazyLock<Vec<Input>> = LazyLock::new(inputs);
        let mut exchange = if inviter { Exchange::inviter(terms()) } else { Exchange::invitee(terms()) };
        let mut connections = 0;
        for pick in picks {
            let before = exchange.clone();
            match exchange.handle(&context(), INPUTS[pick].clone()) {
                Ok(transition) => {
                    prop_assert!(!before.state().is_final());
                    prop_assert!(transition.next.state() > before.state());
                    prop_assert!(transition.passed.is_none_or(|state| state > before.state() && state < transition.next.state()));
                    prop_assert_eq!(transition.next.role(), before.role());
                    connections += transition.effects.iter().filter(|e| matches!(e, Effect::Connect { .. })).count();
                    exchange = transition.next;
                }
                Err(rejected) => exchange = *rejected.exchange,
            }
            prop_assert_eq!(exchange.role(), before.role());
        }
        prop_assert_eq!(connections, usize::from(exchange.state() == State::Done));
    }
}
