//! What the hot paths cost as the number of connections grows: 1,000, 100,000 and 1,000,000 in one tenant.
//!
//! The rows are copies of one that a real handshake would write, made by the database itself; every measured call goes
//! through the generated client over an in-process link to the real services on SQLite.
#![allow(clippy::unwrap_used, missing_docs)]

use std::hint::black_box;
use std::path::Path;

use criterion::{BenchmarkId, Criterion, criterion_group, criterion_main};
use entente_connection::{Config, Links, Service};
use entente_did::create;
use entente_didcomm::out_of_band::{Invitation, InvitationService};
use entente_didcomm::primitives::Ed25519Secret;
use entente_rpc::caller::for_tenant;
use entente_rpc::proto::connection::v1::connection_service_client::ConnectionServiceClient;
use entente_rpc::proto::connection::v1::invitation_service_client::InvitationServiceClient;
use entente_rpc::proto::connection::v1::{
    CreateInvitationRequest, ListConnectionsRequest, PreviewInvitationRequest, ReuseOutcome,
};
use entente_rpc::{DEFAULT_TENANT, Link, MAX_MESSAGE};
use prometheus_client::registry::Registry;
use sqlx::{Connection as _, SqliteConnection};

const ENDPOINT: &str = "http://127.0.0.1:8030";

/// A database with `count` connections that were made by invitations of as many DIDs; one of them is `did`.
async fn seed(path: &Path, count: i64, did: &str) {
    let mut database =
        SqliteConnection::connect(&format!("sqlite:{}", path.display())).await.unwrap();
    sqlx::query(
        "WITH RECURSIVE numbers(n) AS (SELECT 1 UNION ALL SELECT n + 1 FROM numbers WHERE n < $1) \
         INSERT INTO connections (tenant, id, role, protocol, my_did, their_did, my_key, their_key, target, their_label, \
         alias, invitation_id, invitation_did, metadata, reuses, last_seen_at, created_at, updated_at, version) \
         SELECT $2, printf('0199aaaa-0000-7000-8000-%012d', n), 2, 2, 'did:peer:4zMine' || n, 'did:peer:4zTheirs' || n, \
         'z6MkMine' || n, $3, $4, 'Faber', '', printf('0199bbbb-0000-7000-8000-%012d', n), \
         CASE WHEN n = 500 THEN $5 ELSE 'did:peer:2.Vz6Mk' || n END, '{}', 0, 1764000000000 + n, 1764000000000 + n, \
         1764000000000 + n, 1 FROM numbers",
    )
    .bind(count)
    .bind(DEFAULT_TENANT)
    .bind(Ed25519Secret::from_seed([9; 32]).public().multibase())
    .bind(format!("{{\"endpoint\":\"{ENDPOINT}\",\"recipient_keys\":[]}}"))
    .bind(did)
    .execute(&mut database)
    .await
    .unwrap();
}

struct Suite {
    service: Service,
    link: Link,
    _folder: tempfile::TempDir,
}

async fn suite(connections: i64, did: &str) -> Suite {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("connection.db");
    let mut registry = Registry::default();
    let keystore = entente_keystore::Config::in_directory(folder.path());
    let keystore = entente_keystore::start(keystore, None).await.unwrap();
    let resolver = format!("sqlite:{}", folder.path().join("resolver.db").display());
    let resolver = entente_resolver::start(entente_resolver::Config::new(resolver), &mut registry)
        .await
        .unwrap();
    let transport = entente_transport::Config::default();
    let transport =
        entente_transport::start(transport, resolver.link(), &mut registry).await.unwrap();
    let links =
        Links { keystore: keystore.link(), resolver: resolver.link(), transport: transport.link() };
    let config = || Config::new(format!("sqlite:{}", path.display()), ENDPOINT);
    let first =
        entente_connection::start(config(), links.clone(), &mut Registry::default()).await.unwrap();
    first.shutdown().await;
    seed(&path, connections, did).await;
    let service =
        entente_connection::start(config(), links, &mut Registry::default()).await.unwrap();
    Suite { link: service.link(), service, _folder: folder }
}

fn growth(criterion: &mut Criterion) {
    let runtime = tokio::runtime::Runtime::new().unwrap();
    let did = create::v1_peer2(&Ed25519Secret::from_seed([7; 32]).public(), ENDPOINT, &[]).unwrap();
    let mut known = Invitation::new(
        "0199cccc-0000-7000-8000-000000000001",
        InvitationService::Did(did.to_string()),
    );
    known.handshake_protocols = vec!["https://didcomm.org/didexchange/1.1".to_owned()];
    let known = known.to_json().to_string();
    let mut group = criterion.benchmark_group("connections");
    group.sample_size(20);
    for count in [1_000_i64, 100_000, 1_000_000] {
        let suite = runtime.block_on(suite(count, did.as_str()));
        let connections = || {
            ConnectionServiceClient::new(suite.link.clone()).max_decoding_message_size(MAX_MESSAGE)
        };
        let invitations = || InvitationServiceClient::new(suite.link.clone());
        group.bench_function(BenchmarkId::new("list 1000", count), |bench| {
            bench.to_async(&runtime).iter(|| async {
                let request = ListConnectionsRequest { page_size: 1000, ..Default::default() };
                let page = connections()
                    .list_connections(for_tenant(DEFAULT_TENANT, request).unwrap())
                    .await;
                assert_eq!(black_box(page.unwrap()).into_inner().connections.len(), 1000);
            });
        });
        group.bench_function(BenchmarkId::new("decide on reuse", count), |bench| {
            bench.to_async(&runtime).iter(|| async {
                let request = PreviewInvitationRequest { invitation: known.clone(), reuse: None };
                let preview = invitations()
                    .preview_invitation(for_tenant(DEFAULT_TENANT, request).unwrap())
                    .await;
                let decision = preview.unwrap().into_inner().decision.unwrap();
                assert_eq!(decision.outcome(), ReuseOutcome::Pending);
            });
        });
        group.bench_function(BenchmarkId::new("create invitation", count), |bench| {
            bench.to_async(&runtime).iter(|| async {
                let request =
                    for_tenant(DEFAULT_TENANT, CreateInvitationRequest::default()).unwrap();
                black_box(invitations().create_invitation(request).await.unwrap());
            });
        });
        runtime.block_on(suite.service.shutdown());
    }
    group.finish();
}

criterion_group!(benches, growth);
criterion_main!(benches);
