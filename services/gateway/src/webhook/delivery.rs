use std::sync::Arc;
use std::time::Duration;

use entente_net::{RequestSpan, cause};
use reqwest::header::{CONTENT_TYPE, HeaderValue};
use tokio::sync::{Semaphore, watch};

use super::WebhookSettings;
use super::target::Target;
use super::window::{Content, Job};
use crate::gateway::Shared;
use crate::metrics::Metrics;

/// The most of an answer's body that is read, so that its connection can be kept.
const MAX_BODY: usize = 64 * 1024;

/// Delivers events to one URL.
pub(super) struct Delivery {
    pub(super) client: reqwest::Client,
    pub(super) settings: WebhookSettings,
    pub(super) permits: Semaphore,
    pub(super) metrics: Metrics,
    pub(super) target: Target,
    /// True once no further attempt shall be made.
    pub(super) stop: watch::Receiver<bool>,
    pub(super) shared: Arc<Shared>,
}

/// What became of an event.
#[derive(Debug, PartialEq, Eq)]
pub(super) enum Outcome {
    /// It was answered with 2xx.
    Delivered,
    /// It was tried as often as allowed; the last error.
    GivenUp(u32, String),
    /// The gateway stops: it comes again after the next start.
    Interrupted,
}

/// An event whose delivery ended.
pub(super) struct Finished {
    pub(super) job: Job,
    pub(super) outcome: Outcome,
    /// It was a dead letter.
    pub(super) replay: bool,
}

impl Delivery {
    /// Calls until it is answered with 2xx, or as often as allowed.
    pub(super) async fn deliver(self: Arc<Self>, job: Job, replay: bool) -> Finished {
        let outcome = self.attempt(&job).await;
        Finished { job, outcome, replay }
    }

    async fn attempt(&self, job: &Job) -> Outcome {
        let mut stop = self.stop.clone();
        for attempt in 1.. {
            let Err(error) = self.call(job).await else {
                self.metrics.webhook("delivered");
                return Outcome::Delivered;
            };
            self.metrics.webhook("failed");
            if attempt >= self.settings.attempts {
                self.metrics.webhook("dead_letter");
                let (consumer, sequence) = (&self.target.consumer, job.sequence);
                tracing::error!(consumer, sequence, error, "gave up a webhook");
                return Outcome::GivenUp(attempt, error);
            }
            tokio::select! {
                () = tokio::time::sleep(self.delay_after(attempt, rand::random())) => {}
                _ = stop.wait_for(|stopped| *stopped) => break,
            }
        }
        Outcome::Interrupted
    }

    async fn call(&self, job: &Job) -> Result<(), String> {
        let _permit = self.permits.acquire().await;
        let url = self.target.url(job);
        // A name is checked by the client when it is resolved, an address in the URL is not.
        let policy = self.target.policy;
        policy.check(&url, &["http", "https"]).map_err(|refused| refused.to_string())?;
        let body = match &job.content {
            Content::Topic(_, body) => body.clone(),
            Content::Change(change) => {
                let made = change.body(&self.shared).await;
                made.map_err(|status| format!("the record cannot be read: {}", status.message()))?
            }
        };
        let span = RequestSpan::begin("POST", &url);
        let mut headers = self.target.headers.clone();
        if let Some(current) = span.current() {
            current.write(&mut headers);
        }
        let request = self
            .client
            .post(url)
            .timeout(self.settings.timeout)
            .headers(headers)
            .header(CONTENT_TYPE, HeaderValue::from_static("application/json"))
            .header("x-entente-sequence", HeaderValue::from(job.sequence));
        let mut response = match request.body(body).send().await {
            Ok(response) => response,
            Err(error) => {
                span.failed("unavailable");
                return Err(cause(&error));
            }
        };
        let status = response.status();
        span.answered(status.as_u16());
        let mut read = 0;
        while let Ok(Some(chunk)) = response.chunk().await {
            read += chunk.len();
            if read > MAX_BODY {
                break;
            }
        }
        if status.is_success() { Ok(()) } else { Err(format!("answered {status}")) }
    }

    /// Doubles with each failure up to the limit; `jitter` in 0..1 spreads it over half to all of that.
    fn delay_after(&self, attempt: u32, jitter: f64) -> Duration {
        let doubled = self
            .settings
            .first_delay
            .saturating_mul(1_u32.checked_shl(attempt - 1).unwrap_or(u32::MAX));
        doubled.min(self.settings.max_delay).mul_f64(0.5 + jitter / 2.0)
    }
}

#[cfg(test)]
mod tests;
