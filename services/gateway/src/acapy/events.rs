//! Events as ACA-Py's webhooks and its admin WebSocket give them.

use entente_rpc::Status;
use entente_rpc::proto::connection::v1::{Exchange, ExchangeState};
use entente_rpc::proto::event::v1::event::Record;
use entente_rpc::proto::event::v1::{
    Event, EventFilter, EventKind, Message, Reuse, SubscribeRequest, SubscribeResponse,
};
use futures_util::Stream;
use serde_json::{Map, Value, json};

use super::records;
use crate::gateway::Shared;

/// The kinds of events that have a topic.
pub(crate) const KINDS: [EventKind; 15] = [
    EventKind::InvitationCreated,
    EventKind::InvitationChanged,
    EventKind::InvitationDeleted,
    EventKind::ExchangeChanged,
    EventKind::ExchangeDeleted,
    EventKind::ConnectionCreated,
    EventKind::ConnectionDeleted,
    EventKind::ConnectionReuse,
    EventKind::ConnectionReuseAccepted,
    EventKind::ConnectionReuseRejected,
    EventKind::AcceptanceChanged,
    EventKind::BasicMessageReceived,
    EventKind::PingReceived,
    EventKind::PingResponseReceived,
    EventKind::ProblemReportReceived,
];

impl Shared {
    /// The events of some kinds, after a cursor or from now on; heartbeats move the cursor over the others.
    pub(crate) async fn follow(
        &self,
        kinds: &[EventKind],
        after: Option<i64>,
    ) -> Result<impl Stream<Item = Result<SubscribeResponse, Status>> + Unpin + Send + use<>, Status>
    {
        let request = SubscribeRequest {
            after: after.unwrap_or_default(),
            from_now: after.is_none(),
            filter: Some(EventFilter {
                kinds: kinds.iter().map(|kind| i32::from(*kind)).collect(),
                ..EventFilter::default()
            }),
            heartbeat: Some(prost_types::Duration { seconds: 1, nanos: 0 }),
        };
        Ok(self.clients.events.clone().subscribe(self.request(request)?).await?.into_inner())
    }
}

/// A topic and its payload.
#[derive(Debug, PartialEq)]
pub(crate) struct Hook {
    pub(crate) topic: &'static str,
    pub(crate) payload: Value,
}

/// What ACA-Py would call; `None` for an event that it has no topic for.
pub(crate) fn project(event: &Event) -> Option<Hook> {
    use EventKind as K;
    let (topic, payload) = match (event.kind(), event.record.as_ref()?) {
        (K::InvitationCreated | K::InvitationChanged, Record::Invitation(invitation)) => {
            ("out_of_band", records::sent(invitation))
        }
        (K::InvitationDeleted, Record::Invitation(invitation)) => {
            ("out_of_band", deleted(records::sent(invitation)))
        }
        // A request by DID alone has no out-of-band record.
        (K::AcceptanceChanged, Record::Acceptance(acceptance))
            if !records::is_implicit(&acceptance.invitation_id) =>
        {
            ("out_of_band", records::received(acceptance))
        }
        (K::ExchangeChanged, Record::Exchange(exchange)) => {
            ("connections", records::connection(exchange, None))
        }
        (K::ExchangeDeleted, Record::Exchange(exchange)) => {
            ("connections", without_connection(exchange)?)
        }
        // Of the others the exchange told.
        (K::ConnectionCreated, Record::Connection(made)) if records::is_static(made) => {
            ("connections", records::connection_of(made))
        }
        (K::ConnectionDeleted, Record::Connection(made)) => {
            ("connections", deleted(records::connection_of(made)))
        }
        (K::ConnectionReuse, Record::Reuse(reuse)) => ("connection_reuse", reused(reuse, None)),
        (K::ConnectionReuseAccepted, Record::Reuse(reuse)) => {
            ("connection_reuse_accepted", reused(reuse, Some("accepted")))
        }
        (K::ConnectionReuseRejected, Record::Reuse(reuse)) => {
            ("connection_reuse_accepted", reused(reuse, Some("rejected")))
        }
        (K::BasicMessageReceived, Record::Message(message)) => {
            ("basicmessages", basic_message(message))
        }
        (K::PingReceived, Record::Message(message)) => ("ping", ping(message, "received")),
        (K::PingResponseReceived, Record::Message(message)) => {
            ("ping", ping(message, "response_received"))
        }
        (K::ProblemReportReceived, Record::Message(message)) => {
            ("problem_report", problem_report(message))
        }
        _ => return None,
    };
    Some(Hook { topic, payload })
}

/// The id of the record that an event is about.
pub(crate) fn record_id(event: &Event) -> &str {
    match &event.record {
        Some(Record::Invitation(invitation)) => &invitation.id,
        Some(Record::Exchange(exchange)) => &exchange.id,
        Some(Record::Connection(connection)) => &connection.id,
        Some(Record::Acceptance(acceptance)) => &acceptance.id,
        Some(Record::Reuse(reuse)) => &reuse.invitation_id,
        Some(Record::Message(message)) => &message.thread_id,
        None => "",
    }
}

fn deleted(mut record: Value) -> Value {
    if let Some(fields) = record.as_object_mut() {
        for field in ["state", "rfc23_state"] {
            fields.entry(field).and_modify(|state| *state = Value::from("deleted"));
        }
    }
    record
}

/// The exchange of a connection may go while the connection stays: to ACA-Py's callers nothing was deleted.
fn without_connection(exchange: &Exchange) -> Option<Value> {
    (exchange.state() != ExchangeState::Done).then(|| deleted(records::connection(exchange, None)))
}

fn reused(reuse: &Reuse, state: Option<&str>) -> Value {
    let connection = &reuse.connection_id;
    let comment = match (reuse.comment.as_str(), state) {
        ("", Some("rejected")) => {
            format!("Connection {connection} is not reused for invitation {}", reuse.invitation_id)
        }
        ("", _) => format!(
            "Connection {connection} is being reused for invitation {}",
            reuse.invitation_id
        ),
        (comment, _) => comment.to_owned(),
    };
    let mut payload =
        json!({"thread_id": reuse.thread_id, "connection_id": connection, "comment": comment});
    if let (Some(fields), Some(state)) = (payload.as_object_mut(), state) {
        fields.insert("state".to_owned(), Value::from(state));
    }
    payload
}

fn content(message: &Message) -> Map<String, Value> {
    serde_json::from_str(&message.message_json).unwrap_or_default()
}

fn basic_message(message: &Message) -> Value {
    let content = content(message);
    let mut payload = json!({
        "connection_id": message.connection_id,
        "message_id": message.message_id,
        "content": content.get("content").cloned().unwrap_or_default(),
        "state": "received",
        "sent_time": content.get("sent_time").cloned().unwrap_or_default(),
    });
    let locale = content.get("~l10n").and_then(|l10n| l10n.get("locale"));
    if let (Some(fields), Some(locale)) = (payload.as_object_mut(), locale) {
        fields.insert("locale".to_owned(), locale.clone());
    }
    payload
}

fn ping(message: &Message, state: &str) -> Value {
    let content = content(message);
    let mut payload = json!({
        "comment": content.get("comment").cloned().unwrap_or_default(),
        "connection_id": message.connection_id,
        "state": state,
        "thread_id": message.thread_id,
    });
    if let (Some(fields), "received") = (payload.as_object_mut(), state) {
        let requested = content.get("response_requested").and_then(Value::as_bool).unwrap_or(true);
        fields.insert("responded".to_owned(), Value::Bool(requested));
    }
    payload
}

/// The message itself, with the connection that it came by.
fn problem_report(message: &Message) -> Value {
    let mut content = content(message);
    if !message.connection_id.is_empty() {
        content.insert("connection_id".to_owned(), Value::from(message.connection_id.as_str()));
    }
    Value::Object(content)
}

#[cfg(test)]
mod tests;
