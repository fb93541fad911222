use std::sync::Arc;
use std::time::Duration;

use entente_net::cause;
use reqwest::header::{CONTENT_TYPE, HeaderValue};
use tokio::sync::Semaphore;

use super::WebhookSettings;
use super::target::Target;
use super::window::Job;
use crate::metrics::Metrics;

/// The most of an answer's body that is read, so that its connection can be kept.
const MAX_BODY: usize = 64 * 1024;

/// Delivers events to one URL.
#[derive(Clone)]
pub(super) struct Delivery {
    pub(super) client: reqwest::Client,
    pub(super) settings: WebhookSettings,
    pub(super) permits: Arc<Semaphore>,
    pub(super) metrics: Metrics,
    pub(super) target: Arc<Target>,
}

/// An event that is done with.
pub(super) struct Finished {
    pub(super) job: Job,
    /// Attempts and the last error, when it was given up.
    pub(super) failure: Option<(u32, String)>,
    /// It was a dead letter.
    pub(super) replay: bool,
}

impl Delivery {
    /// Calls until it is answered with 2xx, or as often as allowed.
    pub(super) async fn deliver(self, job: Job, replay: bool) -> Finished {
        let mut attempt = 1;
        loop {
            let error = match self.call(&job).await {
                Ok(()) => {
                    self.metrics.webhook("delivered");
                    return Finished { job, failure: None, replay };
                }
                Err(error) => error,
            };
            self.metrics.webhook("failed");
            if attempt >= self.settings.attempts {
                self.metrics.webhook("dead_letter");
                tracing::error!(
                    consumer = self.target.consumer,
                    sequence = job.sequence,
                    error,
                    "gave up a webhook"
                );
                return Finished { job, failure: Some((attempt, error)), replay };
            }
            tokio::time::sleep(self.delay_after(attempt, rand::random())).await;
            attempt += 1;
        }
    }

    async fn call(&self, job: &Job) -> Result<(), String> {
        let _permit = self.permits.acquire().await;
        let mut request = self
            .client
            .post(self.target.topic(job.topic))
            .timeout(self.settings.timeout)
            .header(CONTENT_TYPE, HeaderValue::from_static("application/json"))
            .header("x-entente-sequence", HeaderValue::from(job.sequence));
        if let Some(key) = &self.target.api_key {
            request = request.header("x-api-key", key.clone());
        }
        let mut response =
            request.body(job.body.clone()).send().await.map_err(|error| cause(&error))?;
        let status = response.status();
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
