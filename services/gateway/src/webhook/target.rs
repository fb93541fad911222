use entente_net::AddressPolicy;
use entente_rpc::DEFAULT_TENANT;
use entente_rpc::proto::event::v1::{Webhook, WebhookFormat};
use reqwest::header::{HeaderMap, HeaderName, HeaderValue};
use sha2::{Digest as _, Sha256};
use url::Url;

use super::window::{Content, Job};

/// Says whose event it is, as ACA-Py does.
const WALLET_HEADER: &str = "x-wallet-id";
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
    /// The consumer whose cursor this one begins at; the end of the log when `None`.
    pub(super) since: Option<String>,
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
        let (url, key) = split_key(text);
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
        Ok(Self { consumer, url, dialect, headers, policy, since: None })
    }

    /// The same for events of a tenant, of which a webhook says that they go here, too.
    pub(super) fn of_tenant(&self, tenant: &str, webhook: &Webhook) -> Option<Self> {
        let mut target = self.clone();
        let place = base16ct::lower::encode_string(&Sha256::digest(target.url.as_str()));
        target.consumer = format!("{}:{}", webhook.consumer, place.get(..16)?);
        target.since = Some(webhook.consumer.clone());
        target.headers.insert(WALLET_HEADER, HeaderValue::from_str(tenant).ok()?);
        Some(target)
    }

    /// A webhook that a caller registered; `None` when it cannot be called.
    pub(super) fn registered(
        tenant: &str,
        webhook: &Webhook,
        policy: AddressPolicy,
    ) -> Option<Self> {
        let mut headers = HeaderMap::new();
        let dialect = match webhook.format() {
            WebhookFormat::Acapy => Dialect::Acapy,
            _ => Dialect::Identus,
        };
        for header in &webhook.headers {
            let mut value = HeaderValue::from_str(&header.value).ok()?;
            value.set_sensitive(true);
            headers.append(HeaderName::try_from(&header.name).ok()?, value);
        }
        if dialect == Dialect::Acapy && tenant != DEFAULT_TENANT {
            headers.insert(WALLET_HEADER, HeaderValue::from_str(tenant).ok()?);
        }
        Some(Self {
            consumer: webhook.consumer.clone(),
            url: Url::parse(&webhook.url).ok()?,
            dialect,
            headers,
            policy,
            since: None,
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

/// A URL and the key that follows it after a `#`.
pub(crate) fn split_key(text: &str) -> (&str, Option<&str>) {
    match text.split_once('#') {
        Some((url, key)) => (url, Some(key).filter(|key| !key.is_empty())),
        None => (text, None),
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
        let target = Target::registered("t", &webhook, AddressPolicy::Public).unwrap();
        assert_eq!((target.consumer.as_str(), target.dialect), ("webhook:7", Dialect::Identus));
        assert_eq!(target.headers["authorization"], "s3cret");
        assert!(!format!("{target:?}").contains("s3cret"));
    }

    #[test]
    fn events_of_a_sub_wallet_say_whose_they_are() {
        let base = Target::parse("http://controller/x#s3cret").unwrap();
        let mut webhook =
            Webhook { consumer: "webhook:7".to_owned(), format: 3, ..Webhook::default() };
        let target = base.of_tenant("acme", &webhook).unwrap();
        assert_eq!(
            (&target.headers["x-wallet-id"], &target.headers["x-api-key"]),
            (&HeaderValue::from_static("acme"), &HeaderValue::from_static("s3cret"))
        );
        assert!(
            target.consumer.starts_with("webhook:7:")
                && target.since.as_deref() == Some("webhook:7")
        );
        assert!(!base.headers.contains_key("x-wallet-id"));

        webhook.url = "http://own.example".to_owned();
        let of = |tenant, format: WebhookFormat| {
            let webhook = Webhook { format: format.into(), ..webhook.clone() };
            Target::registered(tenant, &webhook, AddressPolicy::Public).unwrap()
        };
        assert_eq!(of("acme", WebhookFormat::Acapy).headers["x-wallet-id"], "acme");
        assert_eq!(of("acme", WebhookFormat::Acapy).dialect, Dialect::Acapy);
        for other in [of("default", WebhookFormat::Acapy), of("acme", WebhookFormat::Identus)] {
            assert!(!other.headers.contains_key("x-wallet-id"));
        }
    }
}
