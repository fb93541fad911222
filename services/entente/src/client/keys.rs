//! `entente keys` and `entente keystore`.

use clap::Subcommand;
use entente_rpc::proto::connection::v1::DiscardOrphanRequest;
use entente_rpc::proto::keystore::v1::{
    CreateKeyRequest, KeyType, ListKeysRequest, RotateMasterKeyRequest,
};
use serde_json::json;

use super::pages::Limit;
use super::{Failed, names};
use crate::api::Api;
use crate::output::{Column, Output, at, duration, short, text, to_value};

pub(super) const EXAMPLES: &str = "Examples:
  entente keys
  entente keys create --type x25519
  entente keys list --purpose connection
  entente keys discard z6Mk…";
pub(super) const KEYSTORE_EXAMPLES: &str = "Examples:\n  entente keystore rotate";

/// The type of the records.
const NAME: &str = "entente.keystore.v1.Key";

const COLUMNS: &[Column] = &[
    ("KEY", |row| text(at(row, "/multibase"))),
    ("TYPE", |row| short(at(row, "/type"), "KEY_TYPE_")),
    ("CREATED", |row| text(at(row, "/created_at"))),
];

/// What to do; `list` when nothing is said.
#[derive(clap::Args)]
pub struct Args {
    #[command(subcommand)]
    action: Option<Action>,
}

#[derive(Subcommand)]
enum Action {
    /// Public keys, oldest first
    List {
        #[command(flatten)]
        limit: Limit,
        /// Only keys that were made for this: `connection` for those of the connection service
        #[arg(long, default_value = "", hide_default_value = true)]
        purpose: String,
    },
    /// Make a key pair
    Create {
        /// The curve
        #[arg(long = "type", value_parser = names::key_type(), default_value = "ed25519")]
        key_type: KeyType,
    },
    /// Destroy a key or a DID that `entente doctor` found orphaned; it is looked again whether anything needs it
    Discard {
        /// The DID, or the public key as multibase
        id: String,
        /// How long ago it must have been made: `30s`, `5m`, `1h`
        #[arg(long, value_name = "SPAN", default_value = "1m", value_parser = duration::parse)]
        patience: std::time::Duration,
    },
}

/// What to do with the keystore.
#[derive(clap::Args)]
pub struct KeystoreArgs {
    #[command(subcommand)]
    action: KeystoreAction,
}

#[derive(Subcommand)]
enum KeystoreAction {
    /// Wrap all tenant keys under a new master key, while the keystore goes on working
    Rotate,
}

pub(super) async fn run(args: Args, api: &Api, output: Output) -> Result<(), Failed> {
    match args.action {
        None => list(api, output, Limit::default(), "").await,
        Some(Action::List { limit, purpose }) => list(api, output, limit, &purpose).await,
        Some(Action::Create { key_type }) => {
            let request = CreateKeyRequest { r#type: key_type.into(), ..Default::default() };
            let key =
                api.keystore().create_key(request).await?.into_inner().key.unwrap_or_default();
            output.record(&to_value(NAME, &key));
            Ok(())
        }
        Some(Action::Discard { id, patience }) => {
            let patience = Some(duration::to_proto(patience));
            api.diagnosis().discard_orphan(DiscardOrphanRequest { id, patience }).await?;
            output.say("discarded");
            Ok(())
        }
    }
}

pub(super) async fn keystore(args: KeystoreArgs, api: &Api, output: Output) -> Result<(), Failed> {
    match args.action {
        KeystoreAction::Rotate => {
            let response =
                api.keystore().rotate_master_key(RotateMasterKeyRequest {}).await?.into_inner();
            output.record(&json!({"tenant_keys": response.tenant_keys}));
            Ok(())
        }
    }
}

async fn list(api: &Api, output: Output, limit: Limit, purpose: &str) -> Result<(), Failed> {
    limit
        .print(output, NAME, COLUMNS, async |page_size, page_token| {
            let request = ListKeysRequest { page_size, page_token, purpose: purpose.to_owned() };
            let page = api.keystore().list_keys(request).await?.into_inner();
            Ok((page.keys, page.next_page_token))
        })
        .await
}
