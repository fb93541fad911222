use entente_net::AddressPolicy;
use entente_rpc::proto::event::v1::Webhook;
use reqwest::header::{HeaderMap, HeaderName, HeaderValue};
use url::Url;

use super::window::{Content, Job};

/// The longest name of a consumer, in bytes.
const MAX_NAME: usize = 256;

/// Where webhooks go.
#[derive(Debug, Clone)]
pub(crate) struct Target {
    /// The consumer in the event log: the URL without its secret.
    pub(crate) consumer: String,
    url: Url,
    /// How events are told.
    pub(super) dialect: Dialect,
    /// What each call carries; the values are marked as secret.
    pub(super) headers: HeaderMap,
    /// Where it may be.
    pub(super) policy: AddressPolicy,
}

/// How events are told.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Dialect {
    /// `<url>/topic/<topic>/`.
    Acapy,
    /// `<url>`.
    Identus,
}

/// Why a webhook URL cannot be used. The part after `#`, which is secret, is not in it.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum TargetError {
    /// Not http or https.
    #[error("the webhook URL {url:?} is not an http or https URL")]
    Url {
        /// The URL.
        url: String,
    },
    /// Too long.
    #[error("the webhook URL {url:?} has more than {limit} characters")]
    TooLong {
        /// The URL.
        url: String,
        /// The most allowed.
        limit: usize,
    },
    /// The key cannot be sent.
    #[error("what follows # in the webhook URL {url:?} has characters that a header may not carry")]
    ApiKey {
        /// The URL.
        url: String,
    },
}

impl Target {
    /// Reads `http://host/path#key`.
    pub(crate) fn parse(text: &str) -> Result<Self, TargetError> {
        let (url, key) = match text.split_once('#') {
            Some((url, key)) => (url, Some(key).filter(|key| !key.is_empty())),
            None => (text, None),
        };
        let plain = url.trim_end_matches('/').to_owned();
        let consumer = format!("webhook:{plain}");
        if consumer.len() > MAX_NAME {
            return Err(TargetError::TooLong { url: plain, limit: MAX_NAME - "webhook:".len() });
        }
        let parsed = Url::parse(url).ok().filter(|url| matches!(url.scheme(), "http" | "https"));
        let Some(url) = parsed else { return Err(TargetError::Url { url: plain }) };
        let header = |key| {
            HeaderValue::from_str(key).map_err(|_| TargetError::ApiKey { url: plain.clone() })
        };
        let mut headers = HeaderMap::new();
        if let Some(mut key) = key.map(header).transpose()? {
            key.set_sensitive(true);
            headers.insert("x-api-key", key);
        }
        let (dialect, policy) = (Dialect::Acapy, AddressPolicy::Any);
        Ok(Self { consumer, url, dialect, headers, policy })
    }

    /// A webhook that a caller registered; `None` when it cannot be called.
    pub(super) fn registered(webhook: &Webhook, policy: AddressPolicy) -> Option<Self> {
        let mut headers = HeaderMap::new();
        for header in &webhook.headers {
            let mut value = HeaderValue::from_str(&header.value).ok()?;
            value.set_sensitive(true);
            headers.append(HeaderName::try_from(&header.name).ok()?, value);
        }
        Some(Self {
            consumer: webhook.consumer.clone(),
            url: Url::parse(&webhook.url).ok()?,
            dialect: Dialect::Identus,
            headers,
            policy,
        })
    }

    /// Where an event is posted to. ACA-Py's topic comes after the path; a query stays.
    pub(super) fn url(&self, job: &Job) -> Url {
        let mut url = self.url.clone();
        if let Content::Topic(topic, _) = &job.content {
            url.set_path(&format!("{}/topic/{topic}/", self.url.path().trim_end_matches('/')));
        }
        url
    }
}

#[cfg(test)]
mod tests {
    use axum::body::Bytes;
    use entente_rpc::proto::event::v1::WebhookHeader;

    use super::*;

    fn job(topic: &'static str) -> Job {
        let content = Content::Topic(topic, Bytes::new());
        Job { sequence: 1, lane: String::new(), content }
    }

    #[test]
    fn the_key_comes_after_the_hash() {
        let target = Target::parse("http://controller:3000/hooks/#s3cret").unwrap();
        assert_eq!(target.consumer, "webhook:http://controller:3000/hooks");
        assert_eq!(target.headers["x-api-key"], "s3cret");
        assert_eq!(target.url(&job("ping")).as_str(), "http://controller:3000/hooks/topic/ping/");
        assert!(!format!("{target:?}").contains("s3cret"));
        let target = Target::parse("https://controller?tenant=1").unwrap();
        assert_eq!(
            target.url(&job("connections")).as_str(),
            "https://controller/topic/connections/?tenant=1"
        );
        assert!(target.headers.is_empty());
    }

    #[test]
    fn errors_do_not_tell_the_key() {
        for text in [
            "ftp://x#s3cret",
            "#s3cret",
            "http://x#s3cret\n",
            &format!("http://x/{}#s3cret", "y".repeat(300)),
        ] {
            let error = Target::parse(text).unwrap_err().to_string();
            assert!(!error.contains("s3cret"), "{error}");
        }
    }

    #[test]
    fn a_registered_webhook_does_not_tell_its_headers() {
        let webhook = Webhook {
            url: "https://controller.example/x?y=1".to_owned(),
            consumer: "webhook:7".to_owned(),
            headers: vec![WebhookHeader { name: "Authorization".into(), value: "s3cret".into() }],
            ..Webhook::default()
        };
        let target = Target::registered(&webhook, AddressPolicy::Public).unwrap();
        assert_eq!((target.consumer.as_str(), target.dialect), ("webhook:7", Dialect::Identus));
        assert_eq!(target.headers["authorization"], "s3cret");
        assert!(!format!("{target:?}").contains("s3cret"));
    }
}
