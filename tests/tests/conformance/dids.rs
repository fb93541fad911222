//! DID resolution, as the resolver service answers.

use entente_did::create;
use entente_rpc::proto::resolver::v1::ResolveRequest;
use entente_rpc::{ErrorReason, Failure};
use entente_tests::peer::Key;
use entente_tests::{Peer, Suite};
use serde_json::{Value, json};

checks!(
    did_key_has_its_keys,
    did_keys_that_are_none_are_refused,
    did_peer_0_has_the_keys_of_did_key,
    did_peer_2_has_its_services_in_order,
    did_peer_4_knows_both_forms,
    a_short_did_peer_4_is_unknown_before_its_long_form,
    a_did_peer_4_with_a_wrong_hash_is_refused,
    dids_of_other_methods_are_told_apart_from_malformed_ones,
    did_web_on_loopback_is_refused,
);

async fn resolve(suite: &Suite, did: &str) -> Result<Value, Failure> {
    let request = ResolveRequest { did: did.to_owned(), no_cache: false };
    let answer = suite.resolver().resolve(request).await.map_err(|status| Failure::of(&status))?;
    Ok(serde_json::from_str(&answer.into_inner().document_json).unwrap())
}

async fn reason(suite: &Suite, did: &str) -> ErrorReason {
    resolve(suite, did).await.expect_err(did).reason
}

async fn did_key_has_its_keys(suite: &Suite) {
    // https://w3c-ccg.github.io/did-key-spec/ example 5
    let did = "did:key:z6MkhaXgBZDvotDkL5257faiztiGiC2QtKLGpbnnEGta2doK";
    let document = resolve(suite, did).await.unwrap();
    assert_eq!(document["id"], did);
    assert_eq!(
        document["verificationMethod"][0]["id"],
        format!("{did}#z6MkhaXgBZDvotDkL5257faiztiGiC2QtKLGpbnnEGta2doK")
    );
    assert!(document["keyAgreement"].to_string().contains("#z6LS"), "{document}");
    let p256 = "did:key:zDnaerDaTF5BXEavCrfRZEk316dpbLsfPDZ3WJ5hRTPFU2169";
    assert_eq!(resolve(suite, p256).await.unwrap()["id"], p256);
}

async fn did_keys_that_are_none_are_refused(suite: &Suite) {
    let short = format!("did:key:z{}", bs58::encode([0xed, 0x01, 1, 2, 3]).into_string());
    let unknown =
        format!("did:key:z{}", bs58::encode([&[0xff, 0x7f][..], &[7; 32]].concat()).into_string());
    for did in
        [short.as_str(), unknown.as_str(), "did:key:", "did:key:z", "did:key:u6Mk", "did:key:z0OIl"]
    {
        let reason = reason(suite, did).await;
        assert!(
            [ErrorReason::InvalidDid, ErrorReason::MethodNotSupported].contains(&reason),
            "{did}: {reason:?}"
        );
    }
}

async fn did_peer_0_has_the_keys_of_did_key(suite: &Suite) {
    let key = Key::random().public;
    let document = resolve(suite, &format!("did:peer:0{}", key.multibase())).await.unwrap();
    assert!(document["authentication"].to_string().contains(&key.multibase()), "{document}");
    assert!(document["keyAgreement"].to_string().contains("z6LS"), "{document}");
}

async fn did_peer_2_has_its_services_in_order(suite: &Suite) {
    let key = Key::random().public;
    let encode = |service: Value| {
        use base64::Engine as _;
        base64::engine::general_purpose::URL_SAFE_NO_PAD.encode(service.to_string())
    };
    let one = encode(
        json!({"t": "did-communication", "s": "http://one.example", "recipientKeys": ["#key-1"]}),
    );
    let two = encode(
        json!({"type": "did-communication", "serviceEndpoint": "http://two.example", "recipientKeys": ["#key-1"]}),
    );
    let did = format!("did:peer:2.V{}.S{one}.S{two}", key.multibase());
    let document = resolve(suite, &did).await.unwrap();
    let ids: Vec<&str> = document["service"]
        .as_array()
        .unwrap()
        .iter()
        .map(|service| service["id"].as_str().unwrap())
        .collect();
    assert!(ids[0].ends_with("#service") && ids[1].ends_with("#service-1"), "{ids:?}");
    assert_eq!(document["service"][1]["serviceEndpoint"], "http://two.example");
}

async fn did_peer_4_knows_both_forms(suite: &Suite) {
    let both = create::v1_peer4(&Key::random().public, "http://one.example", &[]).unwrap();
    let long = resolve(suite, both.long.as_str()).await.unwrap();
    assert_eq!(long["id"], both.long.as_str());
    assert!(long["alsoKnownAs"].to_string().contains(both.short.as_str()), "{long}");
    let short = resolve(suite, both.short.as_str()).await.unwrap();
    assert_eq!(short["id"], both.short.as_str());
    assert!(short["alsoKnownAs"].to_string().contains(both.long.as_str()), "{short}");
}

async fn a_short_did_peer_4_is_unknown_before_its_long_form(suite: &Suite) {
    let both = create::v1_peer4(&Key::random().public, "http://one.example", &[]).unwrap();
    assert_eq!(reason(suite, both.short.as_str()).await, ErrorReason::DidNotFound);
}

async fn a_did_peer_4_with_a_wrong_hash_is_refused(suite: &Suite) {
    let one = create::v1_peer4(&Key::random().public, "http://one.example", &[]).unwrap();
    let two = create::v1_peer4(&Key::random().public, "http://two.example", &[]).unwrap();
    let document = two.long.as_str().strip_prefix(two.short.as_str()).unwrap();
    assert_eq!(reason(suite, &format!("{}{document}", one.short)).await, ErrorReason::InvalidDid);
}

async fn dids_of_other_methods_are_told_apart_from_malformed_ones(suite: &Suite) {
    for (did, expected) in [
        ("did:example:1234", ErrorReason::MethodNotSupported),
        (
            "did:peer:1zQmZMygzYqNwU6Uhmewx5Xepf2VLp5S4HLSwwgf2aiKZuwa",
            ErrorReason::MethodNotSupported,
        ),
        ("did:peer:2.", ErrorReason::InvalidDid),
        ("did:peer:2.Xz6Mk", ErrorReason::InvalidDid),
        ("did:Upper:1", ErrorReason::InvalidDid),
        ("did:key:z6MkhaXgBZDvotDkL5257faiztiGiC2QtKLGpbnnEGta2doK#key", ErrorReason::InvalidDid),
        ("hello", ErrorReason::InvalidDid),
    ] {
        assert_eq!(reason(suite, did).await, expected, "{did}");
    }
}

async fn did_web_on_loopback_is_refused(suite: &Suite) {
    let peer = Peer::start().await;
    let port = peer.listener.url.rsplit(':').next().unwrap();
    for did in ["did:web:127.0.0.1".to_owned(), format!("did:web:localhost%3A{port}")] {
        let failure = resolve(suite, &did).await.expect_err(&did);
        let expected = [
            ErrorReason::InvalidDid,
            ErrorReason::EndpointRefused,
            ErrorReason::EndpointUnavailable,
            ErrorReason::DidNotFound,
        ];
        assert!(expected.contains(&failure.reason), "{did}: {failure:?}");
    }
}
