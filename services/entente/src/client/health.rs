//! `entente health`.

use serde_json::json;
use tonic_health::pb::HealthCheckRequest;
use tonic_health::pb::health_check_response::ServingStatus;

use super::Failed;
use crate::api::Api;
use crate::output::Output;

pub(super) const EXAMPLES: &str = "Examples:
  entente health
  entente health entente.connection.v1.ConnectionService --server http://10.0.0.1:8032";

/// What is asked for.
#[derive(clap::Args)]
pub struct Args {
    /// A service by its full name, `readiness` or `liveness` [default: all of the process]
    #[arg(default_value = "", hide_default_value = true)]
    service: String,
}

pub(super) async fn run(args: Args, api: &Api, output: Output) -> Result<(), Failed> {
    let request = HealthCheckRequest { service: args.service };
    let status = api.health().check(request).await?.into_inner().status();
    output.record(&json!({"status": status.as_str_name()}));
    match status {
        ServingStatus::Serving => Ok(()),
        _ => Err(Failed::Outcome("it is not serving".to_owned())),
    }
}
