//! A real Envoy before replicas, with the configuration that is shipped: only addresses are other ones.

use std::fmt::Write as _;
use std::fs::File;
use std::path::PathBuf;
use std::process::{Child, Command, Stdio};

use tempfile::TempDir;

use crate::Suite;
use crate::suite::{eventually, free_address, http, tool};

/// An Envoy on free ports, killed when this is dropped. Its log is printed if the test panics.
pub struct Envoy {
    program: PathBuf,
    /// DIDComm, admin APIs, gRPC, and Envoy's own.
    addresses: [String; 4],
    child: Option<Child>,
    directory: TempDir,
}

/// Where the replicas of a service are.
#[derive(Debug, Clone, Default)]
pub struct Upstreams {
    /// Of each gateway: DIDComm, and admin APIs.
    pub gateways: Vec<[String; 2]>,
    /// Of each connection service: gRPC.
    pub connections: Vec<String>,
    /// Of each access service: gRPC.
    pub access: Vec<String>,
}

impl Envoy {
    /// One that is not started yet. `None`, and loudly, where there is no Envoy.
    pub fn prepare() -> Option<Self> {
        let addresses = [(); 4].map(|()| free_address());
        let directory = tempfile::tempdir().unwrap();
        Some(Self {
            program: tool("ENTENTE_TEST_ENVOY", "deploy/bin/envoy", "deploy-tools")?,
            addresses,
            child: None,
            directory,
        })
    }

    /// Where peers reach what is behind it.
    pub fn didcomm_url(&self) -> String {
        format!("http://{}", self.addresses[0])
    }

    /// What is behind it, as one agent.
    pub fn suite(&self) -> Suite {
        let [didcomm, admin, grpc, _] = self.addresses.each_ref().map(|at| format!("http://{at}"));
        Suite::behind([didcomm, admin, grpc])
    }

    /// Starts it before replicas. `change` may make other changes to the configuration.
    pub async fn start(&mut self, upstreams: &Upstreams, change: impl FnOnce(String) -> String) {
        let file = self.directory.path().join("envoy.yaml");
        std::fs::write(&file, change(self.configuration(upstreams))).unwrap();
        let log = File::create(self.directory.path().join("log")).unwrap();
        let child = Command::new(&self.program)
            .args(["--disable-hot-restart", "--concurrency", "2", "--log-level", "warning", "-c"])
            .arg(file)
            .stdout(Stdio::null())
            .stderr(log)
            .spawn();
        self.child = Some(child.unwrap());
        let Upstreams { gateways, connections, access } = upstreams;
        self.until_healthy(gateways.len() * 2 + connections.len() + access.len()).await;
    }

    /// Waits until its own health checks find so many hosts that serve, over all clusters.
    pub async fn until_healthy(&self, count: usize) {
        let (url, http) = (format!("http://{}/clusters", self.addresses[3]), http());
        eventually(&format!("Envoy finds {count} healthy hosts"), async || {
            let text = http.get(&url).send().await.ok()?.text().await.ok()?;
            let healthy = text.lines().filter(|line| line.ends_with("::health_flags::healthy"));
            (healthy.count() == count).then_some(())
        })
        .await;
    }

    fn configuration(&self, upstreams: &Upstreams) -> String {
        let shipped = concat!(env!("CARGO_MANIFEST_DIR"), "/../deploy/envoy/envoy.yaml");
        let mut text = std::fs::read_to_string(shipped).unwrap();
        let mut replace = |from: &str, to: &str| {
            assert_eq!(text.matches(from).count(), 1, "{from} is once in {shipped}");
            text = text.replace(from, to);
        };
        let place = |address: &str| {
            let (host, port) = address.rsplit_once(':').unwrap();
            format!("{{address: {host}, port_value: {port}}}")
        };
        let [didcomm, admin, grpc, own] = &self.addresses;
        replace("{address: 0.0.0.0, port_value: 8030}", &place(didcomm));
        replace("{address: 0.0.0.0, port_value: 8031}", &place(admin));
        replace("{address: 0.0.0.0, port_value: 8032}", &place(grpc));
        replace("{address: 127.0.0.1, port_value: 9901}", &place(own));
        // The names in the DNS become the addresses that they would have.
        let names = "cluster_type: &every_address\n        name: envoy.clusters.dns\n        typed_config:\n          \
                     \"@type\": type.googleapis.com/envoy.extensions.clusters.dns.v3.DnsCluster\n          \
                     dns_lookup_family: V4_PREFERRED\n          dns_refresh_rate: 5s\n";
        replace(names, "type: STATIC\n");
        let (mut peers, mut owners) = (String::new(), String::new());
        for [didcomm, admin] in &upstreams.gateways {
            let (_, port) = admin.rsplit_once(':').unwrap();
            let _ = write!(
                peers,
                "{{endpoint: {{address: {{socket_address: {}}}, health_check_config: {{port_value: {port}}}}}}}, ",
                place(didcomm)
            );
            let _ =
                write!(owners, "{{endpoint: {{address: {{socket_address: {}}}}}}}, ", place(admin));
        }
        let hosts = |addresses: &[String]| {
            let host = |address: &String| {
                format!("{{endpoint: {{address: {{socket_address: {}}}}}}}", place(address))
            };
            format!("[{}]", addresses.iter().map(host).collect::<Vec<_>>().join(", "))
        };
        replace(
            "lb_endpoints:\n              - endpoint:\n                  \
             address: {socket_address: {address: gateway, port_value: 8030}}\n                  \
             # Readiness is told on the admin port.\n                  health_check_config: {port_value: 8031}\n",
            &format!("lb_endpoints: [{peers}]\n"),
        );
        let named = |name: &str, port: u16| {
            format!(
                "[{{endpoint: {{address: {{socket_address: {{address: {name}, port_value: {port}}}}}}}}}]"
            )
        };
        replace(&named("gateway", 8031), &format!("[{owners}]"));
        replace(&named("connection", 8032), &hosts(&upstreams.connections));
        replace(&named("access", 8032), &hosts(&upstreams.access));
        text.replace("cluster_type: *every_address", "type: STATIC")
    }
}

impl Drop for Envoy {
    fn drop(&mut self) {
        if let Some(mut child) = self.child.take() {
            let _ = child.kill();
            let _ = child.wait();
        }
        if std::thread::panicking() {
            let log = std::fs::read_to_string(self.directory.path().join("log"));
            eprintln!("--- Envoy wrote:\n{}---", log.unwrap_or_default());
        }
    }
}
