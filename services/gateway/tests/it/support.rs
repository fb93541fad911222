//! A gateway on free ports.

use std::net::SocketAddr;

use entente_gateway::{Config, Gateway, Links};
use entente_rpc::auth::Callers;
use entente_rpc::caller::for_tenant;
use entente_rpc::proto::keystore::v1::keystore_service_client::KeystoreServiceClient;
use entente_rpc::proto::keystore::v1::{CreateKeyRequest, PackRequest};
use entente_rpc::{DEFAULT_TENANT, Link, link};
use prometheus_client::registry::Registry;
use tempfile::TempDir;
use tokio::net::TcpListener;
use tokio::sync::oneshot;

/// The admin API key of the gateways here.
pub const KEY: &str = "s3cret";

/// A gateway with a real keystore; without a connection service, so that everything for it is tried again.
pub struct Door {
    pub gateway: Gateway,
    pub didcomm: SocketAddr,
    pub admin: SocketAddr,
    pub http: reqwest::Client,
    keystore: entente_keystore::Service,
    _stop: (oneshot::Sender<()>, oneshot::Sender<()>),
    _directory: TempDir,
}

impl Door {
    pub async fn open(change: impl FnOnce(&mut Config)) -> Self {
        let directory = TempDir::new().unwrap();
        let keystore =
            entente_keystore::start(entente_keystore::Config::in_directory(directory.path()), None)
                .await
                .unwrap();
        let away = link::remote("http://127.0.0.1:1", None).unwrap();
        let links = Links {
            keystore: keystore.link(),
            resolver: away.clone(),
            connection: away.clone(),
            transport: away,
            access: None,
        };
        let mut config = Config::new("http://agent.example", "Faber", Callers::admin(KEY));
        change(&mut config);
        let gateway =
            entente_gateway::start(config, links, &mut Registry::default()).await.unwrap();
        let (didcomm, admin) = (bind().await, bind().await);
        let addresses = (didcomm.local_addr().unwrap(), admin.local_addr().unwrap());
        let ((stop_didcomm, didcomm_stopped), (stop_admin, admin_stopped)) =
            (oneshot::channel(), oneshot::channel());
        let (outer, inner) = (gateway.clone(), gateway.clone());
        tokio::spawn(async move {
            outer.serve_didcomm(didcomm, async { drop(didcomm_stopped.await) }).await
        });
        let metrics = || "entente_gateway_test 1\n".to_owned();
        tokio::spawn(async move {
            inner.serve_admin(admin, metrics, async { drop(admin_stopped.await) }).await
        });
        Self {
            gateway,
            didcomm: addresses.0,
            admin: addresses.1,
            http: http(),
            keystore,
            _stop: (stop_didcomm, stop_admin),
            _directory: directory,
        }
    }

    /// An envelope for a key of this keystore.
    pub async fn envelope(&self) -> Vec<u8> {
        pack(self.keystore.link(), None).await
    }

    /// An envelope for a key that nobody has.
    pub async fn envelope_for_a_stranger(&self) -> Vec<u8> {
        pack(self.keystore.link(), Some("8HH5gYEeNc3z7PYXmd54d4x6qAfCNrqQqEB3nS7Zfu7K")).await
    }

    pub fn didcomm_url(&self) -> String {
        format!("http://{}/", self.didcomm)
    }

    pub fn admin_url(&self, path: &str) -> String {
        format!("http://{}{path}", self.admin)
    }
}

pub async fn bind() -> TcpListener {
    TcpListener::bind("127.0.0.1:0").await.unwrap()
}

pub fn http() -> reqwest::Client {
    let settings = entente_net::ClientSettings {
        policy: entente_net::AddressPolicy::Any,
        connect_timeout: std::time::Duration::from_secs(5),
        user_agent: "test".to_owned(),
    };
    entente_net::client(&settings).unwrap()
}

async fn pack(keystore: Link, recipient: Option<&str>) -> Vec<u8> {
    let mut keystore = KeystoreServiceClient::new(keystore);
    let recipient = match recipient {
        Some(key) => key.to_owned(),
        None => {
            let request = for_tenant(DEFAULT_TENANT, CreateKeyRequest::default()).unwrap();
            keystore.create_key(request).await.unwrap().into_inner().key.unwrap().multibase
        }
    };
    let request = PackRequest {
        plaintext: br#"{"@type":"https://didcomm.org/trust_ping/1.0/ping","@id":"12345678"}"#
            .to_vec()
            .into(),
        recipient_keys: vec![recipient],
        ..PackRequest::default()
    };
    keystore
        .pack(for_tenant(DEFAULT_TENANT, request).unwrap())
        .await
        .unwrap()
        .into_inner()
        .envelope
        .to_vec()
}
