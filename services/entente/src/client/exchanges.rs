//! `entente exchanges`.

use clap::Subcommand;
use entente_rpc::proto::connection::v1::{
    AbandonExchangeRequest, ApproveExchangeRequest, DeleteExchangeRequest, ExchangeState,
    GetExchangeRequest, ListExchangesRequest, RejectExchangeRequest, RetryDeliveryRequest, Role,
};
use serde_json::json;

use super::pages::Limit;
use super::{Failed, names};
use crate::api::Api;
use crate::output::{Column, Output, at, short, text, to_value};

pub(super) const EXAMPLES: &str = "Examples:
  entente exchanges
  entente exchanges list --state request --role inviter
  entente exchanges show <id>
  entente exchanges approve <id>
  entente exchanges reject <id> --reason 'not today'
  entente exchanges retry <id>
  entente exchanges abandon <id> --reason 'gone for good'
  entente exchanges delete <id>";

/// The type of the records.
const NAME: &str = "entente.connection.v1.Exchange";

const COLUMNS: &[Column] = &[
    ("ID", |row| text(at(row, "/id"))),
    ("ROLE", |row| short(at(row, "/role"), "ROLE_")),
    ("STATE", |row| short(at(row, "/state"), "EXCHANGE_STATE_")),
    ("LABEL", |row| text(at(row, "/their_label"))),
    ("ALIAS", |row| text(at(row, "/alias"))),
    ("INVITATION", |row| text(at(row, "/invitation_id"))),
    ("UPDATED", |row| text(at(row, "/updated_at"))),
    ("ERROR", |row| {
        text(if at(row, "/error").is_null() { at(row, "/last_error") } else { at(row, "/error") })
    }),
];

/// What to do; `list` when nothing is said.
#[derive(clap::Args)]
pub struct Args {
    #[command(subcommand)]
    action: Option<Action>,
}

#[derive(Subcommand)]
enum Action {
    /// Handshakes, oldest first
    List(List),
    /// One with all its fields and its delivery attempts
    Show {
        /// The id
        id: String,
    },
    /// Go on with one that waits for a decision
    Approve {
        /// The id
        id: String,
        /// Our name in the message [default: the agent's]
        #[arg(long)]
        label: Option<String>,
    },
    /// Abandon it and tell the peer
    Reject {
        /// The id
        id: String,
        /// Told to the peer
        #[arg(long, default_value = "")]
        reason: String,
    },
    /// Send now what waits for the peer; of a connection too
    Retry {
        /// The id
        id: String,
    },
    /// Give it up without telling the peer
    Abandon {
        /// The id
        id: String,
        /// Kept with the record
        #[arg(long, default_value = "")]
        reason: String,
    },
    /// Remove the record; a connection that it made stays
    Delete {
        /// The id
        id: String,
    },
}

#[derive(clap::Args)]
struct List {
    #[command(flatten)]
    limit: Limit,
    /// Only in this state
    #[arg(long, value_parser = names::exchange_state())]
    state: Option<ExchangeState>,
    /// Only with this role
    #[arg(long, value_parser = names::role())]
    role: Option<Role>,
    /// Only with this alias
    #[arg(long)]
    alias: Option<String>,
    /// Only of this invitation
    #[arg(long, value_name = "ID")]
    invitation: Option<String>,
    /// Newest first
    #[arg(long)]
    descending: bool,
}

pub(super) async fn run(args: Args, api: &Api, output: Output) -> Result<(), Failed> {
    let mut client = api.exchanges();
    let exchange = match args.action {
        None => return list(api, output, ListExchangesRequest::default(), Limit::default()).await,
        Some(Action::List(args)) => {
            let request = ListExchangesRequest {
                state: args.state.unwrap_or_default().into(),
                role: args.role.unwrap_or_default().into(),
                alias: args.alias.unwrap_or_default(),
                invitation_id: args.invitation.unwrap_or_default(),
                descending: args.descending,
                ..Default::default()
            };
            return list(api, output, request, args.limit).await;
        }
        Some(Action::Show { id }) => {
            client.get_exchange(GetExchangeRequest { id }).await?.into_inner().exchange
        }
        Some(Action::Approve { id, label }) => {
            client
                .approve_exchange(ApproveExchangeRequest { id, label })
                .await?
                .into_inner()
                .exchange
        }
        Some(Action::Reject { id, reason }) => {
            client
                .reject_exchange(RejectExchangeRequest { id, reason })
                .await?
                .into_inner()
                .exchange
        }
        Some(Action::Retry { id }) => {
            let request = RetryDeliveryRequest { id };
            let messages = api.diagnosis().retry_delivery(request).await?.into_inner().messages;
            output.record(&json!({"messages": messages}));
            return Ok(());
        }
        Some(Action::Abandon { id, reason }) => {
            client
                .abandon_exchange(AbandonExchangeRequest { id, reason })
                .await?
                .into_inner()
                .exchange
        }
        Some(Action::Delete { id }) => {
            client.delete_exchange(DeleteExchangeRequest { id }).await?;
            output.say("deleted");
            return Ok(());
        }
    };
    output.record(&to_value(NAME, &exchange.unwrap_or_default()));
    Ok(())
}

async fn list(
    api: &Api,
    output: Output,
    filter: ListExchangesRequest,
    limit: Limit,
) -> Result<(), Failed> {
    limit
        .print(output, NAME, COLUMNS, async |page_size, page_token| {
            let request = ListExchangesRequest { page_size, page_token, ..filter.clone() };
            let page = api.exchanges().list_exchanges(request).await?.into_inner();
            Ok((page.exchanges, page.next_page_token))
        })
        .await
}
