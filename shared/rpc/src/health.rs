//! grpc.health.v1: whether this process serves. Its services become ready, and cease to be, together.

use std::collections::BTreeSet;
use std::pin::Pin;
use std::sync::{Arc, Mutex, PoisonError};

use tokio::sync::watch;
use tokio_stream::{Stream, StreamExt as _, wrappers::WatchStream};
use tonic::{Request, Response, Status};
use tonic_health::pb::health_check_response::ServingStatus;
use tonic_health::pb::{HealthCheckRequest, HealthCheckResponse, health_server};

/// The name that is served for as long as the process answers, whatever it says of the others.
const LIVENESS: &str = "liveness";

/// What a process says of itself. Cheap to clone; clones are one.
#[derive(Debug, Clone)]
pub struct Health {
    /// Gone at the end, and with it the streams of those who watch.
    ready: Arc<Mutex<Option<watch::Sender<bool>>>>,
}

impl Health {
    pub(crate) fn new() -> Self {
        Self { ready: Arc::new(Mutex::new(Some(watch::Sender::new(true)))) }
    }

    /// Says whether calls are welcome.
    pub fn set(&self, ready: bool) {
        if let Some(said) = &*self.ready.lock().unwrap_or_else(PoisonError::into_inner) {
            said.send_if_modified(|said| std::mem::replace(said, ready) != ready);
        }
    }

    /// Says that calls are not welcome, and nothing more.
    pub(crate) fn end(&self) {
        self.set(false);
        self.ready.lock().unwrap_or_else(PoisonError::into_inner).take();
    }

    pub(crate) fn service(&self, names: Vec<&'static str>) -> health_server::HealthServer<Server> {
        let names = names.into_iter().chain(["", "readiness", LIVENESS]).collect();
        let said = self.ready.lock().unwrap_or_else(PoisonError::into_inner);
        let ready = said.as_ref().map_or_else(|| watch::channel(false).1, watch::Sender::subscribe);
        health_server::HealthServer::new(Server { ready, names: Arc::new(names) })
    }
}

/// The service.
pub(crate) struct Server {
    ready: watch::Receiver<bool>,
    names: Arc<BTreeSet<&'static str>>,
}

impl Server {
    /// What is said of a name. One that is not known may be known to another version, and is no error for who watches.
    fn status(&self, name: &str) -> impl Fn(bool) -> ServingStatus + Send + use<> {
        let (known, lives) = (self.names.contains(name), name == LIVENESS);
        move |ready| match known {
            false => ServingStatus::ServiceUnknown,
            true if ready || lives => ServingStatus::Serving,
            true => ServingStatus::NotServing,
        }
    }
}

fn answer(status: ServingStatus) -> HealthCheckResponse {
    HealthCheckResponse { status: status as i32 }
}

#[tonic::async_trait]
impl health_server::Health for Server {
    async fn check(
        &self,
        request: Request<HealthCheckRequest>,
    ) -> Result<Response<HealthCheckResponse>, Status> {
        let ready = *self.ready.borrow();
        match self.status(&request.get_ref().service)(ready) {
            ServingStatus::ServiceUnknown => {
                Err(Status::not_found("there is no such service here"))
            }
            status => Ok(Response::new(answer(status))),
        }
    }

    type WatchStream = Pin<Box<dyn Stream<Item = Result<HealthCheckResponse, Status>> + Send>>;

    async fn watch(
        &self,
        request: Request<HealthCheckRequest>,
    ) -> Result<Response<Self::WatchStream>, Status> {
        let status = self.status(&request.get_ref().service);
        let mut told = None;
        let changes = WatchStream::new(self.ready.clone()).filter_map(move |ready| {
            let status = status(ready);
            (told.replace(status) != Some(status)).then(|| Ok(answer(status)))
        });
        Ok(Response::new(Box::pin(changes)))
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use tonic_health::pb::health_server::Health as _;

    #[tokio::test]
    async fn who_watches_is_told_of_changes_until_the_end() {
        let health = Health::new();
        let ready = health.ready.lock().unwrap().as_ref().unwrap().subscribe();
        let server = Server { ready, names: Arc::new(["", LIVENESS].into()) };
        let watch = async |name: &str| {
            let request = HealthCheckRequest { service: name.to_owned() };
            server.watch(Request::new(request)).await.unwrap().into_inner()
        };
        let (mut all, mut alive, unknown) =
            (watch("").await, watch(LIVENESS).await, watch("x").await);
        assert_eq!(all.next().await.unwrap().unwrap().status(), ServingStatus::Serving);
        assert_eq!(alive.next().await.unwrap().unwrap().status(), ServingStatus::Serving);
        health.set(true);
        health.set(false);
        assert_eq!(all.next().await.unwrap().unwrap().status(), ServingStatus::NotServing);
        health.set(true);
        assert_eq!(all.next().await.unwrap().unwrap().status(), ServingStatus::Serving);
        health.end();
        health.set(true);
        assert_eq!(all.next().await.unwrap().unwrap().status(), ServingStatus::NotServing);
        assert!(all.next().await.is_none() && alive.next().await.is_none());
        let told: Vec<_> = unknown.collect().await;
        assert_eq!(told.len(), 1, "it stays open, and nothing changes");
        assert_eq!(told[0].as_ref().unwrap().status(), ServingStatus::ServiceUnknown);
        let late = HealthCheckRequest { service: "late".to_owned() };
        assert_eq!(
            server.check(Request::new(late)).await.unwrap_err().code(),
            tonic::Code::NotFound
        );
    }
}
