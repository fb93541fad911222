//! `entente access` and `entente audit`.

use std::time::Duration;

use entente_rpc::Code;
use entente_rpc::proto::access::v1::{
    AuditEntry, AuditFilter, CheckAccessRequest, FollowAuditRequest, ListAuditEntriesRequest,
};

use super::Failed;
use crate::api::Api;
use crate::output::{Column, Output, at, print_line, text, to_value};

pub(super) const EXAMPLES: &str = "Examples:
  entente access
  entente access entente.connection.v1.ConnectionService/DeleteConnection";
pub(super) const AUDIT_EXAMPLES: &str = "Examples:
  entente audit
  entente audit --follow --json
  entente audit --tenant acme --caller admin --after 120";

const COLUMNS: &[Column] = &[
    ("METHOD", |row| text(at(row, "/method")).trim_start_matches("entente.").to_owned()),
    ("ALLOWED", |row| if at(row, "/allowed") == true { "yes" } else { "no" }.to_owned()),
    ("REASON", |row| text(at(row, "/reason"))),
];

/// The widths of the columns of an entry that is printed alone.
const ENTRY: &[Column] = &[
    ("SEQ", |row| text(at(row, "/sequence"))),
    ("TIME", |row| text(at(row, "/time"))),
    ("CALLER", |row| text(at(row, "/caller"))),
    ("TENANT", |row| text(at(row, "/tenant"))),
    ("METHOD", |row| text(at(row, "/method")).trim_start_matches("entente.").to_owned()),
    ("OBJECT", |row| text(at(row, "/object"))),
    ("OUTCOME", |row| {
        let reason = text(at(row, "/reason"));
        if reason.is_empty() { text(at(row, "/code")) } else { reason }
    }),
    ("FROM", |row| text(at(row, "/address"))),
    ("COUNT", |row| text(at(row, "/count"))),
];

/// About what.
#[derive(clap::Args)]
pub struct Args {
    /// A method, as entente.connection.v1.ConnectionService/GetConnection; all when not given
    #[arg(default_value = "")]
    method: String,
}

/// Which entries.
#[derive(clap::Args)]
pub struct AuditArgs {
    /// Go on with the entries that follow, until interrupted
    #[arg(long, short)]
    follow: bool,
    /// Begin after this sequence number
    #[arg(long, value_name = "N", default_value_t = 0)]
    after: i64,
    /// Only those for this tenant
    #[arg(long, value_name = "ID", default_value = "")]
    tenant: String,
    /// Only those of this caller
    #[arg(long, value_name = "NAME", default_value = "")]
    caller: String,
}

pub(super) async fn run(args: Args, api: &Api, output: Output) -> Result<(), Failed> {
    let request = CheckAccessRequest { method: args.method };
    let answer = api.access().check_access(request).await?.into_inner();
    if output.json {
        output.record(&to_value("entente.access.v1.CheckAccessResponse", &answer));
        return Ok(());
    }
    let principal = answer.principal.unwrap_or_default();
    let tenant = if answer.tenant.is_empty() { "no tenant" } else { &answer.tenant };
    output.say(&format!("{} ({}), for {tenant}", principal.name, principal.roles.join(", ")));
    let rows: Vec<_> = answer
        .methods
        .iter()
        .map(|method| to_value("entente.access.v1.MethodAccess", method))
        .collect();
    output.list(&rows, COLUMNS);
    Ok(())
}

pub(super) async fn audit(args: AuditArgs, api: &Api, output: Output) -> Result<(), Failed> {
    let filter = Some(AuditFilter { tenant: args.tenant, caller: args.caller });
    let mut after = args.after;
    if !args.follow {
        let mut rows = Vec::new();
        loop {
            let filter = filter.clone();
            let request = ListAuditEntriesRequest { after, filter, page_size: 1_000 };
            let page = api.audit().list_audit_entries(request).await?.into_inner();
            rows.extend(page.entries.iter().map(value));
            after = page.cursor;
            if !page.more {
                output.list(&rows, ENTRY);
                return Ok(());
            }
        }
    }
    loop {
        let request = FollowAuditRequest { after, filter: filter.clone() };
        let mut entries = api.audit().follow_audit(request).await?.into_inner();
        let error = loop {
            match entries.message().await {
                Ok(Some(answer)) => {
                    let entry = answer.entry.unwrap_or_default();
                    after = entry.sequence;
                    print(output, &entry);
                }
                Ok(None) => return Ok(()),
                Err(error) => break error,
            }
        };
        if error.code() != Code::Unavailable {
            return Err(error.into());
        }
        eprintln!("{}; going on from {after} in a second", error.message());
        tokio::time::sleep(Duration::from_secs(1)).await;
    }
}

fn print(output: Output, entry: &AuditEntry) {
    let row = value(entry);
    if output.json {
        return print_line(&row.to_string());
    }
    let cells: Vec<String> = ENTRY.iter().map(|(_, cell)| cell(&row)).collect();
    print_line(cells.join("  ").trim_end());
}

fn value(entry: &AuditEntry) -> serde_json::Value {
    to_value("entente.access.v1.AuditEntry", entry)
}
