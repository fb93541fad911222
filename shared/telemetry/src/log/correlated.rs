//! Lines that say which request they are about, and which span of which trace; and at `info` and above name nobody.

use std::borrow::Cow;
use std::fmt;

use entente_trace::Current;
use tracing::{Event, Level, Subscriber};
use tracing_subscriber::fmt::format::Writer;
use tracing_subscriber::fmt::{FmtContext, FormatEvent, FormatFields};
use tracing_subscriber::registry::LookupSpan;

use super::redact::redact;

/// Adds `trace_id`, `span_id` and `request_id` to the lines of another format, where there are any, and takes DIDs out.
pub(super) struct Correlated<F> {
    inner: F,
    json: bool,
}

impl<F> Correlated<F> {
    pub(super) fn text(inner: F) -> Self {
        Self { inner, json: false }
    }

    pub(super) fn json(inner: F) -> Self {
        Self { inner, json: true }
    }
}

impl<S, N, F> FormatEvent<S, N> for Correlated<F>
where
    S: Subscriber + for<'a> LookupSpan<'a>,
    N: for<'a> FormatFields<'a> + 'static,
    F: FormatEvent<S, N>,
{
    fn format_event(
        &self,
        context: &FmtContext<'_, S, N>,
        mut writer: Writer<'_>,
        event: &Event<'_>,
    ) -> fmt::Result {
        let ids = Current::read(ids).unwrap_or_default();
        let mut line = String::new();
        self.inner.format_event(context, Writer::new(&mut line), event)?;
        let line = line.trim_end();
        // Who asks for details gets them.
        let line = match *event.metadata().level() <= Level::INFO {
            true => redact(line),
            false => Cow::Borrowed(line),
        };
        match line.strip_suffix('}').filter(|_| self.json) {
            // An id has no character that JSON would write otherwise.
            Some(open) => {
                writer.write_str(open)?;
                for (name, id) in ids {
                    write!(writer, ",\"{name}\":\"{id}\"")?;
                }
                writer.write_str("}\n")
            }
            None => {
                writer.write_str(&line)?;
                for (name, id) in ids {
                    write!(writer, " {name}={id}")?;
                }
                writer.write_char('\n')
            }
        }
    }
}

fn ids(current: &Current) -> Vec<(&'static str, String)> {
    let trace = current.trace.iter();
    let trace =
        trace.flat_map(|trace| [("trace_id", trace.trace_id()), ("span_id", trace.span_id())]);
    let request = current.request_id.iter().map(|id| ("request_id", id.to_string()));
    trace.chain(request).collect()
}
