//! A process: keystore, resolver and connection service as they are, over SQLite files of its own.
//!
//! It has a runtime of its own, which runs only while the simulation drives it, on a clock that stands still. To crash
//! is to drop the runtime, with all tasks wherever they are; the next process works on a copy of the files as they were
//! at that moment.

use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex, OnceLock, PoisonError, mpsc};
use std::time::Duration;

use entente_connection::{Config, Links};
use entente_rpc::Link;
use entente_rpc::proto::event::v1::Event;
use entente_store::gate;
use prometheus_client::registry::Registry;
use tempfile::TempDir;
use tokio::runtime::Runtime;
use tracing::Dispatch;

use crate::inspector;
use crate::post::{Post, Posted};
use crate::turnstile::Turnstile;
use crate::work::{self, Done};

/// What the processes of a simulation are like.
#[derive(Debug, Clone, Copy)]
pub struct Nature {
    /// How patient they are for a handshake's request and response.
    pub handshake: Duration,
    /// How patient they are for the answer to a reuse.
    pub reuse: Duration,
    /// Whether what they log is kept.
    pub logs: bool,
}

/// A reader of the events of an agent.
#[derive(Debug, Clone, Copy)]
pub struct Reader {
    pub agent: usize,
    /// Among those of the agent in the present process.
    pub number: usize,
}

/// What a process gives to the simulation.
#[derive(Default)]
pub struct Outlet {
    /// Messages that it posts.
    pub posted: Vec<Posted>,
    /// Events that its readers got.
    pub events: Vec<(Reader, Event)>,
    /// Calls and messages that it is done with.
    pub done: Vec<Done>,
    /// Why a reader of events cannot go on.
    pub broken: Option<String>,
    /// What it logged, if that is kept.
    pub log: Vec<u8>,
}

/// The services of a process.
#[derive(Clone)]
pub struct Services {
    pub keystore: Link,
    pub resolver: Link,
    pub connection: Link,
}

pub struct Process {
    runtime: Option<Runtime>,
    turnstile: Turnstile,
    outlet: Arc<Mutex<Outlet>>,
    log: Dispatch,
    services: Services,
    /// It drains when this is dropped.
    _connection: entente_connection::Service,
    folder: TempDir,
    /// While this is there, the runtime does not move its clock by itself.
    _still: mpsc::Sender<()>,
}

impl Process {
    /// A new process, with no agent in it yet.
    pub fn found(index: usize, now: i64, nature: Nature) -> Self {
        static TEMPLATE: OnceLock<TempDir> = OnceLock::new();
        let template = TEMPLATE.get_or_init(|| {
            let folder = folder();
            Self::start(folder, 0, now, nature).leave()
        });
        Self::start(copy(template.path(), &[".db", ".key"]), index, now, nature)
    }

    /// Ends as a killed process does, and starts on what that left.
    pub fn crash(self, index: usize, now: i64, nature: Nature) -> Self {
        let copy = copy(self.folder.path(), &[".db", ".key", "-wal"]);
        drop(self);
        Self::start(copy, index, now, nature)
    }

    fn start(folder: TempDir, index: usize, now: i64, nature: Nature) -> Self {
        let turnstile = Turnstile::default();
        let parks = turnstile.clone();
        let runtime = tokio::runtime::Builder::new_current_thread()
            .enable_time()
            .start_paused(true)
            // Otherwise it depends on how often the runtime was woken which of two tasks is first.
            .global_queue_interval(1)
            .on_thread_park(move || parks.parked())
            .build()
            .unwrap();
        let (still, end) = mpsc::channel::<()>();
        runtime.spawn_blocking(move || end.recv());
        let outlet = Arc::<Mutex<Outlet>>::default();
        let log = if nature.logs { log(outlet.clone()) } else { Dispatch::none() };
        entente_rpc::stop_clock(Some(now));
        gate::install(Some(Arc::new(turnstile.clone())));
        let serving = serve(folder.path(), index, nature, outlet.clone());
        let (services, connection) =
            tracing::dispatcher::with_default(&log, || runtime.block_on(serving));
        gate::install(None);
        turnstile.close();
        Self {
            runtime: Some(runtime),
            turnstile,
            outlet,
            log,
            services,
            _connection: connection,
            folder,
            _still: still,
        }
    }

    /// The files, after an end in good order.
    fn leave(mut self) -> TempDir {
        let folder = std::mem::replace(&mut self.folder, tempfile::tempdir().unwrap());
        drop(self);
        for name in ["keystore.db", "resolver.db", "connection.db"] {
            inspector::empty_log(&folder.path().join(name));
        }
        folder
    }

    /// Where the statements wait.
    pub fn turnstile(&self) -> &Turnstile {
        &self.turnstile
    }

    /// Where its files are.
    pub fn folder(&self) -> &Path {
        self.folder.path()
    }

    /// The database of the connection service.
    pub fn database(&self) -> PathBuf {
        self.folder.path().join("connection.db")
    }

    /// Begins a call, or the handling of a message.
    pub fn begin<F>(&self, task: impl FnOnce(Services) -> F)
    where
        F: Future<Output = Done> + Send + 'static,
    {
        let (task, outlet) = (task(self.services.clone()), self.outlet.clone());
        self.runtime().spawn(async move {
            let done = task.await;
            lock(&outlet).done.push(done);
        });
    }

    /// Lets somebody read the event log of a tenant from its beginning, and follow it.
    pub fn read(&self, reader: Reader, tenant: &str) {
        let (connection, outlet) = (self.services.connection.clone(), self.outlet.clone());
        self.runtime().spawn(work::read_events(reader, tenant.to_owned(), connection, outlet));
    }

    /// Runs until there is nothing to do without the simulation, and gives what came of it.
    pub fn drive(&self, now: i64) -> Outlet {
        self.on_stage(now, self.turnstile.quiet());
        std::mem::take(&mut *lock(&self.outlet))
    }

    /// Lets time pass.
    pub fn pass(&self, now: i64, time: Duration) {
        self.on_stage(now, tokio::time::advance(time));
    }

    fn on_stage(&self, now: i64, act: impl Future<Output = ()>) {
        entente_rpc::stop_clock(Some(now));
        gate::install(Some(Arc::new(self.turnstile.clone())));
        tracing::dispatcher::with_default(&self.log, || self.runtime().block_on(act));
        gate::install(None);
        entente_rpc::stop_clock(None);
    }

    fn runtime(&self) -> &Runtime {
        self.runtime.as_ref().unwrap()
    }
}

impl Drop for Process {
    fn drop(&mut self) {
        // Without waiting for threads: no task goes on.
        if let Some(runtime) = self.runtime.take() {
            runtime.shutdown_background();
        }
    }
}

async fn serve(
    folder: &Path,
    index: usize,
    nature: Nature,
    outlet: Arc<Mutex<Outlet>>,
) -> (Services, entente_connection::Service) {
    let keystore = entente_keystore::Config::in_directory(folder);
    let keystore = entente_keystore::start(keystore, None).await.unwrap().link();
    let mut registry = Registry::default();
    let database = |name: &str| format!("sqlite:{}", folder.join(name).display());
    let resolver = entente_resolver::Config::new(database("resolver.db"));
    let resolver = entente_resolver::start(resolver, &mut registry).await.unwrap().link();
    let transport = Post::link(outlet);
    let links = Links { keystore: keystore.clone(), resolver: resolver.clone(), transport };
    let config = Config {
        label: format!("Agent {index}"),
        request_deadline: nature.handshake,
        response_deadline: nature.handshake,
        reuse_deadline: nature.reuse,
        ..Config::new(database("connection.db"), crate::post::endpoint(index))
    };
    let connection = entente_connection::start(config, links, &mut registry).await.unwrap();
    (Services { keystore, resolver, connection: connection.link() }, connection)
}

/// Keeps all that is logged.
fn log(outlet: Arc<Mutex<Outlet>>) -> Dispatch {
    struct Lines(Arc<Mutex<Outlet>>);
    impl std::io::Write for Lines {
        fn write(&mut self, bytes: &[u8]) -> std::io::Result<usize> {
            lock(&self.0).log.write(bytes)
        }
        fn flush(&mut self) -> std::io::Result<()> {
            Ok(())
        }
    }
    let lines = tracing_subscriber::fmt().with_ansi(false).with_max_level(tracing::Level::TRACE);
    lines.with_writer(move || Lines(outlet.clone())).finish().into()
}

/// In memory, where the system has such a place: a simulation needs no disk that survives it.
fn folder() -> TempDir {
    let memory = Path::new("/dev/shm");
    if memory.is_dir() {
        tempfile::tempdir_in(memory).unwrap()
    } else {
        tempfile::tempdir().unwrap()
    }
}

/// The files as they are.
fn copy(from: &Path, endings: &[&str]) -> TempDir {
    let to = folder();
    for entry in std::fs::read_dir(from).unwrap() {
        let entry = entry.unwrap();
        let name = entry.file_name();
        let text = name.to_string_lossy();
        if endings.iter().any(|ending| text.ends_with(ending)) {
            std::fs::copy(entry.path(), to.path().join(&name)).unwrap();
        }
    }
    to
}

pub(crate) fn lock<T>(mutex: &Mutex<T>) -> std::sync::MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}
