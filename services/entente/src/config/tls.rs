//! TLS, and whom the listeners believe.

use std::path::PathBuf;

use entente_rpc::auth::{Issuers, Proxies};
use entente_tls::ClientAuth;

use super::{ConfigError, Settings, TlsClientAuth, TlsListener};

/// TLS of the listeners and of calls to other services.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct TlsConfig {
    /// The files.
    pub files: entente_tls::Settings,
    /// Which listeners speak it.
    pub listeners: Vec<TlsListener>,
}

impl TlsConfig {
    /// Whether a listener speaks TLS.
    #[must_use]
    pub fn covers(&self, listener: TlsListener) -> bool {
        self.listeners.contains(&listener)
    }

    /// How a listener is called.
    #[must_use]
    pub fn scheme(&self, listener: TlsListener) -> &'static str {
        if self.covers(listener) { "https" } else { "http" }
    }
}

pub(super) fn read(settings: &Settings) -> Result<TlsConfig, ConfigError> {
    let together = |text: &str| ConfigError::Together(text.to_owned());
    let pair: Option<(PathBuf, PathBuf)> = match (&settings.tls_cert, &settings.tls_key) {
        (Some(certificate), Some(key)) => Some((certificate.clone(), key.clone())),
        (None, None) => None,
        _ => return Err(together("--tls-cert and --tls-key go together: give both of them")),
    };
    if pair.is_none() && (!settings.tls_listeners.is_empty() || settings.tls_client_ca.is_some()) {
        return Err(together(
            "--tls-listeners and --tls-client-ca need a certificate: give --tls-cert and --tls-key",
        ));
    }
    if settings.tls_client_ca.is_none() && settings.tls_client_auth.is_some() {
        return Err(together(
            "--tls-client-auth is about certificates of clients: give their --tls-client-ca",
        ));
    }
    let auth = match settings.tls_client_auth {
        Some(TlsClientAuth::Optional) => ClientAuth::Optional,
        Some(TlsClientAuth::Required) | None => ClientAuth::Required,
    };
    let listeners = match (&pair, settings.tls_listeners.as_slice()) {
        (None, _) => Vec::new(),
        (Some(_), []) => vec![TlsListener::Grpc, TlsListener::Admin],
        (Some(_), given) => given.to_vec(),
    };
    let files = entente_tls::Settings {
        pair,
        client_ca: settings.tls_client_ca.clone().map(|path| (path, auth)),
        server_ca: settings.link_ca.clone(),
    };
    Ok(TlsConfig { files, listeners })
}

pub(super) fn proxies(given: &[String]) -> Result<Proxies, ConfigError> {
    let mut proxies = Proxies::default();
    for text in given {
        match (text.parse(), text.parse()) {
            (Ok(network), _) => proxies.networks.push(network),
            (_, Ok(id)) => proxies.ids.push(id),
            _ => {
                let problem = "is no proxy; write a network as 10.0.0.0/8, an address, or spiffe://trust-domain/path";
                return Err(ConfigError::value("trusted-proxy", text, problem));
            }
        }
    }
    Ok(proxies)
}

pub(super) fn issuers(settings: &Settings) -> Result<(), ConfigError> {
    Issuers::new(settings.issuers.clone())
        .map(|_| ())
        .map_err(|error| ConfigError::Together(format!("[[issuers]]: {error}")))
}

pub(super) fn unix_mode(given: Option<&str>) -> Result<u32, ConfigError> {
    let Some(text) = given else { return Ok(0o600) };
    let mode = u32::from_str_radix(text, 8)
        .ok()
        .filter(|mode| mode & !0o777 == 0 && mode & 0o600 == 0o600);
    let problem = "is no mode; write 600 for this user alone, 660 for its group too, or 666 for everyone on this machine";
    mode.ok_or_else(|| ConfigError::value("grpc-unix-mode", text, problem))
}
