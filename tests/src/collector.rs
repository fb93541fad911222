//! A collector of OpenTelemetry, as far as spans go: what an exporter sends over a real socket.

use std::collections::HashMap;
use std::fmt::Write as _;
use std::sync::{Arc, Mutex};

use opentelemetry_proto::tonic::collector::trace::v1::trace_service_server::{
    TraceService, TraceServiceServer,
};
use opentelemetry_proto::tonic::collector::trace::v1::{
    ExportTraceServiceRequest, ExportTraceServiceResponse,
};
use opentelemetry_proto::tonic::common::v1::any_value::Value;
use opentelemetry_proto::tonic::common::v1::{AnyValue, KeyValue};
use opentelemetry_proto::tonic::trace::v1::Span;
use tokio::net::TcpListener;
use tokio::task::JoinHandle;
use tonic::transport::Server;
use tonic::transport::server::TcpIncoming;
use tonic::{Request, Response, Status};

use crate::suite::{eventually, free_address};

/// A span that came.
#[derive(Debug, Clone)]
pub struct Seen {
    /// The attributes of who sent it.
    pub resource: HashMap<String, String>,
    /// Its name.
    pub name: String,
    /// 1 internal, 2 server, 3 client, 4 producer, 5 consumer.
    pub kind: i32,
    /// Its trace, in hexadecimal digits, as all ids here.
    pub trace_id: String,
    /// Its id.
    pub id: String,
    /// The id of its parent; empty if it has none.
    pub parent: String,
    /// What it says of itself.
    pub attributes: HashMap<String, String>,
    /// Whether its status is an error.
    pub failed: bool,
    /// The traces that it has to do with too.
    pub links: Vec<String>,
}

/// The collector.
pub struct Collector {
    /// Where it listens.
    pub url: String,
    spans: Arc<Mutex<Vec<Seen>>>,
    server: JoinHandle<()>,
}

impl Collector {
    /// One that listens.
    pub async fn start() -> Self {
        Self::start_at(&free_address()).await
    }

    /// One that listens at an address.
    pub async fn start_at(address: &str) -> Self {
        let spans = Arc::default();
        let service = TraceServiceServer::new(Sink(Arc::clone(&spans)));
        let incoming = TcpIncoming::from(TcpListener::bind(address).await.unwrap());
        let server = Server::builder().add_service(service).serve_with_incoming(incoming);
        let server = tokio::spawn(async move { server.await.unwrap() });
        Self { url: format!("http://{address}"), spans, server }
    }

    /// The spans so far.
    pub fn spans(&self) -> Vec<Seen> {
        self.spans.lock().unwrap().clone()
    }

    /// The first span of that name that is as it should be, once it came.
    pub async fn span(&self, name: &str, fits: impl Fn(&Seen) -> bool) -> Seen {
        eventually(name, async || {
            self.spans().into_iter().find(|span| span.name == name && fits(span))
        })
        .await
    }

    /// A span, its parent, the parent's parent and so on, as far as they came.
    pub fn chain(&self, span: &Seen) -> Vec<Seen> {
        let spans = self.spans();
        let mut chain = vec![span.clone()];
        loop {
            let last = &chain[chain.len() - 1];
            let parent =
                spans.iter().find(|span| span.id == last.parent && span.trace_id == last.trace_id);
            match parent {
                Some(parent) => chain.push(parent.clone()),
                None => return chain,
            }
        }
    }
}

impl Drop for Collector {
    fn drop(&mut self) {
        self.server.abort();
        if std::thread::panicking() {
            for span in self.spans() {
                eprintln!("{span:?}");
            }
        }
    }
}

struct Sink(Arc<Mutex<Vec<Seen>>>);

#[tonic::async_trait]
impl TraceService for Sink {
    async fn export(
        &self,
        request: Request<ExportTraceServiceRequest>,
    ) -> Result<Response<ExportTraceServiceResponse>, Status> {
        for sent in request.into_inner().resource_spans {
            let resource = texts(sent.resource.map(|resource| resource.attributes));
            let spans = sent.scope_spans.into_iter().flat_map(|scope| scope.spans);
            self.0.lock().unwrap().extend(spans.map(|span| seen(&resource, span)));
        }
        Ok(Response::new(ExportTraceServiceResponse::default()))
    }
}

fn seen(resource: &HashMap<String, String>, span: Span) -> Seen {
    Seen {
        resource: resource.clone(),
        name: span.name,
        kind: span.kind,
        trace_id: hex(&span.trace_id),
        id: hex(&span.span_id),
        parent: hex(&span.parent_span_id),
        attributes: texts(Some(span.attributes)),
        failed: span.status.is_some_and(|status| status.code == 2),
        links: span.links.iter().map(|link| hex(&link.trace_id)).collect(),
    }
}

fn texts(attributes: Option<Vec<KeyValue>>) -> HashMap<String, String> {
    let text = |value: Option<AnyValue>| match value.and_then(|value| value.value) {
        Some(Value::StringValue(text)) => text,
        Some(Value::IntValue(number)) => number.to_string(),
        other => format!("{other:?}"),
    };
    attributes.unwrap_or_default().into_iter().map(|one| (one.key, text(one.value))).collect()
}

fn hex(bytes: &[u8]) -> String {
    bytes.iter().fold(String::new(), |mut text, byte| {
        let _ = write!(text, "{byte:02x}");
        text
    })
}
