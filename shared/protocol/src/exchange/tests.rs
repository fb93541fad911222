mod rules;

use std::sync::LazyLock;

use entente_did::{PublicKey, peer2};
use entente_didcomm::envelope::AuthenticatedSender;
use entente_didcomm::primitives::Ed25519Secret;
use proptest::prelude::*;

use super::invitee::Requested;
use super::inviter::Responded;
use super::*;
use crate::handshake::{Envelope, Evidence};
use crate::problem;

fn key(seed: u8) -> PublicKey {
    Ed25519Secret::from_seed([seed; 32]).public()
}

/// An identity as the handshake has it: over DIDComm v2 an X25519 key speaks.
fn identity(handshake: Handshake, seed: u8) -> Identity {
    let key = key(seed);
    match handshake.envelope() {
        Envelope::V1 => {
            let did = entente_did::create::v1_peer4(&key, "http://127.0.0.1:1", &[]).unwrap().long;
            Identity { did, key }
        }
        Envelope::V2 => {
            let agreement = key.to_x25519().unwrap();
            let keys =
                [(peer2::Purpose::KeyAgreement, agreement), (peer2::Purpose::Authentication, key)];
            Identity { did: peer2::encode(&keys, &[]).unwrap(), key: agreement }
        }
    }
}

fn peer(handshake: Handshake, seed: u8) -> Peer {
    let Identity { did, key } = identity(handshake, seed);
    let endpoint = "http://127.0.0.1:2".to_owned();
    let target = match handshake.envelope() {
        Envelope::V1 => Target::V1 {
            endpoint,
            recipient_keys: vec![key],
            routing_keys: Vec::new(),
            others: Vec::new(),
        },
        Envelope::V2 => {
            let keys = vec![(format!("{did}#key-1"), key)];
            Target::V2 { endpoint, did: did.clone(), keys, routing: Vec::new(), others: Vec::new() }
        }
    };
    Peer { did, key, unproven: false, keys: vec![key], target, label: "peer".into() }
}

fn terms(handshake: Handshake) -> Terms {
    static TERMS: LazyLock<[Terms; 4]> = LazyLock::new(|| Handshake::ALL.map(make_terms));
    TERMS.iter().find(|terms| terms.handshake == handshake).unwrap().clone()
}

fn make_terms(handshake: Handshake) -> Terms {
    let inviter = peer(handshake, 1);
    Terms {
        handshake,
        invitation_id: "invitation-1".into(),
        invitation_keys: vec![inviter.key],
        invitation_did: Some(inviter.did),
        target: Some(inviter.target),
    }
}

fn complete(thread_id: String, sender: u8) -> VerifiedComplete {
    VerifiedComplete { thread_id, sender: AuthenticatedSender::from_keystore_answer(key(sender)) }
}

fn approval(handshake: Handshake) -> Approval {
    Approval {
        identity: identity(handshake, 2),
        label: "me".into(),
        evidence: Evidence::None,
        goal_code: None,
        goal: None,
    }
}

fn context() -> Context {
    Context { message_id: "message-1".into(), now: 1_700_000_000_000 }
}

fn end(exchange: Exchange) -> Exchange {
    exchange.handle(&context(), Input::DeadlinePassed).unwrap().next
}

fn report(code: &str) -> Input {
    let explain = format!("{code}: no");
    Input::ProblemReport(Report { code: Some(code.to_owned()), explain, warning: false })
}

fn states(handshake: Handshake) -> Vec<(&'static str, Exchange)> {
    let (thread_id, mine) = ("thread-1".to_owned(), identity(handshake, 2));
    let (terms, peer) = (|| terms(handshake), || peer(handshake, 3));
    let sent = kept(handshake, &handshake_message(handshake));
    let requested = Requested {
        terms: terms(),
        thread_id: thread_id.clone(),
        mine: mine.clone(),
        sent: sent.clone(),
    };
    let responded = Responded {
        terms: terms(),
        thread_id: thread_id.clone(),
        peer: peer(),
        mine: mine.clone(),
        sent,
    };
    let waiting = Inviter::Requested { terms: terms(), thread_id: thread_id.clone(), peer: peer() };
    let connected = |unconfirmed| {
        let (thread_id, mine) = (thread_id.clone(), mine.clone());
        Exchange::Inviter(Inviter::Done {
            terms: terms(),
            thread_id,
            peer: peer(),
            mine,
            unconfirmed,
        })
    };
    vec![
        ("inviter INVITATION", Exchange::inviter(terms())),
        ("inviter REQUEST", Exchange::Inviter(waiting)),
        ("inviter RESPONSE", Exchange::Inviter(Inviter::Responded(responded))),
        ("inviter DONE, unconfirmed", connected(true)),
        ("inviter DONE", connected(false)),
        ("inviter ABANDONED", end(Exchange::inviter(terms()))),
        ("invitee INVITATION", Exchange::invitee(terms())),
        ("invitee REQUEST", Exchange::Invitee(Invitee::Requested(requested))),
        (
            "invitee DONE",
            Exchange::Invitee(Invitee::Done {
                terms: terms(),
                thread_id: thread_id.clone(),
                peer: peer(),
                mine: mine.clone(),
            }),
        ),
        ("invitee ABANDONED", end(Exchange::invitee(terms()))),
    ]
}

fn handshake_message(handshake: Handshake) -> Message {
    let envelope = handshake.envelope();
    envelope.message("sent-before", &handshake.message_type("request"))
}

fn inputs(handshake: Handshake) -> Vec<Input> {
    let (thread_id, peer) = (|| "thread-1".to_owned(), || peer(handshake, 3));
    vec![
        Input::Approve(Box::new(approval(handshake))),
        Input::Reject("no".into()),
        Input::Abandon("stuck".into()),
        Input::Request(VerifiedRequest { thread_id: thread_id(), handshake, peer: peer() }),
        Input::Response(VerifiedResponse { thread_id: thread_id(), handshake, peer: peer() }),
        Input::Complete(complete(thread_id(), 3)),
        report(problem::REQUEST_NOT_ACCEPTED),
        report(problem::REQUEST_PROCESSING_ERROR),
        report(problem::RESPONSE_PROCESSING_ERROR),
        Input::PeerMessage,
        Input::Delivered,
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
            | Inviter::Responded(_)
            | Inviter::Done { .. }
            | Inviter::Abandoned(_),
        )
        | Exchange::Invitee(
            Invitee::Invited { .. }
            | Invitee::Requested(_)
            | Invitee::Done { .. }
            | Invitee::Abandoned(_),
        ) => {}
    }
    match input {
        Input::Approve(_)
        | Input::Reject(_)
        | Input::Abandon(_)
        | Input::Request(_)
        | Input::Response(_)
        | Input::Complete(_)
        | Input::ProblemReport(_)
        | Input::PeerMessage
        | Input::Delivered
        | Input::DeadlinePassed
        | Input::NotDelivered(_)
        | Input::InvitationEnded(_) => {}
    }
}

const INPUTS: usize = 14;
const END: &str = "ABANDONED";

/// What each input leads to in each state: the next state, `+` for each message sent, `*` for a connection; `-` when
/// it is refused. In the order of [`inputs`]. Where the handshakes differ: did-exchange | connections/1.0 | Identus.
#[rustfmt::skip]
const TABLE: [(&str, [&str; INPUTS]); 10] = [
    ("inviter INVITATION", [
        "-", END, END, "REQUEST", "-", "-",
        "-", "-", "-",
        "-", "-", END, "-", END,
    ]),
    ("inviter REQUEST", [
        "RESPONSE+", "ABANDONED+", END, "-", "-", "-",
        END, END, END,
        "-", "-", END, END, "-",
    ]),
    ("inviter RESPONSE", [
        "-", "ABANDONED+", END, "-", "-", "DONE*",
        END, END, "ABANDONED | RESPONSE+ | ABANDONED",
        "DONE*", "- | - | DONE*", END, END, "-",
    ]),
    ("inviter DONE, unconfirmed", [
        "-", "-", "-", "-", "-", "DONE",
        "-", "-", "-",
        "-", "-", "-", "-", "-",
    ]),
    ("inviter DONE", ["-"; INPUTS]),
    ("inviter ABANDONED", ["-"; INPUTS]),
    ("invitee INVITATION", [
        "REQUEST+", END, END, "-", "-", "-",
        "-", "-", "-",
        "-", "-", END, "-", END,
    ]),
    ("invitee REQUEST", [
        "-", "ABANDONED+", END, "-", "DONE+* | DONE+* | DONE*", "-",
        END, "ABANDONED | REQUEST+ | ABANDONED", END,
        "-", "-", END, END, "-",
    ]),
    ("invitee DONE", ["-"; INPUTS]),
    ("invitee ABANDONED", ["-"; INPUTS]),
];

fn expected(handshake: Handshake, cell: &'static str) -> &'static str {
    let column = match handshake {
        Handshake::DidExchange10 | Handshake::DidExchange11 => 0,
        Handshake::Connections10 => 1,
        Handshake::Identus10 => 2,
    };
    let mut columns = cell.split(" | ");
    let first = columns.next().unwrap();
    if column == 0 { first } else { columns.nth(column - 1).unwrap_or(first) }
}

#[test]
fn every_state_answers_every_input_as_the_table_says() {
    for handshake in Handshake::ALL {
        let states = states(handshake);
        assert_eq!(states.len(), TABLE.len());
        for ((name, state), (row, cells)) in states.into_iter().zip(TABLE) {
            assert_eq!(name, row);
            for (input, cell) in inputs(handshake).into_iter().zip(cells) {
                exhaustive(&state, &input);
                let label = format!("{handshake:?} {name} x {}", input.name());
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
                        let unchanged = *rejected.exchange == state;
                        assert!(unchanged, "a refusal changed the state: {label}");
                        "-".to_owned()
                    }
                };
                assert_eq!(found, expected(handshake, cell), "{label}");
            }
        }
    }
}

proptest! {
    /// Whatever comes, in whatever order: the state never moves back, an end is final, the role stays, and there is one
    /// connection exactly when the exchange is done. It stays where it is only to send a message again, or when the complete
    /// comes that a DONE one went without.
    #[test]
    fn the_invariants_hold(
        inviter: bool,
        handshake in 0usize..4,
        picks in proptest::collection::vec(0usize..INPUTS, 0..40),
    ) {
        static ALL: LazyLock<[Vec<Input>; 4]> = LazyLock::new(|| Handshake::ALL.map(inputs));
        let (handshake, inputs) = (Handshake::ALL[handshake], &ALL[handshake]);
        let terms = terms(handshake);
        let mut exchange = if inviter { Exchange::inviter(terms) } else { Exchange::invitee(terms) };
        let (mut connections, mut again, mut confirmed) = (0, 0, 0);
        for pick in picks {
            let before = exchange.clone();
            match exchange.handle(&context(), inputs[pick].clone()) {
                Ok(transition) => {
                    prop_assert!(transition.next.state() >= before.state());
                    if before.state().is_final() {
                        prop_assert_eq!((before.state(), transition.next.state()), (State::Done, State::Done));
                        prop_assert!(transition.effects.is_empty());
                        confirmed += 1;
                    } else if transition.next.state() == before.state() {
                        prop_assert!(handshake.resends());
                        again += 1;
                    }
                    prop_assert!(transition.passed.is_none_or(|state| state > before.state() && state < transition.next.state()));
                    prop_assert_eq!(transition.next.role(), before.role());
                    connections += transition.effects.iter().filter(|e| matches!(e, Effect::Connect { .. })).count();
                    exchange = transition.next;
                }
                Err(rejected) => exchange = *rejected.exchange,
            }
            prop_assert_eq!(exchange.role(), before.role());
        }
        prop_assert!(again <= 1 && confirmed <= 1);
        prop_assert_eq!(connections, usize::from(exchange.state() == State::Done));
    }
}
