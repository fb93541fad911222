//! Delivery by HTTP POST (RFC 0025).

use std::time::Duration;

use bytes::Bytes;
use entente_net::{AddressPolicy, cause, refusal};
use reqwest::header::{CONTENT_TYPE, LOCATION, RETRY_AFTER};
use reqwest::{Client, Response, StatusCode};
use tokio::time::Instant;
use url::Url;

use crate::error::TransportError;
use crate::reply;

/// The most redirects of one message. Only 307 keeps the POST.
const MAX_REDIRECTS: usize = 2;

/// What an endpoint answered that took the message.
pub(crate) struct Answer {
    /// 2xx, or 101 over a WebSocket.
    pub(crate) status: u16,
    /// A packed message, or nothing.
    pub(crate) reply: Vec<u8>,
}

/// Posts a packed message. The caller limits the time; `until` is when that ends.
pub(crate) async fn post(
    client: &Client,
    policy: AddressPolicy,
    endpoint: &Url,
    media_type: &'static str,
    envelope: Bytes,
    until: Instant,
) -> Result<Answer, TransportError> {
    let mut url = endpoint.clone();
    for hop in 0..=MAX_REDIRECTS {
        let request = client.post(url.clone()).header(CONTENT_TYPE, media_type);
        let sent = request.body(envelope.clone()).send().await;
        let response = sent.map_err(|error| failed(&url, &error))?;
        let status = response.status();
        if status.is_success() {
            // The message is delivered: a body that does not come must not make it undelivered.
            let within = until.saturating_duration_since(Instant::now()) / 2;
            return Ok(Answer {
                status: status.as_u16(),
                reply: reply::read(response, within).await,
            });
        }
        url = match location(&response) {
            Some(next) if status == StatusCode::TEMPORARY_REDIRECT && hop < MAX_REDIRECTS => next,
            _ => return Err(rejected(&response)),
        };
        policy
            .check(&url, schemes_after(endpoint))
            .map_err(|refused| TransportError::Refused { url: url.to_string(), refused })?;
    }
    Err(TransportError::Unavailable {
        url: url.to_string(),
        reason: "it redirects too often".to_owned(),
    })
}

/// What was sent to https is not sent on in the clear.
fn schemes_after(endpoint: &Url) -> &'static [&'static str] {
    if endpoint.scheme() == "https" { &["https"] } else { &["http", "https"] }
}

/// Where an answer redirects to.
pub(crate) fn location(response: &Response) -> Option<Url> {
    response.url().join(response.headers().get(LOCATION)?.to_str().ok()?).ok()
}

/// The error for an answer that is none of 2xx.
pub(crate) fn rejected(response: &Response) -> TransportError {
    let seconds =
        response.headers().get(RETRY_AFTER).and_then(|value| value.to_str().ok()?.parse().ok());
    TransportError::Status {
        url: response.url().to_string(),
        status: response.status().as_u16(),
        retry_after: seconds.map(Duration::from_secs),
    }
}

/// The error for a request that got no answer.
pub(crate) fn failed(url: &Url, error: &reqwest::Error) -> TransportError {
    let url = url.to_string();
    match refusal(error) {
        Some(refused) => TransportError::Refused { url, refused: refused.clone() },
        None => TransportError::Unavailable { url, reason: cause(error) },
    }
}

#[cfg(test)]
mod tests;
