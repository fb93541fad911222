//! The services, three replicas of each, on one PostgreSQL and behind an Envoy: one agent.

use entente_store::testing::Place;
use futures_util::future::join_all;
use tempfile::TempDir;

use crate::envoy::{Envoy, Upstreams};
use crate::suite::{self, KEY, Process, SERVICES, Suite, free_address, owned};

/// How many replicas each service has.
pub const REPLICAS: usize = 3;

/// The replicas, and what is before them.
pub struct Fleet {
    /// The agent, through Envoy.
    pub suite: Suite,
    /// What is before the gateways and the connection services. The others are called by those, each replica in turn.
    pub envoy: Envoy,
    /// [`REPLICAS`] of each of [`SERVICES`], in their order.
    pub processes: Vec<Process>,
    /// Where the metrics of each of them are.
    pub metrics_urls: Vec<String>,
    /// Their database.
    pub place: Place,
    _directory: TempDir,
}

impl Fleet {
    /// Starts all of it, with further arguments of `entente serve`. `None`, and loudly, where there is no PostgreSQL or no
    /// Envoy.
    pub async fn start(arguments: &[&str]) -> Option<Self> {
        let mut envoy = Envoy::prepare()?;
        let place = suite::postgres().await?;
        let directory = tempfile::tempdir().unwrap();
        let grpc = SERVICES.map(|_| [(); REPLICAS].map(|()| free_address()));
        let master = directory.path().join("master.key").display().to_string();
        let mut shared =
            owned(&["--database-url", &place.url(), "--endpoint", &envoy.didcomm_url()]);
        shared.extend(owned(&["--admin-api-key", KEY, "--master-key-file", &master]));
        shared.extend(owned(arguments));
        // The gateway is called by none.
        for (service, addresses) in
            SERVICES.iter().zip(&grpc).filter(|(name, _)| **name != "gateway")
        {
            let urls = addresses.each_ref().map(|address| format!("http://{address}"));
            shared.extend([format!("--{service}-url"), urls.join(",")]);
        }
        let mut upstreams = Upstreams::default();
        let (mut starts, mut metrics_urls) = (Vec::new(), Vec::new());
        for (service, addresses) in SERVICES.iter().zip(&grpc) {
            for (replica, grpc) in addresses.iter().enumerate() {
                let [didcomm, admin, metrics] = [(); 3].map(|()| free_address());
                let mut arguments = shared.clone();
                arguments.extend(owned(&["--services", service, "--grpc-addr", grpc]));
                arguments.extend(owned(&["--didcomm-addr", &didcomm, "--admin-addr", &admin]));
                arguments.extend(owned(&["--metrics-addr", &metrics]));
                metrics_urls.push(format!("http://{metrics}"));
                match *service {
                    "gateway" => upstreams.gateways.push([didcomm, admin]),
                    "connection" => upstreams.connections.push(grpc.clone()),
                    "access" => upstreams.access.push(grpc.clone()),
                    _ => {}
                }
                let (home, name) = (directory.path().to_owned(), format!("{service}-{replica}"));
                starts.push(async move { Process::start(&home, &name, arguments).await.0 });
            }
        }
        let processes = join_all(starts).await;
        envoy.start(&upstreams, |configuration| configuration).await;
        let suite = envoy.suite();
        Some(Self { suite, envoy, processes, metrics_urls, place, _directory: directory })
    }

    /// Waits until Envoy knows of all replicas that they serve.
    pub async fn until_healthy(&self) {
        self.envoy.until_healthy(REPLICAS * 4).await;
    }

    /// The value of a metric at each replica of a service, with its labels as written there; 0 where it is absent.
    pub async fn metric(&self, service: &str, name: &str) -> [f64; REPLICAS] {
        let at = SERVICES.iter().position(|known| *known == service).expect("a service");
        let mut values = [0.0; REPLICAS];
        for (value, url) in values.iter_mut().zip(&self.metrics_urls[at * REPLICAS..]) {
            let answer = self.suite.http.get(format!("{url}/metrics")).send().await.unwrap();
            let text = answer.text().await.unwrap();
            let line = text.lines().find_map(|line| line.strip_prefix(name)?.strip_prefix(' '));
            *value = line.map_or(0.0, |value| value.trim().parse().unwrap());
        }
        values
    }
}
