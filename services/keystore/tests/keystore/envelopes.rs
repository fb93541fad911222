//! Packing and unpacking.

use entente_did::PublicKey;
use entente_rpc::ErrorReason as R;
use entente_rpc::proto::keystore::v1 as pb;

use crate::support::{Keystore, answer, by, reason};

#[tokio::test]
async fn an_envelope_opens_for_its_recipient_and_proves_its_sender() {
    let mut keystore = Keystore::start().await;
    let (alice, bob) = (keystore.create("a").await, keystore.create("b").await);
    for _ in 0..2 {
        let envelope = keystore.pack("a", &[&bob], &alice).await.unwrap();
        let opened = keystore.unpack(&envelope).await.unwrap();
        assert_eq!(opened.plaintext.as_ref(), b"{\"@id\":\"1\"}");
        assert_eq!(
            (opened.recipient_key, opened.sender_key, opened.tenant),
            (bob.clone(), alice.clone(), "b".into())
        );
        assert_eq!(opened.format, pb::EnvelopeFormat::V1 as i32);
        let envelope = keystore.pack("a", &[&bob], "").await.unwrap();
        assert_eq!(keystore.unpack(&envelope).await.unwrap().sender_key, "");
        // The second round reads the keys from the store.
        keystore = keystore.restart().await;
    }
}

#[tokio::test]
async fn the_first_recipient_that_is_ours_opens() {
    let mut keystore = Keystore::start().await;
    let (first, second) = (keystore.create("a").await, keystore.create("b").await);
    let stranger = Keystore::start().await.create("c").await;
    let envelope = keystore.pack("a", &[&stranger, &second, &first, &second], "").await.unwrap();
    let opened = keystore.unpack(&envelope).await.unwrap();
    assert_eq!((opened.recipient_key, opened.tenant), (second.clone(), "b".into()));
    // Whatever is in memory.
    keystore = keystore.restart().await;
    keystore.sign("a", &first).await.unwrap();
    assert_eq!(keystore.unpack(&envelope).await.unwrap().recipient_key, second);
}

#[tokio::test]
async fn what_cannot_be_opened_looks_the_same_whatever_the_cause() {
    let mut keystore = Keystore::start().await;
    let (alice, bob) = (keystore.create("a").await, keystore.create("b").await);
    let x25519 = keystore.create_of("b", pb::KeyType::X25519).await;
    let stranger = Keystore::start().await.create("c").await;
    let for_stranger = keystore.pack("a", &[&stranger], &alice).await.unwrap();
    let unknown = keystore.unpack(&for_stranger).await.unwrap_err();
    assert_eq!(unknown.reason, R::Undecryptable);

    let text = String::from_utf8(keystore.pack("a", &[&bob], &alice).await.unwrap()).unwrap();
    let at = text.find("\"tag\":\"").unwrap() + 7;
    let mut tampered = text.clone().into_bytes();
    tampered[at] = if tampered[at] == b'A' { b'B' } else { b'A' };
    assert_eq!(keystore.unpack(&tampered).await.unwrap_err(), unknown);

    let request = pb::DeleteKeyRequest { key: bob.clone() };
    assert!(answer(keystore.client.delete_key(by("b", request)).await).unwrap().deleted);
    assert_eq!(keystore.unpack(text.as_bytes()).await.unwrap_err(), unknown);
    assert_eq!(
        reason(keystore.pack("b", &[&alice], &bob).await),
        (R::KeyNotFound, "sender_key".into())
    );
    assert_eq!(
        reason(keystore.pack("b", &[&alice], &x25519).await),
        (R::WrongKeyType, "sender_key".into())
    );
}

#[tokio::test]
async fn what_is_no_envelope_is_malformed() {
    let mut keystore = Keystore::start().await;
    for text in [
        "",
        "x",
        "{}",
        "[]",
        "{\"protected\":\"e30\",\"iv\":\"\",\"ciphertext\":\"\",\"tag\":\"\"}",
    ] {
        assert_eq!(
            reason(keystore.unpack(text.as_bytes()).await).0,
            R::MalformedEnvelope,
            "{text}"
        );
    }
    let v2 =
        b"{\"protected\":\"e30\",\"iv\":\"\",\"ciphertext\":\"\",\"tag\":\"\",\"recipients\":[]}";
    assert_eq!(reason(keystore.unpack(v2).await).0, R::MalformedEnvelope);
    assert_eq!(reason(keystore.unpack(&vec![b' '; 1024 * 1024 + 1]).await).0, R::TooLarge);
    assert_eq!(reason(keystore.unpack(&vec![b' '; 1024 * 1024]).await).0, R::MalformedEnvelope);
}

#[tokio::test]
async fn pack_names_the_field_that_is_wrong() {
    let mut keystore = Keystore::start().await;
    let key = keystore.create("a").await;
    let p256 = keystore.create_of("a", pb::KeyType::P256).await;
    let low_order = PublicKey::Ed25519({
        let mut identity = [0; 32];
        identity[0] = 1;
        identity
    })
    .multibase();
    let many = vec![key.as_str(); 65];
    let field = |reason, field: &str| (reason, field.to_owned());
    assert_eq!(reason(keystore.pack("a", &[], "").await), field(R::InvalidField, "recipient_keys"));
    assert_eq!(
        reason(keystore.pack("a", &many, "").await),
        field(R::InvalidField, "recipient_keys")
    );
    assert_eq!(
        reason(keystore.pack("a", &[&key, "x"], "").await),
        field(R::InvalidField, "recipient_keys[1]")
    );
    assert_eq!(
        reason(keystore.pack("a", &[&key, &low_order], "").await),
        field(R::InvalidField, "recipient_keys[1]")
    );
    assert_eq!(
        reason(keystore.pack("a", &[&p256], "").await),
        field(R::WrongKeyType, "recipient_keys[0]")
    );
    assert_eq!(
        reason(keystore.pack("a", &[&key], "x").await),
        field(R::InvalidField, "sender_key")
    );
    // Another tenant's key is none of ours.
    assert_eq!(
        reason(keystore.pack("b", &[&key], &key).await),
        field(R::KeyNotFound, "sender_key")
    );

    let pack = |plaintext: usize, format| pb::PackRequest {
        plaintext: vec![b' '; plaintext].into(),
        recipient_keys: vec![key.clone()],
        sender_key: String::new(),
        format,
        ..pb::PackRequest::default()
    };
    let too_large = answer(keystore.client.pack(by("a", pack(1024 * 1024 + 1, 0))).await);
    assert_eq!(reason(too_large).0, R::TooLarge);
    let unknown = answer(keystore.client.pack(by("a", pack(1, 99))).await);
    assert_eq!(reason(unknown), field(R::InvalidField, "format"));
}
