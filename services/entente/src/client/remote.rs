//! Which suite is called, and with which key.

use std::path::{Path, PathBuf};

use super::Failed;
use crate::api::Api;
use crate::serve::API_KEY_FILE;

/// The arguments of every call.
#[derive(clap::Args)]
pub struct Remote {
    /// The suite's gRPC address: http://host:port, dns:///name:port or unix:/path
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
        hide_env_values = true
    )]
    api_key: Option<String>,

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
        let key = self.api_key.clone().or_else(|| generated_key(&self.data_dir));
        Ok(Api::new(&self.server, key.as_deref())?)
    }
}

fn generated_key(data_dir: &Path) -> Option<String> {
    let text = std::fs::read_to_string(data_dir.join(API_KEY_FILE)).ok()?;
    Some(text.trim().to_owned()).filter(|key| !key.is_empty())
}
