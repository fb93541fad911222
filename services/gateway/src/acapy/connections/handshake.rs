//! The routes of connections/1.0 (RFC 0160), as ACA-Py had them up to 0.12.

use std::sync::Arc;

use axum::Extension;
use axum::Json;
use axum::extract::Path;
use axum::http::StatusCode;
use entente_rpc::proto::connection::v1::{
    AcceptInvitationRequest, CreateInvitationRequest, Invitation, InvitationFormat, InvitationKind,
    Role,
};
use serde_json::{Map, Value};

use super::find;
use crate::acapy::did_exchange::{approve, refuse};
use crate::acapy::error::ApiError;
use crate::acapy::fields::{Body, Fields, Query};
use crate::acapy::present;
use crate::gateway::Shared;

/// `POST /connections/create-invitation`.
pub(in crate::acapy) async fn create_invitation(
    Extension(shared): Extension<Arc<Shared>>,
    Query(query): Query,
    Body(body): Body,
) -> Result<Json<Value>, ApiError> {
    let request = shared.request(creation(&query, &body)?)?;
    let answer = shared.clients.invitations.clone().create_invitation(request).await?.into_inner();
    Ok(Json(created(&present(answer.invitation)?)))
}

/// `POST /connections/receive-invitation`.
pub(in crate::acapy) async fn receive_invitation(
    Extension(shared): Extension<Arc<Shared>>,
    Query(query): Query,
    Body(body): Body,
) -> Result<Json<Value>, ApiError> {
    let request = shared.request(acceptance(&query, body)?)?;
    let answer = shared.clients.invitations.clone().accept_invitation(request).await?.into_inner();
    let acceptance = present(answer.acceptance)?;
    let id = match acceptance.connection_id.as_str() {
        "" => &acceptance.exchange_id,
        id => id,
    };
    Ok(Json(find(&shared, id).await?.record()))
}

/// `POST /connections/{conn_id}/accept-invitation`: sends the request for an invitation that waits.
pub(in crate::acapy) async fn accept_invitation(
    Extension(shared): Extension<Arc<Shared>>,
    Path(id): Path<String>,
    Query(query): Query,
) -> Result<Json<Value>, ApiError> {
    refuse(&query, &["my_endpoint", "mediation_id"])?;
    let label = query.filter("my_label")?.map(str::to_owned);
    approve(&shared, id, label, Role::Invitee).await
}

/// `POST /connections/{conn_id}/accept-request`: sends the response to a request that waits.
pub(in crate::acapy) async fn accept_request(
    Extension(shared): Extension<Arc<Shared>>,
    Path(id): Path<String>,
    Query(query): Query,
) -> Result<Json<Value>, ApiError> {
    refuse(&query, &["my_endpoint"])?;
    approve(&shared, id, None, Role::Inviter).await
}

fn creation(query: &Fields, body: &Fields) -> Result<CreateInvitationRequest, ApiError> {
    if query.boolean("public")?.unwrap_or(false) {
        let reason = "Configuration does not include public invitations";
        return Err(ApiError::new(StatusCode::FORBIDDEN, reason));
    }
    refuse(body, &["service_endpoint", "mediation_id"])?;
    for field in ["recipient_keys", "routing_keys"] {
        if !body.list(field)?.is_empty() {
            return Err(ApiError::bad_request(format!("{field}: not supported; leave it out")));
        }
    }
    let multi_use = query.boolean("multi_use")?.unwrap_or(false);
    Ok(CreateInvitationRequest {
        format: InvitationFormat::Connections1.into(),
        kind: if multi_use { InvitationKind::MultiUse } else { InvitationKind::SingleUse }.into(),
        label: body.text("my_label")?.map(str::to_owned),
        alias: query.owned("alias")?,
        metadata_json: body
            .object("metadata")?
            .map(|data| Value::from(data.clone()).to_string())
            .unwrap_or_default(),
        auto_accept: query.boolean("auto_accept")?,
        ..CreateInvitationRequest::default()
    })
}

/// `connection_id` is null where no connection is there yet: an invitation for many uses has none of its own.
fn created(invitation: &Invitation) -> Value {
    let id = Some(invitation.exchange_id.as_str()).filter(|id| !id.is_empty());
    let message = serde_json::from_str(&invitation.message_json).unwrap_or_default();
    let mut record = Map::new();
    record.insert("connection_id".to_owned(), id.into());
    record.insert("invitation".to_owned(), message);
    record.insert("invitation_url".to_owned(), invitation.url.as_str().into());
    if !invitation.alias.is_empty() {
        record.insert("alias".to_owned(), invitation.alias.as_str().into());
    }
    Value::Object(record)
}

fn acceptance(query: &Fields, body: Fields) -> Result<AcceptInvitationRequest, ApiError> {
    refuse(query, &["mediation_id"])?;
    let kind = body.text("@type")?.unwrap_or_default();
    if !kind.ends_with("connections/1.0/invitation") {
        return Err(ApiError::bad_request(
            "@type: must be https://didcomm.org/connections/1.0/invitation; others go to /out-of-band/receive-invitation",
        ));
    }
    Ok(AcceptInvitationRequest {
        alias: query.owned("alias")?,
        auto_accept: query.boolean("auto_accept")?,
        invitation: Value::Object(body.values()).to_string(),
        ..AcceptInvitationRequest::default()
    })
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    fn create(query: &str, body: &str) -> Result<CreateInvitationRequest, ApiError> {
        creation(&Fields::query(query), &Fields::body(body.as_bytes()).unwrap())
    }

    #[test]
    fn an_invitation_is_of_connections() {
        let request = create("", "").unwrap();
        assert_eq!(request.format(), InvitationFormat::Connections1);
        assert_eq!(request.kind(), InvitationKind::SingleUse);
        assert_eq!((request.label.as_deref(), request.auto_accept), (None, None));
        let request = create(
            "alias=Bob&auto_accept=true&multi_use=true",
            r#"{"my_label":"Alice","metadata":{"a":1}}"#,
        )
        .unwrap();
        assert_eq!(request.kind(), InvitationKind::MultiUse);
        assert_eq!((request.label.as_deref(), request.auto_accept), (Some("Alice"), Some(true)));
        assert_eq!((request.alias.as_str(), request.metadata_json.as_str()), ("Bob", r#"{"a":1}"#));
    }

    #[test]
    fn what_would_change_the_invitation_is_not_ignored() {
        for (query, body, status) in [
            ("public=true", "", 403),
            ("", r#"{"service_endpoint":"http://a"}"#, 400),
            ("", r#"{"recipient_keys":["k"]}"#, 400),
            ("", r#"{"routing_keys":["k"]}"#, 400),
            ("", r#"{"mediation_id":"m"}"#, 400),
            ("", r#"{"my_label":7}"#, 422),
            ("multi_use=maybe", "", 422),
        ] {
            assert_eq!(create(query, body).unwrap_err().status(), status, "{query} {body}");
        }
    }

    #[test]
    fn the_answer_has_the_shape_of_0_12() {
        let mut invitation = Invitation {
            id: "i1".into(),
            exchange_id: "c1".into(),
            message_json: r#"{"@id":"i1"}"#.into(),
            url: "http://a?c_i=x".into(),
            ..Invitation::default()
        };
        let expected = json!(
            {"connection_id": "c1", "invitation": {"@id": "i1"}, "invitation_url": "http://a?c_i=x"});
        assert_eq!(created(&invitation), expected);
        invitation.exchange_id.clear();
        invitation.alias = "Bob".into();
        let record = created(&invitation);
        assert_eq!((&record["connection_id"], &record["alias"]), (&Value::Null, &json!("Bob")));
    }

    #[test]
    fn only_invitations_of_connections_are_taken() {
        let accept = |body: &str| {
            acceptance(
                &Fields::query("alias=Bob&auto_accept=false"),
                Fields::body(body.as_bytes()).unwrap(),
            )
        };
        for prefix in ["https://didcomm.org/", "did:sov:BzCbsNYhMrjHiqZDTUASHg;spec/"] {
            let body = format!(r#"{{"@type":"{prefix}connections/1.0/invitation"}}"#);
            let request = accept(&body).unwrap();
            assert_eq!((request.alias.as_str(), request.auto_accept), ("Bob", Some(false)));
            assert_eq!(request.invitation, body);
        }
        for body in ["", r#"{"@type":"https://didcomm.org/out-of-band/1.1/invitation"}"#] {
            assert_eq!(accept(body).unwrap_err().status(), 400);
        }
    }
}
