//! Who is known by a certificate, and who is not.

use entente_rpc::auth::{FORWARDED_HEADER, Proxies};
use entente_rpc::proto::keystore::v1::ListKeysRequest;
use entente_rpc::proto::keystore::v1::keystore_service_client::KeystoreServiceClient;
use entente_rpc::{Code, ErrorReason, Failure, Link, Status};
use entente_tests::certificates::Authority;
use entente_tls::ClientAuth;
use tower::ServiceExt as _;

use crate::support::{Server, who};

fn reason(status: &Status) -> (Code, ErrorReason) {
    (status.code(), Failure::of(status).reason)
}

#[tokio::test]
async fn a_certificate_says_who_calls() {
    let server = Server::start(ClientAuth::Optional, Proxies::default()).await;
    let issue = |name: &str, names: &[&str]| server.authority.issue(name, names);
    let gateway = issue("gateway", &["URI:spiffe://entente.test/gateway", "DNS:gateway"]);
    assert_eq!(server.who(Some(&gateway), None).await.unwrap(), "gateway");
    // A role is what the certificate's owner has, and no more.
    let mut keystore = KeystoreServiceClient::new(server.link(Some(&gateway), None));
    let denied = keystore.list_keys(ListKeysRequest::default()).await.unwrap_err();
    assert_eq!(reason(&denied), (Code::PermissionDenied, ErrorReason::PermissionDenied));
    let owner = issue("owner", &["URI:spiffe://entente.test/owner"]);
    let mut keystore = KeystoreServiceClient::new(server.link(Some(&owner), None));
    let admitted = keystore.list_keys(ListKeysRequest::default()).await.unwrap_err();
    assert_eq!(admitted.code(), Code::Unimplemented);

    // One whom the configuration does not know is named, and may nothing.
    let stranger = issue("stranger", &["URI:spiffe://entente.test/stranger"]);
    assert_eq!(server.who(Some(&stranger), None).await.unwrap(), "spiffe://entente.test/stranger");
    let mut keystore = KeystoreServiceClient::new(server.link(Some(&stranger), None));
    let denied = keystore.list_keys(ListKeysRequest::default()).await.unwrap_err();
    assert_eq!(reason(&denied), (Code::PermissionDenied, ErrorReason::PermissionDenied));

    // Certificates of the right authority that name nobody, or two.
    for (name, names, part) in [
        ("nobody", &[][..], "no URI"),
        ("dns", &["DNS:gateway"], "no URI"),
        (
            "both",
            &["URI:spiffe://entente.test/gateway", "URI:spiffe://entente.test/owner"],
            "more than one",
        ),
        ("web", &["URI:https://entente.test/gateway"], "no SPIFFE id"),
    ] {
        let pair = issue(name, names);
        let refused = server.who(Some(&pair), None).await.unwrap_err();
        assert_eq!(
            reason(&refused),
            (Code::Unauthenticated, ErrorReason::Unauthenticated),
            "{name}"
        );
        assert!(refused.message().contains(part), "{name}: {}", refused.message());
        // A key is another credential.
        assert_eq!(server.who(Some(&pair), Some("the-owners-key")).await.unwrap(), "owner");
    }

    // No certificate: a key, or nobody. A wrong key is wrong beside a right certificate.
    assert_eq!(server.who(None, Some("the-owners-key")).await.unwrap(), "owner");
    assert_eq!(server.who(None, None).await.unwrap_err().code(), Code::Unauthenticated);
    assert_eq!(server.who(Some(&gateway), Some("the-owners-key")).await.unwrap(), "owner");
    let wrong = server.who(Some(&gateway), Some("wrong")).await.unwrap_err();
    assert_eq!(wrong.code(), Code::Unauthenticated);
}

#[tokio::test]
async fn a_certificate_that_does_not_verify_makes_no_connection() {
    for auth in [ClientAuth::Optional, ClientAuth::Required] {
        let server = Server::start(auth, Proxies::default()).await;
        let names = ["URI:spiffe://entente.test/gateway"];
        let other = tempfile::tempdir().unwrap();
        let forged = Authority::new(other.path(), "authority").issue("gateway", &names);
        let expired = server.authority.issue_expired("expired", &names);
        for (what, pair) in [("forged", &forged), ("expired", &expired)] {
            let refused = server.who(Some(pair), None).await.unwrap_err();
            assert_eq!(refused.code(), Code::Unavailable, "{what}");
        }
        let bare = server.who(None, Some("the-owners-key")).await;
        match auth {
            ClientAuth::Optional => assert_eq!(bare.unwrap(), "owner"),
            ClientAuth::Required => assert_eq!(bare.unwrap_err().code(), Code::Unavailable),
        }
        let right = server.authority.issue("right", &names);
        assert_eq!(server.who(Some(&right), None).await.unwrap(), "gateway");
    }
}

#[tokio::test]
async fn a_server_is_who_it_should_be() {
    let server = Server::start(ClientAuth::Optional, Proxies::default()).await;
    let pair = server.authority.issue("gateway", &["URI:spiffe://entente.test/gateway"]);
    let right = ["spiffe://entente.test/other", "spiffe://entente.test/keystore"];
    assert_eq!(who(server.link_to(Some(&pair), None, &right)).await.unwrap(), "gateway");
    let wrong = ["spiffe://entente.test/connection"];
    let refused = who(server.link_to(Some(&pair), None, &wrong)).await.unwrap_err();
    assert_eq!(refused.code(), Code::Unavailable);
    assert!(
        refused.message().contains("its SPIFFE id is spiffe://entente.test/keystore"),
        "{}",
        refused.message()
    );
    // Without an expected id the name counts, and the certificate is for localhost.
    let by_address = server.url.replace("localhost", "127.0.0.1");
    let tls = crate::support::client(Some(&pair), server.authority.certificate());
    let security = entente_rpc::link::Security { tls, expected: [].into() };
    let link = entente_rpc::link::secured(&by_address, None, security).unwrap();
    assert_eq!(who(link).await.unwrap_err().code(), Code::Unavailable);
}

/// A link whose calls say that they are made for somebody.
fn saying(link: Link, said: &'static str) -> Link {
    Link::new(link.map_request(move |mut request: http::Request<tonic::body::Body>| {
        request.headers_mut().insert(FORWARDED_HEADER, http::HeaderValue::from_static(said));
        request
    }))
}

#[tokio::test]
async fn only_a_trusted_proxy_calls_for_others() {
    let ingress = "spiffe://entente.test/ingress".parse().unwrap();
    let proxies = Proxies { networks: Vec::new(), ids: vec![ingress] };
    let server = Server::start(ClientAuth::Optional, proxies).await;
    let proxy = server.authority.issue("ingress", &["URI:spiffe://entente.test/ingress"]);
    let gateway = server.authority.issue("gateway", &["URI:spiffe://entente.test/gateway"]);
    let as_operator = "URI=spiffe://entente.test/operator";
    let ask = async |pair, said| who(saying(server.link(pair, None), said)).await;
    assert_eq!(ask(Some(&proxy), as_operator).await.unwrap(), "operator");
    assert_eq!(
        ask(
            Some(&proxy),
            "URI=spiffe://entente.test/operator,By=spiffe://entente.test/ingress;Subject=\"CN=a,URI=b\";URI=spiffe://entente.test/reader"
        )
        .await
        .unwrap(),
        "reader"
    );
    // Who is no proxy is who it is, or nobody.
    assert_eq!(ask(Some(&gateway), as_operator).await.unwrap(), "gateway");
    assert_eq!(ask(None, as_operator).await.unwrap_err().code(), Code::Unauthenticated);
    let unreadable = ask(Some(&proxy), "URI=spiffe://entente.test/operator;Subject=\"").await;
    assert_eq!(unreadable.unwrap_err().code(), Code::Unauthenticated);
}
