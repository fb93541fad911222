//! `entente tenants`.

use clap::Subcommand;
use entente_rpc::proto::access::v1::{
    CreateTenantRequest, DeleteTenantRequest, GetTenantRequest, ListTenantsRequest, Quotas,
    ResumeTenantRequest, SuspendTenantRequest, Tenant, UpdateTenantRequest,
};
use serde_json::json;

use super::Failed;
use super::pages::Limit;
use crate::api::Api;
use crate::output::{Column, Output, at, short, text, to_value};

pub(super) const EXAMPLES: &str = "Examples:
  entente tenants
  entente tenants create acme --label 'Acme Corp' --calls-per-second 50
  entente tenants update acme --connections 10000
  entente tenants suspend acme
  entente tenants resume acme
  entente tenants delete acme
Then: entente api-keys create --tenant acme --name ci --role owner";

/// The type of the records.
const NAME: &str = "entente.access.v1.Tenant";

const COLUMNS: &[Column] = &[
    ("ID", |row| text(at(row, "/id"))),
    ("LABEL", |row| text(at(row, "/label"))),
    ("STATE", |row| short(at(row, "/state"), "TENANT_STATE_")),
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
    /// Tenants, in the order of their ids
    List {
        #[command(flatten)]
        limit: Limit,
    },
    /// Show a tenant
    Show {
        /// The id
        id: String,
    },
    /// Make a tenant
    Create {
        /// The id; one is made when it is not given
        #[arg(default_value = "")]
        id: String,
        /// Its name, which peers see
        #[arg(long, default_value = "")]
        label: String,
        #[command(flatten)]
        quotas: QuotaArgs,
    },
    /// Change a tenant's name or quotas; what is not given stays
    Update {
        /// The id
        id: String,
        /// Its name, which peers see
        #[arg(long)]
        label: Option<String>,
        #[command(flatten)]
        quotas: QuotaArgs,
    },
    /// Let a tenant rest: its callers are refused, its peers not answered, and nothing is lost
    Suspend {
        /// The id
        id: String,
    },
    /// Let it work again
    Resume {
        /// The id
        id: String,
    },
    /// Destroy a tenant with all that is its, its private keys first
    Delete {
        /// The id
        id: String,
    },
}

/// What a tenant may use; 0 is no limit.
#[derive(clap::Args)]
struct QuotaArgs {
    /// Calls a second; 0 for no limit, as with the others
    #[arg(long, value_name = "N")]
    calls_per_second: Option<i32>,
    /// Calls at once, after a rest
    #[arg(long, value_name = "N")]
    burst: Option<i32>,
    /// Connections
    #[arg(long, value_name = "N")]
    connections: Option<i32>,
    /// Invitations
    #[arg(long, value_name = "N")]
    invitations: Option<i32>,
    /// Webhooks
    #[arg(long, value_name = "N")]
    webhooks: Option<i32>,
    /// API keys
    #[arg(long = "max-api-keys", value_name = "N")]
    api_keys: Option<i32>,
}

impl QuotaArgs {
    fn over(&self, before: Quotas) -> Quotas {
        Quotas {
            calls_per_second: self.calls_per_second.unwrap_or(before.calls_per_second),
            burst: self.burst.unwrap_or(before.burst),
            connections: self.connections.unwrap_or(before.connections),
            invitations: self.invitations.unwrap_or(before.invitations),
            webhooks: self.webhooks.unwrap_or(before.webhooks),
            api_keys: self.api_keys.unwrap_or(before.api_keys),
        }
    }
}

pub(super) async fn run(args: Args, api: &Api, output: Output) -> Result<(), Failed> {
    let mut tenants = api.tenants();
    let tenant = match args.action {
        None => return list(api, output, Limit::default()).await,
        Some(Action::List { limit }) => return list(api, output, limit).await,
        Some(Action::Delete { id }) => {
            let answer = tenants.delete_tenant(DeleteTenantRequest { id: id.clone() }).await?;
            let done = answer.into_inner().done;
            output.record(&json!({"id": id, "deleted": done}));
            if !done {
                output.say("It is being deleted; its keys are the first to go.");
            }
            return Ok(());
        }
        Some(Action::Show { id }) => get(api, id).await?,
        Some(Action::Create { id, label, quotas }) => {
            let quotas = Some(quotas.over(Quotas::default()));
            let request = CreateTenantRequest { id, label, quotas, ..Default::default() };
            tenants.create_tenant(request).await?.into_inner().tenant
        }
        Some(Action::Update { id, label, quotas }) => {
            let before = get(api, id).await?.unwrap_or_default();
            let tenant = Tenant {
                label: label.unwrap_or(before.label),
                quotas: Some(quotas.over(before.quotas.unwrap_or_default())),
                id: before.id,
                ..Default::default()
            };
            let paths = ["label", "quotas"].map(str::to_owned).to_vec();
            let request = UpdateTenantRequest {
                tenant: Some(tenant),
                update_mask: Some(prost_types::FieldMask { paths }),
            };
            tenants.update_tenant(request).await?.into_inner().tenant
        }
        Some(Action::Suspend { id }) => {
            tenants.suspend_tenant(SuspendTenantRequest { id }).await?.into_inner().tenant
        }
        Some(Action::Resume { id }) => {
            tenants.resume_tenant(ResumeTenantRequest { id }).await?.into_inner().tenant
        }
    };
    output.record(&to_value(NAME, &tenant.unwrap_or_default()));
    Ok(())
}

async fn get(api: &Api, id: String) -> Result<Option<Tenant>, Failed> {
    Ok(api.tenants().get_tenant(GetTenantRequest { id }).await?.into_inner().tenant)
}

async fn list(api: &Api, output: Output, limit: Limit) -> Result<(), Failed> {
    limit
        .print(output, NAME, COLUMNS, async |page_size, page_token| {
            let request = ListTenantsRequest { page_size, page_token, ..Default::default() };
            let page = api.tenants().list_tenants(request).await?.into_inner();
            Ok((page.tenants, page.next_page_token))
        })
        .await
}
