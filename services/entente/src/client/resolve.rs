//! `entente resolve`.

use entente_rpc::proto::resolver::v1::ResolveRequest;
use serde_json::Value;

use super::Failed;
use crate::api::Api;
use crate::output::{Output, print_line, to_value};

pub(super) const EXAMPLES: &str = "Examples:
  entente resolve did:web:example.com --no-cache
  entente resolve did:peer:2.Vz6Mk…";

/// The DID.
#[derive(clap::Args)]
pub struct Args {
    /// The DID
    did: String,
    /// Ask the source again
    #[arg(long)]
    no_cache: bool,
}

pub(super) async fn run(args: Args, api: &Api, output: Output) -> Result<(), Failed> {
    let request = ResolveRequest { did: args.did, no_cache: args.no_cache };
    let response = api.resolver().resolve(request).await?.into_inner();
    if output.json {
        output.record(&to_value("entente.resolver.v1.ResolveResponse", &response));
        return Ok(());
    }
    let document: Value = serde_json::from_str(&response.document_json).unwrap_or_default();
    print_line(&format!("{document:#}"));
    Ok(())
}
