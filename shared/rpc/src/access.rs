//! A line in the log for each call that is served, at the level `debug` of the target `access`. Nobody's ids are in it.

use std::time::Duration;

use http::HeaderMap;

use crate::caller::TENANT_KEY;
use crate::metrics::code_name;
use crate::{Code, Method};

/// Whether calls are logged.
pub(crate) fn is_logged() -> bool {
    tracing::enabled!(target: "access", tracing::Level::DEBUG)
}

/// Who calls, by the name that the edge set.
pub(crate) fn caller(headers: &HeaderMap) -> String {
    let name = headers.get(TENANT_KEY).and_then(|value| value.to_str().ok());
    name.unwrap_or_default().to_owned()
}

pub(crate) fn log(method: Option<&Method>, code: Code, took: Duration, caller: &str) {
    let method = method.map_or("unknown", |method| &method.full_name);
    let (code, milliseconds) = (code_name(code), took.as_secs_f64() * 1000.0);
    tracing::debug!(target: "access", method, code, milliseconds, caller, "served a call");
}
