//! What is known of the work at hand: the trace that it belongs to and the id of the request that it is for. And spans,
//! which tell how long its parts took.
//!
//! Without a tracer, which only the binary installs, a span is nothing: it costs a look at a flag and allocates nothing.
//! The trace of a caller is carried on all the same.

mod context;
mod current;
mod request_id;
mod span;

pub use context::{MAX_STATE, TRACEPARENT, TRACESTATE, TraceContext};
pub use current::{Current, carried, within};
pub use opentelemetry::trace::SpanKind;
pub use opentelemetry::{KeyValue, Value};
pub use request_id::{REQUEST_ID, RequestId};
pub use span::{Conventions, Span, conventions, install, is_on};
