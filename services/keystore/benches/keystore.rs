//! The hot path through the link: what a handshake asks of the keystore.
#![allow(clippy::expect_used, reason = "a benchmark that cannot go on has nothing to say")]

use std::hint::black_box;

use criterion::{Criterion, criterion_group, criterion_main};
use entente_keystore::{Config, start};
use entente_rpc::Link;
use entente_rpc::caller::for_tenant;
use entente_rpc::proto::keystore::v1 as pb;
use pb::keystore_service_client::KeystoreServiceClient;

type Client = KeystoreServiceClient<Link>;

fn create_request() -> entente_rpc::Request<pb::CreateKeyRequest> {
    for_tenant("default", pb::CreateKeyRequest::default()).expect("a request")
}

async fn create(mut client: Client) -> String {
    client
        .create_key(create_request())
        .await
        .expect("created")
        .into_inner()
        .key
        .expect("a key")
        .multibase
}

async fn pack(mut client: Client, to: &str, from: &str) -> Vec<u8> {
    let request = pb::PackRequest {
        plaintext: vec![b'x'; 1024].into(),
        recipient_keys: vec![to.to_owned()],
        sender_key: from.to_owned(),
        ..pb::PackRequest::default()
    };
    let request = for_tenant("default", request).expect("a request");
    client.pack(request).await.expect("packed").into_inner().envelope.to_vec()
}

async fn unpack(mut client: Client, envelope: Vec<u8>) -> String {
    let request = for_tenant(
        "default",
        pb::UnpackRequest { envelope: envelope.into(), ..Default::default() },
    )
    .expect("a request");
    client.unpack(request).await.expect("opened").into_inner().sender_key
}

/// A key for key agreement under the kid of a DID.
async fn identity(mut client: Client, kid: &str) -> pb::KeyReference {
    let types = vec![pb::KeyType::X25519.into(), pb::KeyType::Ed25519.into()];
    let request = pb::CreateKeysRequest { types, ..Default::default() };
    let request = for_tenant("default", request).expect("a request");
    let keys = client.create_keys(request).await.expect("created").into_inner().keys;
    let key = keys.into_iter().next().expect("a key").multibase;
    pb::KeyReference { kid: kid.to_owned(), key }
}

async fn pack_v2(mut client: Client, to: &pb::KeyReference, from: &pb::KeyReference) -> Vec<u8> {
    let request = pb::PackRequest {
        plaintext: vec![b'x'; 1024].into(),
        format: pb::EnvelopeFormat::V2.into(),
        recipients: vec![to.clone()],
        sender: Some(from.clone()),
        ..pb::PackRequest::default()
    };
    let request = for_tenant("default", request).expect("a request");
    client.pack(request).await.expect("packed").into_inner().envelope.to_vec()
}

async fn unpack_v2(
    mut client: Client,
    envelope: Vec<u8>,
    to: &pb::KeyReference,
    from: &pb::KeyReference,
) -> String {
    let request = pb::UnpackRequest {
        envelope: envelope.into(),
        recipients: vec![to.clone()],
        senders: vec![from.clone()],
        signers: Vec::new(),
    };
    let request = for_tenant("default", request).expect("a request");
    client.unpack(request).await.expect("opened").into_inner().sender_kid
}

async fn sign(mut client: Client, key: &str) -> usize {
    let request = pb::SignRequest { key: key.to_owned(), payload: vec![b'x'; 1024].into() };
    let request = for_tenant("default", request).expect("a request");
    client.sign(request).await.expect("signed").into_inner().signature.len()
}

fn keystore(c: &mut Criterion) {
    let runtime = tokio::runtime::Runtime::new().expect("a runtime");
    let directory = tempfile::tempdir().expect("a directory");
    let service =
        runtime.block_on(start(Config::in_directory(directory.path()), None)).expect("started");
    let client = KeystoreServiceClient::new(service.link());
    let (alice, bob) =
        runtime.block_on(async { (create(client.clone()).await, create(client.clone()).await) });
    let auth = runtime.block_on(pack(client.clone(), &bob, &alice));
    let anon = runtime.block_on(pack(client.clone(), &bob, ""));

    let mut group = c.benchmark_group("keystore, 1 KiB");
    group.bench_function("create", |b| b.to_async(&runtime).iter(|| create(client.clone())));
    group.bench_function("create, 64 at once", |b| {
        b.to_async(&runtime).iter(|| async {
            let calls: Vec<_> = (0..64).map(|_| tokio::spawn(create(client.clone()))).collect();
            for call in calls {
                black_box(call.await.expect("created"));
            }
        });
    });
    group.bench_function("sign", |b| b.to_async(&runtime).iter(|| sign(client.clone(), &alice)));
    group.bench_function("pack authcrypt", |b| {
        b.to_async(&runtime).iter(|| pack(client.clone(), &bob, &alice))
    });
    group.bench_function("pack anoncrypt", |b| {
        b.to_async(&runtime).iter(|| pack(client.clone(), &bob, ""))
    });
    group.bench_function("unpack authcrypt", |b| {
        b.to_async(&runtime).iter(|| unpack(client.clone(), auth.clone()));
    });
    group.bench_function("unpack anoncrypt", |b| {
        b.to_async(&runtime).iter(|| unpack(client.clone(), anon.clone()));
    });
    let (from, to) = runtime.block_on(async {
        let from = identity(client.clone(), "did:example:alice#key-1").await;
        (from, identity(client.clone(), "did:example:bob#key-1").await)
    });
    let auth = runtime.block_on(pack_v2(client.clone(), &to, &from));
    group.bench_function("create the keys of a DID", |b| {
        b.to_async(&runtime).iter(|| identity(client.clone(), "did:example:bob#key-1"));
    });
    group.bench_function("v2: pack authcrypt", |b| {
        b.to_async(&runtime).iter(|| pack_v2(client.clone(), &to, &from));
    });
    group.bench_function("v2: unpack authcrypt", |b| {
        b.to_async(&runtime).iter(|| unpack_v2(client.clone(), auth.clone(), &to, &from));
    });
    group.finish();
    runtime.block_on(service.shutdown());
}

criterion_group!(benches, keystore);
criterion_main!(benches);
