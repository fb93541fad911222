//! DIDComm v2: keys of a DID, packing and unpacking under kids.

use std::slice;

use entente_rpc::ErrorReason as R;
use entente_rpc::proto::keystore::v1 as pb;
use pb::{ContentEncryption, EnvelopeLayer as L, KeyType};

use crate::support::{Caller, Keystore, answer, by, reason};

const MESSAGE: &[u8] = b"{\"id\":\"1\",\"type\":\"x\",\"body\":{}}";

fn named(did: &str, n: usize, key: &str) -> pb::KeyReference {
    pb::KeyReference { kid: format!("did:example:{did}#key-{n}"), key: key.to_owned() }
}

/// The keys of a DID of ours: one for key agreement, and Ed25519.
pub async fn identity(
    keystore: &mut Keystore,
    name: &str,
    curve: KeyType,
) -> [pb::KeyReference; 2] {
    let request = pb::CreateKeysRequest {
        types: vec![curve.into(), KeyType::Ed25519.into()],
        ..Default::default()
    };
    let made = answer(keystore.client.create_keys(by(name, request)).await).unwrap();
    [named(name, 1, &made.keys[0].multibase), named(name, 2, &made.keys[1].multibase)]
}

pub fn to(recipient: &pb::KeyReference) -> pb::PackRequest {
    pb::PackRequest {
        plaintext: MESSAGE.into(),
        format: pb::EnvelopeFormat::V2.into(),
        recipients: vec![recipient.clone()],
        ..Default::default()
    }
}

pub async fn pack(keystore: &mut Keystore, request: pb::PackRequest) -> Vec<u8> {
    let packed = keystore.client.pack(by("alice", request)).await;
    answer(packed).unwrap().envelope.to_vec()
}

async fn refused(keystore: &mut Keystore, request: pb::PackRequest) -> (R, String) {
    reason(answer(keystore.client.pack(by("alice", request)).await))
}

pub async fn unpack(
    keystore: &mut Caller,
    envelope: &[u8],
    [recipients, senders, signers]: [&[pb::KeyReference]; 3],
) -> Result<pb::UnpackResponse, entente_rpc::Failure> {
    let request = pb::UnpackRequest {
        envelope: envelope.to_vec().into(),
        recipients: recipients.to_vec(),
        senders: senders.to_vec(),
        signers: signers.to_vec(),
    };
    answer(keystore.client.unpack(by("gateway", request)).await)
}

#[tokio::test]
async fn every_combination_of_layers_opens_for_its_recipient() {
    for curve in [KeyType::X25519, KeyType::P256, KeyType::P384, KeyType::P521] {
        let mut keystore = Keystore::start().await;
        let [from, signer] = identity(&mut keystore, "alice", curve).await;
        let [recipient, _] = identity(&mut keystore, "bob", curve).await;
        let with = |sender: bool, signed: bool, protect_sender: bool| pb::PackRequest {
            sender: sender.then(|| from.clone()),
            signer: signed.then(|| signer.clone()),
            protect_sender,
            ..to(&recipient)
        };
        for (request, layers) in [
            (with(true, false, false), vec![L::Authcrypt]),
            (with(true, false, true), vec![L::Anoncrypt, L::Authcrypt]),
            (with(false, true, false), vec![L::Anoncrypt, L::Signed]),
            (with(false, false, false), vec![L::Anoncrypt]),
        ] {
            let envelope = pack(&mut keystore, request.clone()).await;
            // The second time the keys come from the store.
            for _ in 0..2 {
                let keys =
                    [slice::from_ref(&recipient), slice::from_ref(&from), slice::from_ref(&signer)];
                let opened = unpack(&mut keystore, &envelope, keys).await.unwrap();
                let key = |key: Option<&pb::KeyReference>| {
                    key.map(|key| (key.kid.clone(), key.key.clone())).unwrap_or_default()
                };
                assert_eq!(opened.plaintext, MESSAGE);
                assert_eq!((opened.recipient_kid, opened.recipient_key), key(Some(&recipient)));
                assert_eq!((opened.sender_kid, opened.sender_key), key(request.sender.as_ref()));
                assert_eq!((opened.signer_kid, opened.signer_key), key(request.signer.as_ref()));
                assert_eq!(opened.tenant, "bob");
                assert_eq!(opened.format, pb::EnvelopeFormat::V2 as i32);
                assert_eq!(opened.layers, layers.iter().map(|l| *l as i32).collect::<Vec<_>>());
                keystore = keystore.restart().await;
            }
        }
    }
}

#[tokio::test]
async fn a_message_that_is_only_signed_has_no_tenant() {
    let mut keystore = Keystore::start().await;
    let [_, signer] = identity(&mut keystore, "alice", KeyType::X25519).await;
    let request =
        pb::PackRequest { recipients: Vec::new(), signer: Some(signer.clone()), ..to(&signer) };
    let envelope = pack(&mut keystore, request).await;
    let opened =
        unpack(&mut keystore, &envelope, [&[], &[], slice::from_ref(&signer)]).await.unwrap();
    assert_eq!((opened.signer_kid, opened.tenant.as_str()), (signer.kid, ""));
    assert_eq!((opened.plaintext.as_ref(), opened.layers), (MESSAGE, vec![L::Signed as i32]));
}

#[tokio::test]
async fn the_cipher_is_the_callers_choice() {
    let mut keystore = Keystore::start().await;
    let [recipient, _] = identity(&mut keystore, "bob", KeyType::X25519).await;
    for (encryption, name) in [
        (ContentEncryption::Unspecified, "A256CBC-HS512"),
        (ContentEncryption::A256cbcHs512, "A256CBC-HS512"),
        (ContentEncryption::A256gcm, "A256GCM"),
        (ContentEncryption::Xc20p, "XC20P"),
    ] {
        let request = pb::PackRequest { content_encryption: encryption.into(), ..to(&recipient) };
        let envelope = pack(&mut keystore, request).await;
        assert_eq!(header(&envelope)["enc"], name);
        let opened =
            unpack(&mut keystore, &envelope, [slice::from_ref(&recipient), &[], &[]]).await;
        assert_eq!(opened.unwrap().plaintext, MESSAGE);
    }
}

fn header(envelope: &[u8]) -> serde_json::Value {
    use base64::Engine as _;
    let outer: serde_json::Value = serde_json::from_slice(envelope).unwrap();
    let text = outer["protected"].as_str().unwrap();
    let json = base64::prelude::BASE64_URL_SAFE_NO_PAD.decode(text).unwrap();
    serde_json::from_slice(&json).unwrap()
}

#[tokio::test]
async fn says_whose_keys_it_needs_and_nothing_more() {
    let mut keystore = Keystore::start().await;
    let [from, signer] = identity(&mut keystore, "alice", KeyType::X25519).await;
    let [recipient, _] = identity(&mut keystore, "bob", KeyType::X25519).await;
    let ours = slice::from_ref(&recipient);
    for protect_sender in [false, true] {
        let sender = Some(from.clone());
        let request = pb::PackRequest { sender, protect_sender, ..to(&recipient) };
        let envelope = pack(&mut keystore, request).await;
        let needed = unpack(&mut keystore, &envelope, [ours, &[], &[]]).await.unwrap();
        let expected =
            pb::UnpackResponse { unknown_kids: vec![from.kid.clone()], ..Default::default() };
        assert_eq!(needed, expected);
        // Keys for signatures are none for key agreement.
        let needed =
            unpack(&mut keystore, &envelope, [ours, &[], slice::from_ref(&from)]).await.unwrap();
        assert_eq!(needed, expected);
        let other = pb::KeyReference { key: recipient.key.clone(), ..from.clone() };
        let wrong = unpack(&mut keystore, &envelope, [ours, &[other], &[]]).await;
        assert_eq!(reason(wrong).0, R::Undecryptable);
    }
    let request = pb::PackRequest { signer: Some(signer.clone()), ..to(&recipient) };
    let envelope = pack(&mut keystore, request).await;
    let needed =
        unpack(&mut keystore, &envelope, [ours, slice::from_ref(&signer), &[]]).await.unwrap();
    let unknown_signer_kids = vec![signer.kid];
    assert_eq!(needed, pb::UnpackResponse { unknown_signer_kids, ..Default::default() });
}

#[tokio::test]
async fn what_cannot_be_opened_looks_the_same_whatever_the_cause() {
    let mut keystore = Keystore::start().await;
    let [from, _] = identity(&mut keystore, "alice", KeyType::X25519).await;
    let [recipient, other] = identity(&mut keystore, "bob", KeyType::X25519).await;
    let stranger = identity(&mut Keystore::start().await, "bob", KeyType::X25519).await;
    let request = pb::PackRequest { sender: Some(from.clone()), ..to(&recipient) };
    let envelope = pack(&mut keystore, request).await;
    let senders = &[from][..];
    let mut failures = Vec::new();
    // No key, another's key, one that is not for key agreement, one under another kid, and a changed envelope.
    let renamed = pb::KeyReference { kid: other.kid.clone(), ..recipient.clone() };
    for keys in [
        &[][..],
        &stranger[..1],
        &[pb::KeyReference { key: other.key, ..recipient.clone() }],
        &[renamed],
    ] {
        failures.push(unpack(&mut keystore, &envelope, [keys, senders, &[]]).await.unwrap_err());
    }
    let mut text = String::from_utf8(envelope.clone()).unwrap();
    let at = text.find("\"ciphertext\":\"").unwrap() + 14;
    let flipped = if text.as_bytes()[at] == b'A' { "B" } else { "A" };
    text.replace_range(at..=at, flipped);
    let ours = [slice::from_ref(&recipient), senders, &[]];
    failures.push(unpack(&mut keystore, text.as_bytes(), ours).await.unwrap_err());
    assert!(unpack(&mut keystore, &envelope, ours).await.is_ok());
    // The shared secret that was remembered goes with the key.
    let request = pb::DeleteKeyRequest { key: recipient.key.clone() };
    assert!(answer(keystore.client.delete_key(by("bob", request)).await).unwrap().deleted);
    failures.push(unpack(&mut keystore, &envelope, ours).await.unwrap_err());
    assert_eq!(failures[0].reason, R::Undecryptable);
    assert!(failures.iter().all(|failure| *failure == failures[0]), "{failures:?}");
}

#[tokio::test]
async fn pack_names_the_field_that_is_wrong() {
    let mut keystore = Keystore::start().await;
    let [from, signer] = identity(&mut keystore, "alice", KeyType::X25519).await;
    let [p256, _] = identity(&mut keystore, "alice", KeyType::P256).await;
    let [recipient, ed25519] = identity(&mut keystore, "bob", KeyType::X25519).await;
    let field = |reason: R, field: &str| (reason, field.to_owned());
    let kid = |kid: &str| pb::KeyReference { kid: kid.into(), ..recipient.clone() };
    for (request, expected) in [
        (
            pb::PackRequest { recipients: Vec::new(), ..to(&recipient) },
            field(R::InvalidField, "recipients"),
        ),
        (
            pb::PackRequest { recipients: vec![recipient.clone(); 65], ..to(&recipient) },
            field(R::InvalidField, "recipients"),
        ),
        (to(&kid("did:example:bob")), field(R::InvalidField, "recipients[0].kid")),
        (to(&kid("#key-1")), field(R::InvalidField, "recipients[0].kid")),
        (to(&kid("")), field(R::InvalidField, "recipients[0].kid")),
        (to(&named("bob", 1, "zx")), field(R::InvalidField, "recipients[0].key")),
        (to(&ed25519), field(R::WrongKeyType, "recipients[0].key")),
        (
            pb::PackRequest { recipients: vec![recipient.clone(), p256.clone()], ..to(&recipient) },
            field(R::InvalidField, "recipients[1].key"),
        ),
        (
            pb::PackRequest { sender: Some(p256.clone()), ..to(&recipient) },
            field(R::WrongKeyType, "sender.key"),
        ),
        (
            pb::PackRequest { sender: Some(signer.clone()), ..to(&recipient) },
            field(R::WrongKeyType, "sender.key"),
        ),
        (
            pb::PackRequest { signer: Some(p256.clone()), ..to(&recipient) },
            field(R::WrongKeyType, "signer.key"),
        ),
        // Bob's.
        (
            pb::PackRequest { sender: Some(recipient.clone()), ..to(&recipient) },
            field(R::KeyNotFound, "sender.key"),
        ),
        (
            pb::PackRequest { signer: Some(ed25519.clone()), ..to(&recipient) },
            field(R::KeyNotFound, "signer.key"),
        ),
        (
            pb::PackRequest {
                sender: Some(from.clone()),
                signer: Some(signer.clone()),
                ..to(&recipient)
            },
            field(R::InvalidField, "signer"),
        ),
        (
            pb::PackRequest {
                recipients: Vec::new(),
                sender: Some(from.clone()),
                signer: Some(signer.clone()),
                ..to(&recipient)
            },
            field(R::InvalidField, "sender"),
        ),
        (
            pb::PackRequest { protect_sender: true, ..to(&recipient) },
            field(R::InvalidField, "protect_sender"),
        ),
        (
            pb::PackRequest { content_encryption: 99, ..to(&recipient) },
            field(R::InvalidField, "content_encryption"),
        ),
    ] {
        assert_eq!(refused(&mut keystore, request.clone()).await, expected, "{request:?}");
    }
    let many = vec![recipient; 65];
    for keys in [[&many[..], &[], &[]], [&[], &many, &[]], [&[], &[], &many]] {
        assert_eq!(reason(unpack(&mut keystore, b"{}", keys).await).0, R::InvalidField);
    }
}

#[tokio::test]
async fn what_is_no_envelope_is_malformed() {
    let mut keystore = Keystore::start().await;
    let [from, signer] = identity(&mut keystore, "alice", KeyType::X25519).await;
    let [recipient, _] = identity(&mut keystore, "bob", KeyType::X25519).await;
    let ours = [slice::from_ref(&recipient), slice::from_ref(&from), slice::from_ref(&signer)];
    let request = pb::PackRequest { sender: Some(from.clone()), ..to(&recipient) };
    // Authcrypted twice.
    let once = pack(&mut keystore, request.clone()).await;
    let twice = pb::PackRequest { plaintext: once.into(), ..request };
    let twice = pack(&mut keystore, twice).await;
    for envelope in [MESSAGE, b"{\"payload\":\"\",\"signatures\":[]}", &twice] {
        let malformed = unpack(&mut keystore, envelope, ours).await;
        assert_eq!(reason(malformed).0, R::MalformedEnvelope);
    }
}

#[tokio::test]
async fn the_keys_of_one_request_are_made_together() {
    let mut keystore = Keystore::start().await;
    let request = |types: &[KeyType], request_id: &str| pb::CreateKeysRequest {
        types: types.iter().map(|key_type| (*key_type).into()).collect(),
        request_id: request_id.to_owned(),
        ..Default::default()
    };
    let both = &[KeyType::X25519, KeyType::Ed25519];
    let first = answer(keystore.client.create_keys(by("a", request(both, "r"))).await).unwrap();
    let types: Vec<_> = first.keys.iter().map(pb::Key::r#type).collect();
    assert_eq!(types, both);
    keystore = keystore.restart().await;
    let again = answer(keystore.client.create_keys(by("a", request(both, "r"))).await).unwrap();
    assert_eq!(again, first);
    let other = answer(keystore.client.create_keys(by("b", request(both, "r"))).await).unwrap();
    assert_ne!(other, first);
    // Other types, more or fewer of them, or in another order.
    for types in [
        &[KeyType::Ed25519, KeyType::X25519][..],
        &[KeyType::X25519],
        &[KeyType::X25519, KeyType::Ed25519, KeyType::P256],
    ] {
        let reused = answer(keystore.client.create_keys(by("a", request(types, "r"))).await);
        assert_eq!(reason(reused).0, R::RequestIdReused);
    }
    let list = pb::ListKeysRequest::default();
    let listed = answer(keystore.client.list_keys(by("a", list)).await).unwrap();
    assert_eq!(listed.keys.len(), 2);
    for (types, field) in [
        (&[][..], "types"),
        (&[KeyType::Ed25519; 9], "types"),
        (&[KeyType::Ed25519, KeyType::Unspecified], "types[1]"),
    ] {
        let wrong = answer(keystore.client.create_keys(by("a", request(types, ""))).await);
        assert_eq!(reason(wrong), (R::InvalidField, field.to_owned()));
    }
}
