use std::sync::Arc;
use std::time::Duration;

use axum::Extension;
use axum::Json;
use entente_rpc::proto::connection::v1::{AcceptInvitationRequest, ReusePolicy};
use serde_json::Value;

use crate::acapy::error::ApiError;
use crate::acapy::fields::{Body, Fields, Query};
use crate::acapy::{present, records};
use crate::gateway::Shared;

/// The most that `wait` may be.
const MAX_WAIT: Duration = Duration::from_secs(30);

/// `POST /out-of-band/receive-invitation`. It waits a moment for the peer's answer to a reuse; what comes later is an
/// event.
pub(in crate::acapy) async fn receive(
    Extension(shared): Extension<Arc<Shared>>,
    Query(query): Query,
    Body(body): Body,
) -> Result<Json<Value>, ApiError> {
    let request = shared.request(request(&query, body, shared.config.accept_wait)?)?;
    let answer = shared.clients.invitations.clone().accept_invitation(request).await?.into_inner();
    Ok(Json(records::received(&present(answer.acceptance)?)))
}

fn request(
    query: &Fields,
    body: Fields,
    wait: Duration,
) -> Result<AcceptInvitationRequest, ApiError> {
    if query.filter("mediation_id")?.is_some() {
        return Err(ApiError::bad_request(
            "mediation_id: no mediation record has this id; this agent has no mediators",
        ));
    }
    let missing = body.invalid("services", "Missing data for required field.");
    let invitation = body.values();
    if invitation.is_empty() {
        return Err(missing);
    }
    let reuse = ReusePolicy {
        disabled: !query.boolean("use_existing_connection")?.unwrap_or(true),
        ..ReusePolicy::default()
    };
    let wait = wait.min(MAX_WAIT);
    Ok(AcceptInvitationRequest {
        invitation: Value::Object(invitation).to_string(),
        reuse: Some(reuse),
        alias: query.owned("alias")?,
        auto_accept: query.boolean("auto_accept")?,
        wait: prost_types::Duration::try_from(wait).ok(),
        ..AcceptInvitationRequest::default()
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn build(query: &str, body: &str) -> Result<AcceptInvitationRequest, ApiError> {
        request(
            &Fields::query(query),
            Fields::body(body.as_bytes()).unwrap(),
            Duration::from_secs(60),
        )
    }

    #[test]
    fn reuse_is_the_default() {
        let request = build("alias=Bob", r#"{"@id":"1","services":[]}"#).unwrap();
        assert_eq!(request.invitation, r#"{"@id":"1","services":[]}"#);
        assert!(!request.reuse.unwrap().disabled);
        assert_eq!((request.alias.as_str(), request.auto_accept), ("Bob", None));
        assert_eq!(request.wait.unwrap().seconds, 30);
        let request =
            build("use_existing_connection=false&auto_accept=true", r#"{"@id":"1"}"#).unwrap();
        assert!(request.reuse.unwrap().disabled);
        assert_eq!(request.auto_accept, Some(true));
    }

    #[test]
    fn an_empty_body_is_no_invitation() {
        assert_eq!(build("", "{}").unwrap_err().status(), 422);
        assert_eq!(build("", "").unwrap_err().status(), 422);
        assert_eq!(build("mediation_id=x", r#"{"@id":"1"}"#).unwrap_err().status(), 400);
    }
}
