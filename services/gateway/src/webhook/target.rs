use reqwest::header::HeaderValue;
use url::Url;

/// The longest name of a consumer, in bytes.
const MAX_NAME: usize = 256;

/// Where webhooks go.
#[derive(Debug, Clone)]
pub(crate) struct Target {
    /// The consumer in the event log: the URL without its secret.
    pub(crate) consumer: String,
    url: Url,
    /// Sent as `x-api-key`.
    pub(super) api_key: Option<HeaderValue>,
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
        let mut api_key = key.map(header).transpose()?;
        if let Some(key) = &mut api_key {
            key.set_sensitive(true);
        }
        Ok(Self { consumer, url, api_key })
    }

    /// `<url>/topic/<topic>/`; a query stays.
    pub(super) fn topic(&self, topic: &str) -> Url {
        let mut url = self.url.clone();
        url.set_path(&format!("{}/topic/{topic}/", self.url.path().trim_end_matches('/')));
        url
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_key_comes_after_the_hash() {
        let target = Target::parse("http://controller:3000/hooks/#s3cret").unwrap();
        assert_eq!(target.consumer, "webhook:http://controller:3000/hooks");
        assert_eq!(target.api_key.as_ref().unwrap(), "s3cret");
        assert_eq!(target.topic("ping").as_str(), "http://controller:3000/hooks/topic/ping/");
        assert!(!format!("{target:?}").contains("s3cret"));
        let target = Target::parse("https://controller?tenant=1").unwrap();
        assert_eq!(
            target.topic("connections").as_str(),
            "https://controller/topic/connections/?tenant=1"
        );
        assert!(target.api_key.is_none());
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
}
