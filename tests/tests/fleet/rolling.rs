//! Every replica is replaced by SIGTERM, as a deployment does it.

use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};

use entente_rpc::proto::connection::v1::connection_service_client::ConnectionServiceClient;
use entente_rpc::proto::connection::v1::invitation_service_client::InvitationServiceClient;
use entente_rpc::proto::connection::v1::{CreateInvitationRequest, ListConnectionsRequest};
use entente_tests::Suite;
use entente_tests::fleet::{Fleet, REPLICAS};
use entente_tests::reader::Reader;
use entente_tests::suite::SERVICES;
use futures_util::future::join_all;
use tonic::metadata::AsciiMetadataValue;
use tonic::service::interceptor::InterceptedService;
use tonic::transport::{Channel, Endpoint};
use tonic::{Request, Status};

/// No caller sees an error, without trying anything again; readers of events are told where they were.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_rolling_restart_is_not_seen_by_callers() {
    // Envoy takes two looks, 2 s apart, until it believes that a replica is not ready.
    let arguments = ["--drain-delay", "5", "--shutdown-timeout", "20"];
    let Some(mut fleet) = Fleet::start(&arguments).await else { return };
    let peer = Suite::whole().await;
    let reader = Reader::start(&fleet.suite);
    let (ours, stopped) = (fleet.envoy.suite(), AtomicBool::new(false));
    let (calls, handshakes) = (AtomicUsize::new(0), AtomicUsize::new(0));
    let goes_on = || !stopped.load(Ordering::Relaxed);
    let channel = Endpoint::from_shared(ours.grpc_url.clone()).unwrap().connect_lazy();
    let calling = async || {
        let link = with_key(channel.clone(), &ours.api_key);
        while goes_on() {
            // No request_id: nobody may make it twice and not know.
            let request = CreateInvitationRequest { create_unique_did: true, ..Default::default() };
            let made = InvitationServiceClient::new(link.clone()).create_invitation(request).await;
            let made = made.unwrap().into_inner().invitation.unwrap();
            let request = ListConnectionsRequest::default();
            ConnectionServiceClient::new(link.clone()).list_connections(request).await.unwrap();
            let message = serde_json::from_str(&made.message_json).unwrap();
            let accepted = peer.receive(&message).await;
            assert!(!accepted.exchange_id.is_empty());
            calls.fetch_add(2, Ordering::Relaxed);
        }
    };
    // The owner's HTTP API.
    let asking = async {
        while goes_on() {
            let (status, text) = ours.call("GET", "/connections", serde_json::Value::Null).await;
            assert_eq!(status, 200, "{text}");
            handshakes.fetch_add(1, Ordering::Relaxed);
        }
    };
    let restarts = async {
        for replica in 0..REPLICAS {
            let mut old: Vec<_> =
                fleet.processes.iter_mut().skip(replica).step_by(REPLICAS).collect();
            assert_eq!(old.len(), SERVICES.len());
            let before = calls.load(Ordering::Relaxed);
            let ends = join_all(old.iter_mut().map(|process| process.terminate())).await;
            for ((status, took), process) in ends.iter().zip(&old) {
                assert!(status.success(), "{}", process.log());
                assert!(took.as_secs() < 20, "{took:?}: {}", process.log());
            }
            assert!(calls.load(Ordering::Relaxed) > before, "calls go on meanwhile");
            join_all(old.iter_mut().map(|process| process.restart())).await;
            fleet.envoy.until_healthy(REPLICAS * 4).await;
        }
        stopped.store(true, Ordering::Relaxed);
    };
    tokio::join!(calling(), calling(), asking, restarts);
    assert!(handshakes.load(Ordering::Relaxed) > 0);
    let count = calls.load(Ordering::Relaxed) / 2;
    entente_tests::load::until("every handshake is done", async || {
        (ours.all_connections().await.len() == count).then_some(())
    })
    .await;
    reader.assert_saw(&ours.all_events().await).await;
    assert!(reader.assert_ended_in_order() > 0, "a reader was where a replica ended");
}

/// A client that tries nothing again.
fn with_key(
    channel: Channel,
    key: &str,
) -> InterceptedService<Channel, impl Fn(Request<()>) -> Result<Request<()>, Status> + Clone> {
    let key: AsciiMetadataValue = key.parse().unwrap();
    InterceptedService::new(channel, move |mut request: Request<()>| {
        request.metadata_mut().insert("x-api-key", key.clone());
        Ok(request)
    })
}
