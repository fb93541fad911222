//! A gRPC server over TLS in this process, and clients of it.

use std::path::PathBuf;
use std::sync::Arc;
use std::time::Duration;

use entente_rpc::auth::{Callers, Credential, Known, Principal, Proxies, Roles, StaticCaller};
use entente_rpc::link::{self, Security};
use entente_rpc::proto::access::v1::access_service_client::AccessServiceClient;
use entente_rpc::proto::access::v1::access_service_server::{AccessService, AccessServiceServer};
use entente_rpc::proto::access::v1::{
    AuthenticateRequest, AuthenticateResponse, CheckAccessRequest, CheckAccessResponse,
    GetStandingRequest, GetStandingResponse,
};
use entente_rpc::{Caller, GrpcServer, Link, Listener, Request, Response, Status};
use entente_tests::certificates::{Authority, Pair};
use entente_tls::{ClientAuth, Purpose, Settings, Tls};
use tempfile::TempDir;
use tokio::net::TcpListener;

/// The trust domain of the tests.
pub const DOMAIN: &str = "spiffe://entente.test";

/// A server that knows one caller for each role, by `spiffe://entente.test/<role>`. No service is behind it.
pub struct Server {
    pub folder: TempDir,
    pub authority: Authority,
    pub pair: Pair,
    pub url: String,
}

impl Server {
    pub async fn start(auth: ClientAuth, proxies: Proxies) -> Self {
        let folder = tempfile::tempdir().unwrap();
        let authority = Authority::new(folder.path(), "authority");
        let pair =
            authority.issue("server", &["URI:spiffe://entente.test/keystore", "DNS:localhost"]);
        let tls = Tls::load(Settings {
            pair: Some((pair.certificate.clone(), pair.key.clone())),
            client_ca: Some((authority.certificate(), auth)),
            server_ca: None,
        })
        .unwrap();
        let callers = Roles::all().names().map(|role| StaticCaller {
            credential: Credential::Spiffe(format!("{DOMAIN}/{role}").parse().unwrap()),
            principal: principal(role),
        });
        let callers = callers.chain([StaticCaller::with_key("the-owners-key", principal("owner"))]);
        let known = Known { callers: callers.collect(), proxies, ..Known::default() };
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let url = format!("https://localhost:{}", listener.local_addr().unwrap().port());
        let acceptor = tls.acceptor(Purpose::Grpc).unwrap();
        tokio::spawn(tls.watch());
        let mut server = GrpcServer::new().unwrap();
        server.add(AccessServiceServer::new(Mirror));
        tokio::spawn(server.serve(
            Listener::Tls(listener, acceptor),
            Callers::new(known),
            std::future::pending(),
            Duration::from_secs(1),
        ));
        Self { folder, authority, pair, url }
    }

    /// A client with a certificate or none.
    pub fn link(&self, pair: Option<&Pair>, key: Option<&str>) -> Link {
        self.link_to(pair, key, &[])
    }

    /// The same, for a server that is one of these.
    pub fn link_to(&self, pair: Option<&Pair>, key: Option<&str>, expected: &[&str]) -> Link {
        let tls = client(pair, self.authority.certificate());
        let expected = expected.iter().map(|id| id.parse().unwrap()).collect();
        link::secured(&self.url, key, Security { tls, expected }).unwrap()
    }

    /// Who the server takes a client for: the name and the roles.
    pub async fn who(&self, pair: Option<&Pair>, key: Option<&str>) -> Result<String, Status> {
        who(self.link(pair, key)).await
    }
}

pub fn client(pair: Option<&Pair>, authority: PathBuf) -> Tls {
    let pair = pair.map(|pair| (pair.certificate.clone(), pair.key.clone()));
    Tls::load(Settings { pair, client_ca: None, server_ca: Some(authority) }).unwrap()
}

/// Whom a server takes the caller for.
pub async fn who(link: Link) -> Result<String, Status> {
    let told = AccessServiceClient::new(link).check_access(CheckAccessRequest::default()).await?;
    Ok(told.into_inner().principal.unwrap_or_default().name)
}

/// Tells who calls.
struct Mirror;

#[tonic::async_trait]
impl AccessService for Mirror {
    async fn check_access(
        &self,
        request: Request<CheckAccessRequest>,
    ) -> Result<Response<CheckAccessResponse>, Status> {
        let name = Caller::for_any(&request).name;
        let principal =
            Some(entente_rpc::proto::access::v1::Principal { name, ..Default::default() });
        Ok(Response::new(CheckAccessResponse { principal, ..Default::default() }))
    }

    async fn authenticate(
        &self,
        _: Request<AuthenticateRequest>,
    ) -> Result<Response<AuthenticateResponse>, Status> {
        Err(Status::unimplemented(""))
    }

    async fn get_standing(
        &self,
        _: Request<GetStandingRequest>,
    ) -> Result<Response<GetStandingResponse>, Status> {
        Err(Status::unimplemented(""))
    }
}

/// A caller for each role: a person is of a tenant, a service of none.
pub fn principal(role: &str) -> Principal {
    let roles = Roles::of([role]);
    let service = Roles::of_services().include(roles);
    let tenant = (!service).then(|| Arc::from("acme"));
    Principal { name: role.into(), tenant, roles }
}
