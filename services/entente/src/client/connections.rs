//! `entente connections`.

use clap::Subcommand;
use entente_rpc::proto::connection::v1::{
    Connection, DeleteConnectionRequest, FindDuplicatesRequest, GetConnectionRequest,
    ListConnectionsRequest, MergeConnectionsRequest, UpdateConnectionRequest,
};
use serde_json::Value;

use super::Failed;
use super::pages::Limit;
use crate::api::Api;
use crate::output::{Column, Output, at, short, text, to_value};

pub(super) const EXAMPLES: &str = "Examples:
  entente connections
  entente connections list --alias faber --json
  entente connections show <id>
  entente connections update <id> --alias faber --metadata '{\"tier\":1}'
  entente connections duplicates
  entente connections merge <id to keep> <id> <id>
  entente connections delete <id>";

/// The type of the records.
const NAME: &str = "entente.connection.v1.Connection";

const COLUMNS: &[Column] = &[
    ("ID", |row| text(at(row, "/id"))),
    ("ROLE", |row| short(at(row, "/role"), "ROLE_")),
    ("LABEL", |row| text(at(row, "/their_label"))),
    ("ALIAS", |row| text(at(row, "/alias"))),
    ("THEIR DID", |row| text(at(row, "/their_did"))),
    ("REUSES", |row| text(at(row, "/reuses"))),
    ("CREATED", |row| text(at(row, "/created_at"))),
];

const DUPLICATES: &[Column] = &[
    ("PEER", |row| text(at(row, "/did"))),
    ("ID", |row| text(at(row, "/connection_id"))),
    ("TIED BY", |row| text(at(row, "/tied_by"))),
    ("LABEL", |row| text(at(row, "/their_label"))),
    ("ALIAS", |row| text(at(row, "/alias"))),
    ("LAST SEEN", |row| text(at(row, "/last_seen_at"))),
    ("REUSES", |row| text(at(row, "/reuses"))),
];

/// What to do; `list` when nothing is said.
#[derive(clap::Args)]
pub struct Args {
    #[command(subcommand)]
    action: Option<Action>,
}

#[derive(Subcommand)]
enum Action {
    /// Connections, oldest first
    List(List),
    /// One with all its fields
    Show {
        /// The id
        id: String,
    },
    /// Change the alias or the metadata
    Update {
        /// The id
        id: String,
        /// The new private name
        #[arg(long)]
        alias: Option<String>,
        /// The new metadata, a JSON object
        #[arg(long, value_name = "JSON")]
        metadata: Option<String>,
    },
    /// Connections that lead to the same peer, each group heard last first
    Duplicates(Limit),
    /// Make duplicates part of one, which their ids and keys lead to from then on
    Merge {
        /// The id of the one that is kept, with its alias and metadata
        keep: String,
        /// The ids of those that become part of it
        #[arg(required = true)]
        absorb: Vec<String>,
    },
    /// Remove it with our DID and keys of it
    Delete {
        /// The id
        id: String,
    },
}

#[derive(clap::Args)]
struct List {
    #[command(flatten)]
    limit: Limit,
    /// Only with this alias
    #[arg(long)]
    alias: Option<String>,
    /// Only of this invitation
    #[arg(long, value_name = "ID")]
    invitation: Option<String>,
    /// Only from an invitation with this DID
    #[arg(long, value_name = "DID")]
    invitation_did: Option<String>,
    /// Only with this DID of ours
    #[arg(long, value_name = "DID")]
    my_did: Option<String>,
    /// Only with this DID of the peer
    #[arg(long, value_name = "DID")]
    their_did: Option<String>,
}

pub(super) async fn run(args: Args, api: &Api, output: Output) -> Result<(), Failed> {
    match args.action {
        None => list(api, output, ListConnectionsRequest::default(), Limit::default()).await,
        Some(Action::List(args)) => {
            let request = ListConnectionsRequest {
                alias: args.alias.unwrap_or_default(),
                invitation_id: args.invitation.unwrap_or_default(),
                invitation_did: args.invitation_did.unwrap_or_default(),
                my_did: args.my_did.unwrap_or_default(),
                their_did: args.their_did.unwrap_or_default(),
                ..Default::default()
            };
            list(api, output, request, args.limit).await
        }
        Some(Action::Show { id }) => {
            let response =
                api.connections().get_connection(GetConnectionRequest { id }).await?.into_inner();
            show(output, response.connection)
        }
        Some(Action::Update { id, alias, metadata }) => {
            let request = UpdateConnectionRequest { id, alias, metadata_json: metadata };
            show(
                output,
                api.connections().update_connection(request).await?.into_inner().connection,
            )
        }
        Some(Action::Duplicates(limit)) => duplicates(api, output, limit).await,
        Some(Action::Merge { keep, absorb }) => {
            let request = MergeConnectionsRequest { keep, absorb, ..Default::default() };
            show(
                output,
                api.connections().merge_connections(request).await?.into_inner().connection,
            )
        }
        Some(Action::Delete { id }) => {
            api.connections().delete_connection(DeleteConnectionRequest { id }).await?;
            output.say("deleted");
            Ok(())
        }
    }
}

async fn list(
    api: &Api,
    output: Output,
    filter: ListConnectionsRequest,
    limit: Limit,
) -> Result<(), Failed> {
    limit
        .print(output, NAME, COLUMNS, async |page_size, page_token| {
            let request = ListConnectionsRequest { page_size, page_token, ..filter.clone() };
            let page = api.connections().list_connections(request).await?.into_inner();
            Ok((page.connections, page.next_page_token))
        })
        .await
}

/// Groups as they are in JSON; a line for each connection otherwise.
async fn duplicates(api: &Api, output: Output, limit: Limit) -> Result<(), Failed> {
    let groups = limit
        .collect(async |page_size, page_token| {
            let request = FindDuplicatesRequest { page_size, page_token };
            let page = api.connections().find_duplicates(request).await?.into_inner();
            Ok((page.groups, page.next_page_token))
        })
        .await?;
    let group = |group| to_value("entente.connection.v1.DuplicateGroup", group);
    let groups: Vec<Value> = groups.iter().map(group).collect();
    if output.json {
        output.list(&groups, DUPLICATES);
    } else {
        output.list(&groups.iter().flat_map(lines).collect::<Vec<_>>(), DUPLICATES);
    }
    Ok(())
}

fn lines(group: &Value) -> Vec<Value> {
    let line = |connection: &Value| {
        let ties = at(connection, "/ties").as_array().cloned().unwrap_or_default();
        let ties: Vec<_> = ties.iter().map(|tie| short(tie, "PEER_TIE_")).collect();
        let mut line = connection.clone();
        if let Some(fields) = line.as_object_mut() {
            fields.insert("did".to_owned(), at(group, "/did").clone());
            fields.insert("tied_by".to_owned(), ties.join(", ").into());
        }
        line
    };
    at(group, "/connections").as_array().into_iter().flatten().map(line).collect()
}

fn show(output: Output, connection: Option<Connection>) -> Result<(), Failed> {
    output.record(&to_value(NAME, &connection.unwrap_or_default()));
    Ok(())
}
