//! `entente ping`, `entente send` and `entente features`.

use std::time::{Duration, Instant};

use entente_rpc::proto::connection::v1::{
    QueryFeaturesRequest, SendBasicMessageRequest, SendMessageRequest, SendPingRequest,
};
use entente_rpc::proto::event::v1::{Event, EventFilter, EventKind, event::Record};
use serde_json::{Value, json};

use super::Failed;
use crate::api::Api;
use crate::output::{Output, at, duration, print_line, text};
use crate::watch::Watch;

pub(super) const PING_EXAMPLES: &str =
    "Examples:\n  entente ping <connection>\n  entente ping <connection> --timeout 3s";
pub(super) const SEND_EXAMPLES: &str = "Examples:
  entente send <connection> 'Hello'
  entente send <connection> --raw '{\"@type\":\"https://didcomm.org/question-answer/1.0/question\",\"question_text\":\"?\"}'";
pub(super) const FEATURES_EXAMPLES: &str = "Examples:\n  entente features <connection>\n  entente features <connection> --match 'https://didcomm.org/didexchange/*'";

/// A trust ping.
#[derive(clap::Args)]
pub struct PingArgs {
    /// The connection's id
    connection: String,
    /// For people
    #[arg(long, default_value = "")]
    comment: String,
    /// How long to wait for the answer
    #[arg(long, value_name = "SPAN", value_parser = duration::parse, default_value = "10s")]
    timeout: Duration,
}

/// A message.
#[derive(clap::Args)]
pub struct SendArgs {
    /// The connection's id
    connection: String,
    /// The text of a basic message
    #[arg(required_unless_present = "raw")]
    content: Option<String>,
    /// Any DIDComm message as JSON; `@id` is made when absent
    #[arg(long, value_name = "JSON", conflicts_with = "content")]
    raw: Option<String>,
    /// Makes the command repeatable
    #[arg(long, value_name = "ID", default_value = "")]
    request_id: String,
}

/// A question about features.
#[derive(clap::Args)]
pub struct FeaturesArgs {
    /// The connection's id
    connection: String,
    /// A pattern of protocol identifiers
    #[arg(long = "match", value_name = "PATTERN", default_value = "*")]
    pattern: String,
    /// 1.0 for RFC 0031, 2.0 for RFC 0557
    #[arg(long, value_name = "VERSION", default_value = "2.0")]
    protocol_version: String,
    /// How long to wait for the answer
    #[arg(long, value_name = "SPAN", value_parser = duration::parse, default_value = "10s")]
    timeout: Duration,
}

pub(super) async fn ping(args: PingArgs, api: &Api, output: Output) -> Result<(), Failed> {
    let mut watch = answers(api, &args.connection, EventKind::PingResponseReceived).await?;
    let request = SendPingRequest {
        connection_id: args.connection.clone(),
        comment: args.comment,
        request_id: String::new(),
    };
    let begun = Instant::now();
    let thread = api.messages().send_ping(request).await?.into_inner().thread_id;
    watch.until(args.timeout, |event| thread_of(event) == Some(&thread)).await?;
    let milliseconds = begun.elapsed().as_secs_f64() * 1000.0;
    if output.json {
        let answer = json!({"connection_id": args.connection, "thread_id": thread, "milliseconds": milliseconds});
        output.record(&answer);
    } else {
        output.say(&format!("answered in {milliseconds:.1} ms"));
    }
    Ok(())
}

pub(super) async fn send(args: SendArgs, api: &Api, output: Output) -> Result<(), Failed> {
    let (connection_id, request_id) = (args.connection, args.request_id);
    let sent = match args.raw {
        Some(message_json) => {
            let request = SendMessageRequest { connection_id, message_json, request_id };
            let response = api.messages().send_message(request).await?.into_inner();
            json!({"message_id": response.message_id, "thread_id": response.thread_id})
        }
        None => {
            let content = args.content.unwrap_or_default();
            let request = SendBasicMessageRequest { connection_id, content, request_id };
            json!({"thread_id": api.messages().send_basic_message(request).await?.into_inner().thread_id})
        }
    };
    output.record(&sent);
    Ok(())
}

pub(super) async fn features(args: FeaturesArgs, api: &Api, output: Output) -> Result<(), Failed> {
    let mut watch = answers(api, &args.connection, EventKind::FeaturesDisclosed).await?;
    let request = QueryFeaturesRequest {
        connection_id: args.connection,
        r#match: args.pattern,
        protocol_version: args.protocol_version,
        request_id: String::new(),
    };
    let thread = api.messages().query_features(request).await?.into_inner().thread_id;
    let event = watch.until(args.timeout, |event| thread_of(event) == Some(&thread)).await?;
    let Some(Record::Message(message)) = event.record else { return Ok(()) };
    let disclosed: Value = serde_json::from_str(&message.message_json).unwrap_or_default();
    if output.json {
        output.record(&disclosed);
        return Ok(());
    }
    // RFC 0557 writes `disclosures` with `id`, RFC 0031 `protocols` with `pid`.
    let list = if at(&disclosed, "/disclosures").is_null() {
        at(&disclosed, "/protocols")
    } else {
        at(&disclosed, "/disclosures")
    };
    for feature in list.as_array().into_iter().flatten() {
        let id =
            if at(feature, "/id").is_null() { at(feature, "/pid") } else { at(feature, "/id") };
        print_line(&text(id));
    }
    Ok(())
}

async fn answers(api: &Api, connection: &str, kind: EventKind) -> Result<Watch, Failed> {
    let filter = EventFilter {
        kinds: vec![kind.into()],
        connection_id: connection.to_owned(),
        invitation_id: String::new(),
    };
    Ok(Watch::from_now(api, filter).await?)
}

fn thread_of(event: &Event) -> Option<&String> {
    match &event.record {
        Some(Record::Message(message)) => Some(&message.thread_id),
        _ => None,
    }
}
