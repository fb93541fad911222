//! A server that does as it is told, and counts.

use std::collections::VecDeque;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Mutex};
use std::time::Duration;

use entente_rpc::auth::Callers;
use entente_rpc::caller::for_tenant;
use entente_rpc::proto::resolver::v1::resolver_service_client::ResolverServiceClient;
use entente_rpc::proto::resolver::v1::resolver_service_server::{
    ResolverService, ResolverServiceServer,
};
use entente_rpc::proto::resolver::v1::{
    ListDueDidsRequest, ListDueDidsResponse, ResolveRequest, ResolveResponse, SettleDidsRequest,
    SettleDidsResponse,
};
use entente_rpc::proto::transport::v1::transport_service_client::TransportServiceClient;
use entente_rpc::proto::transport::v1::transport_service_server::{
    TransportService, TransportServiceServer,
};
use entente_rpc::proto::transport::v1::{
    DeliverRequest, DeliverResponse, FetchInvitationRequest, FetchInvitationResponse,
};
use entente_rpc::{Caller, GrpcServer, Limits, Link, Listener, Request, Response, Status, link};
use entente_rpc::{DEFAULT_TENANT, deadline};
use tokio::net::TcpListener;
use tokio::sync::{Notify, watch};
use tokio::task::JoinHandle;

/// What is to be answered, and what was asked.
#[derive(Default)]
pub struct Script {
    /// The failures that come first.
    pub failures: Mutex<VecDeque<Status>>,
    /// How many calls came.
    pub calls: AtomicUsize,
    /// What remained to the calls.
    pub remaining: Mutex<Vec<Option<Duration>>>,
    /// Calls of the endpoint "wait" end by this.
    pub go_on: Notify,
    /// Asked before the answer.
    pub next: Option<Link>,
    /// Told when a call of "wait" begins, and when it ends in any way.
    pub waiting: watch::Sender<usize>,
}

impl Script {
    pub fn calls(&self) -> usize {
        self.calls.load(Ordering::Relaxed)
    }
}

#[derive(Clone)]
pub struct Service(pub Arc<Script>);

struct Waiting<'a>(&'a watch::Sender<usize>);

impl Drop for Waiting<'_> {
    fn drop(&mut self) {
        self.0.send_modify(|waiting| *waiting -= 1);
    }
}

impl Service {
    async fn serve<T>(&self, request: &Request<T>, what: &str) -> Result<(), Status> {
        Caller::of(request)?;
        self.0.calls.fetch_add(1, Ordering::Relaxed);
        self.0.remaining.lock().unwrap().push(deadline::remaining());
        if let Some(next) = &self.0.next {
            resolve(next, what).await?;
        }
        if what == "wait" {
            self.0.waiting.send_modify(|waiting| *waiting += 1);
            let _waiting = Waiting(&self.0.waiting);
            self.0.go_on.notified().await;
        }
        self.0.failures.lock().unwrap().pop_front().map_or(Ok(()), Err)
    }

    pub fn link(&self) -> Link {
        link::local(ResolverServiceServer::new(self.clone()))
    }
}

#[tonic::async_trait]
impl ResolverService for Service {
    async fn resolve(
        &self,
        request: Request<ResolveRequest>,
    ) -> Result<Response<ResolveResponse>, Status> {
        self.serve(&request, &request.get_ref().did).await?;
        Ok(Response::new(ResolveResponse::default()))
    }

    async fn list_due_dids(
        &self,
        _: Request<ListDueDidsRequest>,
    ) -> Result<Response<ListDueDidsResponse>, Status> {
        Err(Status::unimplemented("not asked"))
    }

    async fn settle_dids(
        &self,
        _: Request<SettleDidsRequest>,
    ) -> Result<Response<SettleDidsResponse>, Status> {
        Err(Status::unimplemented("not asked"))
    }
}

#[tonic::async_trait]
impl TransportService for Service {
    async fn deliver(
        &self,
        request: Request<DeliverRequest>,
    ) -> Result<Response<DeliverResponse>, Status> {
        self.serve(&request, &request.get_ref().endpoint).await?;
        Ok(Response::new(DeliverResponse::default()))
    }

    async fn fetch_invitation(
        &self,
        _: Request<FetchInvitationRequest>,
    ) -> Result<Response<FetchInvitationResponse>, Status> {
        Err(Status::unimplemented("not asked"))
    }
}

/// A server on a socket.
pub struct Peer {
    pub script: Arc<Script>,
    pub address: String,
    serving: JoinHandle<()>,
}

impl Peer {
    pub async fn start() -> Self {
        Self::with(Script::default(), Limits::default()).await
    }

    pub async fn with(script: Script, limits: Limits) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let address = format!("http://{}", listener.local_addr().unwrap());
        Self::on(listener, address, script, limits)
    }

    pub fn on(
        listener: impl Into<Listener>,
        address: String,
        script: Script,
        limits: Limits,
    ) -> Self {
        let script = Arc::new(script);
        let service = Service(Arc::clone(&script));
        let mut server = GrpcServer::new().unwrap();
        server.add(ResolverServiceServer::new(service.clone()));
        server.add(TransportServiceServer::new(service)).limit(limits);
        let listener = listener.into();
        let serving = tokio::spawn(async move {
            let forever = std::future::pending();
            let served =
                server.serve(listener, Callers::insecure(), forever, Duration::from_secs(1));
            served.await.unwrap();
        });
        Self { script, address, serving }
    }

    pub fn link(&self) -> Link {
        link::remote(&self.address, None).unwrap()
    }

    /// Takes no more connections.
    pub async fn close(&mut self) {
        self.serving.abort();
        let _ = (&mut self.serving).await;
    }
}

/// An idempotent call.
pub async fn resolve(link: &Link, did: &str) -> Result<(), Status> {
    let request = ResolveRequest { did: did.to_owned(), no_cache: false };
    let request = for_tenant(DEFAULT_TENANT, request)?;
    ResolverServiceClient::new(link.clone()).resolve(request).await.map(|_| ())
}

/// A call that must not be repeated.
pub async fn deliver(link: &Link, endpoint: &str) -> Result<(), Status> {
    let request = DeliverRequest { endpoint: endpoint.to_owned(), ..Default::default() };
    let request = for_tenant(DEFAULT_TENANT, request)?;
    TransportServiceClient::new(link.clone()).deliver(request).await.map(|_| ())
}
