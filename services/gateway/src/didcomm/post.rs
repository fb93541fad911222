use std::sync::Arc;
use std::time::Duration;

use axum::body::Body;
use axum::extract::State;
use axum::http::{HeaderMap, HeaderValue, StatusCode, header};
use axum::response::{IntoResponse, Response};
use entente_didcomm::envelope::MEDIA_TYPE_V1;
use entente_didcomm::envelope::v2::MEDIA_TYPE_ENCRYPTED;
use serde_json::json;

use super::body::{BodyError, read};
use super::flood::HELD;
use super::inbound::{Outcome, peek, receive as handle};
use super::media_type::may_hold_envelope;
use super::quiet::Arrival;
use crate::gateway::Shared;

/// An envelope by POST. The limits are checked before anything is parsed.
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
    let arrival = Arrival::now();
    let Ok(permit) = shared.in_flight.try_acquire() else {
        return refuse_body(&shared, BodyError::Overloaded);
    };
    let (outcome, media_type) = match peek(&shared, body.bytes.clone()) {
        Ok(sealed) => {
            let media_type = if sealed.is_v2() { MEDIA_TYPE_ENCRYPTED } else { MEDIA_TYPE_V1 };
            (handle(&shared, sealed, 1).await, media_type)
        }
        Err(outcome) => (outcome, MEDIA_TYPE_V1),
    };
    // An answer that is held back holds nothing that others need.
    drop((permit, body));
    arrival.hold(&shared, &outcome).await;
    answer(outcome, media_type).await
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

async fn answer(outcome: Outcome, media_type: &'static str) -> Response {
    match outcome {
        Outcome::Taken(taken) => match taken.replies.into_iter().next() {
            None => StatusCode::ACCEPTED.into_response(),
            Some(reply) => ([(header::CONTENT_TYPE, media_type)], reply).into_response(),
        },
        Outcome::Unreadable(reason) => problem(StatusCode::BAD_REQUEST, "not an envelope", &reason),
        Outcome::Quiet { v2: false } => StatusCode::ACCEPTED.into_response(),
        Outcome::Quiet { v2: true } => problem(
            StatusCode::BAD_REQUEST,
            "message refused",
            "the message is not for this agent, or it does not fit what this agent knows of its sender",
        ),
        Outcome::TooMany(delay) => too_many(delay).await,
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
    let detail = format!("send the envelope as {MEDIA_TYPE_V1} or {MEDIA_TYPE_ENCRYPTED}");
    Some(problem(StatusCode::UNSUPPORTED_MEDIA_TYPE, "unsupported media type", &detail))
}

pub(super) fn try_again(delay: Duration, detail: &str) -> Response {
    after(delay, problem(StatusCode::SERVICE_UNAVAILABLE, "try again later", detail))
}

/// The refusal of one message too many, which is held back.
pub(super) async fn too_many(delay: Duration) -> Response {
    tokio::time::sleep(HELD).await;
    let detail = "more messages come from there than this agent takes";
    after(delay, problem(StatusCode::TOO_MANY_REQUESTS, "too many messages", detail))
}

fn after(delay: Duration, mut response: Response) -> Response {
    let seconds = delay.as_secs().clamp(1, 3600);
    response.headers_mut().insert(header::RETRY_AFTER, HeaderValue::from(seconds));
    response
}

/// A short problem as JSON (RFC 9457).
fn problem(status: StatusCode, title: &str, detail: &str) -> Response {
    let body = json!({"title": title, "status": status.as_u16(), "detail": detail}).to_string();
    (status, [(header::CONTENT_TYPE, "application/problem+json")], body).into_response()
}
