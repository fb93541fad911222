//! did:key and did:peer.

use entente_did::{Document, PublicKey, create};
use entente_rpc::{Code, ErrorReason};

use crate::support::{Resolver, config};

const KEY: &str = "did:key:z6MkmjY8GnV5i9YTDtPETC2uUAW6ejw3nk5mXF5yci5ab7th";

fn key() -> PublicKey {
    PublicKey::from_did_key(KEY).unwrap()
}

#[tokio::test]
async fn resolves_what_carries_its_document() {
    let resolver = Resolver::start(|_| {}).await;
    let peer0 = KEY.replace("did:key:", "did:peer:0");
    let peer2 = create::v1_peer2(&key(), "http://agent.example", &[]).unwrap();
    for (did, method) in [(KEY, "key"), (&peer0, "peer:0"), (peer2.as_str(), "peer:2")] {
        let answer = resolver.resolve(did).await.unwrap();
        assert_eq!(answer.method, method);
        let document = Document::from_json(&answer.document_json).unwrap();
        assert_eq!(document.id.as_str(), did);
        assert_eq!(document.ed25519_keys(), [key()]);
        assert!(!answer.cached && answer.duration.is_some() && answer.equivalent_did.is_empty());
    }
    assert!(
        resolver.metrics().contains(r#"resolver_resolutions_total{method="peer:2",result="ok"} 1"#)
    );
}

#[tokio::test]
async fn a_short_peer4_resolves_once_its_long_form_was_seen_and_after_a_restart() {
    let mut resolver = Resolver::start(|_| {}).await;
    let peer4 = create::v1_peer4(&key(), "http://agent.example", &[]).unwrap();
    let (long, short) = (peer4.long.as_str(), peer4.short.as_str());
    let failure = resolver.resolve(short).await.unwrap_err();
    assert_eq!(
        (failure.reason, failure.metadata("error")),
        (ErrorReason::DidNotFound, Some("notFound"))
    );

    let answer = resolver.resolve(long).await.unwrap();
    assert_eq!((answer.method.as_str(), answer.equivalent_did.as_str()), ("peer:4", short));
    assert_eq!(Document::from_json(&answer.document_json).unwrap().id, peer4.long);
    resolver.resolve(long).await.unwrap();
    assert!(resolver.resolve(short).await.unwrap().cached);

    resolver.service.shutdown().await;
    let config = config(resolver.directory.path());
    resolver.service = entente_resolver::start(config, &mut Default::default()).await.unwrap();
    let answer = resolver.resolve(short).await.unwrap();
    assert_eq!(answer.equivalent_did, long);
    assert!(!answer.cached);
    let document = Document::from_json(&answer.document_json).unwrap();
    assert_eq!(document.id, peer4.short);
    assert!(document.also_known_as.contains(&long.to_owned()));
    assert_eq!(document.ed25519_keys(), [key()]);

    let failure = resolver.resolve_for("another", short, false).await.unwrap_err();
    assert_eq!(failure.reason, ErrorReason::DidNotFound, "what one tenant saw, another did not");
}

#[tokio::test]
async fn many_first_sights_at_once_are_one() {
    let resolver = Resolver::start(|_| {}).await;
    let peer4 = create::v1_peer4(&key(), "http://agent.example", &[]).unwrap();
    let all = (0..16).map(|_| resolver.resolve(peer4.long.as_str()));
    for answer in futures_util::future::join_all(all).await {
        assert_eq!(answer.unwrap().equivalent_did, peer4.short.as_str());
    }
}

#[tokio::test]
async fn refuses_with_the_reasons_of_did_resolution() {
    let resolver = Resolver::start(|_| {}).await;
    let peer4 = create::v1_peer4(&key(), "http://agent.example", &[]).unwrap();
    let mut forged = peer4.long.to_string();
    let last = forged.pop().unwrap();
    forged.push(if last == '1' { '2' } else { '1' });
    for (did, reason, error) in [
        ("", ErrorReason::InvalidDid, "invalidDid"),
        ("hello", ErrorReason::InvalidDid, "invalidDid"),
        ("did:key:z0", ErrorReason::InvalidDid, "invalidDid"),
        ("did:web:10.0.0.1", ErrorReason::InvalidDid, "invalidDid"),
        ("did:web:agent.example#key-1", ErrorReason::InvalidDid, "invalidDid"),
        (&forged, ErrorReason::InvalidDid, "invalidDid"),
        ("did:sov:EMmo7oSqQk1twmgLDRNjzC", ErrorReason::MethodNotSupported, "methodNotSupported"),
        (
            "did:peer:1zQmZMygzYqNwU6Uhmewx5Xepf2VLp5S4HLSwwgf2aiKZuwa",
            ErrorReason::MethodNotSupported,
            "methodNotSupported",
        ),
        ("EMmo7oSqQk1twmgLDRNjzC", ErrorReason::MethodNotSupported, "methodNotSupported"),
    ] {
        let failure = resolver.resolve(did).await.unwrap_err();
        assert_eq!(
            (failure.reason, failure.metadata("error")),
            (reason, Some(error)),
            "{did}: {failure}"
        );
        assert_eq!(failure.retry_after, None);
        if reason == ErrorReason::InvalidDid {
            assert_eq!(
                (failure.code(), failure.violations[0].0.as_str()),
                (Code::InvalidArgument, "did")
            );
        }
    }
    // The forged one was not remembered.
    assert_eq!(
        resolver.resolve(peer4.short.as_str()).await.unwrap_err().reason,
        ErrorReason::DidNotFound
    );
}
