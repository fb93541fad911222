//! `entente dead-letters`.

use clap::Subcommand;
use entente_rpc::proto::event::v1::{ListDeadLettersRequest, ReplayDeadLettersRequest};
use serde_json::json;

use super::Failed;
use super::pages::Limit;
use crate::api::Api;
use crate::output::{Column, Output, at, text};

pub(super) const EXAMPLES: &str = "Examples:
  entente dead-letters
  entente dead-letters replay <consumer> 17 18
  entente dead-letters replay <consumer>";

const COLUMNS: &[Column] = &[
    ("CONSUMER", |row| text(at(row, "/consumer"))),
    ("SEQ", |row| text(at(row, "/sequence"))),
    ("ATTEMPTS", |row| text(at(row, "/attempts"))),
    ("TIME", |row| text(at(row, "/time"))),
    ("REPLAY", |row| text(at(row, "/replay"))),
    ("ERROR", |row| text(at(row, "/error"))),
];

/// What to do; `list` when nothing is said.
#[derive(clap::Args)]
pub struct Args {
    #[command(subcommand)]
    action: Option<Action>,
}

#[derive(Subcommand)]
enum Action {
    /// Events that were given up, oldest first
    List {
        #[command(flatten)]
        limit: Limit,
        /// Only of this consumer
        #[arg(long, default_value = "")]
        consumer: String,
    },
    /// Try again
    Replay {
        /// The consumer
        consumer: String,
        /// The events' sequence numbers; all of the consumer when none is given
        sequences: Vec<i64>,
    },
}

pub(super) async fn run(args: Args, api: &Api, output: Output) -> Result<(), Failed> {
    match args.action {
        None => list(api, output, Limit::default(), String::new()).await,
        Some(Action::List { limit, consumer }) => list(api, output, limit, consumer).await,
        Some(Action::Replay { consumer, sequences }) => {
            let request = ReplayDeadLettersRequest { consumer, sequences };
            let count = api.events().replay_dead_letters(request).await?.into_inner().count;
            output.record(&json!({"replayed": count}));
            Ok(())
        }
    }
}

async fn list(api: &Api, output: Output, limit: Limit, consumer: String) -> Result<(), Failed> {
    limit
        .print(output, "entente.event.v1.DeadLetter", COLUMNS, async |page_size, page_token| {
            let request = ListDeadLettersRequest {
                consumer: consumer.clone(),
                page_size,
                page_token,
                replay_only: false,
            };
            let page = api.events().list_dead_letters(request).await?.into_inner();
            Ok((page.dead_letters, page.next_page_token))
        })
        .await
}
