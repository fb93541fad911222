//! Several whole agents that are one: on one database, behind one endpoint.

use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};

use entente_store::testing::Place;
use tempfile::TempDir;
use tokio::io::copy_bidirectional;
use tokio::net::{TcpListener, TcpStream};
use tokio::task::JoinHandle;

use super::{KEY, Suite};

/// Replicas of one agent, on PostgreSQL, with a proxy before them that goes round.
pub struct Replicas {
    /// The processes.
    pub suites: Vec<Suite>,
    /// Their database.
    pub place: Place,
    next: AtomicUsize,
    proxy: JoinHandle<()>,
    _directory: TempDir,
}

impl Replicas {
    /// Starts some, with further arguments of `entente serve`. `None`, and loudly, where there is no PostgreSQL.
    pub async fn start(count: usize, arguments: &[&str]) -> Option<Self> {
        let place = super::postgres().await?;
        let url = place.url();
        Some(Self::on(place, &url, count, arguments).await)
    }

    /// The same behind pgbouncer, which gives each transaction another session.
    pub async fn behind_pgbouncer(count: usize, arguments: &[&str]) -> Option<Self> {
        let place = super::postgres().await?;
        let proxy = std::env::var("ENTENTE_TEST_PGBOUNCER").expect("it is started with PostgreSQL");
        let (_, name) = place.url().rsplit_once('/').map(|(a, b)| (a.to_owned(), b.to_owned()))?;
        Some(Self::on(place, &format!("{proxy}/{name}?pgbouncer=true"), count, arguments).await)
    }

    async fn on(place: Place, url: &str, count: usize, arguments: &[&str]) -> Self {
        let directory = tempfile::tempdir().unwrap();
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let endpoint = format!("http://{}", listener.local_addr().unwrap());
        let master = directory.path().join("master.key");
        let mut shared: Vec<String> =
            ["--database-url", url, "--endpoint", &endpoint, "--admin-api-key", KEY]
                .map(str::to_owned)
                .to_vec();
        shared.extend(["--master-key-file".to_owned(), master.display().to_string()]);
        shared.extend(arguments.iter().map(|&argument| argument.to_owned()));
        let mut suites = Vec::new();
        for _ in 0..count {
            let mut suite = Suite::launch(shared.clone()).await;
            suite.use_key(KEY);
            suites.push(suite);
        }
        let addresses: Arc<[String]> = suites
            .iter()
            .map(|suite| suite.didcomm_url.trim_start_matches("http://").to_owned())
            .collect();
        let proxy = tokio::spawn(go_round(listener, addresses));
        Self { suites, place, next: AtomicUsize::new(0), proxy, _directory: directory }
    }

    /// One after the other.
    pub fn any(&self) -> &Suite {
        &self.suites[self.next.fetch_add(1, Ordering::Relaxed) % self.suites.len()]
    }
}

impl Drop for Replicas {
    fn drop(&mut self) {
        self.proxy.abort();
    }
}

/// Gives each connection to the next replica that takes it.
async fn go_round(listener: TcpListener, addresses: Arc<[String]>) {
    let mut next = 0;
    while let Ok((mut incoming, _)) = listener.accept().await {
        next += 1;
        let (addresses, first) = (Arc::clone(&addresses), next);
        tokio::spawn(async move {
            for at in 0..addresses.len() {
                let address = &addresses[(first + at) % addresses.len()];
                if let Ok(mut outgoing) = TcpStream::connect(address).await {
                    let _ = incoming.set_nodelay(true);
                    let _ = outgoing.set_nodelay(true);
                    let _ = copy_bidirectional(&mut incoming, &mut outgoing).await;
                    return;
                }
            }
        });
    }
}
