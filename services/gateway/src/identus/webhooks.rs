use std::sync::Arc;

use axum::Extension;
use axum::Json;
use axum::http::StatusCode;
use entente_rpc::Code;
use entente_rpc::proto::event::v1::{
    CreateWebhookRequest, DeleteWebhookRequest, ListWebhooksRequest, Webhook, WebhookFormat,
    WebhookHeader,
};
use serde_json::{Map, Value, json};
use url::Url;

use super::error::ErrorResponse;
use super::fields::{Body, Id};
use super::{BASE, present};
use crate::acapy::records::timestamp;
use crate::gateway::Shared;

/// What is shown for the value of a header, which may be a credential.
const HIDDEN: &str = "********";

/// `POST /events/webhooks`.
pub(super) async fn create(
    Extension(shared): Extension<Arc<Shared>>,
    body: Body,
) -> Result<Json<Value>, ErrorResponse> {
    let request = request(&body)?;
    // Where an address stands in the URL; a name is checked whenever it is resolved.
    if let Ok(url) = Url::parse(&request.url) {
        let policy = shared.config.webhooks.policy();
        policy
            .check(&url, &["http", "https"])
            .map_err(|refused| ErrorResponse::unreadable(format!("url: {refused}")))?;
    }
    let request = shared.request(request)?;
    let answer = shared.clients.webhooks.clone().create_webhook(request).await;
    let answer = answer.map_err(|status| match status.code() {
        Code::InvalidArgument => ErrorResponse::unreadable(status.message()),
        _ => status.into(),
    })?;
    shared.webhooks_changed.notify_one();
    Ok(Json(shown(&present(answer.into_inner().webhook)?)))
}

fn request(body: &Body) -> Result<CreateWebhookRequest, ErrorResponse> {
    let url = body.text("url")?.ok_or_else(|| ErrorResponse::unreadable("url is missing"))?;
    let headers = body.texts_by_name("customHeaders")?;
    Ok(CreateWebhookRequest {
        url: url.to_owned(),
        format: WebhookFormat::Identus.into(),
        headers: headers.into_iter().map(|(name, value)| WebhookHeader { name, value }).collect(),
    })
}

/// `GET /events/webhooks`.
pub(super) async fn list(
    Extension(shared): Extension<Arc<Shared>>,
) -> Result<Json<Value>, ErrorResponse> {
    let request = shared.request(ListWebhooksRequest {})?;
    let answer = shared.clients.webhooks.clone().list_webhooks(request).await?.into_inner();
    let path = format!("{BASE}/events/webhooks");
    let contents: Vec<_> = answer
        .webhooks
        .iter()
        .filter(|webhook| webhook.format() == WebhookFormat::Identus)
        .map(shown)
        .collect();
    Ok(Json(json!({
        "contents": contents,
        "kind": "WebhookNotificationPage",
        "self": path,
        "pageOf": path,
    })))
}

/// `DELETE /events/webhooks/{id}`.
pub(super) async fn remove(
    Extension(shared): Extension<Arc<Shared>>,
    Id(id): Id,
) -> Result<StatusCode, ErrorResponse> {
    let request = shared.request(DeleteWebhookRequest { id: id.clone() })?;
    let deleted = shared.clients.webhooks.clone().delete_webhook(request).await;
    deleted.map_err(|status| match status.code() {
        Code::NotFound => ErrorResponse::no_webhook(&id),
        _ => status.into(),
    })?;
    shared.webhooks_changed.notify_one();
    Ok(StatusCode::OK)
}

fn shown(webhook: &Webhook) -> Value {
    let headers: Map<String, Value> =
        webhook.headers.iter().map(|header| (header.name.clone(), Value::from(HIDDEN))).collect();
    json!({
        "id": webhook.id,
        "url": webhook.url,
        "customHeaders": headers,
        "createdAt": webhook.created_at.as_ref().and_then(timestamp),
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn headers_are_sent_and_not_shown() {
        let body = br#"{"url": "https://a.example/x", "customHeaders": {"Authorization": "Bearer s3cret"}}"#;
        let request = request(&Body::parse(body).unwrap()).unwrap();
        assert_eq!(request.format(), WebhookFormat::Identus);
        assert_eq!(request.headers[0].value, "Bearer s3cret");
        let webhook = Webhook {
            id: "7".into(),
            url: request.url,
            headers: request.headers,
            created_at: Some(prost_types::Timestamp { seconds: 0, nanos: 0 }),
            ..Webhook::default()
        };
        assert_eq!(
            shown(&webhook),
            json!({"id": "7", "url": "https://a.example/x", "customHeaders": {"Authorization": HIDDEN},
                "createdAt": "1970-01-01T00:00:00.000000Z"})
        );
    }

    #[test]
    fn a_body_without_a_url_is_refused() {
        for body in ["{}", r#"{"url": 7}"#, r#"{"url": "x", "customHeaders": {"a": 1}}"#] {
            let error = request(&Body::parse(body.as_bytes()).unwrap()).unwrap_err();
            assert_eq!(error.shown(), (400, "error:RequestBodyDecodingFailure".to_owned()));
        }
    }
}
