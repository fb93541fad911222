use std::borrow::Cow;
use std::sync::OnceLock;

use opentelemetry::global::{BoxedSpan, BoxedTracer};
use opentelemetry::trace::{Span as _, SpanKind, Status, TraceContextExt as _, Tracer as _};
use opentelemetry::{Context, KeyValue, Value};

use crate::{Current, TraceContext};

struct Installed {
    tracer: BoxedTracer,
    conventions: Conventions,
}

static INSTALLED: OnceLock<Installed> = OnceLock::new();

/// How spans name what they tell.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Conventions {
    /// The names that the conventions for RPC had before they were stable too, for dashboards made for those.
    pub old_rpc_names: bool,
}

/// Records spans from now on. Whether this is the first tracer, and is used.
pub fn install(tracer: BoxedTracer, conventions: Conventions) -> bool {
    INSTALLED.set(Installed { tracer, conventions }).is_ok()
}

/// Whether spans are recorded.
#[must_use]
pub fn is_on() -> bool {
    INSTALLED.get().is_some()
}

/// How spans name what they tell.
#[must_use]
pub fn conventions() -> Conventions {
    INSTALLED.get().map(|installed| installed.conventions).unwrap_or_default()
}

/// A part of the work, from its beginning until this is dropped. Nothing, where none are recorded.
#[derive(Debug, Default)]
pub struct Span(Option<BoxedSpan>);

impl Span {
    /// Begins a part of the work at hand. What is said of it is asked for only where spans are recorded.
    pub fn begin<N: Into<Cow<'static, str>>>(
        kind: SpanKind,
        describe: impl FnOnce() -> (N, Vec<KeyValue>),
    ) -> Self {
        if !is_on() {
            return Self(None);
        }
        Self::begin_under(Current::read(|current| current.trace.clone()).flatten(), kind, describe)
    }

    /// Begins a part of other work; of none, where there is no parent.
    pub fn begin_under<N: Into<Cow<'static, str>>>(
        parent: Option<TraceContext>,
        kind: SpanKind,
        describe: impl FnOnce() -> (N, Vec<KeyValue>),
    ) -> Self {
        let Some(Installed { tracer, .. }) = INSTALLED.get() else { return Self(None) };
        let (name, attributes) = describe();
        let builder = tracer.span_builder(name).with_kind(kind).with_attributes(attributes);
        let under = parent.map_or_else(Context::new, |TraceContext(parent)| {
            Context::new().with_remote_span_context(parent)
        });
        Self(Some(tracer.build_with_context(builder, &under)))
    }

    /// Whether what is said of it is sent anywhere.
    #[must_use]
    pub fn is_recording(&self) -> bool {
        self.0.as_ref().is_some_and(BoxedSpan::is_recording)
    }

    /// Says something of it.
    pub fn set(&mut self, name: &'static str, value: impl Into<Value>) {
        if let Some(span) = &mut self.0 {
            span.set_attribute(KeyValue::new(name, value));
        }
    }

    /// Says that it failed, in one word of few.
    pub fn fail(&mut self, error: impl Into<Value>) {
        if let Some(span) = &mut self.0 {
            span.set_attribute(KeyValue::new("error.type", error));
            span.set_status(Status::error(""));
        }
    }

    /// Says that it has to do with another trace too.
    pub fn link(&mut self, other: TraceContext) {
        if let Some(span) = &mut self.0 {
            span.add_link(other.0, Vec::new());
        }
    }

    /// What is known of the work in it: its place in the trace, and the request as before. `None` where spans are not
    /// recorded: nothing new is known then.
    #[must_use]
    pub fn current(&self) -> Option<Current> {
        let context = self.0.as_ref()?.span_context().clone();
        let request_id = Current::read(|current| current.request_id.clone()).flatten();
        Some(Current { trace: Some(TraceContext(context)), request_id })
    }
}
