//! An agent as tests drive it: its processes, their addresses, clients for them, and how they die.

mod another;
mod call;
mod process;
mod replicas;
mod routed;

pub use another::NotApplicable;
pub use call::{eventually, is_delivery, seconds};
pub use process::{Process, SERVICES};
pub use replicas::Replicas;

use std::net::{TcpListener, UdpSocket};
use std::path::{Path, PathBuf};
use std::process::{Command, ExitStatus};
use std::sync::Mutex;
use std::time::Duration;

use entente_rpc::{Link, link};
use entente_store::testing::Place;
use futures_util::future::join_all;
use tempfile::TempDir;

use crate::acapy::Agent;

/// The key of processes that are one agent.
pub(crate) const KEY: &str = "the-key-that-processes-share";

/// A whole agent, in a process of its own or in one for each service. Killed when this is dropped; its log is printed
/// if the test panics.
pub struct Suite {
    /// Where peers send messages: `http://127.0.0.1:port`.
    pub didcomm_url: String,
    /// The ACA-Py admin API.
    pub admin_url: String,
    /// gRPC; of the connection service, where each runs in a process of its own.
    pub grpc_url: String,
    /// The key that admin and gRPC calls carry.
    pub api_key: String,
    /// A client for the admin API.
    pub http: reqwest::Client,
    link: Link,
    /// gRPC of each of [`SERVICES`], in their order; or the one address that has all.
    grpc_urls: Vec<String>,
    processes: Vec<Process>,
    /// Where the metrics of each of the five are; none where they run in one process.
    pub metrics_urls: Vec<String>,
    directory: TempDir,
    /// The agent, if it is none of ours.
    another: Option<Agent>,
}

impl Suite {
    /// An agent with an empty data directory, on free ports.
    pub async fn start() -> Self {
        Self::with(&[]).await
    }

    /// The same, with further arguments of `entente serve`. It is in the shape that `ENTENTE_TEST_SHAPE` asks for: `whole`,
    /// or `split`.
    pub async fn with(arguments: &[&str]) -> Self {
        let arguments = owned(arguments);
        if is_split() {
            Self::apart(arguments, |_, _| free_address()).await
        } else {
            Self::in_one(arguments).await
        }
    }

    /// An agent in one process, in whichever shape the others are.
    pub async fn whole() -> Self {
        Self::whole_with(&[]).await
    }

    /// The same, with further arguments of `entente serve`.
    pub async fn whole_with(arguments: &[&str]) -> Self {
        Self::in_one(owned(arguments)).await
    }

    async fn in_one(arguments: Vec<String>) -> Self {
        Self::whole_under(Vec::new(), arguments).await
    }

    /// An agent in one process, that is started by another command, which must become it.
    pub async fn whole_under(under: Vec<String>, mut arguments: Vec<String>) -> Self {
        arguments.extend(database(&arguments).await);
        Self::launch_under(under, arguments).await
    }

    async fn launch(arguments: Vec<String>) -> Self {
        Self::launch_under(Vec::new(), arguments).await
    }

    async fn launch_under(under: Vec<String>, mut arguments: Vec<String>) -> Self {
        let directory = tempfile::tempdir().unwrap();
        for listener in LISTENERS {
            if !arguments.iter().any(|argument| argument == listener) {
                arguments.extend([listener.to_owned(), free_address()]);
            }
        }
        let (process, ready) =
            Process::start_under(under, directory.path(), "entente", arguments).await;
        let url = |name: &str| ready[name].as_str().expect("an address").to_owned();
        let key =
            std::fs::read_to_string(directory.path().join("admin-api-key")).unwrap_or_default();
        let api_key = key.trim().to_owned();
        let key = (!api_key.is_empty()).then_some(api_key.as_str());
        Self {
            didcomm_url: url("didcomm"),
            admin_url: url("admin"),
            grpc_url: url("grpc"),
            link: linked(&[url("grpc")], key),
            grpc_urls: vec![url("grpc")],
            http: http(),
            api_key,
            processes: vec![process],
            metrics_urls: Vec::new(),
            directory,
            another: None,
        }
    }

    /// An agent whose services run in a process each.
    pub async fn in_five() -> Self {
        Self::in_five_with(&[]).await
    }

    /// The same, with further arguments of `entente serve` for each.
    pub async fn in_five_with(arguments: &[&str]) -> Self {
        Self::apart(owned(arguments), |_, _| free_address()).await
    }

    /// The same, and they call each other over Unix sockets.
    pub async fn in_five_over_unix_sockets() -> Self {
        let socket = |home: &Path, service: &str| {
            format!("unix:{}", home.join(format!("{service}.sock")).display())
        };
        Self::apart(Vec::new(), socket).await
    }

    async fn apart(mut shared: Vec<String>, address: impl Fn(&Path, &str) -> String) -> Self {
        let directory = tempfile::tempdir().unwrap();
        let home = directory.path();
        let (didcomm, admin) = (free_address(), free_address());
        let grpc = SERVICES.map(|service| address(home, service));
        if !shared.iter().any(|argument| argument == "--endpoint") {
            shared.extend(["--endpoint".to_owned(), format!("http://{didcomm}")]);
        }
        shared.extend(owned(&["--didcomm-addr", &didcomm, "--admin-addr", &admin]));
        if !shared.iter().any(|argument| argument == "--admin-insecure") {
            shared.extend(owned(&["--admin-api-key", KEY]));
        }
        shared.extend(database(&shared).await);
        // The gateway is called by none.
        for (service, address) in SERVICES.iter().zip(&grpc).filter(|(name, _)| **name != "gateway")
        {
            shared.extend([format!("--{service}-url"), grpc_url(address)]);
        }
        let metrics = SERVICES.map(|_| free_address());
        let starts =
            SERVICES.iter().zip(&grpc).zip(&metrics).map(async |((service, grpc), metrics)| {
                let mut arguments = shared.clone();
                arguments.extend(owned(&[
                    "--services",
                    service,
                    "--grpc-addr",
                    grpc,
                    "--metrics-addr",
                    metrics,
                ]));
                Process::start(home, service, arguments).await.0
            });
        let processes = join_all(starts).await;
        let grpc_urls: Vec<String> = grpc.iter().map(|address| grpc_url(address)).collect();
        Self {
            didcomm_url: format!("http://{didcomm}"),
            admin_url: format!("http://{admin}"),
            link: linked(&grpc_urls, Some(KEY)),
            grpc_url: grpc_urls[3].clone(),
            grpc_urls,
            http: http(),
            api_key: KEY.to_owned(),
            processes,
            metrics_urls: metrics.iter().map(|address| format!("http://{address}")).collect(),
            directory,
            another: None,
        }
    }

    /// What is behind these addresses, whoever started it: DIDComm, admin, gRPC.
    pub fn behind([didcomm_url, admin_url, grpc_url]: [String; 3]) -> Self {
        Self {
            didcomm_url,
            admin_url,
            link: linked(std::slice::from_ref(&grpc_url), Some(KEY)),
            grpc_urls: vec![grpc_url.clone()],
            grpc_url,
            http: http(),
            api_key: KEY.to_owned(),
            processes: Vec::new(),
            metrics_urls: Vec::new(),
            directory: tempfile::tempdir().unwrap(),
            another: None,
        }
    }

    /// The same agent for who calls it while it dies and comes back.
    pub fn client(&self) -> Self {
        let urls = [&self.didcomm_url, &self.admin_url, &self.grpc_url].map(Clone::clone);
        let mut client = Self::behind(urls);
        client.use_key(&self.api_key);
        client
    }

    /// Calls with another key.
    pub fn use_key(&mut self, key: &str) {
        self.link = linked(&self.grpc_urls, Some(key));
        key.clone_into(&mut self.api_key);
    }

    /// Where its databases and keys are.
    pub fn data_dir(&self) -> &Path {
        self.directory.path()
    }

    /// The PostgreSQL database that it has, if it has one.
    pub fn database_url(&self) -> Option<&str> {
        self.processes[0].argument("--database-url")
    }

    /// A gRPC channel that sends the API key; generated clients take it.
    pub fn link(&self) -> Link {
        self.ours().link.clone()
    }

    /// This agent, which has to be one of ours.
    fn ours(&self) -> &Self {
        match &self.another {
            None => self,
            Some(_) => another::not_applicable(),
        }
    }

    /// A gRPC channel with another key, for the tenant that the key is of.
    pub fn link_with(&self, key: &str) -> Link {
        linked(&self.ours().grpc_urls, Some(key))
    }

    /// A gRPC channel with the credential of a service, for the default tenant.
    pub fn link_of_service(&self, service: &str) -> Link {
        let key = entente_rpc::auth::service_key(&self.ours().api_key, service);
        let key = (!self.api_key.is_empty()).then_some(key);
        for_default_tenant(linked(&self.grpc_urls, key.as_deref()))
    }

    /// A gRPC channel with the credential of somebody who may call a method: the administrator's, or a service's.
    pub fn link_for(&self, path: &str) -> Link {
        use entente_rpc::auth::{Principal, Roles};
        let may = entente_rpc::Method::of_path(path).map(Roles::that_may).unwrap_or_default();
        let people = Principal::admin("default").roles.and(Roles::everyone());
        match may.names().next() {
            Some(service) if people.among(may).is_empty() => self.link_of_service(service),
            _ => self.link(),
        }
    }

    /// The id of the process; that of the connection service, where each service has its own.
    pub fn pid(&self) -> u32 {
        self.processes.get(3).unwrap_or(&self.processes[0]).pid()
    }

    /// How much memory its processes have that is not shared with others, in bytes.
    pub fn memory(&self) -> u64 {
        self.processes.iter().map(|process| process.memory()).sum()
    }

    /// The ids of all its processes.
    pub fn pids(&self) -> Vec<u32> {
        self.processes.iter().map(Process::pid).collect()
    }

    /// Ends it at once, as a crash of the machine would.
    pub fn kill9(&mut self) {
        self.processes.iter_mut().for_each(Process::kill9);
    }

    /// The process of one service, where each has its own.
    pub fn process(&mut self, service: &str) -> &mut Process {
        let at = SERVICES.iter().position(|name| *name == service).expect("a service");
        &mut self.processes[at]
    }

    /// One of its processes, which counts round.
    pub fn any_process(&mut self, at: usize) -> &mut Process {
        let count = self.processes.len();
        &mut self.processes[at % count]
    }

    /// Sends SIGTERM, and gives the exit status and how long the end took; of several processes, of the last that is not
    /// well, or the last.
    pub async fn terminate(&mut self) -> (ExitStatus, Duration) {
        let ended = join_all(self.processes.iter_mut().map(Process::terminate)).await;
        ended
            .into_iter()
            .max_by_key(|(status, took)| (!status.success(), *took))
            .expect("a process")
    }

    /// Starts it again, on the same data and ports. One that still runs is killed first.
    pub async fn restart(&mut self) {
        self.kill9();
        join_all(self.processes.iter_mut().map(Process::restart)).await;
    }

    /// What it logged so far, over restarts.
    pub fn log(&self) -> String {
        self.processes.iter().map(Process::log).collect()
    }
}

/// Whether agents run in a process for each service, unless a test asks for something else.
pub fn is_split() -> bool {
    match std::env::var("ENTENTE_TEST_SHAPE").as_deref() {
        Ok("split") => true,
        Ok("whole") | Err(_) => false,
        Ok(other) => panic!("ENTENTE_TEST_SHAPE is {other:?}; write whole or split"),
    }
}

const LISTENERS: [&str; 3] = ["--didcomm-addr", "--admin-addr", "--grpc-addr"];

pub(crate) fn owned(arguments: &[&str]) -> Vec<String> {
    arguments.iter().map(|&argument| argument.to_owned()).collect()
}

fn for_default_tenant(link: Link) -> Link {
    use tower::ServiceExt as _;
    Link::new(link.map_request(|mut request: http::Request<tonic::body::Body>| {
        let tenant = http::HeaderValue::from_static(entente_rpc::DEFAULT_TENANT);
        request.headers_mut().entry(entente_rpc::caller::TENANT_KEY).or_insert(tenant);
        request
    }))
}

/// One link to the services at these addresses: to all at one, or to each of [`SERVICES`].
fn linked(urls: &[String], key: Option<&str>) -> Link {
    let mut links: Vec<Link> = urls.iter().map(|url| link::remote(url, key).unwrap()).collect();
    if links.len() == 1 { links.remove(0) } else { routed::by_service(links) }
}

/// What a client calls a gRPC listener by.
pub(crate) fn grpc_url(address: &str) -> String {
    if address.starts_with("unix:") { address.to_owned() } else { format!("http://{address}") }
}

/// An address whose port the system gives to nobody on its own, so that it is still free at a restart; and no other test
/// either: who has the port of that number for datagrams has it, for as long as this process lives.
pub fn free_address() -> String {
    static TAKEN: Mutex<Vec<UdpSocket>> = Mutex::new(Vec::new());
    loop {
        let address = format!("127.0.0.1:{}", rand::random_range(10_000..32_000));
        if let Ok(taken) = UdpSocket::bind(&address)
            && TcpListener::bind(&address).is_ok()
        {
            TAKEN.lock().unwrap().push(taken);
            return address;
        }
    }
}

/// A new database on the PostgreSQL of `ENTENTE_TEST_POSTGRES`. `None`, and loudly, where there is none.
pub async fn postgres() -> Option<Place> {
    Place::postgres(std::env::var("ENTENTE_TEST_POSTGRES").ok()).await.unwrap()
}

/// The arguments for the database that `ENTENTE_TEST_DATABASE` asks for: a new one in PostgreSQL, or SQLite's; none where
/// there are such arguments.
async fn database(given: &[String]) -> Vec<String> {
    if given.iter().any(|argument| argument == "--database-url") {
        return Vec::new();
    }
    match std::env::var("ENTENTE_TEST_DATABASE").as_deref() {
        Ok("postgres") => {
            let place = postgres().await;
            let place = place.expect("ENTENTE_TEST_DATABASE=postgres needs ENTENTE_TEST_POSTGRES");
            vec!["--database-url".to_owned(), place.url()]
        }
        Ok("sqlite") | Err(_) => Vec::new(),
        Ok(other) => panic!("ENTENTE_TEST_DATABASE is {other:?}; write sqlite or postgres"),
    }
}

/// The program: `ENTENTE_TEST_BIN`, or what was built last beside the tests.
pub fn binary() -> PathBuf {
    if let Some(path) = std::env::var_os("ENTENTE_TEST_BIN") {
        return path.into();
    }
    // target/<profile>/deps/<test>
    let test = std::env::current_exe().unwrap();
    let path = test.parent().and_then(Path::parent).expect("a target directory").join("entente");
    assert!(
        path.exists(),
        "no {}: run `cargo build -p entente` first, or `make test`",
        path.display()
    );
    path
}

/// A tool that tests need: where `variable` says, or where `make <name>` installs it under target/. Without it a test is
/// skipped loudly; in CI it fails.
pub fn tool(variable: &str, place: &str, name: &str) -> Option<PathBuf> {
    let installed = || Path::new(env!("CARGO_MANIFEST_DIR")).join("../target").join(place);
    let path = std::env::var_os(variable).map_or_else(installed, PathBuf::from);
    if path.exists() {
        return Some(path);
    }
    assert!(std::env::var("CI").as_deref() != Ok("true"), "no {}", path.display());
    eprintln!("*** SKIPPED: no {}; `make {name}` installs it ***", path.display());
    None
}

/// The program without the settings of whoever runs the tests.
pub fn command() -> Command {
    command_under(&[])
}

fn command_under(under: &[String]) -> Command {
    let mut command = match under {
        [] => Command::new(binary()),
        [first, rest @ ..] => {
            let mut command = Command::new(first);
            command.args(rest).arg(binary());
            command
        }
    };
    for (name, _) in std::env::vars_os() {
        if name.to_string_lossy().starts_with("ENTENTE_") {
            command.env_remove(name);
        }
    }
    command
}

/// A client that follows no redirects and reaches loopback.
pub fn http() -> reqwest::Client {
    entente_net::client(&entente_net::ClientSettings {
        policy: entente_net::AddressPolicy::Any,
        connect_timeout: Duration::from_secs(5),
        user_agent: "entente-tests".to_owned(),
    })
    .unwrap()
}
