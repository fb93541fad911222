use std::future::Future;

use http::HeaderMap;

use crate::{REQUEST_ID, RequestId, TraceContext};

tokio::task_local! {
    static CURRENT: Current;
}

/// What is known of the work at hand. It goes with the task, not to others that the task starts.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct Current {
    /// The span that the work is part of.
    pub trace: Option<TraceContext>,
    /// The request that it is done for.
    pub request_id: Option<RequestId>,
}

impl Current {
    /// That of the work at hand; empty where nothing is known.
    #[must_use]
    pub fn get() -> Self {
        Self::read(Self::clone).unwrap_or_default()
    }

    /// Reads that of the work at hand, without a copy of it.
    pub fn read<T>(read: impl FnOnce(&Self) -> T) -> Option<T> {
        CURRENT.try_with(read).ok()
    }

    /// That of a request from outside, with its id or a new one.
    #[must_use]
    pub fn arriving(headers: &HeaderMap) -> Self {
        let request_id = Some(RequestId::arriving(headers));
        Self { trace: TraceContext::of_headers(headers), request_id }
    }

    /// Does something short with this as the work at hand's.
    pub fn sync_scope<T>(self, work: impl FnOnce() -> T) -> T {
        CURRENT.sync_scope(self, work)
    }

    /// Tells another service, in the headers of a request.
    pub fn write(&self, headers: &mut HeaderMap) {
        if let Some(trace) = &self.trace {
            trace.write(headers);
        }
        if let Some(id) = self.request_id.as_ref().and_then(RequestId::header) {
            headers.insert(REQUEST_ID, id);
        }
    }
}

/// Does the work with this as what is known of it; with `None`, with what is known already.
pub async fn within<F: Future>(current: Option<Current>, work: F) -> F::Output {
    match current {
        Some(current) => CURRENT.scope(current, work).await,
        None => work.await,
    }
}

/// The work with what is known here, for another task.
pub fn carried<F: Future>(work: F) -> impl Future<Output = F::Output> {
    within(Current::read(Current::clone), work)
}
