//! One operation by POST. A GET is the way to GraphiQL and to the WebSocket.

use std::sync::Arc;
use std::time::Duration;

use async_graphql::{Request, Response as Answer};
use axum::Extension;
use axum::body::Bytes;
use axum::extract::ws::WebSocketUpgrade;
use axum::extract::ws::rejection::WebSocketUpgradeRejection;
use axum::http::{HeaderMap, HeaderValue, StatusCode, header};
use axum::response::{Html, IntoResponse, Response};
use entente_rpc::ErrorReason;

use super::error::{ApiError, with_codes};
use super::{Api, socket};
use crate::gateway::Shared;

/// How long an operation may take.
const TIMEOUT: Duration = Duration::from_secs(30);
/// Loads GraphiQL from a CDN, checked by digest. The page itself has no data and needs no key; what it sends does.
const GRAPHIQL: &str = include_str!("graphiql.html");
/// What the page may load, and whom it may talk to.
const POLICY: &str = "default-src 'none'; script-src https://unpkg.com 'unsafe-inline'; \
     style-src https://unpkg.com 'unsafe-inline'; font-src data:; img-src data:; connect-src 'self' ws: wss:; \
     base-uri 'none'; form-action 'none'; frame-ancestors 'none'";

/// `POST /graphql`.
pub(super) async fn post(
    Extension(api): Extension<Api>,
    Extension(shared): Extension<Arc<Shared>>,
    headers: HeaderMap,
    body: Bytes,
) -> Response {
    if !is_json(&headers) {
        let error = ApiError::field("content-type", "must be application/json");
        return answer(StatusCode::UNSUPPORTED_MEDIA_TYPE, error.response());
    }
    match read(&body).and_then(|request| Api::prepare(request, &shared)) {
        Ok(request) => answer(StatusCode::OK, execute(&api, request).await),
        Err(error) => answer(StatusCode::OK, error.response()),
    }
}

/// `GET /graphql`.
pub(super) async fn get(
    Extension(api): Extension<Api>,
    Extension(shared): Extension<Arc<Shared>>,
    headers: HeaderMap,
    upgrade: Result<WebSocketUpgrade, WebSocketUpgradeRejection>,
) -> Response {
    if let Ok(upgrade) = upgrade {
        return socket::accept(api, shared, &headers, upgrade);
    }
    let accept = headers.get(header::ACCEPT).and_then(|value| value.to_str().ok());
    if accept.is_some_and(|accept| accept.contains("text/html")) {
        return ([(header::CONTENT_SECURITY_POLICY, POLICY)], Html(GRAPHIQL)).into_response();
    }
    let error = ApiError::field("method", "must be POST; a browser or a WebSocket may GET");
    let mut response = answer(StatusCode::METHOD_NOT_ALLOWED, error.response());
    response.headers_mut().insert(header::ALLOW, HeaderValue::from_static("POST"));
    response
}

/// Only JSON: a page of another origin cannot send it without being allowed to.
fn is_json(headers: &HeaderMap) -> bool {
    let value = headers.get(header::CONTENT_TYPE).and_then(|value| value.to_str().ok());
    let essence = value.and_then(|value| value.split(';').next()).unwrap_or_default().trim();
    essence.eq_ignore_ascii_case("application/json")
}

/// Reads the usual JSON object, or the bare document that the Cloud Agent takes under the same content type.
fn read(body: &[u8]) -> Result<Request, ApiError> {
    let text = body.trim_ascii();
    let json = match serde_json::from_slice::<Request>(text) {
        _ if text.first() == Some(&b'[') => {
            return Err(ApiError::field("body", "is a batch; send one operation a request"));
        }
        Ok(request) if !request.query.is_empty() => return Ok(request),
        Ok(_) => "has no query".to_owned(),
        Err(error) => format!("is no JSON object with a query: {error}"),
    };
    // No GraphQL document begins like an object with a member.
    let object = text
        .strip_prefix(b"{")
        .is_some_and(|inner| matches!(inner.trim_ascii_start().first(), Some(b'"' | b'}')));
    match str::from_utf8(text) {
        Ok(document) if !object && !text.is_empty() => Ok(Request::new(document)),
        _ => Err(ApiError::field("body", json)),
    }
}

async fn execute(api: &Api, request: Request) -> Answer {
    match tokio::time::timeout(TIMEOUT, api.schema.execute(request)).await {
        Ok(response) => with_codes(response),
        Err(_) => {
            let text = format!("the operation took longer than {} s", TIMEOUT.as_secs());
            ApiError::new(ErrorReason::Overloaded, text).response()
        }
    }
}

fn answer(status: StatusCode, response: Answer) -> Response {
    (status, axum::Json(response)).into_response()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn both_forms_of_a_body_are_read() {
        let query = |body: &str| read(body.as_bytes()).map(|request| request.query);
        assert_eq!(query(r#"{"query":"{ a }","variables":null}"#).unwrap(), "{ a }");
        for document in ["{ connection { id } }", "mutation { a }", "query Q { a(b: \"{\") }"] {
            assert_eq!(query(document).unwrap(), document);
        }
        for wrong in ["", "{}", "[]", r#"[{"query":"{ a }"}]"#, r#"{"query":""}"#, r#"{"query":7}"#]
        {
            let error = query(wrong).unwrap_err();
            assert_eq!(error.0.violations[0].0, "body", "{wrong}");
        }
        assert!(read(b"\xff\xfe").is_err());
    }
}
