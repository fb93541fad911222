//! Callers that take more than they should: of streams, and of a server's patience.

#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    clippy::indexing_slicing,
    reason = "a test that cannot go on fails"
)]

use std::time::Duration;

use entente_rpc::link;
use entente_rpc::proto::event::v1::SubscribeRequest;
use entente_rpc::proto::event::v1::event_service_client::EventServiceClient;
use entente_tests::Suite;
use entente_tests::suite::eventually;
use futures_util::future::join_all;
use tokio::net::TcpStream;
use tokio::time::timeout;

/// What a process may hold on to after an attack, in bytes: the allocator keeps some.
const KEPT: f64 = 64.0 * 1024.0 * 1024.0;

async fn memory(suite: &Suite) -> f64 {
    suite.metric("process_resident_memory_bytes").await
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn streams_that_are_cancelled_leave_nothing_behind() {
    const STREAMS: usize = 500;
    const ROUNDS: usize = 20;
    let suite = Suite::whole().await;
    suite.invite_many().await;
    // What the process keeps from then on, such as connections to the database.
    open_and_cancel(&suite, STREAMS).await;
    let (before, files) = (memory(&suite).await, suite.metric("process_open_fds").await);
    for _ in 0..ROUNDS {
        open_and_cancel(&suite, STREAMS).await;
    }
    let labels =
        "service=\"entente.event.v1.EventService\",method=\"Subscribe\",code=\"CANCELLED\"";
    let cancelled = format!("entente_rpc_requests_total{{{labels}}}");
    eventually("each is known to have been cancelled", async || {
        let count = suite.metric(&cancelled).await;
        (count == (STREAMS * (ROUNDS + 1)) as f64).then_some(())
    })
    .await;
    eventually("the connections are closed", async || {
        (suite.metric("process_open_fds").await <= files).then_some(())
    })
    .await;
    let kept = memory(&suite).await - before;
    assert!(kept < KEPT, "{kept} bytes");
    suite.invite().await;
}

/// Over a connection of their own, which ends with them.
async fn open_and_cancel(suite: &Suite, count: usize) {
    let link = link::remote(&suite.grpc_url, Some(&suite.api_key)).unwrap();
    let streams = join_all((0..count).map(async |_| {
        let mut client = EventServiceClient::new(link.clone());
        let stream = client.subscribe(SubscribeRequest::default()).await;
        let mut stream = stream.unwrap().into_inner();
        stream.message().await.unwrap().expect("the first event");
        stream
    }));
    drop(streams.await);
}

/// HEADERS and RST_STREAM, over and over (CVE-2023-44487): the connection is closed, memory stays, and others are served.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn rapid_resets_cost_the_caller_its_connection() {
    const RESETS: usize = 10_000;
    let suite = Suite::whole().await;
    let address = suite.grpc_url.trim_start_matches("http://").to_owned();
    let uri = format!("{}/entente.connection.v1.ConnectionService/ListConnections", suite.grpc_url);
    suite.all_connections().await;
    let before = memory(&suite).await;
    let (mut sent, mut connections) = (0, 0);
    while sent < RESETS {
        connections += 1;
        let socket = TcpStream::connect(&address).await.unwrap();
        let (mut client, connection) = h2::client::handshake(socket).await.unwrap();
        let connection = tokio::spawn(connection);
        let attack = async {
            while sent < RESETS {
                client = client.ready().await?;
                let request = axum::http::Request::post(&uri)
                    .header("content-type", "application/grpc")
                    .header("x-api-key", &suite.api_key)
                    .body(())
                    .unwrap();
                let (_, mut stream) = client.send_request(request, false)?;
                // The headers must be on their way before the reset.
                stream.reserve_capacity(1);
                tokio::task::yield_now().await;
                stream.send_reset(h2::Reason::CANCEL);
                sent += 1;
            }
            Ok::<_, h2::Error>(client)
        };
        if let Err(error) = attack.await {
            assert!(error.is_go_away() || error.is_io() || error.is_remote(), "{error}");
        }
        connection.abort();
    }
    assert!(connections > 1, "no connection lasts for {RESETS} resets");
    let kept = memory(&suite).await - before;
    assert!(kept < KEPT, "{kept} bytes");
    timeout(Duration::from_secs(10), suite.all_connections()).await.expect("others are served");
}
