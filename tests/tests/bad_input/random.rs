//! gRPC: requests by chance, bytes that are no request, and too many of them.

use std::collections::HashMap;
use std::time::Duration;

use entente_rpc::proto::connection::v1::CreateInvitationRequest;
use entente_rpc::proto::event::v1::{Event, ListEventsRequest, SubscribeRequest};
use entente_rpc::{Code, ErrorReason, Failure, MAX_MESSAGE};
use entente_tests::suite::is_delivery;
use entente_tests::wire::{Dice, call, methods, path};
use entente_tests::{Peer, Suite};
use prost::Message as _;

use crate::assert_explained;

/// By chance, but the same at each run: no request of any method makes a failure that is not explained, or one that
/// changes something.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn random_requests_are_answered_with_reasons() {
    const ROUNDS: u64 = 25;
    let suite = Suite::start().await;
    let peer = Peer::start().await;
    let agent = peer.join(&suite).await;
    let invitation = suite.invite_many().await;
    let texts = [
        agent.id.as_str(),
        &invitation.id,
        &invitation.url,
        &invitation.message_json,
        &invitation.key,
        &agent.did,
        &peer.did,
        &peer.key.public.multibase(),
        &peer.listener.url,
        "1.1",
        "{\"@type\":\"https://didcomm.org/trust_ping/1.0/ping\"}",
    ];
    let mut dice = Dice::new(7, texts.map(str::to_owned).to_vec());
    let mut outcomes: HashMap<Code, usize> = HashMap::new();
    // What the access service may is to destroy a tenant.
    let methods = methods().into_iter().filter(|method| !method.name().starts_with("DeleteTenant"));
    for method in methods {
        let path = path(&method);
        for round in 0..ROUNDS {
            let request = dice.message(&method.input());
            let encoded = request.encode_to_vec();
            if encoded.len() > MAX_MESSAGE {
                continue; // refused before any service sees it
            }
            let what = format!("{path} round {round}: {}", shown(&request));
            // An earlier call may have its effect just now, so that only what happens each time is this one's.
            for attempt in 1.. {
                let before = last_event(&suite).await;
                let answer = call(suite.link_for(&path), &path, encoded.clone());
                match tokio::time::timeout(Duration::from_secs(2), answer).await {
                    // A stream without an event, or a call that waits for its peer as it was told to.
                    Err(_) => break,
                    Ok(Ok(_)) => {
                        *outcomes.entry(Code::Ok).or_default() += 1;
                        break;
                    }
                    Ok(Err(status)) => {
                        assert_explained(&what, &status);
                        *outcomes.entry(status.code()).or_default() += 1;
                        let changes = changes_after(&suite, before).await;
                        if changes.is_empty() {
                            break;
                        }
                        assert!(attempt < 3, "{what}: {status:?}: {changes:?}");
                    }
                }
            }
        }
    }
    assert!(
        outcomes.get(&Code::Ok) > Some(&50) && outcomes.get(&Code::InvalidArgument) > Some(&200),
        "{outcomes:?}"
    );
    // It works as before; the key of the DID that invitations share may have been deleted, which is no fault.
    let unique = CreateInvitationRequest { create_unique_did: true, ..Default::default() };
    Peer::start().await.join_by(&suite, &suite.invite_with(unique).await).await;
    assert!(!suite.log().contains("panicked"), "{}", suite.log());
}

fn shown(message: &prost_reflect::DynamicMessage) -> String {
    format!("{message:?}").chars().take(1_000).collect()
}

/// The number of the newest event.
async fn last_event(suite: &Suite) -> i64 {
    // A stream of what happens from now on begins with its cursor.
    let request = SubscribeRequest { from_now: true, ..Default::default() };
    let mut stream = suite.events().subscribe(request).await.unwrap().into_inner();
    stream.message().await.unwrap().unwrap().cursor
}

/// What happened after an event, but for the deliveries of messages that were sent before.
async fn changes_after(suite: &Suite, after: i64) -> Vec<Event> {
    let request = ListEventsRequest { after, page_size: 10, ..Default::default() };
    let mut events = suite.events().list_events(request).await.unwrap().into_inner().events;
    events.retain(|event| !is_delivery(event));
    events
}

/// Bytes that are no message of the method's type.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn undecodable_requests_are_refused() {
    let suite = Suite::start().await;
    for method in methods() {
        for bytes in [vec![0xff; 16], vec![0x0a, 0x7f], vec![0x0a, 0x02, 0xff, 0xfe]] {
            if let Err(status) = call(suite.link_for(&path(&method)), &path(&method), bytes).await {
                let fine = [
                    Code::InvalidArgument,
                    Code::Internal,
                    Code::NotFound,
                    Code::FailedPrecondition,
                ];
                assert!(fine.contains(&status.code()), "{}: {status:?}", path(&method));
            }
        }
    }
    let large = vec![0; 5 << 20];
    let status = call(
        suite.link_of_service("gateway"),
        "/entente.keystore.v1.KeystoreService/Unpack",
        large,
    )
    .await
    .unwrap_err();
    assert_explained("too large a request", &status);
    assert_eq!(Failure::of(&status).reason, ErrorReason::TooLarge, "{status:?}");
    assert!(!suite.log().contains("panicked"), "{}", suite.log());
}
