//! The keys of an issuer, as it publishes them.

use std::path::Path;
use std::sync::{Arc, PoisonError, RwLock};
use std::time::{Duration, Instant};

use entente_net::{AddressPolicy, ClientSettings, read_body};
use jsonwebtoken::jwk::{AlgorithmParameters, Jwk, PublicKeyUse};
use jsonwebtoken::{Algorithm, DecodingKey};
use serde_json::Value;
use url::Url;

use crate::settings::{Source, algorithm};

/// How often keys are fetched.
pub(crate) const PERIOD: Duration = Duration::from_secs(5 * 60);
/// How long after a fetch an unknown key is unknown without another: callers must not be able to flood the issuer.
const PAUSE: Duration = Duration::from_secs(10);
/// How long a fetch may take.
const TIME: Duration = Duration::from_secs(5);
/// The longest list of keys, in bytes.
const MAX_LIST: usize = 256 * 1024;
/// The most keys of a list that count.
const MAX_KEYS: usize = 64;
/// The most keys that a token without a key's id is tried with.
const MAX_TRIED: usize = 4;

pub(crate) struct Keys {
    source: Source,
    client: Option<reqwest::Client>,
    known: RwLock<Arc<[Key]>>,
    fetched: tokio::sync::Mutex<Option<Instant>>,
}

struct Key {
    id: Option<String>,
    /// The only algorithm that it is for, if it says so.
    algorithm: Option<Algorithm>,
    key: DecodingKey,
}

impl Keys {
    pub(crate) fn new(source: Source) -> Self {
        let client = match source {
            Source::File(_) => None,
            // Who starts the process names the URL.
            Source::Url(_) => entente_net::client(&ClientSettings {
                policy: AddressPolicy::Any,
                connect_timeout: Duration::from_secs(3),
                user_agent: concat!("entente/", env!("CARGO_PKG_VERSION")).to_owned(),
            })
            .ok(),
        };
        Self { source, client, known: RwLock::default(), fetched: tokio::sync::Mutex::new(None) }
    }

    /// The keys that may have signed a token, fetched again if there is none.
    pub(crate) async fn find(&self, id: Option<&str>, algorithm: Algorithm) -> Vec<DecodingKey> {
        let found = self.known(id, algorithm);
        if !found.is_empty() {
            return found;
        }
        {
            // Whoever waits for another's fetch has its keys.
            let mut fetched = self.fetched.lock().await;
            if fetched.is_none_or(|at| at.elapsed() >= PAUSE) {
                self.fetch_now().await;
                *fetched = Some(Instant::now());
            }
        }
        self.known(id, algorithm)
    }

    pub(crate) async fn fetch(&self) {
        let mut fetched = self.fetched.lock().await;
        self.fetch_now().await;
        *fetched = Some(Instant::now());
    }

    fn known(&self, id: Option<&str>, algorithm: Algorithm) -> Vec<DecodingKey> {
        let known = Arc::clone(&self.known.read().unwrap_or_else(PoisonError::into_inner));
        let fits = |key: &&Key| {
            key.key.family() == algorithm.family()
                && key.algorithm.is_none_or(|only| only == algorithm)
                && id.is_none_or(|id| key.id.as_deref() == Some(id))
        };
        known.iter().filter(fits).take(MAX_TRIED).map(|key| key.key.clone()).collect()
    }

    /// Takes the list as it is now, so that a key that is not published any more does not count; keeps what it had when
    /// there is none to be got.
    async fn fetch_now(&self) {
        let read = match &self.source {
            Source::File(path) => read_file(path).await,
            Source::Url(url) => self.get(url).await,
        };
        match read.and_then(|bytes| parse(&bytes)) {
            Ok(keys) => {
                tracing::debug!(source = %self.source, keys = keys.len(), "keys fetched");
                *self.known.write().unwrap_or_else(PoisonError::into_inner) = keys.into();
            }
            Err(problem) => {
                tracing::warn!(source = %self.source, problem, "the keys of an issuer cannot be fetched");
            }
        }
    }

    async fn get(&self, url: &Url) -> Result<Vec<u8>, String> {
        let client = self.client.as_ref().ok_or("there is no HTTP client")?;
        let sent = client.get(url.clone()).timeout(TIME).send().await;
        let response = sent.map_err(|error| entente_net::cause(&error))?;
        if response.status() != 200 {
            return Err(format!("the answer is {}", response.status()));
        }
        read_body(response, MAX_LIST).await.map_err(|error| error.to_string())
    }
}

impl std::fmt::Display for Source {
    fn fmt(&self, formatter: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self {
            Self::Url(url) => url.fmt(formatter),
            Self::File(path) => path.display().fmt(formatter),
        }
    }
}

async fn read_file(path: &Path) -> Result<Vec<u8>, String> {
    use std::io::Read as _;
    let path = path.to_owned();
    let read = move || {
        let mut bytes = Vec::new();
        let most = u64::try_from(MAX_LIST).unwrap_or_default();
        std::fs::File::open(path)?.take(most).read_to_end(&mut bytes).map(|_| bytes)
    };
    match tokio::task::spawn_blocking(read).await {
        Ok(read) => read.map_err(|error: std::io::Error| error.to_string()),
        Err(error) => Err(error.to_string()),
    }
}

/// The keys of a list. What is no key for signatures, or of a kind that is not known, is passed over (RFC 7517 §5).
fn parse(bytes: &[u8]) -> Result<Vec<Key>, String> {
    let list: Value = serde_json::from_slice(bytes).map_err(|error| error.to_string())?;
    let keys = list.get("keys").and_then(Value::as_array).ok_or("there is no list \"keys\"")?;
    let keys: Vec<Key> = keys.iter().take(MAX_KEYS).filter_map(key).collect();
    if keys.is_empty() { Err("there is no key that can be used".to_owned()) } else { Ok(keys) }
}

fn key(value: &Value) -> Option<Key> {
    let jwk: Jwk = serde_json::from_value(value.clone()).ok()?;
    let public =
        !matches!(jwk.algorithm, AlgorithmParameters::OctetKey(_) | AlgorithmParameters::Other(_));
    let signs =
        jwk.common.public_key_use.as_ref().is_none_or(|known| *known == PublicKeyUse::Signature);
    let algorithm = match value.get("alg") {
        Some(named) => Some(algorithm(named.as_str()?)?),
        None => None,
    };
    if !public || !signs {
        return None;
    }
    let key = DecodingKey::from_jwk(&jwk).ok()?;
    Some(Key { id: jwk.common.key_id, algorithm, key })
}
