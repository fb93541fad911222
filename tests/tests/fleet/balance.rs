//! Calls go round the replicas, and streams pass what is between.

use std::time::{Duration, Instant};

use entente_rpc::proto::connection::v1::ListConnectionsRequest;
use entente_rpc::proto::event::v1::SubscribeRequest;
use entente_tests::Suite;
use entente_tests::envoy::{Envoy, Upstreams};
use entente_tests::fleet::{Fleet, REPLICAS};
use entente_tests::suite::seconds;
use futures_util::future::join_all;

/// Round robin, by Envoy before the connection services, and by their own clients behind.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn calls_spread_over_the_replicas() {
    let Some(fleet) = Fleet::start(&[]).await else { return };
    // One connection of one caller.
    for _ in 0..30 {
        let calls = (0..10).map(async |_| {
            let request = ListConnectionsRequest::default();
            fleet.suite.connections().list_connections(request).await.unwrap()
        });
        join_all(calls).await;
    }
    let labels = "service=\"entente.connection.v1.ConnectionService\",method=\"ListConnections\"";
    let calls = format!("entente_rpc_requests_total{{{labels},code=\"OK\"}}");
    assert_even(fleet.metric("connection", &calls).await, 300.0);
    // What the connection services and gateways call.
    let peer = Suite::whole().await;
    for _ in 0..2 {
        join_all((0..15).map(async |_| {
            let invitation = entente_tests::load::invite(&fleet.suite, true).await;
            assert!(!peer.accept(&invitation.url).await.connection_id.is_empty());
        }))
        .await;
    }
    let made = "entente_rpc_requests_total{service=\"entente.keystore.v1.KeystoreService\",method=\"Unpack\",code=\"OK\"}";
    let unpacked = fleet.metric("keystore", made).await;
    // Some messages come together.
    assert_even(unpacked, 30.0);
}

/// Within 20 % of the mean.
fn assert_even(counts: [f64; REPLICAS], least: f64) {
    let sum: f64 = counts.iter().sum();
    let mean = sum / counts.len() as f64;
    assert!(sum >= least, "{counts:?}");
    assert!(counts.iter().all(|count| (count - mean).abs() <= mean * 0.2), "{counts:?}");
}

/// Envoy ends a stream on which nothing comes for 2 s; a reader that asks for heartbeats is never quiet for so long.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn heartbeats_keep_a_quiet_stream() {
    let Some(mut envoy) = Envoy::prepare() else { return };
    let suite = Suite::whole().await;
    let place = |url: &str| url.trim_start_matches("http://").to_owned();
    let upstreams = Upstreams {
        gateways: vec![[place(&suite.didcomm_url), place(&suite.admin_url)]],
        connections: vec![place(&suite.grpc_url)],
        ..Upstreams::default()
    };
    let hurry = |text: String| {
        assert!(text.contains("idle_timeout: 300s") && text.contains("stream_idle_timeout: 60s"));
        text.replace("stream_idle_timeout: 60s", "stream_idle_timeout: 2s")
            .replace("idle_timeout: 300s", "idle_timeout: 2s")
    };
    envoy.start(&upstreams, hurry).await;
    let mut through = envoy.suite();
    through.use_key(&suite.api_key);
    let subscribe = async |heartbeat| {
        let request =
            SubscribeRequest { heartbeat: Some(seconds(heartbeat)), ..Default::default() };
        through.events().subscribe(request).await.unwrap().into_inner()
    };
    let mut quiet = subscribe(60).await;
    let ended = tokio::time::timeout(Duration::from_secs(20), quiet.message()).await;
    ended.expect("Envoy ends what is quiet").unwrap_err();
    let (mut stream, begun) = (subscribe(1).await, Instant::now());
    while begun.elapsed() < Duration::from_secs(6) {
        let beat = stream.message().await.unwrap().expect("the stream goes on");
        assert_eq!((beat.cursor, beat.event), (0, None));
    }
    suite.invite_many().await;
    assert!(stream.message().await.unwrap().unwrap().event.is_some());
}
