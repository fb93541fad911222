//! What the hot paths cost as the number of connections grows: 1,000, 100,000 and 1,000,000 in one tenant.
//!
//! The rows are copies of one that a real handshake would write, made by the database itself; every measured call goes
//! through the generated client over an in-process link to the real services, on SQLite and, where
//! ENTENTE_TEST_POSTGRES names a server (a URL without a database), on PostgreSQL.
#![allow(clippy::unwrap_used, missing_docs)]

use std::hint::black_box;

use criterion::{BenchmarkId, Criterion, criterion_group, criterion_main};
use entente_connection::{Config, Links, Service};
use entente_did::create;
use entente_didcomm::out_of_band::{Invitation, InvitationService};
use entente_didcomm::primitives::Ed25519Secret;
use entente_rpc::caller::for_tenant;
use entente_rpc::proto::connection::v1::connection_service_client::ConnectionServiceClient;
use entente_rpc::proto::connection::v1::invitation_service_client::InvitationServiceClient;
use entente_rpc::proto::connection::v1::{
    CreateInvitationRequest, GetConnectionRequest, ListConnectionsRequest,
    PreviewInvitationRequest, ReuseOutcome,
};
use entente_rpc::{DEFAULT_TENANT, Link, MAX_MESSAGE};
use entente_store::testing::Place;
use prometheus_client::registry::Registry;

const ENDPOINT: &str = "http://127.0.0.1:8030";

/// Gives a database `count` connections that were made by invitations of as many DIDs; one of them is `did`.
async fn seed(place: &Place, count: i64, did: &str) {
    let key = Ed25519Secret::from_seed([9; 32]).public().multibase();
    let numbers = match place {
        Place::Sqlite(_) => format!(
            "WITH RECURSIVE numbers(n) AS (SELECT 1 UNION ALL SELECT n + 1 FROM numbers WHERE n < {count})"
        ),
        Place::Postgres(_) => {
            format!("WITH numbers(n) AS (SELECT n FROM generate_series(1::bigint, {count}) AS n)")
        }
    };
    let rows = format!(
        "INSERT INTO connections (tenant, id, role, protocol, my_did, their_did, my_key, their_key, target, their_label, \
         alias, invitation_id, invitation_did, metadata, reuses, last_seen_at, created_at, updated_at, version) \
         {numbers} SELECT '{DEFAULT_TENANT}', '0199aaaa-0000-7000-8000-' || substr('' || (1000000000000 + n), 2), 2, 2, \
         'did:peer:4zMine' || n, 'did:peer:4zTheirs' || n, 'z6MkMine' || n, '{key}', \
         '{{\"endpoint\":\"{ENDPOINT}\",\"recipient_keys\":[]}}', 'Faber', '', \
         '0199bbbb-0000-7000-8000-' || substr('' || (1000000000000 + n), 2), \
         CASE WHEN n = 500 THEN '{did}' ELSE 'did:peer:2.Vz6Mk' || n END, '{{}}', 0, 1764000000000 + n, 1764000000000 + n, \
         1764000000000 + n, 1 FROM numbers"
    );
    let sql = match place {
        Place::Sqlite(_) => rows,
        Place::Postgres(_) => format!("SET entente.tenant = '*'; {rows}; ANALYZE connections"),
    };
    place.session(false).await.unwrap().run(&sql).await.unwrap();
}

struct Suite {
    service: Service,
    link: Link,
    _folder: tempfile::TempDir,
}

async fn suite(on_postgres: bool, connections: i64, did: &str) -> Option<Suite> {
    let folder = tempfile::tempdir().unwrap();
    let place = if on_postgres {
        Place::postgres(std::env::var("ENTENTE_TEST_POSTGRES").ok()).await.unwrap()?
    } else {
        Place::sqlite(folder.path())
    };
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
    let config = || Config::new(place.url(), ENDPOINT);
    let first =
        entente_connection::start(config(), links.clone(), &mut Registry::default()).await.unwrap();
    first.shutdown().await;
    seed(&place, connections, did).await;
    let service =
        entente_connection::start(config(), links, &mut Registry::default()).await.unwrap();
    Some(Suite { link: service.link(), service, _folder: folder })
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
    let sizes = [1_000_i64, 100_000, 1_000_000];
    let each = [false, true].into_iter().flat_map(|on| sizes.map(|count| (on, count)));
    for (on_postgres, count) in each {
        let suite = runtime.block_on(suite(on_postgres, count, did.as_str()));
        let Some(suite) = suite else { continue };
        let on = if on_postgres { "PostgreSQL" } else { "SQLite" };
        let name = |what: &str| BenchmarkId::new(format!("{what}, {on}"), count);
        let connections = || {
            ConnectionServiceClient::new(suite.link.clone()).max_decoding_message_size(MAX_MESSAGE)
        };
        let invitations = || InvitationServiceClient::new(suite.link.clone());
        group.bench_function(name("list 1000"), |bench| {
            bench.to_async(&runtime).iter(|| async {
                let request = ListConnectionsRequest { page_size: 1000, ..Default::default() };
                let page = connections()
                    .list_connections(for_tenant(DEFAULT_TENANT, request).unwrap())
                    .await;
                assert_eq!(black_box(page.unwrap()).into_inner().connections.len(), 1000);
            });
        });
        group.bench_function(name("get"), |bench| {
            bench.to_async(&runtime).iter(|| async {
                let id = "0199aaaa-0000-7000-8000-000000000777".to_owned();
                let request = for_tenant(DEFAULT_TENANT, GetConnectionRequest { id }).unwrap();
                black_box(connections().get_connection(request).await.unwrap());
            });
        });
        group.bench_function(name("decide on reuse"), |bench| {
            bench.to_async(&runtime).iter(|| async {
                let request = PreviewInvitationRequest { invitation: known.clone(), reuse: None };
                let preview = invitations()
                    .preview_invitation(for_tenant(DEFAULT_TENANT, request).unwrap())
                    .await;
                let decision = preview.unwrap().into_inner().decision.unwrap();
                assert_eq!(decision.outcome(), ReuseOutcome::Pending);
            });
        });
        group.bench_function(name("create invitation"), |bench| {
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
