//! Rate, errors and duration of the calls that this process serves, whether they come over a socket or a local link.

use std::sync::{LazyLock, OnceLock};
use std::time::Instant;

use entente_trace::Current;
use http::HeaderMap;
use prometheus_client::encoding::EncodeLabelSet;
use prometheus_client::metrics::counter::Counter;
use prometheus_client::metrics::family::Family;
use prometheus_client::metrics::histogram::Histogram;
use prometheus_client::registry::Registry;

use crate::method::Method;
use crate::span::CallSpan;
use crate::{Code, access};

/// Seconds. Up to 30 s, the longest `wait` of a request.
const BUCKETS: [f64; 14] =
    [0.0005, 0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1.0, 2.5, 10.0, 30.0];

#[derive(Debug, Clone, PartialEq, Eq, Hash, EncodeLabelSet)]
struct Outcome {
    service: &'static str,
    method: &'static str,
    code: &'static str,
}

#[derive(Debug, Clone, PartialEq, Eq, Hash, EncodeLabelSet)]
struct Name {
    service: &'static str,
    method: &'static str,
}

/// The metrics of a process, and for each method those of them that are its own, so that a call takes no lock.
struct Calls {
    requests: Family<Outcome, Counter>,
    duration: Family<Name, Histogram, fn() -> Histogram>,
    /// By [`Method::index`]; the last is for what is no method.
    cells: Vec<Cells>,
}

#[derive(Default)]
struct Cells {
    codes: [OnceLock<Counter>; 17],
    duration: OnceLock<Histogram>,
}

static CALLS: LazyLock<Calls> = LazyLock::new(|| Calls {
    requests: Family::default(),
    duration: Family::new_with_constructor(|| Histogram::new(BUCKETS)),
    cells: std::iter::repeat_with(Cells::default).take(Method::all().len() + 1).collect(),
});

/// Shows the calls of this process, `rpc_requests_total{service,method,code}` and `rpc_duration_seconds{service,method}`,
/// and those that were refused for who made them.
pub fn register(registry: &mut Registry) {
    crate::auth::register(registry);
    registry.register("rpc_requests", "Calls that ended", CALLS.requests.clone());
    registry.register(
        "rpc_duration_seconds",
        "How long calls took, streams to their end",
        CALLS.duration.clone(),
    );
}

/// A call under way, where it is served or made. One that is dropped before its end was cancelled.
#[derive(Debug)]
pub(crate) struct Call {
    method: Option<&'static Method>,
    began: Instant,
    ended: bool,
    span: CallSpan,
    /// Who calls, if calls are logged; only calls that are served are counted and logged.
    served: Option<Option<String>>,
}

impl Call {
    /// A call that is served. Its tenant is in the headers, as the edge set it.
    pub(crate) fn serve(method: Option<&'static Method>, headers: &HeaderMap) -> Self {
        let caller = access::is_logged().then(|| access::caller(headers));
        let span = CallSpan::server(method);
        Self { method, began: Instant::now(), ended: false, span, served: Some(caller) }
    }

    /// A call that is made.
    pub(crate) fn make(method: Option<&'static Method>, span: CallSpan) -> Self {
        Self { method, began: Instant::now(), ended: false, span, served: None }
    }

    /// What is known of the work in it, if that is more than before.
    pub(crate) fn current(&self) -> Option<Current> {
        self.span.current()
    }

    pub(crate) fn has_ended(&self) -> bool {
        self.ended
    }

    /// Ends the span, and counts and logs a call that was served, once.
    pub(crate) fn end(&mut self, code: Code) {
        if std::mem::replace(&mut self.ended, true) {
            return;
        }
        if let Some(caller) = self.served.take() {
            let took = self.began.elapsed();
            CALLS.count(self.method, code, took.as_secs_f64());
            if let Some(caller) = caller {
                let log = || access::log(self.method, code, took, &caller);
                match self.span.current() {
                    Some(current) => current.sync_scope(log),
                    None => log(),
                }
            }
        }
        self.span.end(code);
    }
}

impl Drop for Call {
    fn drop(&mut self) {
        self.end(Code::Cancelled);
    }
}

impl Calls {
    fn count(&self, method: Option<&'static Method>, code: Code, seconds: f64) {
        let (service, name) =
            method.map_or(("unknown", "unknown"), |method| (&method.service, &method.name));
        let index = method.map_or(self.cells.len() - 1, |method| method.index);
        let Some(cells) = self.cells.get(index) else { return };
        if let Some(cell) = usize::try_from(i32::from(code)).ok().and_then(|at| cells.codes.get(at))
        {
            let labels = || Outcome { service, method: name, code: code_name(code) };
            cell.get_or_init(|| self.requests.get_or_create_owned(&labels())).inc();
        }
        let labels = || Name { service, method: name };
        cells
            .duration
            .get_or_init(|| self.duration.get_or_create_owned(&labels()))
            .observe(seconds);
    }
}

/// The name of a code, as gRPC writes it.
#[must_use]
pub fn code_name(code: Code) -> &'static str {
    match code {
        Code::Ok => "OK",
        Code::Cancelled => "CANCELLED",
        Code::Unknown => "UNKNOWN",
        Code::InvalidArgument => "INVALID_ARGUMENT",
        Code::DeadlineExceeded => "DEADLINE_EXCEEDED",
        Code::NotFound => "NOT_FOUND",
        Code::AlreadyExists => "ALREADY_EXISTS",
        Code::PermissionDenied => "PERMISSION_DENIED",
        Code::ResourceExhausted => "RESOURCE_EXHAUSTED",
        Code::FailedPrecondition => "FAILED_PRECONDITION",
        Code::Aborted => "ABORTED",
        Code::OutOfRange => "OUT_OF_RANGE",
        Code::Unimplemented => "UNIMPLEMENTED",
        Code::Internal => "INTERNAL",
        Code::Unavailable => "UNAVAILABLE",
        Code::DataLoss => "DATA_LOSS",
        Code::Unauthenticated => "UNAUTHENTICATED",
    }
}
