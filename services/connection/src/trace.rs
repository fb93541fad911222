//! Messages as parts of a trace: from the work that makes one over its delivery to the peer's work, if peers tell each
//! other.
//!
//! Where the owner of an agent wants that, a message has one more decorator (v1) or header (v2), named by the URI of the
//! specification of its content, W3C Trace Context:
//! `"https://www.w3.org/TR/trace-context/": {"traceparent": "00-…", "tracestate": "…"}`. It is inside of the envelope,
//! and who does not know it ignores it (RFC 0011; DIDComm v2, "Message Headers"). RFC 0034's `~trace` is another thing:
//! it asks whoever handles a message to report to a URL that the sender names.

use entente_didcomm::message::Message;
use entente_rpc::Failure;
use entente_trace::{Current, KeyValue, Span, SpanKind, TraceContext};
use serde_json::{Map, Value};

use crate::engine::{Answer, Engine};
use crate::store::Outgoing;

/// The name of the decorator and header.
const NAME: &str = "https://www.w3.org/TR/trace-context/";
/// The longest type of a message that a span has, in bytes.
const MAX_TYPE: usize = 256;

/// Where in a trace the work at hand is; empty when it is in none.
pub(crate) fn here() -> String {
    let text = |current: &Current| current.trace.as_ref().map(TraceContext::to_text);
    Current::read(text).flatten().unwrap_or_default()
}

impl Engine {
    /// The envelope of a message. It tells the peer the trace of the work at hand, if peers are told.
    pub async fn pack(&self, message: &Outgoing) -> Answer<Vec<u8>> {
        let mut plaintext = message.message.clone();
        if self.config.didcomm_trace_context
            && let Some(trace) = Current::read(|current| current.trace.clone()).flatten()
        {
            plaintext = tell(plaintext, &trace);
        }
        let from = message.from.as_ref();
        self.clients.pack(&message.tenant, plaintext, from, &message.target).await
    }
}

fn tell(plaintext: String, trace: &TraceContext) -> String {
    let Ok(mut message) = serde_json::from_str::<Map<String, Value>>(&plaintext) else {
        return plaintext;
    };
    let mut context = Map::new();
    context.insert("traceparent".to_owned(), trace.traceparent().into());
    if let Some(state) = trace.tracestate() {
        context.insert("tracestate".to_owned(), state.into());
    }
    message.insert(NAME.to_owned(), context.into());
    Value::Object(message).to_string()
}

/// The trace that a peer says a message belongs to.
fn told(message: &Message) -> Option<TraceContext> {
    let members = match &message.v2 {
        Some(headers) => &headers.other,
        None => &message.body,
    };
    let context = members.get(NAME)?;
    let text = |name: &str| context.get(name).and_then(Value::as_str);
    TraceContext::parse(text("traceparent")?, text("tracestate"))
}

/// An attempt to send a message, as part of the work that made it.
pub(crate) struct Sending {
    span: Span,
    current: Option<Current>,
}

impl Sending {
    pub fn begin(message: &Outgoing) -> Self {
        let made_by = TraceContext::of_text(&message.trace);
        let span = Span::begin_under(made_by.clone(), SpanKind::Producer, || {
            let text = message_type(&message.message);
            describe("send", &text, &message.message_id, &message.thread_id)
        });
        let carried = || made_by.map(|trace| Current { trace: Some(trace), request_id: None });
        Self { current: span.current().or_else(carried), span }
    }

    /// What is known of the work in it, if anything.
    pub fn current(&self) -> Option<Current> {
        self.current.clone()
    }

    pub fn end(mut self, failure: Option<&Failure>) {
        if let Some(failure) = failure {
            self.span.fail(failure.reason.as_str_name());
        }
    }
}

/// The work that a message makes, as part of the peer's if peers tell us, else of the call that brought it.
pub(crate) struct Receiving {
    _span: Span,
    current: Option<Current>,
}

impl Receiving {
    pub fn begin(message: &Message, told_by_peers: bool) -> Self {
        let describe = || {
            let text = message.message_type.to_string();
            describe("process", &text, &message.id, message.thread_id())
        };
        let Some(theirs) = Some(message).filter(|_| told_by_peers).and_then(told) else {
            let span = Span::begin(SpanKind::Consumer, describe);
            return Self { current: span.current(), _span: span };
        };
        let mut here = Current::get();
        let mut span = Span::begin_under(Some(theirs.clone()), SpanKind::Consumer, describe);
        if let Some(brought_by) = here.trace.replace(theirs) {
            span.link(brought_by);
        }
        Self { current: Some(span.current().unwrap_or(here)), _span: span }
    }

    /// What is known of the work in it, if that is more than before.
    pub fn current(&self) -> Option<Current> {
        self.current.clone()
    }
}

fn message_type(plaintext: &str) -> String {
    let message = serde_json::from_str::<Map<String, Value>>(plaintext).unwrap_or_default();
    let text = message.get("@type").or_else(|| message.get("type")).and_then(Value::as_str);
    text.unwrap_or_default().to_owned()
}

/// By OpenTelemetry's conventions for messaging.
fn describe(
    operation: &'static str,
    message_type: &str,
    id: &str,
    thread_id: &str,
) -> (String, Vec<KeyValue>) {
    let message_type: String = message_type.chars().take(MAX_TYPE).collect();
    let name = message_type.rsplit('/').next().unwrap_or_default();
    let attributes = vec![
        KeyValue::new("messaging.system", "didcomm"),
        KeyValue::new("messaging.operation.type", operation),
        KeyValue::new("messaging.operation.name", operation),
        KeyValue::new("messaging.message.id", id.to_owned()),
        KeyValue::new("messaging.message.conversation_id", thread_id.to_owned()),
        KeyValue::new("didcomm.message.type", message_type.clone()),
    ];
    (format!("{operation} {name}"), attributes)
}
