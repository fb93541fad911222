//! Rules that no table shows.

use super::*;

#[test]
fn every_message_is_authenticated_as_its_envelope_needs() {
    for handshake in Handshake::ALL {
        for (name, state) in states(handshake) {
            for input in inputs(handshake) {
                let Ok(transition) = state.clone().handle(&context(), input) else { continue };
                for effect in transition.effects {
                    let Effect::Send { message, from, to } = effect else { continue };
                    let from = from.unwrap();
                    assert_eq!(to.envelope(), handshake.envelope(), "{handshake:?} {name}");
                    match handshake.envelope() {
                        Envelope::V1 => assert_eq!((message.is_v2(), from.kid), (false, None)),
                        Envelope::V2 => {
                            assert!(message.is_v2());
                            let Target::V2 { did, .. } = to else { unreachable!() };
                            assert_eq!(message.to_dids(), [did], "{name}");
                            let kid = from.kid.unwrap();
                            let (sender, fragment) = kid.split_once('#').unwrap();
                            assert_eq!(fragment, "key-1");
                            assert_eq!(message.from_did().unwrap().as_str(), sender, "{name}");
                        }
                    }
                }
            }
        }
    }
}

#[test]
fn a_message_of_another_thread_changes_nothing() {
    let other = || "thread-2".to_owned();
    for handshake in Handshake::ALL {
        let peer = peer(handshake, 3);
        let cases = [
            ("inviter RESPONSE", Input::Complete(complete(other(), 3))),
            (
                "invitee REQUEST",
                Input::Response(VerifiedResponse { thread_id: other(), handshake, peer }),
            ),
        ];
        for (name, input) in cases {
            let (_, state) =
                states(handshake).into_iter().find(|(label, _)| *label == name).unwrap();
            let rejected = state.clone().handle(&context(), input).unwrap_err();
            assert_eq!(rejected.misbehaved, Misbehaved::WrongThread(other()));
            assert_eq!(*rejected.exchange, state);
        }
    }
}

/// Of a peer whose request came without an envelope nothing is known but its DID: only a complete of one of its keys
/// makes a connection.
#[test]
fn a_claimed_peer_connects_by_its_own_complete_alone() {
    for handshake in Handshake::ALL {
        let claimed = Peer { unproven: true, ..peer(handshake, 3) };
        let responded = Exchange::Inviter(Inviter::Responded(Responded {
            terms: terms(handshake),
            thread_id: "thread-1".into(),
            peer: claimed,
            mine: identity(handshake, 2),
            sent: None,
        }));
        let strangers = Input::Complete(complete("thread-1".into(), 4));
        for input in [strangers, Input::PeerMessage, Input::Delivered] {
            let name = input.name();
            let rejected = responded.clone().handle(&context(), input).unwrap_err();
            assert_eq!(*rejected.exchange, responded, "{handshake:?} {name}");
        }
    }
    let handshake = Handshake::DidExchange11;
    let other = peer(handshake, 5);
    let claimed = Peer { key: other.key, keys: vec![other.key, key(3)], ..peer(handshake, 3) }
        .claimed()
        .unwrap();
    let request = VerifiedRequest { thread_id: "thread-1".into(), handshake, peer: claimed };
    let invited = Exchange::inviter(terms(handshake));
    let requested = invited.handle(&context(), Input::Request(request)).unwrap().next;
    let approve = Input::Approve(Box::new(approval(handshake)));
    let responded = requested.handle(&context(), approve).unwrap().next;
    let stored = serde_json::to_string(&responded).unwrap();
    let responded: Exchange = serde_json::from_str(&stored).unwrap();
    let done = Input::Complete(complete("thread-1".into(), 3));
    let done = responded.handle(&context(), done).unwrap();
    let [Effect::Connect { peer, .. }] = done.effects.as_slice() else { panic!("no connection") };
    assert_eq!((peer.key, peer.unproven), (key(3), false));
}

#[test]
fn a_claimed_peer_needs_an_endpoint() {
    let mut claimed = peer(Handshake::DidExchange11, 3);
    let Target::V1 { endpoint, .. } = &mut claimed.target else { panic!("a target of v1") };
    endpoint.clear();
    assert!(matches!(claimed.claimed(), Err(Misbehaved::NoEndpoint { .. })));
}

#[test]
fn a_message_that_could_not_be_processed_is_sent_again_once_as_it_was() {
    for (name, code) in [
        ("invitee REQUEST", problem::REQUEST_PROCESSING_ERROR),
        ("inviter RESPONSE", problem::RESPONSE_PROCESSING_ERROR),
    ] {
        let states = states(Handshake::Connections10);
        let (_, state) = states.into_iter().find(|(label, _)| *label == name).unwrap();
        let again = state.handle(&context(), report(code)).unwrap();
        let Some(Effect::Send { message, .. }) = again.effects.first() else {
            panic!("nothing was sent")
        };
        assert_eq!(message.id, "sent-before");
        let ended = again.next.handle(&context(), report(code)).unwrap();
        assert_eq!(ended.next.state(), State::Abandoned);
    }
}

#[test]
fn a_state_survives_being_stored() {
    for handshake in Handshake::ALL {
        for (name, state) in states(handshake) {
            let stored = serde_json::to_string(&state).unwrap();
            let read = serde_json::from_str::<Exchange>(&stored).unwrap();
            assert_eq!(read, state, "{handshake:?} {name}");
        }
    }
}

#[test]
fn a_target_that_was_stored_without_a_version_is_one_of_v1() {
    let key = key(1);
    let stored = format!(r#"{{"endpoint":"http://a","recipient_keys":["{}"]}}"#, key.multibase());
    let read: Target = serde_json::from_str(&stored).unwrap();
    assert_eq!(read.envelope(), Envelope::V1);
    assert!(read.has_key(&key));
}
