//! A place in a trace, and how W3C Trace Context writes it (level 2, sections 3.2 and 3.3).

use http::{HeaderMap, HeaderName, HeaderValue};
use opentelemetry::trace::{SpanContext, SpanId, TraceFlags, TraceId, TraceState};

/// The header with the ids.
pub const TRACEPARENT: HeaderName = HeaderName::from_static("traceparent");
/// The header with what tracing systems add.
pub const TRACESTATE: HeaderName = HeaderName::from_static("tracestate");
/// The longest `tracestate` that is taken, in bytes: what the specification asks to carry on at least.
pub const MAX_STATE: usize = 512;

/// A span that others can be children of, wherever they are.
#[derive(Debug, Clone, PartialEq)]
pub struct TraceContext(pub(crate) SpanContext);

impl TraceContext {
    /// Reads what stands in the two headers. A `tracestate` that is too long or broken is left out.
    #[must_use]
    pub fn parse(traceparent: &str, tracestate: Option<&str>) -> Option<Self> {
        let (trace_id, span_id, flags) = ids(traceparent)?;
        let state = tracestate.filter(|state| state.len() <= MAX_STATE);
        let state = state.and_then(|state| state.parse::<TraceState>().ok()).unwrap_or_default();
        let context = SpanContext::new(trace_id, span_id, flags, true, state);
        context.is_valid().then_some(Self(context))
    }

    /// Reads the headers of a request.
    #[must_use]
    pub fn of_headers(headers: &HeaderMap) -> Option<Self> {
        let mut parents = headers.get_all(TRACEPARENT).iter();
        let parent = parents.next()?.to_str().ok()?;
        // Two parents are none.
        if parents.next().is_some() {
            return None;
        }
        let mut state = String::new();
        for part in headers.get_all(TRACESTATE) {
            let comma = if state.is_empty() { "" } else { "," };
            state.extend([comma, part.to_str().unwrap_or_default()]);
        }
        Self::parse(parent, Some(&state))
    }

    /// Writes the headers of a request.
    pub fn write(&self, headers: &mut HeaderMap) {
        headers.remove(TRACESTATE);
        if let Ok(value) = HeaderValue::try_from(self.traceparent()) {
            headers.insert(TRACEPARENT, value);
        }
        if let Some(Ok(value)) = self.tracestate().map(HeaderValue::try_from) {
            headers.insert(TRACESTATE, value);
        }
    }

    /// The value of `traceparent`.
    #[must_use]
    pub fn traceparent(&self) -> String {
        let flags = self.0.trace_flags().to_u8() & TraceFlags::SAMPLED.to_u8();
        format!("00-{}-{}-{flags:02x}", self.0.trace_id(), self.0.span_id())
    }

    /// The value of `tracestate`, if there is one.
    #[must_use]
    pub fn tracestate(&self) -> Option<String> {
        Some(self.0.trace_state().header()).filter(|state| !state.is_empty())
    }

    /// Both values in one text, for [`TraceContext::of_text`].
    #[must_use]
    pub fn to_text(&self) -> String {
        match self.tracestate() {
            Some(state) => format!("{} {state}", self.traceparent()),
            None => self.traceparent(),
        }
    }

    /// Reads what [`TraceContext::to_text`] wrote.
    #[must_use]
    pub fn of_text(text: &str) -> Option<Self> {
        match text.split_once(' ') {
            Some((parent, state)) => Self::parse(parent, Some(state)),
            None => Self::parse(text, None),
        }
    }

    /// The trace's id as a log line shows it: 32 hexadecimal digits.
    #[must_use]
    pub fn trace_id(&self) -> String {
        self.0.trace_id().to_string()
    }

    /// The span's id as a log line shows it: 16 hexadecimal digits.
    #[must_use]
    pub fn span_id(&self) -> String {
        self.0.span_id().to_string()
    }
}

/// `version-trace id-span id-flags`, each lower-case hexadecimal. A later version may have more behind them.
fn ids(text: &str) -> Option<(TraceId, SpanId, TraceFlags)> {
    let field = |range: std::ops::Range<usize>| {
        let field = text.get(range)?;
        let digit = |byte: u8| byte.is_ascii_digit() || (b'a'..=b'f').contains(&byte);
        field.bytes().all(digit).then_some(field)
    };
    let dashes = [2, 35, 52].iter().all(|at| text.as_bytes().get(*at) == Some(&b'-'));
    let version = field(0..2)?;
    let whole = match version {
        "ff" => false,
        "00" => text.len() == 55,
        _ => {
            text.len() == 55 || (text.len() <= MAX_STATE && text.as_bytes().get(55) == Some(&b'-'))
        }
    };
    if !dashes || !whole {
        return None;
    }
    let trace_id = TraceId::from_hex(field(3..35)?).ok()?;
    let span_id = SpanId::from_hex(field(36..52)?).ok()?;
    let flags = u8::from_str_radix(field(53..55)?, 16).ok()?;
    Some((trace_id, span_id, TraceFlags::new(flags) & TraceFlags::SAMPLED))
}

#[cfg(test)]
mod tests {
    use super::*;

    const PARENT: &str = "00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01";

    #[test]
    fn what_is_written_is_read() {
        let context = TraceContext::parse(PARENT, Some("vendor=a, other=b")).unwrap();
        assert_eq!(context.traceparent(), PARENT);
        assert_eq!(context.tracestate().unwrap(), "vendor=a,other=b");
        assert_eq!(TraceContext::of_text(&context.to_text()).as_ref(), Some(&context));
        let mut headers = HeaderMap::new();
        headers.insert(TRACESTATE, HeaderValue::from_static("stale=1"));
        TraceContext::parse(PARENT, None).unwrap().write(&mut headers);
        assert_eq!(headers.len(), 1, "{headers:?}");
        context.write(&mut headers);
        assert_eq!(TraceContext::of_headers(&headers), Some(context));
        headers.append(TRACEPARENT, HeaderValue::from_static(PARENT));
        assert_eq!(TraceContext::of_headers(&headers), None, "two parents");
    }

    #[test]
    fn what_is_broken_is_nothing() {
        for parent in [
            "",
            "00",
            "00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7",
            "00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01-x",
            "ff-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01",
            "00-4BF92F3577B34DA6A3CE929D0E0E4736-00f067aa0ba902b7-01",
            "00-00000000000000000000000000000000-00f067aa0ba902b7-01",
            "00-4bf92f3577b34da6a3ce929d0e0e4736-0000000000000000-01",
            "00-4bf92f3577b34da6a3ce929d0e0e473g-00f067aa0ba902b7-01",
            "00_4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01",
            "00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902é-01",
        ] {
            assert_eq!(TraceContext::parse(parent, None), None, "{parent}");
        }
        let later = "01-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01-more";
        assert_eq!(TraceContext::parse(later, None).unwrap().traceparent(), PARENT);
        let long = format!("a={}", "b".repeat(MAX_STATE));
        for state in ["a", "A=b", &long] {
            let context = TraceContext::parse(PARENT, Some(state)).unwrap();
            assert_eq!(context.tracestate(), None, "{state}");
        }
    }
}
