use axum::body::{Body, Bytes};
use axum::http::{HeaderMap, header};
use futures_util::StreamExt as _;
use tokio::sync::SemaphorePermit;
use tokio::time::timeout;

use crate::gateway::Shared;

/// A body that arrived. It counts as memory in use until it is dropped.
pub(super) struct Buffered<'a> {
    pub(super) bytes: Bytes,
    _memory: Option<SemaphorePermit<'a>>,
}

/// Why a body was not taken.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum BodyError {
    /// It is larger than a message may be.
    TooLarge,
    /// It did not arrive, or not in time.
    Incomplete,
    /// Too much is in memory already.
    Overloaded,
}

/// Reads a body, and stops at the first byte over a limit.
pub(super) async fn read<'a>(
    shared: &'a Shared,
    headers: &HeaderMap,
    body: Body,
) -> Result<Buffered<'a>, BodyError> {
    let limits = &shared.config.didcomm;
    if declared_length(headers) > limits.max_message {
        return Err(BodyError::TooLarge);
    }
    let arrived = timeout(limits.read_timeout, arrive(shared, body, limits.max_message)).await;
    arrived.unwrap_or(Err(BodyError::Incomplete))
}

async fn arrive(shared: &Shared, body: Body, limit: usize) -> Result<Buffered<'_>, BodyError> {
    let (mut bytes, mut memory) = (Vec::new(), None::<SemaphorePermit<'_>>);
    let mut chunks = body.into_data_stream();
    while let Some(chunk) = chunks.next().await {
        let chunk = chunk.map_err(|_| BodyError::Incomplete)?;
        if bytes.len() + chunk.len() > limit {
            return Err(BodyError::TooLarge);
        }
        let size = u32::try_from(chunk.len()).map_err(|_| BodyError::TooLarge)?;
        let more = shared.buffered.try_acquire_many(size).map_err(|_| BodyError::Overloaded)?;
        match &mut memory {
            Some(memory) => memory.merge(more),
            None => memory = Some(more),
        }
        bytes.extend_from_slice(&chunk);
    }
    Ok(Buffered { bytes: bytes.into(), _memory: memory })
}

fn declared_length(headers: &HeaderMap) -> usize {
    let length =
        headers.get(header::CONTENT_LENGTH).and_then(|value| value.to_str().ok()?.parse().ok());
    length.unwrap_or_default()
}
