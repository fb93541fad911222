//! Peers with several endpoints (DIDComm v2, "DID Document Service Endpoints": where one fails, another is tried).

use entente_rpc::proto::connection::v1::AbandonCause;
use entente_tests::Suite;
use entente_tests::peer::Listener;
use entente_tests::peer::v2::{Identity, PING, PONG, Peer, RESPONSE, endpoint};
use entente_tests::suite::eventually;
use serde_json::{Value, json};

use super::v2_mediated::{ask, forwarded};

checks!(
    the_next_endpoint_is_tried_where_one_fails,
    a_further_service_is_tried_after_the_first,
    an_endpoint_that_comes_back_is_preferred_again,
    a_message_waits_while_no_endpoint_takes_it,
    a_message_is_given_up_where_all_endpoints_are_gone,
    each_endpoint_has_its_own_mediators,
);

/// Where nobody listens.
const NOWHERE: &str = "http://127.0.0.1:1";

fn service(endpoints: &[Value]) -> Value {
    json!({"t": "dm", "s": endpoints})
}

/// One who is reached at each of these, the first preferred.
fn reached_at(urls: &[&str]) -> Identity {
    let endpoints: Vec<_> =
        urls.iter().map(|url| json!({"uri": url, "a": ["didcomm/v2"]})).collect();
    Identity::with_service(&service(&endpoints))
}

/// The next message that comes to one of several endpoints.
async fn heard(me: &Identity, at: &Listener) -> Value {
    let envelope = at.next().await.message.to_string();
    me.open(envelope.as_bytes()).expect("for me").0
}

/// Pings the agent over an established connection; its answer goes to the endpoints.
async fn ping(suite: &Suite, me: &Identity, agent: &str) -> Value {
    let ping = me.message(PING, agent, json!({}));
    let post = suite.http.post(endpoint(agent)).body(me.pack(&ping, agent));
    let post = post.header("content-type", "application/didcomm-encrypted+json");
    assert_eq!(post.send().await.unwrap().status(), 202);
    ping["id"].clone()
}

async fn the_next_endpoint_is_tried_where_one_fails(suite: &Suite) {
    for status in [None, Some(503), Some(404), Some(410)] {
        let (first, second) = (Listener::sealed().await, Listener::sealed().await);
        let me = match status {
            None => reached_at(&[NOWHERE, &second.url]),
            Some(status) => {
                first.answer(status);
                reached_at(&[&first.url, &second.url])
            }
        };
        ask(suite, &me).await;
        assert_eq!(heard(&me, &second).await["type"], RESPONSE, "{status:?}");
        let connection = suite.connection_with(&me.did).await;
        assert_eq!(first.refused(), usize::from(status.is_some()), "asked once, and not again");
        let preferred = if status.is_some() { first.url.as_str() } else { NOWHERE };
        assert_eq!(connection.their_endpoint, preferred);
    }
}

async fn a_further_service_is_tried_after_the_first(suite: &Suite) {
    let listener = Listener::sealed().await;
    let first = service(&[json!({"uri": NOWHERE})]);
    let me = Identity::with_service(&first).and_service(&service(&[json!({"uri": listener.url})]));
    ask(suite, &me).await;
    assert_eq!(heard(&me, &listener).await["type"], RESPONSE);
}

async fn an_endpoint_that_comes_back_is_preferred_again(suite: &Suite) {
    let (first, second) = (Listener::sealed().await, Listener::sealed().await);
    let me = reached_at(&[&first.url, &second.url]);
    first.answer(503);
    ask(suite, &me).await;
    let response = heard(&me, &second).await;
    let agent = response["from"].as_str().unwrap();
    suite.connection_with(&me.did).await;
    // In their order, each at one endpoint.
    for (status, listener) in [(503, &second), (202, &first), (503, &second), (202, &first)] {
        first.answer(status);
        let pinged = ping(suite, &me, agent).await;
        let pong = heard(&me, listener).await;
        assert_eq!((&pong["type"], &pong["thid"]), (&json!(PONG), &pinged), "{status}");
    }
}

async fn a_message_waits_while_no_endpoint_takes_it(suite: &Suite) {
    let (gone, down) = (Listener::sealed().await, Listener::sealed().await);
    gone.answer(410);
    down.answer(503);
    let me = reached_at(&[&gone.url, &down.url]);
    let invitation_id = ask(suite, &me).await;
    let error = eventually("an attempt fails", async || {
        let exchange = suite.exchange_of(&invitation_id).await;
        (!exchange.last_error.is_empty()).then_some(exchange.last_error)
    })
    .await;
    for part in [&gone.url, "410", &down.url, "503"] {
        assert!(error.contains(part), "{error} does not name {part}");
    }
    down.answer(202);
    assert_eq!(heard(&me, &down).await["type"], RESPONSE);
    suite.connection_with(&me.did).await;
}

async fn a_message_is_given_up_where_all_endpoints_are_gone(suite: &Suite) {
    let (first, second) = (Listener::sealed().await, Listener::sealed().await);
    first.answer(410);
    second.answer(410);
    let me = reached_at(&[&first.url, &second.url]);
    let invitation_id = ask(suite, &me).await;
    let exchange = eventually("the handshake ends", async || {
        let exchange = suite.exchange_of(&invitation_id).await;
        (exchange.abandon_cause() == AbandonCause::NotDelivered).then_some(exchange)
    })
    .await;
    let text = exchange.error;
    assert!(text.contains(&first.url) && text.contains(&second.url), "{text}");
    assert_eq!((first.refused(), second.refused()), (1, 1));
}

async fn each_endpoint_has_its_own_mediators(suite: &Suite) {
    let (down, mediator) = (Peer::start().await, Peer::start().await);
    down.listener.answer(503);
    let me = Identity::with_service(&service(&[
        json!({"uri": down.listener.url, "r": [down.me.kid()]}),
        json!({"uri": mediator.listener.url, "r": [mediator.me.kid()]}),
    ]));
    ask(suite, &me).await;
    let received = mediator.listener.next().await;
    let (message, _) = me.open(&forwarded(&received.message, &me.did)).expect("for me");
    assert_eq!(message["type"], RESPONSE);
    assert_eq!(down.listener.refused(), 1);
}
