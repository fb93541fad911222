//! What every HTTP request goes through: it brings its trace and its id, is counted, and ends with a line in the log at
//! the level `debug` of the target `access`. Neither labels nor that line have a path, which may name somebody.

use std::sync::Arc;
use std::time::Instant;

use axum::extract::{MatchedPath, Request, State};
use axum::http::Method;
use axum::middleware::Next;
use axum::response::Response;
use entente_didcomm::out_of_band::short_id;
use entente_trace::{Current, KeyValue, REQUEST_ID, RequestId, Span, SpanKind, within};

use crate::gateway::Shared;
use crate::metrics::HttpLabels;

/// The methods that are told apart.
const METHODS: [&str; 7] = ["GET", "POST", "PUT", "PATCH", "DELETE", "HEAD", "OPTIONS"];

pub(crate) async fn observe(
    State((shared, listener)): State<(Arc<Shared>, &'static str)>,
    request: Request,
    next: Next,
) -> Response {
    let began = Instant::now();
    let method = method(request.method());
    let route = request.extensions().get::<MatchedPath>().map(|path| path.as_str().to_owned());
    let arriving = Current::arriving(request.headers());
    let id = arriving.request_id.as_ref().and_then(RequestId::header);
    let (mut span, within_span) = arriving.clone().sync_scope(|| {
        // Probes and scrapes ask all the time, and nobody asks for their traces.
        let span = match route.as_deref() {
            Some("/metrics" | "/status/live" | "/status/ready") => Span::default(),
            route => begin(method, route, request.uri().path()),
        };
        let current = span.current();
        (span, current)
    });
    let current = within_span.or(Some(arriving));
    let mut response = within(current.clone(), next.run(request)).await;
    let status = response.status();
    let labels =
        HttpLabels { listener, method, route: route.unwrap_or_default(), code: status.as_u16() };
    let took = began.elapsed();
    shared.metrics.http(&labels, took);
    within(current, async {
        let HttpLabels { listener, method, route, code } = &labels;
        let milliseconds = took.as_secs_f64() * 1000.0;
        tracing::debug!(target: "access", listener, method, route, code, milliseconds, "served a request");
    })
    .await;
    span.set("http.response.status_code", i64::from(status.as_u16()));
    if status.is_server_error() {
        span.fail(status.as_str().to_owned());
    }
    if let Some(id) = id {
        response.headers_mut().insert(REQUEST_ID, id);
    }
    response
}

fn method(method: &Method) -> &'static str {
    METHODS.into_iter().find(|known| *known == method.as_str()).unwrap_or("_OTHER")
}

/// The path, without what a short URL is known by.
fn shown(path: &str) -> &str {
    if short_id(path).is_some() { "/i/{id}" } else { path }
}

/// A request as OpenTelemetry's conventions for HTTP tell it.
fn begin(method: &'static str, route: Option<&str>, path: &str) -> Span {
    Span::begin(SpanKind::Server, || {
        let mut attributes = vec![
            KeyValue::new("http.request.method", method),
            KeyValue::new("url.scheme", "http"),
            KeyValue::new("url.path", shown(path).to_owned()),
        ];
        let name = if method == "_OTHER" { "HTTP" } else { method };
        match route {
            Some(route) => {
                attributes.push(KeyValue::new("http.route", route.to_owned()));
                (format!("{name} {route}"), attributes)
            }
            None => (name.to_owned(), attributes),
        }
    })
}
