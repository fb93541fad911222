//! gRPC as its clients meet it: keys, health, reflection, streams of events, and an orderly end.

#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    clippy::indexing_slicing,
    reason = "a test that cannot go on fails"
)]

use std::path::PathBuf;
use std::process::Command;
use std::time::{Duration, Instant};

use entente_rpc::proto::connection::v1::connection_service_client::ConnectionServiceClient;
use entente_rpc::proto::connection::v1::{AcceptInvitationRequest, ListConnectionsRequest};
use entente_rpc::proto::event::v1::{
    EventFilter, EventKind, ListEventsRequest, SubscribeRequest, SubscribeResponse,
};
use entente_rpc::{Code, ErrorReason, Failure, Status, link};
use entente_tests::suite::{seconds, tool};
use entente_tests::{Suite, wire};
use tonic_health::pb::HealthCheckRequest;
use tonic_health::pb::health_check_response::ServingStatus;
use tonic_health::pb::health_client::HealthClient;

const PATIENCE: Duration = Duration::from_secs(10);

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn every_method_needs_a_key() {
    let suite = Suite::start().await;
    let methods = wire::methods();
    assert!(methods.len() > 40, "{}", methods.len());
    let reflection = ["v1", "v1alpha"]
        .map(|version| format!("/grpc.reflection.{version}.ServerReflection/ServerReflectionInfo"));
    let paths: Vec<String> = methods.iter().map(wire::path).chain(reflection).collect();
    for key in [None, Some("wrong"), Some("")] {
        for path in &paths {
            let link = link::remote(&suite.grpc_url, key).unwrap();
            let status = wire::call(link, path, Vec::new()).await.expect_err(path);
            let failure = Failure::of(&status);
            assert_eq!(status.code(), Code::Unauthenticated, "{path} {key:?}: {status:?}");
            assert_eq!(failure.reason, ErrorReason::Unauthenticated, "{path}");
        }
    }
    // A caller cannot name a tenant.
    let mut request = entente_rpc::Request::new(ListConnectionsRequest::default());
    request.metadata_mut().insert("entente-tenant", "other".parse().unwrap());
    let open = ConnectionServiceClient::new(link::remote(&suite.grpc_url, None).unwrap());
    assert_eq!(
        open.clone().list_connections(request).await.unwrap_err().code(),
        Code::Unauthenticated
    );
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn an_unknown_method_is_unimplemented() {
    let suite = Suite::start().await;
    for path in ["/entente.connection.v1.ConnectionService/Explode", "/entente.v9.X/Y"] {
        let status = wire::call(suite.link(), path, Vec::new()).await.unwrap_err();
        assert_eq!(status.code(), Code::Unimplemented, "{path}");
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn health_needs_no_key_and_follows_the_drain() {
    let mut suite = Suite::whole().await;
    let mut health = HealthClient::new(link::remote(&suite.grpc_url, None).unwrap());
    let services: std::collections::BTreeSet<String> = wire::methods()
        .iter()
        .map(|method| method.parent_service().full_name().to_owned())
        .collect();
    let own = ["", "readiness", "liveness"].map(str::to_owned);
    for service in services.into_iter().chain(own) {
        let answer = health.check(HealthCheckRequest { service: service.clone() }).await;
        assert_eq!(answer.unwrap().into_inner().status(), ServingStatus::Serving, "{service:?}");
    }
    let unknown = HealthCheckRequest { service: "entente.v9.X".to_owned() };
    assert_eq!(health.check(unknown).await.unwrap_err().code(), Code::NotFound);

    let request = HealthCheckRequest { service: "readiness".to_owned() };
    let mut watch = health.watch(request).await.unwrap().into_inner();
    assert_eq!(watch.message().await.unwrap().unwrap().status(), ServingStatus::Serving);
    let ended = tokio::join!(suite.terminate(), async {
        tokio::time::timeout(PATIENCE, watch.message()).await.unwrap()
    });
    assert_eq!(ended.1.unwrap().unwrap().status(), ServingStatus::NotServing);
    assert_eq!(ended.0.0.code(), Some(0));
    assert!(watch.message().await.unwrap().is_none(), "who watches does not hold up the end");
}

/// The real grpcurl.
fn grpcurl() -> Option<PathBuf> {
    tool("ENTENTE_TEST_GRPCURL", "tools/bin/grpcurl", "grpcurl")
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn grpcurl_reflects_and_calls() {
    let Some(program) = grpcurl() else { return };
    let suite = Suite::start().await;
    let address = suite.grpc_url.trim_start_matches("http://");
    let key = format!("x-api-key: {}", suite.api_key);
    let run = |flags: &[&str], rest: &[&str]| {
        let mut command = Command::new(&program);
        command.arg("-plaintext").args(["-H", &key]).args(flags).arg(address).args(rest);
        let output = command.output().unwrap();
        let text = String::from_utf8_lossy(&[output.stdout, output.stderr].concat()).into_owned();
        (output.status.success(), text)
    };
    let (done, listed) = run(&[], &["list"]);
    assert!(done, "{listed}");
    for service in [
        "entente.connection.v1.InvitationService",
        "entente.event.v1.EventService",
        "grpc.health.v1.Health",
    ] {
        assert!(listed.contains(service), "{listed}");
    }
    let (done, described) = run(&[], &["describe", "entente.connection.v1.ReuseDecision"]);
    assert!(done && described.contains("ReuseOutcome outcome = 1"), "{described}");
    let create = "entente.connection.v1.InvitationService/CreateInvitation";
    let (done, made) =
        run(&["-d", r#"{"kind": "INVITATION_KIND_MULTI_USE", "expires_in": "3600s"}"#], &[create]);
    assert!(done && made.contains("INVITATION_STATE_OPEN") && made.contains("?oob="), "{made}");
    let (done, refused) = run(&["-d", r#"{"max_uses": -1}"#], &[create]);
    assert!(
        !done && refused.contains("InvalidArgument") && refused.contains("max_uses"),
        "{refused}"
    );
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn both_versions_of_reflection_answer() {
    let suite = Suite::start().await;
    // ServerReflectionRequest with `list_services` (7), empty.
    let list_services = vec![0x3a, 0];
    for version in ["v1", "v1alpha"] {
        let path = format!("/grpc.reflection.{version}.ServerReflection/ServerReflectionInfo");
        let answer = wire::call(suite.link(), &path, list_services.clone()).await.unwrap();
        let answer = String::from_utf8_lossy(&answer).into_owned();
        for method in wire::methods() {
            assert!(answer.contains(method.parent_service().full_name()), "{version}: {answer}");
        }
    }
}

async fn next(
    stream: &mut tonic::Streaming<SubscribeResponse>,
) -> Result<SubscribeResponse, Status> {
    let next = tokio::time::timeout(PATIENCE, stream.message()).await.expect("an answer in time");
    Ok(next?.expect("the stream goes on"))
}

async fn subscribe(
    suite: &Suite,
    request: SubscribeRequest,
) -> tonic::Streaming<SubscribeResponse> {
    suite.events().subscribe(request).await.unwrap().into_inner()
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_reader_goes_on_from_its_cursor() {
    let suite = Suite::start().await;
    for _ in 0..5 {
        suite.invite_many().await;
    }
    let all = suite.all_events().await;
    assert_eq!(all.len(), 5);
    for after in 0..5 {
        let mut stream = subscribe(&suite, SubscribeRequest { after, ..Default::default() }).await;
        for expected in &all[usize::try_from(after).unwrap()..] {
            let answer = next(&mut stream).await.unwrap();
            assert_eq!((answer.cursor, answer.event.as_ref()), (expected.sequence, Some(expected)));
        }
    }
    // From now on, and live.
    let mut stream =
        subscribe(&suite, SubscribeRequest { from_now: true, ..Default::default() }).await;
    let begun = next(&mut stream).await.unwrap();
    assert_eq!((begun.cursor, begun.event), (5, None));
    let made = suite.invite_many().await;
    let event = next(&mut stream).await.unwrap().event.unwrap();
    assert_eq!((event.sequence, event.kind()), (6, EventKind::InvitationCreated));
    assert!(format!("{:?}", event.record).contains(&made.id));
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_quiet_stream_has_heartbeats() {
    let suite = Suite::start().await;
    let heartbeat = Some(seconds(1));
    let mut stream = subscribe(&suite, SubscribeRequest { heartbeat, ..Default::default() }).await;
    for _ in 0..2 {
        let beat = next(&mut stream).await.unwrap();
        assert_eq!((beat.cursor, beat.event), (0, None));
    }
    // What a filter passes over moves the cursor of the heartbeat.
    suite.invite_many().await;
    let filter =
        EventFilter { kinds: vec![EventKind::ConnectionCreated.into()], ..Default::default() };
    let request = SubscribeRequest { heartbeat, filter: Some(filter), ..Default::default() };
    let beat = next(&mut subscribe(&suite, request).await).await.unwrap();
    assert_eq!((beat.cursor, beat.event), (1, None));
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_filter_chooses_events() {
    let (inviter, invitee) = tokio::join!(Suite::start(), Suite::start());
    let (ours, _) = invitee.connect_to(&inviter).await;
    let (other, _) = invitee.connect_to(&Suite::start().await).await;
    let all = invitee.all_events().await;
    let filters = [
        EventFilter { kinds: vec![EventKind::ExchangeChanged.into()], ..Default::default() },
        EventFilter { connection_id: ours.id.clone(), ..Default::default() },
        EventFilter { invitation_id: other.invitation_id.clone(), ..Default::default() },
        EventFilter {
            kinds: vec![EventKind::ConnectionCreated.into(), EventKind::AcceptanceChanged.into()],
            connection_id: ours.id.clone(),
            ..Default::default()
        },
    ];
    for filter in filters {
        let request =
            ListEventsRequest { filter: Some(filter.clone()), page_size: 1_000, after: 0 };
        let listed = invitee.events().list_events(request).await.unwrap().into_inner();
        assert!(!listed.events.is_empty() && listed.events.len() < all.len(), "{filter:?}");
        assert!(listed.events.iter().all(|event| all.contains(event)));
        for event in &listed.events {
            assert!(filter.kinds.is_empty() || filter.kinds.contains(&event.kind), "{filter:?}");
            assert!(filter.connection_id.is_empty() || event.connection_id == filter.connection_id);
        }
        let request = SubscribeRequest { filter: Some(filter), ..Default::default() };
        let mut stream = subscribe(&invitee, request).await;
        for expected in listed.events {
            assert_eq!(next(&mut stream).await.unwrap().event, Some(expected));
        }
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_cursor_out_of_the_log_is_refused() {
    let suite = Suite::start().await;
    suite.invite_many().await;
    let refused = async |after| {
        let status = match suite
            .events()
            .subscribe(SubscribeRequest { after, ..Default::default() })
            .await
        {
            Ok(stream) => next(&mut stream.into_inner()).await.unwrap_err(),
            Err(status) => status,
        };
        let listed = ListEventsRequest { after, ..Default::default() };
        let by_list = suite.events().list_events(listed).await.unwrap_err();
        assert_eq!(Failure::of(&by_list).reason, Failure::of(&status).reason, "{after}");
        (status.code(), Failure::of(&status).reason)
    };
    for after in [2, 1_000, i64::MAX] {
        assert_eq!(
            refused(after).await,
            (Code::OutOfRange, ErrorReason::CursorInFuture),
            "{after}"
        );
    }
    assert_eq!(refused(-1).await, (Code::InvalidArgument, ErrorReason::InvalidField));
    let both = SubscribeRequest { after: 1, from_now: true, ..Default::default() };
    let status = suite.events().subscribe(both).await.unwrap_err();
    assert_eq!(Failure::of(&status).reason, ErrorReason::InvalidField);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_stop_ends_streams_with_their_cursor() {
    let mut suite = Suite::start().await;
    suite.invite_many().await;
    let mut stream = subscribe(&suite, SubscribeRequest::default()).await;
    let seen = next(&mut stream).await.unwrap().cursor;
    let ((status, took), ended) = tokio::join!(suite.terminate(), async {
        loop {
            match next(&mut stream).await {
                Ok(answer) => assert_eq!(answer.event, None),
                Err(status) => return status,
            }
        }
    });
    assert_eq!(status.code(), Some(0), "{}", suite.log());
    assert!(took < Duration::from_secs(10), "{took:?}");
    assert_eq!(ended.code(), Code::Unavailable, "{ended:?}");
    assert_eq!(
        Failure::of(&ended).metadata("cursor"),
        Some(seen.to_string().as_str()),
        "{ended:?}"
    );

    suite.restart().await;
    suite.invite_many().await;
    let mut stream =
        subscribe(&suite, SubscribeRequest { after: seen, ..Default::default() }).await;
    assert_eq!(next(&mut stream).await.unwrap().cursor, seen + 1);
}

/// A call that waits for a peer that is gone, as long as its deadline lets it.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_call_ends_at_its_deadline() {
    let (mut inviter, invitee) = (Suite::start().await, Suite::start().await);
    let invitation = inviter.invite_many().await.url;
    inviter.kill9();
    let accept = async |time: u64| {
        let invitation = invitation.clone();
        let request =
            AcceptInvitationRequest { invitation, wait: Some(seconds(25)), ..Default::default() };
        let mut request = entente_rpc::Request::new(request);
        request.set_timeout(Duration::from_millis(time));
        let status = invitee.invitations().accept_invitation(request).await.unwrap_err();
        assert_eq!(status.code(), Code::DeadlineExceeded, "{time} ms: {status:?}");
    };
    let began = Instant::now();
    accept(700).await;
    assert!(began.elapsed() < Duration::from_secs(10), "{:?}", began.elapsed());
    // What was committed before is there.
    assert_eq!(invitee.all_exchanges().await.len(), 1);
    // It is the handler that ends, never the transport under it, whose timer runs to the same moment.
    futures_util::future::join_all((100..140).map(accept)).await;
}

/// As buf does it by reflection v1; grpcurl has v1alpha alone.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn buf_reflects_and_calls() {
    let Some(program) = tool("ENTENTE_TEST_BUF", "buf/node_modules/.bin/buf", "buf") else {
        return;
    };
    let suite = Suite::start().await;
    let call = |method: &str| {
        let mut command = Command::new(&program);
        command.args(["curl", "--http2-prior-knowledge", "--protocol", "grpc", "--reflect"]);
        command.args(["--reflect-protocol", "grpc-v1"]);
        let key = format!("x-api-key: {}", suite.api_key);
        command.args(["-H", &key, "--reflect-header", &key]);
        let output = command.arg(format!("{}/{method}", suite.grpc_url)).output().unwrap();
        let text = String::from_utf8_lossy(&[output.stdout, output.stderr].concat()).into_owned();
        (output.status.success(), text)
    };
    let (done, text) = call("entente.connection.v1.InvitationService/CreateInvitation");
    assert!(done && text.contains("?oob="), "{text}");
    let (done, text) = call("entente.connection.v1.InvitationService/GetInvitation");
    assert!(!done && text.contains("ErrorInfo"), "{text}");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn grpcurl_calls_over_a_unix_socket() {
    let Some(program) = grpcurl() else { return };
    let suite = Suite::in_five_over_unix_sockets().await;
    let path = suite.grpc_url.trim_start_matches("unix:");
    let mut command = Command::new(&program);
    command.args(["-plaintext", "-unix", "-authority", "localhost"]);
    command.args(["-H", &format!("x-api-key: {}", suite.api_key), path]);
    let output =
        command.arg("entente.connection.v1.ConnectionService/ListConnections").output().unwrap();
    let text = String::from_utf8_lossy(&[output.stdout, output.stderr].concat()).into_owned();
    assert!(output.status.success() && text.contains('{'), "{text}");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn five_processes_work_over_unix_sockets_and_each_shows_its_calls() {
    let (split, other) = tokio::join!(Suite::in_five_over_unix_sockets(), Suite::start());
    assert!(split.grpc_url.starts_with("unix:/"), "{}", split.grpc_url);
    let (theirs, ours) = split.connect_to(&other).await;
    assert_eq!(split.metrics_urls.len(), 6);
    let get = async |url: String| {
        let answer = split.http.get(url).send().await.unwrap();
        (answer.status().as_u16(), answer.text().await.unwrap())
    };
    let called = [
        ("resolver", None),
        ("keystore", Some(("keystore.v1.KeystoreService", "Pack"))),
        ("transport", Some(("transport.v1.TransportService", "Deliver"))),
        ("connection", Some(("connection.v1.InvitationService", "AcceptInvitation"))),
        ("gateway", None),
        ("access", Some(("access.v1.AccessService", "GetStanding"))),
    ];
    for (url, (name, call)) in split.metrics_urls.iter().zip(called) {
        for probe in ["live", "ready"] {
            let (status, text) = get(format!("{url}/status/{probe}")).await;
            assert_eq!(status, 200, "{name} {probe}: {text}");
        }
        let (status, text) = get(format!("{url}/metrics")).await;
        assert_eq!(status, 200, "{name}: {text}");
        assert!(text.contains("process_resident_memory_bytes"), "{name}: {text}");
        if let Some((service, method)) = call {
            let labels = format!("service=\"entente.{service}\",method=\"{method}\"");
            let counted = format!("entente_rpc_requests_total{{{labels},code=\"OK\"}} ");
            assert!(text.contains(&counted), "{name}: no {counted:?} in\n{text}");
            let timed = format!("entente_rpc_duration_seconds_count{{{labels}}} ");
            assert!(text.contains(&timed), "{name}: no {timed:?} in\n{text}");
        }
        for nobody in [&ours.id, &theirs.id, &ours.my_did, &ours.their_did] {
            assert!(!text.contains(nobody.as_str()), "{nobody} is in\n{text}");
        }
    }
}
