//! `entente events`.

use clap::Subcommand;
use entente_rpc::Status;
use entente_rpc::proto::event::v1::{
    Event, EventFilter, EventKind, ListEventsRequest, LogHead, SubscribeRequest,
};
use serde_json::Value;

use super::{Failed, names, verify};
use crate::api::Api;
use crate::output::{Column, Output, at, print_line, short, text, to_value};
use crate::watch::{self, Watch};

pub(super) const EXAMPLES: &str = "Examples:
  entente events
  entente events --follow --from-now
  entente events --follow --after 120 --json
  entente events --kind connection-reuse --kind connection-created --connection <id>
  entente events verify
  entente events verify --expect 120:9f2c…";

const COLUMNS: &[Column] = &[
    ("SEQ", |row| text(at(row, "/sequence"))),
    ("TIME", |row| text(at(row, "/time"))),
    ("KIND", |row| short(at(row, "/kind"), "EVENT_KIND_")),
    ("CONNECTION", |row| text(at(row, "/connection_id"))),
    ("WHAT", what),
];

/// The largest page.
const PAGE: i32 = 1000;

/// Which events, or what else to do.
#[derive(clap::Args)]
pub struct Args {
    #[command(subcommand)]
    action: Option<Action>,
    /// Go on with the events that follow, until interrupted
    #[arg(long, short)]
    follow: bool,
    /// Begin after this sequence number
    #[arg(long, value_name = "N", default_value_t = 0, conflicts_with = "from_now")]
    after: i64,
    /// Begin with the next event that happens
    #[arg(long, requires = "follow")]
    from_now: bool,
    /// Only this kind; repeatable
    #[arg(long = "kind", value_parser = names::event_kind())]
    kinds: Vec<EventKind>,
    /// Only of this connection or exchange
    #[arg(long, value_name = "ID")]
    connection: Option<String>,
    /// Only of this invitation
    #[arg(long, value_name = "ID")]
    invitation: Option<String>,
}

#[derive(Subcommand)]
enum Action {
    /// Check the log against the hashes that link its events; exit code 1 when something does not fit
    Verify {
        /// Begin after this sequence number, and take its hash as right
        #[arg(long, value_name = "N", default_value_t = 0)]
        after: i64,
        /// A head that was shown earlier
        #[arg(long, value_name = "N:HASH", value_parser = verify::head)]
        expect: Option<LogHead>,
    },
}

pub(super) async fn run(args: Args, api: &Api, output: Output) -> Result<(), Failed> {
    if let Some(Action::Verify { after, expect }) = args.action {
        return verify::run(after, expect, api, output).await;
    }
    let filter = EventFilter {
        kinds: args.kinds.iter().map(|kind| (*kind).into()).collect(),
        connection_id: args.connection.unwrap_or_default(),
        invitation_id: args.invitation.unwrap_or_default(),
    };
    if args.follow {
        let cursor = if args.from_now { None } else { Some(args.after) };
        return follow(api, output, filter, cursor).await;
    }
    let mut after = args.after;
    let mut rows = Vec::new();
    loop {
        let request = ListEventsRequest { after, filter: Some(filter.clone()), page_size: PAGE };
        let page = api.events().list_events(request).await?.into_inner();
        rows.extend(page.events.iter().map(value));
        after = page.cursor;
        if page.end {
            output.list(&rows, COLUMNS);
            return Ok(());
        }
    }
}

/// Follows the log, and goes on from the last cursor when the stream breaks.
async fn follow(
    api: &Api,
    output: Output,
    filter: EventFilter,
    cursor: Option<i64>,
) -> Result<(), Failed> {
    let request = SubscribeRequest {
        after: cursor.unwrap_or_default(),
        from_now: cursor.is_none(),
        filter: Some(filter),
        heartbeat: None,
    };
    let tell = |status: &Status| eprintln!("{}; going on where it was", status.message());
    let mut watch = loop {
        match Watch::open(api, request.clone()).await {
            Ok(watch) => break watch,
            // Without a cursor there is nothing to go on from.
            Err(status) if cursor.is_some() && watch::passes(&status) => tell(&status),
            Err(status) => return Err(status.into()),
        }
        tokio::time::sleep(watch::PAUSE).await;
    };
    loop {
        if let Some(event) = &watch.follow(tell).await?.event {
            print(output, event);
        }
    }
}

fn print(output: Output, event: &Event) {
    let row = value(event);
    if output.json {
        return print_line(&row.to_string());
    }
    let cells: Vec<String> = COLUMNS.iter().map(|(_, cell)| cell(&row)).collect();
    if let [sequence, time, kind, connection, what] = cells.as_slice() {
        print_line(
            format!("{sequence:>6}  {time:24}  {kind:26}  {connection:36}  {what}").trim_end(),
        );
    }
}

/// What the record is about, in a few words.
fn what(row: &Value) -> String {
    let exchange = at(row, "/exchange");
    if !exchange.is_null() {
        let error = text(at(exchange, "/error"));
        return format!("{} {error}", short(at(exchange, "/state"), "EXCHANGE_STATE_"))
            .trim_end()
            .to_owned();
    }
    let acceptance = at(row, "/acceptance");
    if !acceptance.is_null() {
        let reason = short(at(acceptance, "/decision/reason"), "REUSE_REASON_");
        return format!("{} ({reason})", short(at(acceptance, "/state"), "ACCEPTANCE_STATE_"));
    }
    let invitation = at(row, "/invitation");
    if !invitation.is_null() {
        return format!(
            "{} {}",
            short(at(invitation, "/state"), "INVITATION_STATE_"),
            text(at(invitation, "/id"))
        );
    }
    let message = at(row, "/message");
    if !message.is_null() {
        let content = at(message, "/message_json/content");
        return text(if content.is_null() { at(message, "/type") } else { content });
    }
    text(if at(row, "/reuse").is_null() {
        at(row, "/connection/their_label")
    } else {
        at(row, "/reuse/comment")
    })
}

fn value(event: &Event) -> Value {
    to_value("entente.event.v1.Event", event)
}
