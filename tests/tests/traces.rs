//! Spans, as a collector gets them, and traces that go over DIDComm.

#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    clippy::indexing_slicing,
    reason = "a test that cannot go on fails"
)]

use std::time::Duration;

use entente_rpc::proto::connection::v1::{AcceptInvitationRequest, Invitation};
use entente_rpc::{Code, Request};
use entente_tests::collector::{Collector, Seen};
use entente_tests::peer::{message, v2};
use entente_tests::suite::{SERVICES, eventually, free_address, is_split};
use entente_tests::{Peer, Suite};
use serde_json::{Value, json};

const TRACE: &str = "4bf92f3577b34da6a3ce929d0e0e4736";
const PARENT: &str = "00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01";
/// The decorator and header of a message.
const NAME: &str = "https://www.w3.org/TR/trace-context/";

async fn accept_in_trace(suite: &Suite, invitation: &Invitation, traceparent: &str) {
    let url = format!("{}/out-of-band/receive-invitation", suite.admin_url);
    let request = suite.http.post(url).bearer_auth(&suite.api_key);
    let request = request.header("content-type", "application/json");
    let request = request.header("traceparent", traceparent).body(invitation.message_json.clone());
    let response = request.send().await.unwrap();
    assert_eq!(response.status(), 200);
}

/// Waits until a suite has seen that many of its messages arrive.
async fn delivered(suite: &Suite, count: f64) {
    eventually("the messages are delivered", async || {
        let metric = "entente_messages_delivered_total{result=\"delivered\"}";
        (suite.metric(metric).await >= count).then_some(())
    })
    .await;
}

fn names(chain: &[Seen]) -> Vec<&str> {
    chain.iter().rev().map(|span| span.name.as_str()).collect()
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_handshake_is_one_trace_over_both_agents() {
    let collector = Collector::start().await;
    let arguments = ["--otlp-endpoint", &collector.url, "--didcomm-trace-context"];
    let (mut inviter, mut invitee) = (Suite::with(&arguments).await, Suite::with(&arguments).await);
    let invitation = inviter.invite().await;
    accept_in_trace(&invitee, &invitation, PARENT).await;
    inviter.connection_of(&invitation.id).await;
    delivered(&invitee, 2.0).await;
    delivered(&inviter, 1.0).await;
    // The last spans are sent at the end, and need not be waited for.
    invitee.terminate().await;
    inviter.terminate().await;

    let last = collector.span("process complete", |span| span.trace_id == TRACE).await;
    let chain = collector.chain(&last);
    assert_eq!(
        names(&chain),
        [
            "POST /out-of-band/receive-invitation",
            "entente.connection.v1.InvitationService/AcceptInvitation",
            "entente.connection.v1.InvitationService/AcceptInvitation",
            "send request",
            "process request",
            "send response",
            "process response",
            "send complete",
            "process complete",
        ]
    );
    let agent = |span: &Seen| span.resource["service.instance.id"].clone();
    let [theirs, ours] = [agent(&chain[0]), agent(&chain[8])];
    assert_ne!(theirs, ours);
    // In a process each, the services are instances of their own, with names of their own.
    if !is_split() {
        let agents: Vec<_> = chain.iter().rev().map(|span| agent(span) == ours).collect();
        assert_eq!(agents, [true, true, true, true, false, false, true, true, false]);
    }
    let kinds: Vec<_> = chain.iter().rev().map(|span| span.kind).collect();
    assert_eq!(kinds, [2, 3, 2, 4, 5, 4, 5, 4, 5]);
    assert_eq!(chain[8].parent, "00f067aa0ba902b7");
    // The call that brought the message is in a trace of its own, which is found from here.
    let brought = collector.spans().into_iter().find(|span| span.trace_id == last.links[0]);
    assert_ne!(brought.expect("the call that brought it").trace_id, TRACE);
    if !is_split() {
        conventions(&collector, &chain);
    }
}

fn conventions(collector: &Collector, chain: &[Seen]) {
    let spans = collector.spans();
    let sending = &chain[1];
    let below = |name: &str| {
        let fits = |span: &&Seen| span.name == name && span.parent == sending.id;
        spans.iter().find(fits).unwrap_or_else(|| panic!("{name} below {}", sending.name))
    };
    let pack = below("entente.keystore.v1.KeystoreService/Pack");
    for (name, value) in [
        ("rpc.system.name", "grpc"),
        ("rpc.method", "entente.keystore.v1.KeystoreService/Pack"),
        ("rpc.response.status_code", "OK"),
        ("server.address", "in-process"),
    ] {
        assert_eq!(pack.attributes[name], value, "{pack:?}");
    }
    assert!(pack.kind == 3 && !pack.failed && pack.attributes.len() == 4, "{pack:?}");
    let deliver = below("entente.transport.v1.TransportService/Deliver");
    let served = spans.iter().find(|span| span.parent == deliver.id).unwrap();
    let post = spans.iter().find(|span| span.parent == served.id).unwrap();
    assert_eq!((served.kind, post.kind, post.name.as_str()), (2, 3, "POST"));
    assert_eq!(post.attributes["http.request.method"], "POST");
    assert_eq!(post.attributes["http.response.status_code"], "202");
    assert_eq!(post.attributes["server.address"], "127.0.0.1");
    let request = &chain[8];
    assert_eq!(request.attributes["http.route"], "/out-of-band/receive-invitation");
    assert_eq!(request.attributes["http.response.status_code"], "200");
    assert_eq!(request.resource["service.name"], "entente");
    let sent = &sending.attributes;
    assert_eq!(sent["messaging.system"], "didcomm");
    assert_eq!(sent["didcomm.message.type"], "https://didcomm.org/didexchange/1.1/complete");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn processes_tell_each_other_the_trace_and_a_refusal_is_the_callers_error() {
    let collector = Collector::start().await;
    let suite = Suite::in_five_with(&["--otlp-endpoint", &collector.url]).await;
    let inviter = Suite::start().await;
    let invitation = inviter.invite().await;
    accept_in_trace(&suite, &invitation, PARENT).await;
    let invitation = "none".to_owned();
    let mut request = Request::new(AcceptInvitationRequest { invitation, ..Default::default() });
    request.metadata_mut().insert("x-request-id", "r-1".parse().unwrap());
    let refused = suite.invitations().accept_invitation(request).await.unwrap_err();
    assert_eq!(refused.code(), Code::InvalidArgument);
    assert_eq!(refused.metadata().get("x-request-id").unwrap(), "r-1");
    let name = "entente.keystore.v1.KeystoreService/Pack";
    let pack = collector.span(name, |span| span.kind == 2 && span.trace_id == TRACE).await;
    // Batches of five processes come when they come.
    let chain = eventually("the whole chain", async || {
        Some(collector.chain(&pack)).filter(|chain| chain.len() == 6)
    })
    .await;
    let services: Vec<_> =
        chain.iter().map(|span| span.resource["service.name"].as_str()).collect();
    assert_eq!(
        services,
        [
            "entente-keystore",
            "entente-connection",
            "entente-connection",
            "entente-connection",
            "entente-gateway",
            "entente-gateway"
        ]
    );
    assert_eq!(chain[1].attributes["server.address"], "127.0.0.1");
    assert!(chain[1].attributes.contains_key("server.port"), "{:?}", chain[1]);
    let accept = "entente.connection.v1.InvitationService/AcceptInvitation";
    let served = collector.span(accept, |span| span.trace_id != TRACE).await;
    assert_eq!(served.attributes["rpc.response.status_code"], "INVALID_ARGUMENT");
    assert!(served.kind == 2 && !served.failed && served.parent.is_empty(), "{served:?}");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn peers_are_told_of_a_trace_only_where_the_owner_wants_it() {
    let collector = Collector::start().await;
    let suite = Suite::with(&["--otlp-endpoint", &collector.url]).await;
    let peer = Peer::start().await;
    let connected = peer.join(&suite).await;
    let told = json!({NAME: {"traceparent": PARENT}});
    let pong = peer.ask(&connected, &message("trust_ping/1.0/ping", told)).await;
    assert!(pong.message.get(NAME).is_none(), "{}", pong.message);
    assert!(!pong.headers.contains_key("traceparent"), "{:?}", pong.headers);
    let process = collector.span("process ping", |_| true).await;
    assert_ne!(process.trace_id, TRACE, "a peer's word is not taken");
    assert!(process.links.is_empty() && !process.parent.is_empty(), "{process:?}");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_trace_goes_through_an_agent_that_records_nothing_and_what_is_broken_does_not() {
    let suite = Suite::with(&["--didcomm-trace-context"]).await;
    let (peer, other) = (Peer::start().await, v2::Peer::start().await);
    let (connected, connected_v2) = (peer.join(&suite).await, other.join(&suite).await);
    let told = json!({"traceparent": PARENT, "tracestate": "vendor=1"});
    let ping = message("trust_ping/1.0/ping", json!({NAME: told}));
    let pong = peer.ask(&connected, &ping).await;
    assert_eq!(pong.message[NAME], told);
    assert!(!pong.headers.contains_key("traceparent"), "{:?}", pong.headers);
    let ping = other.me.message(v2::PING, &connected_v2.did, json!({NAME: told}));
    assert_eq!(other.ask(&connected_v2, &ping).await.message[NAME], told);
    let long = format!("a={}", "b".repeat(4_000));
    for broken in [
        Value::Null,
        json!(PARENT),
        json!({}),
        json!({"traceparent": 7}),
        json!({"traceparent": "00-0-0-0"}),
        json!({"traceparent": PARENT.to_uppercase()}),
        json!({"traceparent": PARENT.replace("4bf92f", "000000") + &long}),
        json!([[[{"traceparent": PARENT}]]]),
    ] {
        let ping = message("trust_ping/1.0/ping", json!({NAME: broken}));
        let pong = peer.ask(&connected, &ping).await;
        assert!(pong.message.get(NAME).is_none(), "{broken}: {}", pong.message);
    }
    let ping =
        message("trust_ping/1.0/ping", json!({NAME: {"traceparent": PARENT, "tracestate": long}}));
    let pong = peer.ask(&connected, &ping).await;
    assert_eq!(pong.message[NAME], json!({"traceparent": PARENT}), "too long a state is left out");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_collector_may_come_late_and_a_broken_parent_is_none() {
    let address = free_address();
    let suite = Suite::with(&["--otlp-endpoint", &format!("http://{address}")]).await;
    let inviter = Suite::start().await;
    suite.connect_to(&inviter).await;
    eventually("spans are lost", async || {
        let lost = suite.metric("entente_trace_spans_total{result=\"lost\"}").await;
        (lost > 0.0).then_some(())
    })
    .await;
    suite.json("GET", "/connections", Value::Null).await;
    let collector = Collector::start_at(&address).await;
    accept_in_trace(&suite, &inviter.invite().await, "00-broken-parent-01").await;
    let name = "POST /out-of-band/receive-invitation";
    let span = collector.span(name, |_| true).await;
    assert!(span.parent.is_empty() && span.trace_id.len() == 32, "{span:?}");
    eventually("the log says so", async || {
        suite.log().contains("spans can be sent again").then_some(())
    })
    .await;
    let said = suite.log();
    // Once by each process at the most, however many spans there are.
    let processes = if is_split() { SERVICES.len() } else { 1 };
    let times = said.matches("spans cannot be sent").count();
    assert!((1..=processes).contains(&times), "{said}");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn webhooks_carry_their_trace() {
    let collector = Collector::start().await;
    let (sender, mut calls) = tokio::sync::mpsc::unbounded_channel();
    let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
    let url = format!("http://{}", listener.local_addr().unwrap());
    let router = axum::Router::new().fallback(async move |headers: axum::http::HeaderMap| {
        let _ = sender.send(headers);
    });
    tokio::spawn(async move { axum::serve(listener, router).await });
    let suite = Suite::with(&["--otlp-endpoint", &collector.url, "--webhook-url", &url]).await;
    suite.connect_to(&Suite::start().await).await;
    let call = tokio::time::timeout(Duration::from_secs(30), calls.recv()).await;
    let headers = call.expect("a webhook is called").unwrap();
    let parent = headers["traceparent"].to_str().unwrap();
    let [_, trace_id, id, _] = parent.split('-').collect::<Vec<_>>()[..] else {
        panic!("{parent}")
    };
    let span = collector.span("POST", |span| span.id == id).await;
    assert_eq!(span.trace_id, trace_id);
    assert_eq!(span.attributes["http.response.status_code"], "200");
    assert!(url.ends_with(&span.attributes["server.port"]), "{span:?}");
}
