//! Where the events of a sub-wallet go: to URLs of its own, to the base wallet's, or to both.

use entente_rpc::proto::event::v1::{
    CreateWebhookRequest, DeleteWebhookRequest, ListWebhooksRequest, WebhookFormat, WebhookHeader,
};

use super::settings::Settings;
use crate::acapy::error::ApiError;
use crate::acapy::fields::Fields;
use crate::gateway::Shared;
use crate::webhook::split_key;

/// The webhooks that a wallet is to have: those of a body, which has the secrets, or as they are where it has none.
pub(super) fn wanted(
    shared: &Shared,
    body: &Fields,
    settings: &Settings,
) -> Result<Vec<CreateWebhookRequest>, ApiError> {
    let (shown, dispatch) = settings.webhooks();
    let given = body.texts("wallet_webhook_urls")?;
    let urls: Vec<&str> = if body.has("wallet_webhook_urls") {
        given
    } else {
        shown.iter().filter_map(|url| url.as_str()).collect()
    };
    let policy = shared.config.webhooks.policy();
    let mut webhooks = Vec::new();
    for (index, text) in urls.iter().enumerate() {
        let (url, key) = split_key(text);
        let wrong = |problem: String| {
            ApiError::invalid_item("json", "wallet_webhook_urls", index, &problem)
        };
        let parsed =
            url::Url::parse(url).map_err(|error| wrong(format!("Not a valid URL: {error}.")))?;
        policy.check(&parsed, &["http", "https"]).map_err(|refused| wrong(refused.to_string()))?;
        let header =
            |key: &str| WebhookHeader { name: "x-api-key".to_owned(), value: key.to_owned() };
        webhooks.push(CreateWebhookRequest {
            url: url.to_owned(),
            format: WebhookFormat::Acapy.into(),
            headers: key.map(header).into_iter().collect(),
        });
    }
    if dispatch == "base" {
        webhooks.clear();
    }
    if dispatch != "default" {
        let format = WebhookFormat::AcapyBase.into();
        webhooks.push(CreateWebhookRequest { format, ..CreateWebhookRequest::default() });
    }
    Ok(webhooks)
}

/// Makes them the wallet's, and leaves those that it has; those with other keys too where `keys` are not said. The gateway does this itself: what else is a tenant's, its
/// operator cannot reach.
pub(super) async fn set(
    shared: &Shared,
    tenant: &str,
    wanted: &[CreateWebhookRequest],
    keys: bool,
) -> Result<(), ApiError> {
    let own = shared.for_tenant(tenant);
    let mut client = own.clients.webhooks.clone();
    let known = client.list_webhooks(own.request(ListWebhooksRequest {})?).await?.into_inner();
    let mut missing: Vec<_> = wanted.iter().collect();
    for webhook in known.webhooks {
        if webhook.format() == WebhookFormat::Identus {
            continue;
        }
        let before = missing.len();
        missing.retain(|wanted| {
            (&wanted.url, wanted.format) != (&webhook.url, webhook.format)
                || keys && wanted.headers != webhook.headers
        });
        if missing.len() == before {
            client.delete_webhook(own.request(DeleteWebhookRequest { id: webhook.id })?).await?;
        }
    }
    for wanted in missing {
        client.create_webhook(own.request(wanted.clone())?).await?;
    }
    shared.webhooks_changed.notify_one();
    Ok(())
}
