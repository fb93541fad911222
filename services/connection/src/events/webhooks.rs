//! URLs that callers registered for events. The gateway delivers to them; here is what it delivers from.

use entente_rpc::proto::event::v1 as pb;
use entente_rpc::{ErrorReason, Failure, time_to_proto};
use entente_store::{StoreError, page};
use url::Url;

use crate::engine::{Answer, Engine, record_id};
use crate::store::WebhookRow;

/// The most webhooks of a tenant.
const MAX_WEBHOOKS: usize = 16;
/// The longest URL, in bytes.
const MAX_URL: usize = 2048;
/// The most headers, and the longest name and value, in bytes.
const MAX_HEADERS: usize = 32;
const MAX_HEADER_NAME: usize = 256;
const MAX_HEADER_VALUE: usize = 4096;
/// Headers that belong to the call itself.
const RESERVED: [&str; 8] = [
    "connection",
    "content-length",
    "content-type",
    "host",
    "keep-alive",
    "te",
    "transfer-encoding",
    "upgrade",
];

impl Engine {
    /// Registers a URL: it is told what happens from now on.
    pub async fn create_webhook(
        &self,
        tenant: &str,
        request: pb::CreateWebhookRequest,
    ) -> Answer<pb::Webhook> {
        check_format(request.format)?;
        if request.format() == pb::WebhookFormat::AcapyBase {
            check_no_url(&request)?;
        } else {
            check_url(&request.url)?;
        }
        check_headers(&request.headers)?;
        let pairs: Vec<_> =
            request.headers.iter().map(|header| (&header.name, &header.value)).collect();
        let headers =
            serde_json::to_string(&pairs).map_err(|_| StoreError::corrupt("webhooks.headers"))?;
        let most = self.webhook_quota(tenant, MAX_WEBHOOKS).await;
        let mut work = self.work(tenant).await?;
        let known = work.webhooks().await?;
        if let Some(same) =
            known.iter().find(|row| row.url == request.url && row.format == request.format)
        {
            let message = format!("url: the webhook {} has this URL; delete it first", same.id);
            return Err(Failure::new(ErrorReason::AlreadyExists, message).with("id", &same.id));
        }
        if known.len() >= most {
            let message = format!("there are {most} webhooks, the most; delete one first");
            return Err(
                Failure::new(ErrorReason::LimitReached, message).with("limit", most.to_string())
            );
        }
        let row = WebhookRow {
            id: record_id(),
            url: request.url,
            format: request.format,
            headers,
            created_at: work.now(),
        };
        work.insert_webhook(&row, &consumer(&row.id));
        self.commit(work).await?;
        webhook(row)
    }

    /// All webhooks of a tenant, oldest first.
    pub async fn list_webhooks(&self, tenant: &str) -> Answer<Vec<pb::Webhook>> {
        self.store.webhooks(tenant).await?.into_iter().map(webhook).collect()
    }

    /// A page of the webhooks of all tenants.
    pub async fn list_all_webhooks(
        &self,
        request: &pb::ListAllWebhooksRequest,
    ) -> Answer<pb::ListAllWebhooksResponse> {
        let size = page::size(request.page_size)?;
        let after = page::after(&request.page_token, &"webhooks")?.unwrap_or_default();
        let after = after.split_once(' ').unwrap_or_default();
        let rows = self.store.all_webhooks(after, size + 1).await?;
        let with_tenant =
            |(tenant, row)| Ok(pb::TenantWebhook { tenant, webhook: Some(webhook(row)?) });
        let mut webhooks: Vec<_> = rows.into_iter().map(with_tenant).collect::<Answer<_>>()?;
        let next_page_token = page::cut(&mut webhooks, size, &"webhooks", |found| {
            let id = found.webhook.as_ref().map(|webhook| webhook.id.as_str()).unwrap_or_default();
            format!("{} {id}", found.tenant)
        });
        Ok(pb::ListAllWebhooksResponse { webhooks, next_page_token })
    }

    /// Removes a webhook, with its cursor and its dead letters.
    pub async fn delete_webhook(&self, tenant: &str, id: &str) -> Answer<()> {
        let mut work = self.work(tenant).await?;
        if !work.delete_webhook(id, &consumer(id)).await? {
            return Err(Failure::not_found("webhook", id));
        }
        Ok(self.commit(work).await?)
    }
}

fn consumer(id: &str) -> String {
    format!("webhook:{id}")
}

fn webhook(row: WebhookRow) -> Answer<pb::Webhook> {
    let headers: Vec<(String, String)> =
        serde_json::from_str(&row.headers).map_err(|_| StoreError::corrupt("webhooks.headers"))?;
    Ok(pb::Webhook {
        consumer: consumer(&row.id),
        id: row.id,
        url: row.url,
        format: row.format,
        headers: headers
            .into_iter()
            .map(|(name, value)| pb::WebhookHeader { name, value })
            .collect(),
        created_at: Some(time_to_proto(row.created_at)),
    })
}

fn check_format(format: i32) -> Answer<()> {
    match pb::WebhookFormat::try_from(format) {
        Ok(pb::WebhookFormat::Unspecified) | Err(_) => Err(Failure::field(
            "format",
            "must be WEBHOOK_FORMAT_IDENTUS, WEBHOOK_FORMAT_ACAPY or WEBHOOK_FORMAT_ACAPY_BASE",
        )),
        Ok(_) => Ok(()),
    }
}

fn check_no_url(request: &pb::CreateWebhookRequest) -> Answer<()> {
    if request.url.is_empty() && request.headers.is_empty() {
        return Ok(());
    }
    Err(Failure::field("url", "must be empty, and headers too: the gateways have the URLs"))
}

fn check_url(text: &str) -> Answer<()> {
    let wrong = |problem: &str| Err(Failure::field("url", problem));
    if text.len() > MAX_URL {
        return wrong(&format!("is longer than {MAX_URL} bytes"));
    }
    match Url::parse(text) {
        Ok(url) if !matches!(url.scheme(), "http" | "https") => {
            wrong("must begin with http:// or https://")
        }
        Ok(url) if !url.username().is_empty() || url.password().is_some() => {
            wrong("must have no user name and password; use a header")
        }
        Ok(url) if url.host_str().is_none_or(str::is_empty) => wrong("has no host"),
        Ok(_) => Ok(()),
        Err(error) => wrong(&format!("is not a URL: {error}")),
    }
}

/// The errors name a header, and never its value.
fn check_headers(headers: &[pb::WebhookHeader]) -> Answer<()> {
    if headers.len() > MAX_HEADERS {
        return Err(Failure::field("headers", format!("has more than {MAX_HEADERS} headers")));
    }
    for (index, header) in headers.iter().enumerate() {
        let wrong = |field: &str, problem: &str| {
            Err(Failure::field(format!("headers[{index}].{field}"), problem))
        };
        let is_token = |c: u8| c.is_ascii_alphanumeric() || b"!#$%&'*+-.^_`|~".contains(&c);
        if header.name.is_empty()
            || header.name.len() > MAX_HEADER_NAME
            || !header.name.bytes().all(is_token)
        {
            return wrong("name", "must be the name of an HTTP header, of at most 256 bytes");
        }
        if RESERVED.iter().any(|reserved| header.name.eq_ignore_ascii_case(reserved)) {
            return wrong("name", "is set by the call itself");
        }
        let is_text = |c: u8| matches!(c, b'\t' | b' '..=b'~');
        if header.value.len() > MAX_HEADER_VALUE || !header.value.bytes().all(is_text) {
            return wrong("value", "must be printable ASCII of at most 4,096 bytes");
        }
    }
    Ok(())
}
