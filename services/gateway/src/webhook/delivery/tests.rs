use std::sync::{LazyLock, Mutex};

use axum::body::Bytes;
use axum::extract::{Request, State};
use axum::http::StatusCode;
use axum::routing::post;
use entente_net::AddressPolicy;
use entente_rpc::auth::Callers;
use tokio::net::TcpListener;

use super::*;
use crate::{Config, Links};

/// What came in: path, key, sequence, body.
type Calls = Arc<Mutex<Vec<(String, Option<String>, String, String)>>>;

/// A receiver that answers with these statuses in turn, and then with the last.
async fn receiver(statuses: &'static [u16]) -> (String, Calls) {
    let calls = Calls::default();
    let answer = move |State(calls): State<Calls>, request: Request| async move {
        let (parts, body) = request.into_parts();
        let header = |name| parts.headers.get(name).map(|value| value.to_str().unwrap().to_owned());
        let (path, key, sequence) =
            (parts.uri.path().to_owned(), header("x-api-key"), header("x-entente-sequence"));
        let body = axum::body::to_bytes(body, 4096).await.unwrap();
        let mut calls = calls.lock().unwrap();
        let status = statuses[calls.len().min(statuses.len() - 1)];
        calls.push((path, key, sequence.unwrap(), String::from_utf8(body.to_vec()).unwrap()));
        StatusCode::from_u16(status).unwrap()
    };
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let url = format!("http://{}/hooks", listener.local_addr().unwrap());
    let router = axum::Router::new().route("/{*path}", post(answer)).with_state(calls.clone());
    tokio::spawn(async move { axum::serve(listener, router).await });
    (url, calls)
}

/// The gateway goes on.
static NO_STOP: LazyLock<watch::Sender<bool>> = LazyLock::new(|| watch::Sender::new(false));

/// A gateway whose services are away.
fn shared() -> Shared {
    let away = entente_rpc::link::remote("http://127.0.0.1:1", None).unwrap();
    let links = Links {
        keystore: away.clone(),
        resolver: away.clone(),
        connection: away.clone(),
        transport: away,
        access: None,
    };
    let config = Config::new("http://agent.example", "Faber", Callers::insecure());
    Shared::new(config, links, Metrics::default())
}

fn delivery(url: &str, attempts: u32) -> Delivery {
    Delivery {
        client: crate::gateway::webhook_client(AddressPolicy::Any).unwrap(),
        settings: WebhookSettings {
            attempts,
            first_delay: Duration::from_millis(2),
            timeout: Duration::from_secs(2),
            ..WebhookSettings::default()
        },
        permits: Semaphore::new(1),
        metrics: Metrics::default(),
        target: Target::parse(url).unwrap(),
        stop: NO_STOP.subscribe(),
        shared: Arc::new(shared()),
    }
}

async fn deliver(delivery: Delivery) -> Outcome {
    Arc::new(delivery).deliver(job(), false).await.outcome
}

fn job() -> Job {
    Job {
        sequence: 7,
        lane: "c1".into(),
        content: Content::Topic("connections", Bytes::from_static(br#"{"state":"active"}"#)),
    }
}

#[tokio::test]
async fn a_call_carries_topic_key_and_sequence() {
    let (url, calls) = receiver(&[200]).await;
    assert_eq!(deliver(delivery(&format!("{url}#s3cret"), 1)).await, Outcome::Delivered);
    let expected = (
        "/hooks/topic/connections/".into(),
        Some("s3cret".into()),
        "7".into(),
        r#"{"state":"active"}"#.into(),
    );
    assert_eq!(*calls.lock().unwrap(), [expected]);
}

#[tokio::test]
async fn a_failure_is_tried_again_with_the_key() {
    let (url, calls) = receiver(&[500, 302, 204]).await;
    assert_eq!(deliver(delivery(&format!("{url}#s3cret"), 5)).await, Outcome::Delivered);
    let calls = calls.lock().unwrap();
    assert_eq!(calls.len(), 3);
    assert!(calls.iter().all(|call| call.1.as_deref() == Some("s3cret")));
}

#[tokio::test]
async fn what_is_never_taken_is_given_up() {
    let (url, calls) = receiver(&[503]).await;
    let given_up = Outcome::GivenUp(3, "answered 503 Service Unavailable".to_owned());
    assert_eq!(deliver(delivery(&url, 3)).await, given_up);
    assert_eq!(calls.lock().unwrap().len(), 3);
}

#[tokio::test]
async fn a_receiver_that_is_away_is_a_failure() {
    let outcome = deliver(delivery("http://127.0.0.1:1", 2)).await;
    assert!(matches!(outcome, Outcome::GivenUp(2, _)), "{outcome:?}");
}

#[tokio::test]
async fn a_stop_ends_the_waiting() {
    let (stop, stopped) = watch::channel(false);
    let mut waiting = delivery("http://127.0.0.1:1", 2);
    waiting.settings.first_delay = Duration::from_secs(600);
    waiting.stop = stopped;
    let waiting = tokio::spawn(deliver(waiting));
    tokio::time::sleep(Duration::from_millis(50)).await;
    stop.send_replace(true);
    let outcome = tokio::time::timeout(Duration::from_secs(5), waiting).await.unwrap().unwrap();
    assert_eq!(outcome, Outcome::Interrupted);
}

#[tokio::test]
async fn delays_double_up_to_the_limit() {
    let delivery = delivery("http://x", 1);
    let delivery = Delivery {
        settings: WebhookSettings {
            first_delay: Duration::from_secs(1),
            max_delay: Duration::from_secs(60),
            ..delivery.settings
        },
        ..delivery
    };
    let delay = |attempt, jitter| delivery.delay_after(attempt, jitter).as_secs_f64();
    assert_eq!((delay(1, 0.0), delay(1, 1.0)), (0.5, 1.0));
    assert_eq!((delay(4, 1.0), delay(7, 1.0), delay(40, 1.0)), (8.0, 60.0, 60.0));
}

#[tokio::test]
async fn a_registered_webhook_is_not_led_to_private_addresses() {
    let (url, calls) = receiver(&[200]).await;
    let mut refused = delivery(&url, 2);
    refused.target.policy = AddressPolicy::Public;
    let expected = "the address 127.0.0.1 is not a public one".to_owned();
    assert_eq!(deliver(refused).await, Outcome::GivenUp(2, expected));
    // A name is refused when it is resolved.
    let mut refused = delivery(&url.replace("127.0.0.1", "localhost"), 2);
    refused.target.policy = AddressPolicy::Public;
    refused.client = crate::gateway::webhook_client(AddressPolicy::Public).unwrap();
    let outcome = deliver(refused).await;
    assert!(
        matches!(&outcome, Outcome::GivenUp(2, why) if why.contains("no public address")),
        "{outcome:?}"
    );
    assert!(calls.lock().unwrap().is_empty());
}
