//! The spans of calls, by OpenTelemetry's conventions for RPC.

use entente_trace::{Current, KeyValue, Span, SpanKind, conventions};

use crate::metrics::code_name;
use crate::{Code, Method};

/// A call as the side sees it that serves or makes it. Nothing, where no spans are recorded.
#[derive(Debug)]
pub(crate) struct CallSpan {
    span: Span,
    server: bool,
}

impl CallSpan {
    /// A call that is served, as part of what its caller does.
    pub(crate) fn server(method: Option<&'static Method>) -> Self {
        // Probes ask all the time, and nobody asks for their traces.
        let span = match method {
            Some(method) if method.service.starts_with("grpc.health.") => Span::default(),
            _ => Span::begin(SpanKind::Server, || describe(method)),
        };
        Self { span, server: true }
    }

    /// A call that is made, to a service at an address.
    pub(crate) fn client(
        method: Option<&'static Method>,
        address: &str,
        port: Option<u16>,
    ) -> Self {
        let span = Span::begin(SpanKind::Client, || {
            let (name, mut attributes) = describe(method);
            attributes.push(KeyValue::new("server.address", address.to_owned()));
            attributes.extend(port.map(|port| KeyValue::new("server.port", i64::from(port))));
            (name, attributes)
        });
        Self { span, server: false }
    }

    /// What is known of the work in it, if that is more than before.
    pub(crate) fn current(&self) -> Option<Current> {
        self.span.current()
    }

    pub(crate) fn end(&mut self, code: Code) {
        let mut span = std::mem::take(&mut self.span);
        if !span.is_recording() {
            return;
        }
        let name = code_name(code);
        span.set("rpc.response.status_code", name);
        if conventions().old_rpc_names {
            span.set("rpc.grpc.status_code", i64::from(i32::from(code)));
        }
        if is_error(code, self.server) {
            span.fail(name);
        }
    }
}

fn describe(method: Option<&'static Method>) -> (&'static str, Vec<KeyValue>) {
    let name = method.map_or("_OTHER", |method| &method.full_name);
    let mut attributes =
        vec![KeyValue::new("rpc.system.name", "grpc"), KeyValue::new("rpc.method", name)];
    if conventions().old_rpc_names {
        attributes.push(KeyValue::new("rpc.system", "grpc"));
        attributes.extend(method.map(|method| KeyValue::new("rpc.service", &*method.service)));
    }
    // A call of what is no method has the name of the system (RPC spans, "Name").
    (method.map_or("grpc", |method| &method.full_name), attributes)
}

/// What a caller did wrong is no error of the server.
fn is_error(code: Code, server: bool) -> bool {
    match code {
        Code::Ok => false,
        Code::Unknown
        | Code::DeadlineExceeded
        | Code::Unimplemented
        | Code::Internal
        | Code::Unavailable
        | Code::DataLoss => true,
        _ => !server,
    }
}
