//! Whatever comes as an envelope: never a panic, and never an internal error.

use std::cell::RefCell;
use std::collections::HashSet;

use entente_rpc::ErrorReason as R;
use proptest::prelude::*;
use proptest::test_runner::{Config, TestRunner};

use entente_rpc::proto::keystore::v1 as pb;
use pb::KeyType;

use crate::support::Keystore;
use crate::v2;

/// A change of an envelope's bytes: cut, overwritten, doubled or filled up.
#[derive(Debug, Clone)]
enum Change {
    Cut(prop::sample::Index),
    Set(prop::sample::Index, u8),
    Insert(prop::sample::Index, Vec<u8>),
    Swap(prop::sample::Index, prop::sample::Index),
}

fn change() -> impl Strategy<Value = Change> {
    let index = any::<prop::sample::Index>;
    prop_oneof![
        index().prop_map(Change::Cut),
        (index(), prop_oneof![any::<u8>(), b'A'..b'z'])
            .prop_map(|(at, byte)| Change::Set(at, byte)),
        (index(), prop::collection::vec(any::<u8>(), 1..9))
            .prop_map(|(at, bytes)| Change::Insert(at, bytes)),
        (index(), index()).prop_map(|(one, other)| Change::Swap(one, other)),
    ]
}

fn apply(mut bytes: Vec<u8>, changes: &[Change]) -> Vec<u8> {
    for change in changes {
        if bytes.is_empty() {
            break;
        }
        let length = bytes.len();
        match change {
            Change::Cut(at) => bytes.truncate(at.index(length)),
            Change::Set(at, byte) => bytes[at.index(length)] = *byte,
            Change::Insert(at, more) => {
                let at = at.index(length);
                bytes.splice(at..at, more.iter().copied());
            }
            Change::Swap(one, other) => bytes.swap(one.index(length), other.index(length)),
        }
    }
    bytes
}

/// The envelope with its header changed inside the encoding.
fn with_header(envelope: &[u8], changes: &[Change]) -> Vec<u8> {
    use base64::Engine as _;
    use base64::engine::general_purpose::URL_SAFE_NO_PAD as BASE64;
    let mut value: serde_json::Value = serde_json::from_slice(envelope).unwrap();
    let header = value["protected"].as_str().unwrap().trim_end_matches('=');
    let header = apply(BASE64.decode(header).unwrap(), changes);
    value["protected"] = BASE64.encode(header).into();
    serde_json::to_vec(&value).unwrap()
}

#[test]
fn unpack_survives_anything() {
    let runtime = tokio::runtime::Runtime::new().unwrap();
    let (keystore, v2, auth, anon) = runtime.block_on(async {
        let mut keystore = Keystore::start().await;
        let (alice, bob) = (keystore.create("a").await, keystore.create("b").await);
        let auth = keystore.pack("a", &[&bob, &alice], &alice).await.unwrap();
        let anon = keystore.pack("a", &[&bob], "").await.unwrap();
        let [from, signer] = v2::identity(&mut keystore, "alice", KeyType::X25519).await;
        let [to, _] = v2::identity(&mut keystore, "bob", KeyType::X25519).await;
        let plaintext = || b"{\"@id\":\"1\"}".as_slice().into();
        let request = pb::PackRequest { plaintext: plaintext(), ..v2::to(&to) };
        let signed = pb::PackRequest { signer: Some(signer.clone()), ..request.clone() };
        let authenticated =
            pb::PackRequest { sender: Some(from.clone()), protect_sender: true, ..request };
        let v2 =
            [v2::pack(&mut keystore, signed).await, v2::pack(&mut keystore, authenticated).await];
        (keystore, (v2, [[to], [from], [signer]]), auth, anon)
    });
    let (v2, keys) = v2;
    let [signed, authenticated] = v2;
    let envelope = prop_oneof![Just(auth), Just(anon), Just(signed), Just(authenticated)];
    let input = prop_oneof![
        1 => prop::collection::vec(any::<u8>(), 0..200),
        1 => "\\{(\"(protected|iv|ciphertext|tag|recipients)\":(\"[A-Za-z0-9_-]{0,40}\"|null|1|\\[\\]),?){0,5}\\}"
            .prop_map(String::into_bytes),
        4 => (envelope.clone(), prop::collection::vec(change(), 1..4)).prop_map(|(bytes, changes)| apply(bytes, &changes)),
        4 => (envelope, prop::collection::vec(change(), 1..4)).prop_map(|(bytes, changes)| with_header(&bytes, &changes)),
    ];
    let refusals = RefCell::new(HashSet::new());
    TestRunner::new(Config::with_cases(2000))
        .run(&input, |bytes| {
            let keys = keys.each_ref().map(<[_; 1]>::as_slice);
            match runtime.block_on(v2::unpack(&mut keystore.caller.clone(), &bytes, keys)) {
                // The kid of a signer is not authenticated (RFC 7515, 10.1).
                Ok(needed) if !needed.unknown_signer_kids.is_empty() => {}
                // Only what is not authenticated may have changed.
                Ok(opened) => prop_assert_eq!(opened.plaintext.as_ref(), b"{\"@id\":\"1\"}"),
                Err(failure) => {
                    prop_assert!(
                        matches!(failure.reason, R::MalformedEnvelope | R::Undecryptable),
                        "{:?}",
                        failure
                    );
                    refusals.borrow_mut().insert(failure.reason);
                }
            }
            Ok(())
        })
        .unwrap();
    assert_eq!(refusals.borrow().len(), 2, "both refusals were met");
}
