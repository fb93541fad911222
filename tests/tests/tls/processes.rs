//! The program with TLS: its services in a process each, who know each other by certificates.

use std::io::{BufRead as _, BufReader};
use std::path::Path;
use std::process::{Child, Command, Stdio};

use entente_rpc::Link;
use entente_rpc::link::{self, Security};
use entente_tests::certificates::{Authority, Pair, text};
use entente_tests::suite::{command, free_address};

use crate::support::client;

pub const SERVICES: [&str; 6] =
    ["access", "resolver", "keystore", "transport", "connection", "gateway"];

/// Processes that end with this.
pub struct Running(pub Vec<Child>);

impl Drop for Running {
    fn drop(&mut self) {
        for child in &mut self.0 {
            let _ = child.kill();
            let _ = child.wait();
        }
    }
}

/// Starts the program, and waits until it says that it is ready.
pub fn spawn(home: &Path, arguments: &[String]) -> Child {
    std::fs::create_dir_all(home).unwrap();
    let log = std::fs::File::create(home.join("log")).unwrap();
    let mut child = command()
        .arg("serve")
        .args(["--data-dir", text(&home.join("data"))])
        .args(arguments)
        .stdout(Stdio::piped())
        .stderr(log)
        .spawn()
        .unwrap();
    let mut line = String::new();
    BufReader::new(child.stdout.take().unwrap()).read_line(&mut line).unwrap();
    let log = || std::fs::read_to_string(home.join("log")).unwrap();
    assert!(line.contains("\"ready\":true"), "{arguments:?}: {}", log());
    child
}

/// Who may call: each service by its certificate, an owner, a reader, and an operator.
fn callers() -> String {
    let id = |name: &str| format!("spiffe://entente.test/{name}");
    let services = SERVICES.map(|name| (name, format!("roles = [\"{name}\"]")));
    let people = ["owner", "reader", "operator"]
        .map(|name| (name, format!("roles = [\"{name}\"]\ntenant = \"default\"")));
    let table = |(name, rest): &(&str, String)| {
        format!("[[callers]]\nname = \"{name}\"\nspiffe = \"{}\"\n{rest}\n", id(name))
    };
    services.iter().chain(&people).map(table).collect()
}

pub struct Apart {
    pub folder: tempfile::TempDir,
    pub authority: Authority,
    pub addresses: Vec<(&'static str, String)>,
    /// Where each is probed, and shows its metrics.
    pub probes: Vec<String>,
    pub admin: String,
    _running: Running,
}

impl Apart {
    /// All six.
    pub fn start() -> Self {
        let folder = tempfile::tempdir().unwrap();
        let authority = Authority::new(folder.path(), "authority");
        let file = folder.path().join("entente.toml");
        std::fs::write(&file, callers()).unwrap();
        let (didcomm, admin) = (free_address(), free_address());
        let addresses: Vec<_> = SERVICES.map(|service| (service, free_address())).into();
        let mut running = Running(Vec::new());
        let mut probes = Vec::new();
        for (service, address) in &addresses {
            // No name but the SPIFFE id: that is what the services know each other by.
            let pair = authority.issue(service, &[&format!("URI:spiffe://entente.test/{service}")]);
            probes.push(free_address());
            let ca = authority.certificate();
            let mut arguments: Vec<String> = [
                "--config",
                text(&file),
                "--services",
                service,
                "--grpc-addr",
                address,
                "--didcomm-addr",
                &didcomm,
                "--admin-addr",
                &admin,
                "--metrics-addr",
                &probes[probes.len() - 1],
                "--endpoint",
                &format!("http://{didcomm}"),
                "--allow-private-endpoints",
                "--tls-cert",
                text(&pair.certificate),
                "--tls-key",
                text(&pair.key),
                "--tls-client-ca",
                text(&ca),
                "--link-ca",
                text(&ca),
            ]
            .map(str::to_owned)
            .into();
            for (other, at) in
                addresses.iter().filter(|(other, _)| ![*service, "gateway"].contains(other))
            {
                let scheme = if *other == "resolver" { "dns:///" } else { "https://" };
                arguments.extend([format!("--{other}-url"), format!("{scheme}{at}")]);
            }
            running.0.push(spawn(&folder.path().join(format!("home-{service}")), &arguments));
        }
        Self { folder, authority, addresses, probes, admin, _running: running }
    }

    /// Where a service is called.
    pub fn address(&self, service: &str) -> &str {
        &self.addresses.iter().find(|(name, _)| *name == service).unwrap().1
    }

    /// The certificate of somebody.
    pub fn pair(&self, name: &str) -> Pair {
        let certificate = self.folder.path().join(format!("{name}.crt"));
        if certificate.exists() {
            return Pair { key: certificate.with_extension("key"), certificate };
        }
        self.authority.issue(name, &[&format!("URI:spiffe://entente.test/{name}")])
    }

    /// A link to a service with somebody's certificate.
    pub fn link(&self, service: &str, name: &str) -> Link {
        let tls = client(Some(&self.pair(name)), self.authority.certificate());
        let id = format!("spiffe://entente.test/{service}").parse().unwrap();
        let security = Security { tls, expected: [id].into() };
        link::secured(&format!("https://{}", self.address(service)), None, security).unwrap()
    }

    /// The admin API as curl gets it with a certificate: status and body.
    pub fn curl(&self, pair: Option<&Pair>, path: &str, more: &[&str]) -> (String, String) {
        // The certificate has no host name in it, which curl would have to be told in a way of its own.
        let mut command = Command::new("curl");
        command.args(["-sk", "-w", "\n%{http_code}"]).args(more);
        if let Some(pair) = pair {
            command.args(["--cert", text(&pair.certificate), "--key", text(&pair.key)]);
        }
        let output = command.arg(format!("https://{}{path}", self.admin)).output().unwrap();
        let told = String::from_utf8_lossy(&output.stdout).into_owned();
        let (body, status) = told.rsplit_once('\n').unwrap();
        (status.to_owned(), body.to_owned())
    }
}
