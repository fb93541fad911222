//! What is refused before anything is sent.

use entente_did::PublicKey;
use entente_rpc::proto::transport::v1::DeliverRequest;
use entente_rpc::{Code, ErrorReason};
use entente_transport::Config;

use crate::support::{Transport, inbox, local, to};

#[tokio::test]
async fn private_addresses_are_refused() {
    let transport = Transport::start(Config::default()).await;
    let (url, received) = inbox().await;
    let port = url.rsplit(':').next().unwrap();
    for endpoint in [
        url.clone(),
        // A name is refused by what it resolves to.
        format!("http://localhost:{port}"),
        format!("ws://localhost:{port}"),
        format!("ws://127.0.0.1:{port}"),
        format!("http://0x7f000001:{port}"),
        format!("http://[::ffff:127.0.0.1]:{port}"),
        "http://169.254.169.254/latest/meta-data".to_owned(),
        "http://[::1]/".to_owned(),
        "https://10.0.0.1/".to_owned(),
    ] {
        let failure = transport.deliver(&endpoint).await.unwrap_err();
        assert_eq!(failure.reason, ErrorReason::EndpointRefused, "{endpoint}: {failure}");
        assert_eq!((failure.code(), failure.retry_after), (Code::FailedPrecondition, None));
        if !endpoint.starts_with("ws") {
            let failure = transport.fetch(&endpoint).await.unwrap_err();
            assert_eq!(failure.reason, ErrorReason::EndpointRefused, "{endpoint}: {failure}");
        }
    }
    assert!(received.lock().unwrap().is_empty());
    assert!(transport.metrics().contains("transport_breakers_open 0"));
}

#[tokio::test]
async fn other_schemes_and_credentials_are_refused() {
    let transport = Transport::start(local()).await;
    for endpoint in [
        "ftp://agent.example",
        "file:///etc/passwd",
        "mailto:a@b.example",
        "http://user:pass@127.0.0.1/",
    ] {
        let failure = transport.deliver(endpoint).await.unwrap_err();
        assert_eq!(failure.reason, ErrorReason::EndpointRefused, "{endpoint}: {failure}");
    }
}

#[tokio::test]
async fn wrong_fields_are_named() {
    let transport = Transport::start(local()).await;
    let key = PublicKey::Ed25519([7; 32]).multibase();
    let good = to("http://127.0.0.1:1/");
    for (request, field) in [
        (DeliverRequest { envelope: Default::default(), ..good.clone() }, "envelope"),
        (DeliverRequest { endpoint: String::new(), ..good.clone() }, "endpoint"),
        (DeliverRequest { endpoint: "agent.example".into(), ..good.clone() }, "endpoint"),
        (DeliverRequest { endpoint: "did:Web:x".into(), ..good.clone() }, "endpoint"),
        (DeliverRequest { recipient_key: "key".into(), ..good.clone() }, "recipient_key"),
        (DeliverRequest { routing_keys: vec![key.clone()], ..good.clone() }, "recipient_key"),
        (
            DeliverRequest { routing_keys: vec![key.clone(), "x".into()], ..good.clone() },
            "routing_keys[1]",
        ),
        (
            DeliverRequest {
                recipient_key: key.clone(),
                routing_keys: vec![key.clone(); 9],
                ..good.clone()
            },
            "routing_keys",
        ),
        (
            DeliverRequest {
                envelope: b"[]".to_vec().into(),
                recipient_key: key.clone(),
                routing_keys: vec![key.clone()],
                ..good.clone()
            },
            "envelope",
        ),
    ] {
        let failure = transport.send(request, None).await.unwrap_err();
        assert_eq!(failure.code(), Code::InvalidArgument, "{field}: {failure}");
        assert_eq!(failure.violations[0].0, field, "{failure}");
    }
    let failure = transport.fetch("no url").await.unwrap_err();
    assert_eq!(failure.violations[0].0, "url");
}
