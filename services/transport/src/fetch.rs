//! Short invitation URLs (RFC 0434): the invitation itself, or a redirect to the long URL.

use std::time::Duration;

use entente_net::{AddressPolicy, BodyError, read_body};
use reqwest::header::{ACCEPT, CONTENT_TYPE};
use reqwest::{Client, Response};
use tokio::sync::Semaphore;
use tokio::time::timeout;
use url::Url;

use crate::error::{TransportError, is_transient};
use crate::http::{failed, location, rejected};

/// The most redirects that are followed.
const MAX_REDIRECTS: usize = 3;
/// The largest invitation, in bytes.
const MAX_INVITATION: usize = 64 * 1024;
const MEDIA_TYPE: &str = "application/json";
/// Query parameters that hold an invitation: out-of-band 1.x, connections 1.0, out-of-band 2.0.
const PARAMETERS: [&str; 3] = ["oob", "c_i", "_oob"];
/// When a full fetcher may be asked again.
const OVERLOAD_RETRY: Duration = Duration::from_secs(1);

/// Fetches short URLs.
pub(crate) struct Fetcher {
    pub(crate) client: Client,
    pub(crate) policy: AddressPolicy,
    pub(crate) timeout: Duration,
    pub(crate) permits: Semaphore,
}

impl Fetcher {
    /// The invitation as JSON, or a URL that holds it.
    pub(crate) async fn fetch(
        &self,
        text: &str,
        deadline: Option<Duration>,
    ) -> Result<String, TransportError> {
        let url = Url::parse(text.trim()).map_err(|error| TransportError::Field {
            field: "url",
            reason: format!("is not a URL: {error}"),
        })?;
        if holds_invitation(&url) {
            return Ok(url.into());
        }
        let _permit = self.permits.try_acquire().map_err(|_| TransportError::Overloaded {
            origin: "fetching invitations".to_owned(),
            retry_after: OVERLOAD_RETRY,
        })?;
        let within = deadline.map_or(self.timeout, |deadline| deadline.min(self.timeout));
        self.check(&url)?;
        timeout(within, self.follow(url.clone())).await.unwrap_or_else(|_| {
            let reason = format!("no answer within {} ms", within.as_millis());
            Err(TransportError::Unavailable { url: url.into(), reason })
        })
    }

    fn check(&self, url: &Url) -> Result<(), TransportError> {
        let checked = self.policy.check(url, &["http", "https"]);
        checked.map_err(|refused| TransportError::Refused { url: url.to_string(), refused })
    }

    /// Fetches a URL that was checked; each hop is.
    async fn follow(&self, mut url: Url) -> Result<String, TransportError> {
        for _ in 0..=MAX_REDIRECTS {
            let sent = self.client.get(url.clone()).header(ACCEPT, MEDIA_TYPE).send().await;
            let response = sent.map_err(|error| failed(&url, &error))?;
            if !response.status().is_redirection() {
                return invitation(response).await;
            }
            url = location(&response).ok_or_else(|| none(&url, "it redirects to nowhere"))?;
            if holds_invitation(&url) {
                return Ok(url.into());
            }
            self.check(&url)?;
        }
        Err(none(&url, "it redirects too often"))
    }
}

fn holds_invitation(url: &Url) -> bool {
    url.query_pairs().any(|(name, value)| PARAMETERS.contains(&name.as_ref()) && !value.is_empty())
}

fn none(url: &Url, reason: impl Into<String>) -> TransportError {
    TransportError::NoInvitation { url: url.to_string(), reason: reason.into() }
}

async fn invitation(response: Response) -> Result<String, TransportError> {
    let url = response.url().clone();
    let status = response.status();
    if is_transient(status.as_u16()) {
        return Err(rejected(&response));
    }
    if status != 200 {
        return Err(none(
            &url,
            format!("it answered {status}; the invitation may have been used or have expired"),
        ));
    }
    let content_type = response.headers().get(CONTENT_TYPE).and_then(|value| value.to_str().ok());
    let content_type = content_type.unwrap_or("no content type").to_owned();
    let body = read_body(response, MAX_INVITATION).await.map_err(|error| match error {
        BodyError::TooLarge { .. } => none(&url, error.to_string()),
        BodyError::Failed(error) => failed(&url, &error),
    })?;
    match serde_json::from_slice::<serde_json::Value>(&body) {
        Ok(value) if value.is_object() => {}
        _ => return Err(none(&url, format!("it answered {content_type} that is no JSON object"))),
    }
    String::from_utf8(body).map_err(|_| none(&url, "its answer is not UTF-8"))
}

#[cfg(test)]
mod tests;
