//! `entente api-keys`.

use std::time::Duration;

use clap::Subcommand;
use entente_rpc::caller::for_tenant;
use entente_rpc::proto::access::v1::{
    ApiKey, CreateApiKeyRequest, ListApiKeysRequest, RevokeApiKeyRequest, RotateApiKeyRequest,
};
use entente_rpc::{Request, Status};
use serde_json::{Value, json};

use super::Failed;
use super::pages::Limit;
use crate::api::Api;
use crate::output::duration::{parse as parse_duration, to_proto};
use crate::output::{Column, Output, at, text, to_value};

pub(super) const EXAMPLES: &str = "Examples:
  entente api-keys
  entente api-keys create --name ci --role owner --expires-in 90d
  entente api-keys create --tenant acme --name dashboard --role reader
  entente api-keys rotate 0123456789abcdef --overlap 1h
  entente api-keys revoke 0123456789abcdef";

/// The type of the records.
const NAME: &str = "entente.access.v1.ApiKey";

const COLUMNS: &[Column] = &[
    ("ID", |row| text(at(row, "/id"))),
    ("NAME", |row| text(at(row, "/name"))),
    ("ROLES", |row| text(at(row, "/roles"))),
    ("CREATED", |row| text(at(row, "/created_at"))),
    ("EXPIRES", |row| text(at(row, "/expires_at"))),
    ("LAST USED", |row| text(at(row, "/last_used_at"))),
];

/// What to do; `list` when nothing is said.
#[derive(clap::Args)]
pub struct Args {
    /// The tenant whose keys they are, for operators [default: the caller's own]
    #[arg(long, global = true, value_name = "ID")]
    tenant: Option<String>,
    #[command(subcommand)]
    action: Option<Action>,
}

#[derive(Subcommand)]
enum Action {
    /// Keys, oldest first, without their secrets
    List {
        #[command(flatten)]
        limit: Limit,
    },
    /// Make a key, which is shown here and never again
    Create {
        /// What it is for
        #[arg(long)]
        name: String,
        /// owner, reader or operator; repeatable
        #[arg(long = "role", required = true)]
        roles: Vec<String>,
        /// When it ends to work, as 90d or 12h; never when not given
        #[arg(long, value_name = "DURATION", value_parser = parse_duration)]
        expires_in: Option<Duration>,
    },
    /// Give a key a new secret, which is shown here and never again
    Rotate {
        /// The id
        id: String,
        /// How long the old secret goes on working [default: 1h]
        #[arg(long, value_name = "DURATION", value_parser = parse_duration)]
        overlap: Option<Duration>,
        /// When it ends to work; as before when not given
        #[arg(long, value_name = "DURATION", value_parser = parse_duration)]
        expires_in: Option<Duration>,
    },
    /// Remove a key
    Revoke {
        /// The id
        id: String,
    },
}

pub(super) async fn run(args: Args, api: &Api, output: Output) -> Result<(), Failed> {
    let tenant = args.tenant;
    let mut keys = api.api_keys();
    match args.action {
        None => list(api, output, Limit::default(), tenant).await,
        Some(Action::List { limit }) => list(api, output, limit, tenant).await,
        Some(Action::Create { name, roles, expires_in }) => {
            let request = CreateApiKeyRequest { name, roles, expires_in: expires_in.map(to_proto) };
            let made = keys.create_api_key(to(tenant.as_deref(), request)?).await?.into_inner();
            output.record(&with_key(made.api_key, made.key));
            Ok(())
        }
        Some(Action::Rotate { id, overlap, expires_in }) => {
            let request = RotateApiKeyRequest {
                id,
                overlap: overlap.map(to_proto),
                expires_in: expires_in.map(to_proto),
            };
            let made = keys.rotate_api_key(to(tenant.as_deref(), request)?).await?.into_inner();
            output.record(&with_key(made.api_key, made.key));
            Ok(())
        }
        Some(Action::Revoke { id }) => {
            let request = to(tenant.as_deref(), RevokeApiKeyRequest { id: id.clone() })?;
            let revoked = keys.revoke_api_key(request).await?.into_inner().revoked;
            output.record(&json!({"id": id, "revoked": revoked}));
            Ok(())
        }
    }
}

/// A call for the tenant that is named, or for the caller's own.
fn to<T>(tenant: Option<&str>, message: T) -> Result<Request<T>, Status> {
    match tenant {
        Some(tenant) => for_tenant(tenant, message),
        None => Ok(Request::new(message)),
    }
}

fn with_key(record: Option<ApiKey>, key: String) -> Value {
    let mut value = to_value(NAME, &record.unwrap_or_default());
    if let Some(fields) = value.as_object_mut() {
        fields.insert("key".to_owned(), Value::from(key));
    }
    value
}

async fn list(
    api: &Api,
    output: Output,
    limit: Limit,
    tenant: Option<String>,
) -> Result<(), Failed> {
    limit
        .print(output, NAME, COLUMNS, async |page_size, page_token| {
            let request = to(tenant.as_deref(), ListApiKeysRequest { page_size, page_token })?;
            let page = api.api_keys().list_api_keys(request).await?.into_inner();
            Ok((page.api_keys, page.next_page_token))
        })
        .await
}
