use std::time::Duration;

use axum::body::{Body, BodyDataStream, Bytes};
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

/// How much of a body that is too large is read and thrown away, in messages of the largest size, and for how long.
const DISCARDED: usize = 4;
const DISCARDING: Duration = Duration::from_secs(1);

/// Reads a body, and keeps nothing of one that is over a limit.
pub(super) async fn read<'a>(
    shared: &'a Shared,
    headers: &HeaderMap,
    body: Body,
) -> Result<Buffered<'a>, BodyError> {
    let limits = &shared.config.didcomm;
    let mut chunks = body.into_data_stream();
    let arrived = if declared_length(headers) > limits.max_message {
        Err(BodyError::TooLarge)
    } else {
        let arriving = arrive(shared, &mut chunks, limits.max_message);
        timeout(limits.read_timeout, arriving).await.unwrap_or(Err(BodyError::Incomplete))
    };
    if matches!(arrived, Err(BodyError::TooLarge)) {
        // Who is still writing when the connection closes may never see the answer.
        let discarded = discard(&mut chunks, limits.max_message.saturating_mul(DISCARDED));
        let _ = timeout(DISCARDING, discarded).await;
    }
    arrived
}

async fn discard(chunks: &mut BodyDataStream, mut most: usize) {
    while most > 0
        && let Some(Ok(chunk)) = chunks.next().await
    {
        most = most.saturating_sub(chunk.len());
    }
}

async fn arrive<'a>(
    shared: &'a Shared,
    chunks: &mut BodyDataStream,
    limit: usize,
) -> Result<Buffered<'a>, BodyError> {
    let (mut bytes, mut memory) = (Vec::new(), None::<SemaphorePermit<'_>>);
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
