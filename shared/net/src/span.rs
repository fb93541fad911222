use entente_trace::{Current, KeyValue, Span, SpanKind};
use url::Url;

/// The span of a request that is sent, by OpenTelemetry's conventions for HTTP clients. Nothing, where no spans are
/// recorded.
#[derive(Debug)]
pub struct RequestSpan(Span);

impl RequestSpan {
    /// A request that is about to be sent by this method. Of the URL it says neither the query nor a password.
    #[must_use]
    pub fn begin(method: &'static str, url: &Url) -> Self {
        Self(Span::begin(SpanKind::Client, || {
            let mut shown = url.clone();
            shown.set_query(None);
            shown.set_fragment(None);
            // Only a URL without a host cannot have them, and has none.
            let _ = shown.set_username("").and_then(|()| shown.set_password(None));
            let mut attributes = vec![
                KeyValue::new("http.request.method", method),
                KeyValue::new("url.full", String::from(shown)),
                KeyValue::new("server.address", url.host_str().unwrap_or_default().to_owned()),
            ];
            let port = url.port_or_known_default();
            attributes.extend(port.map(|port| KeyValue::new("server.port", i64::from(port))));
            (method, attributes)
        }))
    }

    /// What is known of the work in it, if that is more than before.
    #[must_use]
    pub fn current(&self) -> Option<Current> {
        self.0.current()
    }

    /// It was answered with this status.
    pub fn answered(mut self, status: u16) {
        self.0.set("http.response.status_code", i64::from(status));
        if status >= 400 && self.0.is_recording() {
            self.0.fail(status.to_string());
        }
    }

    /// It was not answered; in one word of few.
    pub fn failed(mut self, error: &'static str) {
        self.0.fail(error);
    }
}
