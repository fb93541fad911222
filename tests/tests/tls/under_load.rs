//! Every certificate, the authority and the API keys are changed while handshakes and reads go on: no call fails.

use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::sync::{Arc, Mutex};
use std::time::Duration;

use entente_rpc::caller::for_tenant;
use entente_rpc::link::{self, Security};
use entente_rpc::proto::access::v1::api_key_service_client::ApiKeyServiceClient;
use entente_rpc::proto::access::v1::tenant_service_client::TenantServiceClient;
use entente_rpc::proto::access::v1::{
    CreateApiKeyRequest, CreateTenantRequest, RotateApiKeyRequest,
};
use entente_rpc::proto::connection::v1::connection_service_client::ConnectionServiceClient;
use entente_rpc::proto::connection::v1::invitation_service_client::InvitationServiceClient;
use entente_rpc::proto::connection::v1::{
    AcceptInvitationRequest, CreateInvitationRequest, ListConnectionsRequest, ReuseOutcome,
    ReusePolicy,
};
use entente_rpc::{ErrorReason, Failure, Link};
use entente_tests::certificates::{Authority, Pair, replace};
use entente_tests::suite::{eventually, seconds};
use entente_tls::Tls;
use tonic_health::pb::HealthCheckRequest;
use tonic_health::pb::health_client::HealthClient;

use crate::processes::{Apart, SERVICES};
use crate::rotation::served;
use crate::support::client;

/// How long an old key works beside the new one: longer than anybody here goes on with it.
const OVERLAP: i64 = 15;

const CALLER: &str = "URI:spiffe://entente.test/caller";

/// A tenant's key, which is changed while it is used.
struct Key {
    id: String,
    key: Mutex<String>,
}

/// What calls go by: the certificate of somebody without a right, and a tenant's key.
struct Load {
    apart: Apart,
    tls: Tls,
    /// The same certificate for curl, in files that nobody replaces.
    pair: Mutex<Pair>,
    acme: Key,
    bolt: Key,
    stop: AtomicBool,
    handshakes: AtomicUsize,
    reads: AtomicUsize,
}

impl Key {
    fn now(&self) -> String {
        self.key.lock().unwrap().clone()
    }
}

async fn tenant(apart: &Apart, id: &str) -> Key {
    let request = CreateTenantRequest { id: id.to_owned(), ..Default::default() };
    let operator = apart.link("access", "operator");
    TenantServiceClient::new(operator.clone()).create_tenant(request).await.unwrap();
    let request = CreateApiKeyRequest {
        name: "load".to_owned(),
        roles: vec!["owner".to_owned()],
        expires_in: None,
    };
    let request = for_tenant(id, request).unwrap();
    let made = ApiKeyServiceClient::new(operator).create_api_key(request).await.unwrap();
    let made = made.into_inner();
    Key { id: made.api_key.unwrap().id, key: Mutex::new(made.key) }
}

impl Load {
    async fn start() -> Arc<Self> {
        let apart = tokio::task::spawn_blocking(Apart::start).await.unwrap();
        let (acme, bolt) = tokio::join!(tenant(&apart, "acme"), tenant(&apart, "bolt"));
        let pair = apart.pair("caller");
        let tls = client(Some(&pair), apart.authority.certificate());
        let pair = Mutex::new(apart.authority.issue("caller-0", &[CALLER]));
        tokio::spawn(tls.clone().watch());
        let (handshakes, reads) = (AtomicUsize::new(0), AtomicUsize::new(0));
        let stop = AtomicBool::new(false);
        Arc::new(Self { apart, tls, pair, acme, bolt, stop, handshakes, reads })
    }

    /// A new connection to a service, with the certificate of now.
    fn link(&self, service: &str, key: &str) -> Link {
        self.connect(service, &self.tls, Some(key))
    }

    fn connect(&self, service: &str, tls: &Tls, key: Option<&str>) -> Link {
        let id = format!("spiffe://entente.test/{service}").parse().unwrap();
        let security = Security { tls: tls.clone(), expected: [id].into() };
        let url = format!("https://{}", self.apart.address(service));
        link::secured(&url, key, security).unwrap()
    }

    /// One tenant invites and the other accepts: through all the services, and back to where it began.
    async fn handshake(&self) {
        let link = |key: &Key| InvitationServiceClient::new(self.link("connection", &key.now()));
        let request = CreateInvitationRequest::default();
        let made = link(&self.acme).create_invitation(request).await.unwrap().into_inner();
        let request = AcceptInvitationRequest {
            invitation: made.invitation.unwrap().url,
            reuse: Some(ReusePolicy { disabled: true, ..Default::default() }),
            wait: Some(seconds(30)),
            ..Default::default()
        };
        let accepted = link(&self.bolt).accept_invitation(request).await.unwrap().into_inner();
        let accepted = accepted.acceptance.unwrap();
        assert_eq!(accepted.decision.as_ref().unwrap().outcome(), ReuseOutcome::New);
        assert!(!accepted.connection_id.is_empty(), "{accepted:?}");
        self.handshakes.fetch_add(1, Ordering::Relaxed);
    }

    async fn read(&self, link: &Link) {
        let request = ListConnectionsRequest { page_size: 10, ..Default::default() };
        ConnectionServiceClient::new(link.clone()).list_connections(request).await.unwrap();
        self.reads.fetch_add(1, Ordering::Relaxed);
    }

    fn goes_on(&self) -> bool {
        !self.stop.load(Ordering::Relaxed)
    }

    /// Handshakes; reads over new connections, and over one that stays; and the admin API.
    fn work(self: &Arc<Self>) -> tokio::task::JoinSet<()> {
        let mut working = tokio::task::JoinSet::new();
        let load = Arc::clone(self);
        working.spawn(async move {
            while load.goes_on() {
                load.handshake().await;
            }
        });
        let load = Arc::clone(self);
        working.spawn(async move {
            while load.goes_on() {
                load.read(&load.link("connection", &load.bolt.now())).await;
                tokio::time::sleep(Duration::from_millis(5)).await;
            }
        });
        // Whoever has a link changes its key now and then, while both are good.
        let load = Arc::clone(self);
        working.spawn(async move {
            while load.goes_on() {
                let link = load.link("connection", &load.acme.now());
                let until = tokio::time::Instant::now() + Duration::from_secs(5);
                while load.goes_on() && tokio::time::Instant::now() < until {
                    load.read(&link).await;
                    tokio::time::sleep(Duration::from_millis(5)).await;
                }
            }
        });
        let load = Arc::clone(self);
        working.spawn(async move {
            while load.goes_on() {
                let own = Arc::clone(&load);
                let get = move || {
                    let header = format!("x-api-key: {}", own.acme.now());
                    let pair = own.pair.lock().unwrap().clone();
                    own.apart.curl(Some(&pair), "/connections", &["-H", &header])
                };
                let (status, body) = tokio::task::spawn_blocking(get).await.unwrap();
                assert_eq!(status, "200", "{body}");
                load.reads.fetch_add(1, Ordering::Relaxed);
            }
        });
        working
    }

    /// Waits until more was done, by connections that were made after now.
    async fn progress(&self) {
        let count = || [&self.handshakes, &self.reads].map(|count| count.load(Ordering::Relaxed));
        let before = count();
        eventually("handshakes and reads go on", async || {
            let now = count();
            (now[0] >= before[0] + 2 && now[1] >= before[1] + 20).then_some(())
        })
        .await;
    }

    /// Gives the authorities that everyone trusts another content, and waits until everyone goes by it: until somebody's
    /// certificate is good for something, or good for nothing.
    async fn trust(&self, authorities: &[&[u8]], somebody: &Pair, good: bool) {
        replace(&authorities.concat(), &self.apart.authority.certificate());
        self.tls.read_again();
        for service in SERVICES {
            let what = format!("{service} has read whom to trust");
            let lets_in = async || self.lets_in(service, somebody).await == good;
            eventually(&what, async || lets_in().await.then_some(())).await;
        }
    }

    async fn lets_in(&self, service: &str, somebody: &Pair) -> bool {
        let tls = client(Some(somebody), self.apart.authority.certificate());
        let link = self.connect(service, &tls, None);
        HealthClient::new(link).check(HealthCheckRequest::default()).await.is_ok()
    }

    /// Gives everyone a new certificate, and waits until each service shows it.
    async fn renew(&self, authority: &Authority, round: usize) {
        let names = SERVICES.into_iter().chain(["caller"]);
        for name in names {
            let id = format!("URI:spiffe://entente.test/{name}");
            let next = authority.issue(&format!("{name}-{round}"), &[&id]);
            next.replace(&self.apart.pair(name));
            if name == "caller" {
                self.tls.read_again();
                *self.pair.lock().unwrap() = next;
                continue;
            }
            let serial = next.serial();
            let mut addresses = vec![self.apart.address(name)];
            if name == "gateway" {
                addresses.push(&self.apart.admin);
            }
            for address in addresses {
                let what = format!("{name} shows its new certificate");
                eventually(&what, async || (served(address) == serial).then_some(())).await;
            }
        }
    }

    /// Gives a tenant a new key, which is used from now on; the old one.
    async fn rotate(&self, key: &Key) -> String {
        let request = RotateApiKeyRequest {
            id: key.id.clone(),
            overlap: Some(seconds(OVERLAP)),
            expires_in: None,
        };
        let mut keys = ApiKeyServiceClient::new(self.link("access", &key.now()));
        let made = keys.rotate_api_key(request).await.unwrap().into_inner().key;
        std::mem::replace(&mut *key.key.lock().unwrap(), made)
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn certificates_the_authority_and_keys_change_and_no_call_fails() {
    let load = Load::start().await;
    let folder = tempfile::tempdir().unwrap();
    let next = Authority::new(folder.path(), "next");
    let read = |authority: &Authority| std::fs::read(authority.certificate()).unwrap();
    let (first, second) = (read(&load.apart.authority), read(&next));
    let stale = load.apart.authority.issue("stale", &[CALLER]);
    let new = next.issue("new", &[CALLER]);
    assert!(load.lets_in("keystore", &stale).await && !load.lets_in("keystore", &new).await);
    let mut working = load.work();
    load.progress().await;

    let changes = async {
        load.renew(&load.apart.authority, 1).await;
        let old = [load.rotate(&load.acme).await, load.rotate(&load.bolt).await];
        load.progress().await;
        // Another authority: first both are trusted, then everyone changes over, then the old one is not any more.
        load.trust(&[&first, &second], &new, true).await;
        load.renew(&next, 2).await;
        load.progress().await;
        load.trust(&[&second], &stale, false).await;
        load.progress().await;
        old
    };
    let old = tokio::select! {
        old = changes => old,
        Some(ended) = working.join_next() => panic!("a call failed: {ended:?}"),
    };

    // The old keys end.
    for key in old {
        eventually("the old key ends to work", async || {
            let mut connections = ConnectionServiceClient::new(load.link("connection", &key));
            let answer = connections.list_connections(ListConnectionsRequest::default()).await;
            let reason = Failure::of(&answer.err()?).reason;
            // A process that remembers the key knows that it was right.
            let ended = [ErrorReason::Unauthenticated, ErrorReason::CredentialExpired];
            assert!(ended.contains(&reason), "{reason:?}");
            Some(())
        })
        .await;
    }
    load.progress().await;
    load.stop.store(true, Ordering::Relaxed);
    while let Some(ended) = working.join_next().await {
        ended.unwrap();
    }
}
