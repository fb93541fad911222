//! `entente invitations`.

use clap::Subcommand;
use entente_rpc::proto::connection::v1::{
    DeleteInvitationRequest, GetInvitationRequest, InvitationState, ListInvitationsRequest,
    RevokeInvitationRequest,
};
use serde_json::Value;

use super::pages::Limit;
use super::{Failed, names};
use crate::api::Api;
use crate::output::{Column, Output, at, short, text, to_value};

pub(super) const EXAMPLES: &str = "Examples:
  entente invitations
  entente invitations list --state open
  entente invitations show <id>
  entente invitations revoke <id>
  entente invitations delete <id>";

/// The type of the records.
const NAME: &str = "entente.connection.v1.Invitation";

const COLUMNS: &[Column] = &[
    ("ID", |row| text(at(row, "/id"))),
    ("KIND", |row| short(at(row, "/kind"), "INVITATION_KIND_")),
    ("STATE", |row| short(at(row, "/state"), "INVITATION_STATE_")),
    ("USES", |row| uses(row)),
    ("ALIAS", |row| text(at(row, "/alias"))),
    ("GOAL", |row| text(at(row, "/goal_code"))),
    ("DID", |row| text(at(row, "/did"))),
    ("CREATED", |row| text(at(row, "/created_at"))),
    ("EXPIRES", |row| text(at(row, "/expires_at"))),
];

fn uses(row: &Value) -> String {
    let count = at(row, "/uses").as_i64().unwrap_or(0);
    at(row, "/max_uses")
        .as_i64()
        .map_or_else(|| count.to_string(), |limit| format!("{count}/{limit}"))
}

/// What to do; `list` when nothing is said.
#[derive(clap::Args)]
pub struct Args {
    #[command(subcommand)]
    action: Option<Action>,
}

#[derive(Subcommand)]
enum Action {
    /// Our invitations, oldest first
    List {
        #[command(flatten)]
        limit: Limit,
        /// Only in this state
        #[arg(long, value_parser = names::invitation_state())]
        state: Option<InvitationState>,
        /// Only with this alias
        #[arg(long)]
        alias: Option<String>,
    },
    /// One with all its fields
    Show {
        /// The id
        id: String,
    },
    /// Stop it from being used; what it made stays
    Revoke {
        /// The id
        id: String,
    },
    /// Remove it; what it made stays
    Delete {
        /// The id
        id: String,
    },
}

pub(super) async fn run(args: Args, api: &Api, output: Output) -> Result<(), Failed> {
    let mut client = api.invitations();
    let invitation = match args.action {
        None => {
            return list(api, output, ListInvitationsRequest::default(), Limit::default()).await;
        }
        Some(Action::List { limit, state, alias }) => {
            let request = ListInvitationsRequest {
                state: state.unwrap_or_default().into(),
                alias: alias.unwrap_or_default(),
                ..Default::default()
            };
            return list(api, output, request, limit).await;
        }
        Some(Action::Show { id }) => {
            client.get_invitation(GetInvitationRequest { id }).await?.into_inner().invitation
        }
        Some(Action::Revoke { id }) => {
            client.revoke_invitation(RevokeInvitationRequest { id }).await?.into_inner().invitation
        }
        Some(Action::Delete { id }) => {
            client.delete_invitation(DeleteInvitationRequest { id }).await?;
            output.say("deleted");
            return Ok(());
        }
    };
    output.record(&to_value(NAME, &invitation.unwrap_or_default()));
    Ok(())
}

async fn list(
    api: &Api,
    output: Output,
    filter: ListInvitationsRequest,
    limit: Limit,
) -> Result<(), Failed> {
    limit
        .print(output, NAME, COLUMNS, async |page_size, page_token| {
            let request = ListInvitationsRequest { page_size, page_token, ..filter.clone() };
            let page = api.invitations().list_invitations(request).await?.into_inner();
            Ok((page.invitations, page.next_page_token))
        })
        .await
}
