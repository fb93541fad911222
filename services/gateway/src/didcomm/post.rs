use std::sync::Arc;
use std::time::Duration;

use axum::body::Body;
use axum::extract::State;
use axum::http::{HeaderMap, HeaderValue, StatusCode, header};
use axum::response::{IntoResponse, Response};
use entente_didcomm::envelope::MEDIA_TYPE_V1;
use futures_util::StreamExt as _;
use serde_json::json;

use super::inbound::{Outcome, receive as handle};
use super::media_type::may_hold_envelope;
use crate::gateway::Shared;

/// An envelope by POST. The limits are checked before anything is read or parsed.
pub(super) async fn receive(
    State(shared): State<Arc<Shared>>,
    headers: HeaderMap,
    body: Body,
) -> Response {
    let limits = &shared.config.didcomm;
    let Ok(_permit) = shared.in_flight.try_acquire() else {
        shared.metrics.inbound("overloaded");
        return try_again(Duration::from_secs(1), "too many messages are being handled");
    };
    if let Some(refusal) = refuse_type(&headers) {
        shared.metrics.inbound("unsupported_media_type");
        return refusal;
    }
    let read = tokio::time::timeout(
        limits.read_timeout,
        read(body, declared_length(&headers), limits.max_message),
    );
    let envelope = match read.await {
        Ok(Ok(envelope)) => envelope,
        Ok(Err(ReadError::TooLarge)) => {
            shared.metrics.inbound("too_large");
            let detail = format!("the body may have at most {} bytes", limits.max_message);
            return problem(StatusCode::PAYLOAD_TOO_LARGE, "message too large", &detail);
        }
        Ok(Err(ReadError::Broken)) | Err(_) => {
            shared.metrics.inbound("incomplete");
            return problem(
                StatusCode::REQUEST_TIMEOUT,
                "incomplete body",
                "the body did not arrive in time",
            );
        }
    };
    answer(handle(&shared, envelope.into(), 1).await)
}

fn answer(outcome: Outcome) -> Response {
    match outcome {
        Outcome::Taken(replies) => match replies.into_iter().next() {
            None => StatusCode::ACCEPTED.into_response(),
            Some(reply) => ([(header::CONTENT_TYPE, MEDIA_TYPE_V1)], reply).into_response(),
        },
        Outcome::Unreadable(reason) => problem(StatusCode::BAD_REQUEST, "not an envelope", &reason),
        Outcome::TryAgain(delay) => try_again(delay, "the message could not be handled now"),
        Outcome::Broken => problem(
            StatusCode::INTERNAL_SERVER_ERROR,
            "internal error",
            "the message could not be handled",
        ),
    }
}

fn refuse_type(headers: &HeaderMap) -> Option<Response> {
    let value =
        headers.get(header::CONTENT_TYPE).and_then(|value| value.to_str().ok()).unwrap_or_default();
    if may_hold_envelope(value) {
        return None;
    }
    let detail = format!("send the envelope as {MEDIA_TYPE_V1}");
    Some(problem(StatusCode::UNSUPPORTED_MEDIA_TYPE, "unsupported media type", &detail))
}

fn declared_length(headers: &HeaderMap) -> usize {
    let length =
        headers.get(header::CONTENT_LENGTH).and_then(|value| value.to_str().ok()?.parse().ok());
    length.unwrap_or_default()
}

enum ReadError {
    TooLarge,
    Broken,
}

/// Reads a body, and stops at the first byte over the limit.
async fn read(body: Body, declared: usize, limit: usize) -> Result<Vec<u8>, ReadError> {
    if declared > limit {
        return Err(ReadError::TooLarge);
    }
    let mut bytes = Vec::new();
    let mut chunks = body.into_data_stream();
    while let Some(chunk) = chunks.next().await {
        let chunk = chunk.map_err(|_| ReadError::Broken)?;
        if bytes.len() + chunk.len() > limit {
            return Err(ReadError::TooLarge);
        }
        bytes.extend_from_slice(&chunk);
    }
    Ok(bytes)
}

fn try_again(delay: Duration, detail: &str) -> Response {
    let mut response = problem(StatusCode::SERVICE_UNAVAILABLE, "try again later", detail);
    let seconds = delay.as_secs().clamp(1, 3600);
    response.headers_mut().insert(header::RETRY_AFTER, HeaderValue::from(seconds));
    response
}

/// A short problem as JSON (RFC 9457).
fn problem(status: StatusCode, title: &str, detail: &str) -> Response {
    let body = json!({"title": title, "status": status.as_u16(), "detail": detail}).to_string();
    (status, [(header::CONTENT_TYPE, "application/problem+json")], body).into_response()
}
