//! Which suite is called, and with which key.

use std::path::{Path, PathBuf};
use std::sync::Arc;

use entente_rpc::link::{self, Security};
use entente_tls::Tls;

use super::Failed;
use crate::api::Api;
use crate::serve::API_KEY_FILE;

/// The arguments of every call.
#[derive(clap::Args)]
pub struct Remote {
    /// The suite's gRPC address: http://host:port, https://host:port, dns:///name:port or unix:/path
    #[arg(
        long,
        env = "ENTENTE_SERVER",
        value_name = "URL",
        global = true,
        help_heading = "Connection",
        default_value = "http://127.0.0.1:8032"
    )]
    pub server: String,

    /// The suite's API key [default: the one in <data-dir>/admin-api-key, if it is there]
    #[arg(
        long,
        env = "ENTENTE_API_KEY",
        value_name = "KEY",
        global = true,
        help_heading = "Connection",
        allow_hyphen_values = true,
        hide_env_values = true
    )]
    api_key: Option<String>,

    /// The authorities of the suite's certificate, as PEM [default: the system's, for https://]
    #[arg(
        long,
        env = "ENTENTE_CA",
        value_name = "FILE",
        global = true,
        help_heading = "Connection"
    )]
    tls_ca: Option<PathBuf>,

    /// The certificate to show, as PEM, with its key in --tls-key
    #[arg(
        long,
        env = "ENTENTE_CERT",
        value_name = "FILE",
        global = true,
        help_heading = "Connection",
        requires = "tls_key"
    )]
    tls_cert: Option<PathBuf>,

    /// The key of --tls-cert, as PEM
    #[arg(
        long,
        env = "ENTENTE_KEY",
        value_name = "FILE",
        global = true,
        help_heading = "Connection",
        requires = "tls_cert"
    )]
    tls_key: Option<PathBuf>,

    /// Where to look for the generated API key
    #[arg(
        long,
        env = "ENTENTE_DATA_DIR",
        value_name = "DIR",
        global = true,
        help_heading = "Connection",
        default_value = "./entente-data"
    )]
    data_dir: PathBuf,

    /// Print JSON, one object a line
    #[arg(long, global = true)]
    pub json: bool,
}

impl Remote {
    pub(super) fn api(&self) -> Result<Api, Failed> {
        // Who shows a certificate needs no key.
        let generated = || self.tls_cert.is_none().then(|| generated_key(&self.data_dir)).flatten();
        let key = self.api_key.clone().or_else(generated);
        if self.tls_ca.is_none() && !link::is_https(&self.server) {
            return Ok(Api::new(&self.server, key.as_deref())?);
        }
        let tls = Tls::load(entente_tls::Settings {
            pair: self.tls_cert.clone().zip(self.tls_key.clone()),
            client_ca: None,
            server_ca: self.tls_ca.clone(),
        })
        .map_err(|error| Failed::Usage(error.to_string()))?;
        let security = Security { tls, expected: Arc::default() };
        Ok(Api::secured(&self.server, key.as_deref(), security)?)
    }
}

fn generated_key(data_dir: &Path) -> Option<String> {
    let text = std::fs::read_to_string(data_dir.join(API_KEY_FILE)).ok()?;
    Some(text.trim().to_owned()).filter(|key| !key.is_empty())
}
