//! An HTTP client that connects only where the policy allows.

use std::error::Error;
use std::sync::Arc;
use std::time::Duration;

use reqwest::{Client, redirect};

use crate::resolve::Guarded;
use crate::{AddressPolicy, tls_config};

/// What a client is made with.
#[derive(Debug, Clone)]
pub struct ClientSettings {
    /// Where it may connect.
    pub policy: AddressPolicy,
    /// The time to connect, TLS included.
    pub connect_timeout: Duration,
    /// The `User-Agent` it sends.
    pub user_agent: String,
}

/// Why a client could not be made.
#[derive(Debug, thiserror::Error)]
pub enum ClientError {
    /// The TLS library.
    #[error("TLS cannot be set up")]
    Tls(#[from] rustls::Error),
    /// The HTTP library, or a user agent that is no header value.
    #[error("the HTTP client cannot be set up")]
    Http(#[from] reqwest::Error),
}

/// A client with pools of kept connections and TCP_NODELAY. It follows no redirect, so that the caller can check each
/// hop, and uses no proxy of the environment, behind which the policy could not look. An address that stands in the URL
/// itself is not resolved: check URLs with [`AddressPolicy::check`].
///
/// # Errors
/// [`ClientError`].
pub fn client(settings: &ClientSettings) -> Result<Client, ClientError> {
    Ok(Client::builder()
        .tls_backend_preconfigured(tls_config()?)
        .dns_resolver(Arc::new(Guarded(settings.policy)))
        .redirect(redirect::Policy::none())
        .no_proxy()
        .connect_timeout(settings.connect_timeout)
        .tcp_nodelay(true)
        .pool_idle_timeout(Duration::from_secs(60))
        .pool_max_idle_per_host(32)
        .user_agent(&settings.user_agent)
        .build()?)
}

/// The innermost cause of an error, which says more than the error itself: "connection refused".
#[must_use]
pub fn cause(error: &dyn Error) -> String {
    let mut innermost = error;
    while let Some(source) = innermost.source() {
        innermost = source;
    }
    innermost.to_string()
}
