//! Places in the agent's own network, that others name: by endpoint, by DID, by short URL, in every spelling.

use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};

use entente_rpc::proto::connection::v1::{AbandonCause, AcceptInvitationRequest};
use entente_rpc::proto::resolver::v1::ResolveRequest;
use entente_rpc::{ErrorReason, Failure};
use entente_tests::peer::{Key, message, request};
use entente_tests::suite::eventually;
use entente_tests::{Peer, Suite};
use serde_json::{Value, json};
use tokio::net::TcpListener;

/// A server within the network that is to be protected. It counts who comes.
struct Trap {
    port: u16,
    visits: Arc<AtomicUsize>,
}

impl Trap {
    async fn set() -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let port = listener.local_addr().unwrap().port();
        let visits = Arc::new(AtomicUsize::new(0));
        let count = visits.clone();
        tokio::spawn(async move {
            while listener.accept().await.is_ok() {
                count.fetch_add(1, Ordering::SeqCst);
            }
        });
        Self { port, visits }
    }

    /// Every way to write it, and what else is not for strangers.
    fn places(&self) -> Vec<String> {
        let hosts = [
            "127.0.0.1",
            "127.1",
            "2130706433",
            "0x7f000001",
            "0x7f.0.0.1",
            "0177.0.0.1",
            "0.0.0.0",
            "0",
            "localhost",
            "LOCALHOST",
            "[::1]",
            "[::]",
            "[::ffff:127.0.0.1]",
            "[::ffff:7f00:1]",
            "[64:ff9b::7f00:1]",
            "[2002:7f00:1::]",
            "10.0.0.1",
            "172.16.0.1",
            "192.168.0.1",
            "169.254.169.254",
            "100.64.0.1",
            "[fe80::1]",
            "[fd00::1]",
            "①②⑦.⓪.⓪.①",
        ];
        hosts.iter().map(|host| format!("{host}:{}", self.port)).collect()
    }
}

/// An agent that is reached from outside; it delivers to public addresses alone.
async fn public() -> Suite {
    Suite::with(&["--endpoint", "http://agent.example"]).await
}

fn inline(endpoint: &str) -> Value {
    let key = Key::random().public.did_key();
    message(
        "out-of-band/1.1/invitation",
        json!({
            "label": "Trap",
            "handshake_protocols": ["https://didcomm.org/didexchange/1.1"],
            "services": [{
                "id": "#inline",
                "type": "did-communication",
                "recipientKeys": [key],
                "serviceEndpoint": endpoint,
            }],
        }),
    )
}

/// Waits until an exchange has ended, and says why.
async fn end_of(suite: &Suite, invitation_id: &str, place: &str) -> (AbandonCause, String) {
    let ended = eventually(&format!("a delivery to {place} is given up at once"), async || {
        let exchange = suite.exchange_of(invitation_id).await;
        (exchange.abandon_cause() != AbandonCause::Unspecified).then_some(exchange)
    })
    .await;
    (ended.abandon_cause(), ended.error)
}

/// By the endpoint of an invitation, and of a DID in one.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn endpoints_in_our_network_are_refused() {
    let (suite, trap) = (public().await, Trap::set().await);
    for place in trap.places() {
        for scheme in ["http", "ws"] {
            let invitation = inline(&format!("{scheme}://{place}/"));
            let id = invitation["@id"].as_str().unwrap();
            let accept = AcceptInvitationRequest {
                invitation: invitation.to_string(),
                ..Default::default()
            };
            match suite.accept_with(accept).await {
                Ok(_) => {
                    let (cause, error) = end_of(&suite, id, &place).await;
                    assert_eq!(cause, AbandonCause::NotDelivered, "{place}: {error}");
                    assert!(error.contains("public"), "{place}: {error}");
                }
                Err(status) => {
                    let reason = Failure::of(&status).reason;
                    assert!(reason != ErrorReason::Internal, "{place}: {status:?}");
                }
            }
        }
    }
    assert_eq!(trap.visits.load(Ordering::SeqCst), 0);
}

/// By the DID of who asks for a connection: the response would go there.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn responses_do_not_go_into_our_network() {
    let (suite, trap) = (public().await, Trap::set().await);
    for host in ["127.0.0.1", "localhost", "[::ffff:127.0.0.1]"] {
        let invitation = suite.invite().await;
        let key = Key::random();
        let endpoint = format!("http://{host}:{}", trap.port);
        let did = entente_did::create::v1_peer2(&key.public, &endpoint, &[]).unwrap();
        let request = request("1.1", &invitation.id, did.as_str());
        let inviter = entente_did::PublicKey::from_multibase(&invitation.key).unwrap();
        let peer = Peer::start().await;
        let answer = peer.post_envelope(&suite.didcomm_url, key.pack(&request, &inviter)).await;
        assert_eq!(answer.status, 202);
        let (cause, error) = end_of(&suite, &invitation.id, host).await;
        assert_eq!(cause, AbandonCause::NotDelivered, "{host}: {error}");
        assert!(error.contains("public"), "{host}: {error}");
    }
    assert_eq!(trap.visits.load(Ordering::SeqCst), 0);
}

/// By a short URL, and by what is no URL for the web at all.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn short_urls_into_our_network_are_refused() {
    let (suite, trap) = (public().await, Trap::set().await);
    let places = trap.places();
    let mut urls: Vec<_> = places.iter().map(|place| format!("http://{place}/short")).collect();
    urls.extend([
        format!("http://user:word@127.0.0.1:{}/", trap.port),
        format!("http://example.com@127.0.0.1:{}/", trap.port),
        format!("http://127.0.0.1:{}\\@example.com/", trap.port),
        "file:///etc/passwd".to_owned(),
        format!("gopher://127.0.0.1:{}/_x", trap.port),
        format!("ftp://127.0.0.1:{}/", trap.port),
        "unix:/var/run/docker.sock".to_owned(),
        "data:application/json,{}".to_owned(),
        "javascript:alert(1)".to_owned(),
    ]);
    for url in urls {
        let accept = AcceptInvitationRequest { invitation: url.clone(), ..Default::default() };
        let status = suite.accept_with(accept).await.expect_err(&url);
        let failure = Failure::of(&status);
        let expected = [
            ErrorReason::EndpointRefused,
            ErrorReason::EndpointUnavailable,
            ErrorReason::InvalidInvitation,
            ErrorReason::InvalidField,
            ErrorReason::InvitationNotJson,
            ErrorReason::InvitationNotBase64,
        ];
        assert!(expected.contains(&failure.reason), "{url}: {failure:?}");
    }
    assert_eq!(trap.visits.load(Ordering::SeqCst), 0);
    assert_eq!(suite.counts().await[..2], [0, 0]);
}

/// By a did:web, whose document would be fetched.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn documents_are_not_fetched_from_our_network() {
    let (suite, trap) = (public().await, Trap::set().await);
    for host in
        ["localhost", "127.0.0.1", "127.1", "2130706433", "0x7f000001", "[::1]", "localhost."]
    {
        for did in [
            format!("did:web:{host}%3A{}", trap.port),
            format!("did:web:{host}%3A{}:a:b", trap.port),
            format!("did:web:user%40{host}%3A{}", trap.port),
        ] {
            let request = ResolveRequest { did: did.clone(), no_cache: true };
            let status = suite.resolver().resolve(request).await.expect_err(&did);
            let failure = Failure::of(&status);
            let expected = [ErrorReason::InvalidDid, ErrorReason::EndpointRefused];
            assert!(expected.contains(&failure.reason), "{did}: {failure:?}");
        }
    }
    assert_eq!(trap.visits.load(Ordering::SeqCst), 0);
}
