use std::sync::Arc;
use std::time::Duration;

use axum::body::Body;
use axum::extract::State;
use axum::http::{HeaderMap, HeaderValue, StatusCode, header};
use axum::response::{IntoResponse, Response};
use entente_didcomm::envelope::MEDIA_TYPE_V1;
use serde_json::json;

use super::body::{BodyError, read};
use super::inbound::{Outcome, receive as handle};
use super::media_type::may_hold_envelope;
use crate::gateway::Shared;

/// An envelope by POST. The limits are checked before anything is read or parsed.
pub(super) async fn receive(
    State(shared): State<Arc<Shared>>,
    headers: HeaderMap,
    body: Body,
) -> Response {
    if let Some(refusal) = refuse_type(&headers) {
        shared.metrics.inbound("unsupported_media_type");
        return refusal;
    }
    let body = match read(&shared, &headers, body).await {
        Ok(body) => body,
        Err(error) => return refuse_body(&shared, error),
    };
    let Ok(_permit) = shared.in_flight.try_acquire() else {
        return refuse_body(&shared, BodyError::Overloaded);
    };
    answer(handle(&shared, body.bytes.clone(), 1).await)
}

fn refuse_body(shared: &Shared, error: BodyError) -> Response {
    let (result, response) = match error {
        BodyError::TooLarge => {
            let limit = shared.config.didcomm.max_message;
            let detail = format!("the body may have at most {limit} bytes");
            ("too_large", problem(StatusCode::PAYLOAD_TOO_LARGE, "message too large", &detail))
        }
        BodyError::Incomplete => {
            let detail = "the body did not arrive in time";
            ("incomplete", problem(StatusCode::REQUEST_TIMEOUT, "incomplete body", detail))
        }
        BodyError::Overloaded => {
            ("overloaded", try_again(Duration::from_secs(1), "too many messages are being handled"))
        }
    };
    shared.metrics.inbound(result);
    response
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
