//! Making, importing, naming, listing, deleting; signing and verifying.

use entente_did::PublicKey;
use entente_rpc::proto::keystore::v1 as pb;
use entente_rpc::{Code, ErrorReason as R, Request};

use crate::support::{Keystore, answer, by, reason};

fn field(reason: R, field: &str) -> (R, String) {
    (reason, field.to_owned())
}

fn hex(text: &str) -> Vec<u8> {
    (0..text.len()).step_by(2).map(|i| u8::from_str_radix(&text[i..i + 2], 16).unwrap()).collect()
}

fn create(key_type: i32, request_id: &str) -> pb::CreateKeyRequest {
    pb::CreateKeyRequest {
        r#type: key_type,
        request_id: request_id.to_owned(),
        ..Default::default()
    }
}

#[tokio::test]
async fn keys_of_each_type_are_made_and_kept() {
    let mut keystore = Keystore::start().await;
    let mut made = Vec::new();
    for (key_type, prefix) in
        [(0, "z6Mk"), (1, "z6Mk"), (2, "z6LS"), (3, "zDn"), (4, "z82"), (5, "z2J9")]
    {
        let response =
            answer(keystore.client.create_key(by("a", create(key_type, ""))).await).unwrap();
        let key = response.key.unwrap();
        assert!(key.multibase.starts_with(prefix), "{}", key.multibase);
        assert_eq!(key.r#type, key_type.max(1));
        made.push(key);
    }
    keystore = keystore.restart().await;
    for key in made {
        let request = pb::GetKeyRequest { key: key.multibase.clone() };
        assert_eq!(
            answer(keystore.client.get_key(by("a", request.clone())).await).unwrap().key.unwrap(),
            key
        );
        assert_eq!(
            reason(answer(keystore.client.get_key(by("b", request)).await)),
            field(R::KeyNotFound, "key")
        );
    }
    let wrong = answer(keystore.client.create_key(by("a", create(99, ""))).await);
    assert_eq!(reason(wrong), field(R::InvalidField, "type"));
    let long = answer(keystore.client.create_key(by("a", create(0, &"é".repeat(65)))).await);
    assert_eq!(reason(long), field(R::InvalidField, "request_id"));
    assert!(keystore.client.create_key(by("a", create(0, &"é".repeat(64)))).await.is_ok());
}

#[tokio::test]
async fn every_call_needs_a_tenant() {
    let mut keystore = Keystore::start().await;
    let status = keystore.client.create_key(Request::new(create(0, ""))).await.unwrap_err();
    assert_eq!(status.code(), Code::Unauthenticated);
    let status = keystore
        .client
        .rotate_master_key(Request::new(pb::RotateMasterKeyRequest {}))
        .await
        .unwrap_err();
    assert_eq!(status.code(), Code::Unauthenticated);
    let status =
        keystore.client.unpack(Request::new(pb::UnpackRequest::default())).await.unwrap_err();
    assert_eq!(status.code(), Code::Unauthenticated);
}

#[tokio::test]
async fn a_request_id_makes_one_key_per_tenant() {
    let mut keystore = Keystore::start().await;
    let first = answer(keystore.client.create_key(by("a", create(1, "r"))).await).unwrap();
    let other = answer(keystore.client.create_key(by("b", create(1, "r"))).await).unwrap();
    assert_ne!(first, other);
    keystore = keystore.restart().await;
    assert_eq!(answer(keystore.client.create_key(by("a", create(0, "r"))).await).unwrap(), first);
    let reused = answer(keystore.client.create_key(by("a", create(3, "r"))).await);
    assert_eq!(reason(reused).0, R::RequestIdReused);
}

#[tokio::test(flavor = "multi_thread")]
async fn concurrent_creations_with_one_request_id_make_one_key() {
    let keystore = Keystore::start().await;
    let calls: Vec<_> = (0..200)
        .map(|i| {
            let mut client = keystore.client.clone();
            let request_id = if i % 2 == 0 { "same".to_owned() } else { String::new() };
            tokio::spawn(async move {
                answer(client.create_key(by("new tenant", create(0, &request_id))).await)
                    .unwrap()
                    .key
                    .unwrap()
            })
        })
        .collect();
    let (mut same, mut others) = (Vec::new(), Vec::new());
    for (i, call) in calls.into_iter().enumerate() {
        let list = if i % 2 == 0 { &mut same } else { &mut others };
        list.push(call.await.unwrap().multibase);
    }
    same.dedup();
    others.sort();
    others.dedup();
    assert_eq!((same.len(), others.len()), (1, 100));
    // Those that a batch made can be used, also after a restart.
    let mut keystore = keystore.restart().await;
    for key in same.iter().chain(&others) {
        keystore.sign("new tenant", key).await.unwrap();
    }
}

#[tokio::test]
async fn an_imported_key_is_the_key() {
    let mut keystore = Keystore::start().await;
    // RFC 8032, 7.1, test 1.
    let seed = hex("9d61b19deffd5a60ba844af492ec2cc44449c5697b326919703bac031cae7f60");
    let public = hex("d75a980182b10ab7d54bfed3c964073a0ee172f3daa62325af021a68f707511a");
    let key = keystore.import("a", pb::KeyType::Ed25519, &seed).await.unwrap();
    assert_eq!(key, PublicKey::Ed25519(public.try_into().unwrap()).multibase());
    assert_eq!(keystore.import("a", pb::KeyType::Ed25519, &seed).await.unwrap(), key);
    let elsewhere = keystore.import("b", pb::KeyType::Ed25519, &seed).await.unwrap_err();
    assert_eq!(elsewhere.reason, R::PermissionDenied);
    assert!(
        !elsewhere.message.contains("tenant") && !elsewhere.message.contains(&key),
        "{elsewhere}"
    );
    assert_eq!(reason(keystore.sign("b", &key).await), field(R::KeyNotFound, "key"));

    let wrong = |bytes: Vec<u8>, key_type| (bytes, key_type);
    for (bytes, key_type) in [
        wrong(vec![1; 31], pb::KeyType::Ed25519),
        wrong(vec![1; 64], pb::KeyType::Ed25519),
        wrong(vec![0; 32], pb::KeyType::P256),
        wrong(vec![0xff; 32], pb::KeyType::P256),
        wrong(vec![1; 32], pb::KeyType::P384),
        wrong(vec![0xff; 48], pb::KeyType::P384),
        wrong(vec![0xff; 66], pb::KeyType::P521),
    ] {
        assert_eq!(
            reason(keystore.import("a", key_type, &bytes).await),
            field(R::InvalidField, "private_key")
        );
    }
    let untyped = keystore.import("a", pb::KeyType::Unspecified, &[1; 32]).await;
    assert_eq!(reason(untyped), field(R::InvalidField, "type"));
    for (key_type, len) in [(pb::KeyType::P384, 48), (pb::KeyType::P521, 66)] {
        let key = keystore.import("a", key_type, &vec![1; len]).await.unwrap();
        assert_eq!(keystore.import("a", key_type, &vec![1; len]).await.unwrap(), key);
    }
    // The same bytes make another key of another type.
    for key_type in [pb::KeyType::X25519, pb::KeyType::P256] {
        assert_ne!(keystore.import("a", key_type, &[1; 32]).await.unwrap(), key);
    }
}

#[tokio::test]
async fn signatures_verify_with_any_form_of_the_key() {
    let mut keystore = Keystore::start().await;
    let ed25519 = keystore.create("a").await;
    let p256 = keystore.create_of("a", pb::KeyType::P256).await;
    let x25519 = keystore.create_of("a", pb::KeyType::X25519).await;
    let base58 = PublicKey::from_multibase(&ed25519).unwrap().base58();
    let forms =
        |key: &str| vec![key.to_owned(), format!("did:key:{key}"), format!("did:key:{key}#{key}")];
    for (key, forms) in
        [(&ed25519, [forms(&ed25519), vec![base58]].concat()), (&p256, forms(&p256))]
    {
        for form in forms {
            let signature = keystore.sign("a", &form).await.unwrap();
            let verify = |payload: &'static [u8], key: &str| pb::VerifyRequest {
                key: key.to_owned(),
                payload: payload.into(),
                signature: signature.clone().into(),
            };
            let mut client = keystore.client.clone();
            let mut valid =
                async |request| answer(client.verify(by("b", request)).await).unwrap().valid;
            assert!(valid(verify(b"payload", &form)).await && valid(verify(b"payload", key)).await);
            assert!(!valid(verify(b"other", &form)).await);
        }
    }
    assert_eq!(reason(keystore.sign("a", &x25519).await), field(R::WrongKeyType, "key"));
    assert_eq!(reason(keystore.sign("b", &ed25519).await), field(R::KeyNotFound, "key"));
    for text in ["", "z", "zzzz", "did:web:example.com", "did:key:z6Mk", &"1".repeat(10_000)] {
        assert_eq!(reason(keystore.sign("a", text).await), field(R::InvalidField, "key"), "{text}");
    }
    let verify = |key: &str, length| pb::VerifyRequest {
        key: key.to_owned(),
        payload: Default::default(),
        signature: vec![0; length].into(),
    };
    let mut verify = async |key: &str, length| {
        answer(keystore.client.verify(by("a", verify(key, length))).await)
    };
    assert_eq!(reason(verify(&ed25519, 63).await), field(R::InvalidField, "signature"));
    assert_eq!(reason(verify(&x25519, 64).await), field(R::WrongKeyType, "key"));
    // No point of the curve: nothing is its signature.
    assert!(!verify(&PublicKey::Ed25519([2; 32]).multibase(), 64).await.unwrap().valid);
}

#[tokio::test]
async fn a_payload_has_a_limit() {
    let mut keystore = Keystore::start().await;
    let key = keystore.create("a").await;
    for (length, taken) in [(1024 * 1024, true), (1024 * 1024 + 1, false)] {
        let request = pb::SignRequest { key: key.clone(), payload: vec![0; length].into() };
        let signed = answer(keystore.client.sign(by("a", request)).await);
        assert_eq!(signed.is_ok(), taken);
        if let Err(failure) = signed {
            assert_eq!((failure.reason, failure.metadata("limit")), (R::TooLarge, Some("1048576")));
        }
    }
}

#[tokio::test]
async fn keys_are_found_by_what_they_were_made_for() {
    let mut keystore = Keystore::start().await;
    let request = |purpose: &str| pb::CreateKeyRequest {
        request_id: "r".to_owned(),
        purpose: purpose.to_owned(),
        ..Default::default()
    };
    let made = answer(keystore.client.create_key(by("a", request("x"))).await).unwrap();
    // A repetition gives the key as it was made.
    let again = answer(keystore.client.create_key(by("a", request("y"))).await).unwrap();
    assert_eq!(made, again);
    let made = made.key.unwrap();
    assert_eq!((made.purpose.as_str(), made.made_with.as_str()), ("x", ""));
    keystore.create("a").await;
    keystore.import("a", pb::KeyType::Ed25519, &[7; 32]).await.unwrap();
    for (purpose, count) in [("x", 1), ("y", 0), ("", 3)] {
        let request = pb::ListKeysRequest { purpose: purpose.to_owned(), ..Default::default() };
        let page = answer(keystore.client.list_keys(by("a", request)).await).unwrap();
        assert_eq!(page.keys.len(), count, "{purpose}: {page:?}");
    }
    let get = pb::GetKeyRequest { key: made.multibase.clone() };
    let found = answer(keystore.client.get_key(by("a", get)).await).unwrap();
    assert_eq!(found.key, Some(made));
    // A token is of its filter.
    let page = pb::ListKeysRequest { page_size: 1, ..Default::default() };
    let token = answer(keystore.client.list_keys(by("a", page)).await).unwrap().next_page_token;
    let other =
        pb::ListKeysRequest { page_token: token, purpose: "x".to_owned(), ..Default::default() };
    let refused = answer(keystore.client.list_keys(by("a", other)).await);
    assert_eq!(reason(refused).0, R::InvalidPageToken);
    let long = answer(keystore.client.create_key(by("a", request(&"x".repeat(65)))).await);
    assert_eq!(reason(long).0, R::InvalidField);
}

#[tokio::test]
async fn pages_have_every_key_once_oldest_first() {
    let mut keystore = Keystore::start().await;
    let mut made = Vec::new();
    for _ in 0..25 {
        made.push(keystore.create("a").await);
    }
    keystore.create("b").await;
    let list = |page_size, page_token: &str| pb::ListKeysRequest {
        page_size,
        page_token: page_token.to_owned(),
        ..Default::default()
    };
    let (mut listed, mut token, mut pages) = (Vec::new(), String::new(), 0);
    loop {
        let page = answer(keystore.client.list_keys(by("a", list(10, &token))).await).unwrap();
        listed.extend(page.keys);
        token = page.next_page_token;
        pages += 1;
        if token.is_empty() {
            break;
        }
        let stolen = answer(keystore.client.list_keys(by("b", list(10, &token))).await);
        assert_eq!(reason(stolen).0, R::InvalidPageToken);
    }
    assert_eq!(pages, 3);
    let time = |key: &pb::Key| key.created_at.map(|time| (time.seconds, time.nanos)).unwrap();
    assert!(listed.is_sorted_by_key(time));
    let mut listed: Vec<_> = listed.into_iter().map(|key| key.multibase).collect();
    listed.sort();
    made.sort();
    assert_eq!(listed, made);
    let all = answer(keystore.client.list_keys(by("a", list(25, ""))).await).unwrap();
    assert_eq!((all.keys.len(), all.next_page_token.as_str()), (25, ""));
    for (size, token, expected) in [(-1, "", R::InvalidField), (0, "nonsense", R::InvalidPageToken)]
    {
        assert_eq!(
            reason(answer(keystore.client.list_keys(by("a", list(size, token))).await)).0,
            expected
        );
    }
}

#[tokio::test]
async fn a_deleted_key_is_gone() {
    let mut keystore = Keystore::start().await;
    let key = keystore.create("a").await;
    let delete = || pb::DeleteKeyRequest { key: key.clone() };
    assert!(!answer(keystore.client.delete_key(by("b", delete())).await).unwrap().deleted);
    keystore.sign("a", &key).await.unwrap();
    assert!(answer(keystore.client.delete_key(by("a", delete())).await).unwrap().deleted);
    assert_eq!(reason(keystore.sign("a", &key).await).0, R::KeyNotFound);
    assert!(!answer(keystore.client.delete_key(by("a", delete())).await).unwrap().deleted);
}

#[tokio::test]
async fn after_its_end_calls_are_refused() {
    let mut keystore = Keystore::start().await;
    let key = keystore.create("a").await;
    keystore.service.shutdown().await;
    keystore.service.shutdown().await;
    assert_eq!(reason(keystore.sign("a", &key).await).0, R::StoreUnavailable);
    let created = answer(keystore.client.create_key(by("a", create(0, ""))).await);
    assert_eq!(reason(created).0, R::StoreUnavailable);
}
