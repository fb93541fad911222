//! did:web: fetching the document, once for all who ask at the same time, and keeping it for a while.

use std::sync::Arc;
use std::time::Duration;

use entente_did::document::MAX_DOCUMENT_LEN;
use entente_did::{Did, Document, web};
use entente_net::{AddressPolicy, BodyError, cause, read_body, refusal};
use moka::future::Cache;
use reqwest::header::{ACCEPT, LOCATION};
use reqwest::{Client, Response, StatusCode};
use url::Url;

use crate::Config;
use crate::error::ResolveError;
use crate::resolver::Resolution;

/// The most redirects, all on the host of the DID.
const MAX_REDIRECTS: usize = 3;
const MEDIA_TYPES: &str = "application/did+json, application/did+ld+json, application/json";

/// Resolves did:web.
pub(crate) struct Web {
    client: Client,
    policy: AddressPolicy,
    timeout: Duration,
    insecure: bool,
    documents: Cache<String, Arc<str>>,
}

impl Web {
    pub(crate) fn new(client: Client, policy: AddressPolicy, config: &Config) -> Self {
        let documents = Cache::builder()
            .max_capacity(config.web_cache_bytes)
            .weigher(|did: &String, json: &Arc<str>| {
                u32::try_from(did.len() + json.len() + 200).unwrap_or(u32::MAX)
            })
            .time_to_live(config.web_ttl)
            .build();
        Self {
            client,
            policy,
            timeout: config.web_timeout,
            insecure: config.insecure_did_web,
            documents,
        }
    }

    pub(crate) async fn resolve(
        &self,
        did: &Did,
        no_cache: bool,
    ) -> Result<Resolution, ResolveError> {
        if no_cache {
            let document = self.fetch(did).await?;
            self.documents.insert(did.as_str().to_owned(), document.clone()).await;
            return Ok(resolution(&document, false));
        }
        let entry =
            self.documents.entry_by_ref(did.as_str()).or_try_insert_with(self.fetch(did)).await;
        let entry = entry.map_err(|error| (*error).clone())?;
        let cached = !entry.is_fresh();
        Ok(resolution(entry.value(), cached))
    }

    async fn fetch(&self, did: &Did) -> Result<Arc<str>, ResolveError> {
        let url = web::url(did, self.insecure)?;
        match tokio::time::timeout(self.timeout, self.get(&url)).await {
            Ok(body) => document(did, &url, body?),
            Err(_) => {
                let reason = format!("no answer within {} ms", self.timeout.as_millis());
                Err(ResolveError::Unavailable { url, reason })
            }
        }
    }

    async fn get(&self, first: &str) -> Result<Vec<u8>, ResolveError> {
        let wrong = |url: &Url, reason: &str| ResolveError::WrongDocument {
            url: url.to_string(),
            reason: reason.to_owned(),
        };
        let mut url = Url::parse(first).map_err(|error| ResolveError::WrongDocument {
            url: first.to_owned(),
            reason: error.to_string(),
        })?;
        for _ in 0..=MAX_REDIRECTS {
            let scheme = if self.insecure { "http" } else { "https" };
            self.policy
                .check(&url, &[scheme])
                .map_err(|refused| ResolveError::Refused { url: url.to_string(), refused })?;
            let sent = self.client.get(url.clone()).header(ACCEPT, MEDIA_TYPES).send().await;
            let response = sent.map_err(|error| failed(&url, &error))?;
            let status = response.status();
            if status.is_success() {
                return read_body(response, MAX_DOCUMENT_LEN).await.map_err(|error| match error {
                    BodyError::TooLarge { .. } => wrong(&url, &error.to_string()),
                    BodyError::Failed(error) => failed(&url, &error),
                });
            }
            if !status.is_redirection() {
                return Err(refused_by_host(&url, status));
            }
            // Another host could not speak for this one: the DID names the host that is trusted.
            url = location(&response)
                .filter(|next| next.origin() == url.origin())
                .ok_or_else(|| wrong(&url, "it redirects to another host"))?;
        }
        Err(wrong(&url, "it redirects too often"))
    }
}

fn location(response: &Response) -> Option<Url> {
    response.url().join(response.headers().get(LOCATION)?.to_str().ok()?).ok()
}

fn refused_by_host(url: &Url, status: StatusCode) -> ResolveError {
    let url = url.to_string();
    match status.as_u16() {
        408 | 425 | 429 | 500.. => {
            ResolveError::Unavailable { url, reason: format!("the host answered {status}") }
        }
        status => ResolveError::NoDocument { url, status },
    }
}

fn failed(url: &Url, error: &reqwest::Error) -> ResolveError {
    let url = url.to_string();
    match refusal(error) {
        Some(refused) => ResolveError::Refused { url, refused: refused.clone() },
        None => ResolveError::Unavailable { url, reason: cause(error) },
    }
}

/// The document as it was fetched, if it is one of this DID.
fn document(did: &Did, url: &str, body: Vec<u8>) -> Result<Arc<str>, ResolveError> {
    let wrong = |reason: String| ResolveError::WrongDocument { url: url.to_owned(), reason };
    let json = String::from_utf8(body).map_err(|_| wrong("it is not UTF-8".to_owned()))?;
    let document = Document::from_json(&json).map_err(|error| wrong(error.to_string()))?;
    if document.id != *did {
        return Err(wrong(format!("its id is {}", document.id)));
    }
    Ok(json.into())
}

fn resolution(document: &str, cached: bool) -> Resolution {
    Resolution { document_json: document.to_owned(), cached, equivalent: None }
}
