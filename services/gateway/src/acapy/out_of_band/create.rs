use std::sync::Arc;

use axum::Extension;
use axum::Json;
use entente_didcomm::out_of_band::HandshakeProtocol as Offered;
use entente_rpc::proto::connection::v1::{
    CreateInvitationRequest, DidMethod, HandshakeProtocol, InvitationKind,
};
use serde_json::Value;

use crate::acapy::error::ApiError;
use crate::acapy::fields::{Body, Fields, Query};
use crate::acapy::{present, records};
use crate::gateway::Shared;

/// `POST /out-of-band/create-invitation`.
pub(in crate::acapy) async fn create(
    Extension(shared): Extension<Arc<Shared>>,
    Query(query): Query,
    Body(body): Body,
) -> Result<Json<Value>, ApiError> {
    let request = shared.request(request(&query, &body)?)?;
    let answer = shared.clients.invitations.clone().create_invitation(request).await?.into_inner();
    Ok(Json(records::created(&present(answer.invitation)?)))
}

fn request(query: &Fields, body: &Fields) -> Result<CreateInvitationRequest, ApiError> {
    let offered = offered(body)?;
    check(query, body, &offered)?;
    let multi_use = query.boolean("multi_use")?.unwrap_or(false);
    Ok(CreateInvitationRequest {
        kind: if multi_use { InvitationKind::MultiUse } else { InvitationKind::SingleUse }.into(),
        did_method: did_method(body)?.into(),
        create_unique_did: query.boolean("create_unique_did")?.unwrap_or(false),
        use_did: body.owned("use_did")?,
        handshake_protocols: spoken(&offered)?,
        label: body.text("my_label")?.map(str::to_owned),
        alias: body.owned("alias")?,
        goal_code: body.owned("goal_code")?,
        goal: body.owned("goal")?,
        accept: body.texts("accept")?.into_iter().map(str::to_owned).collect(),
        metadata_json: body
            .object("metadata")?
            .map(|data| Value::from(data.clone()).to_string())
            .unwrap_or_default(),
        auto_accept: query.boolean("auto_accept")?,
        protocol_version: body.owned("protocol_version")?,
        ..CreateInvitationRequest::default()
    })
}

/// The handshakes that the body names.
fn offered(body: &Fields) -> Result<Vec<Offered>, ApiError> {
    let names = body.texts("handshake_protocols")?;
    let parse = |(index, name): (usize, &&str)| {
        let unknown = || body.invalid_item("handshake_protocols", index, "Invalid value.");
        Offered::parse(name).ok_or_else(unknown)
    };
    names.iter().enumerate().map(parse).collect()
}

/// The handshakes that we speak, of those offered.
fn spoken(offered: &[Offered]) -> Result<Vec<i32>, ApiError> {
    let speak = |offered: &Offered| match offered {
        Offered::DidExchange10 => Some(HandshakeProtocol::Didexchange10.into()),
        Offered::DidExchange11 => Some(HandshakeProtocol::Didexchange11.into()),
        Offered::Connections10 => Some(HandshakeProtocol::Connections10.into()),
        _ => None,
    };
    let mut spoken: Vec<i32> = Vec::new();
    for protocol in offered.iter().filter_map(speak) {
        if !spoken.contains(&protocol) {
            spoken.push(protocol);
        }
    }
    if spoken.is_empty() {
        return Err(ApiError::bad_request(
            "handshake_protocols: offer didexchange/1.1, didexchange/1.0 or connections/1.0",
        ));
    }
    Ok(spoken)
}

fn did_method(body: &Fields) -> Result<DidMethod, ApiError> {
    Ok(match body.one_of("use_did_method", &["did:peer:2", "did:peer:4"])? {
        Some("did:peer:2") => DidMethod::Peer2,
        Some(_) => DidMethod::Peer4,
        None if body.filter("use_did")?.is_some() => DidMethod::Unspecified,
        None => DidMethod::InlineKey,
    })
}

/// The rules on fields that go together, in the words of the original.
fn check(query: &Fields, body: &Fields, offered: &[Offered]) -> Result<(), ApiError> {
    let attachments = !body.list("attachments")?.is_empty();
    let public = body.boolean("use_public_did")?.unwrap_or(false);
    let use_did = body.filter("use_did")?.is_some();
    let method = body.filter("use_did_method")?.is_some();
    let refusal = if offered.is_empty() && !attachments {
        "Invitation must include handshake protocols, request attachments, or both"
    } else if offered.is_empty()
        && body.object("metadata")?.is_some_and(|metadata| !metadata.is_empty())
    {
        "Cannot store metadata without handshake protocols"
    } else if attachments && query.boolean("multi_use")?.unwrap_or(false) {
        "Cannot create multi use invitation with attachments"
    } else if public && use_did {
        "use_did and public are mutually exclusive"
    } else if public && method {
        "use_did_method and public are mutually exclusive"
    } else if use_did && method {
        "use_did and use_did_method are mutually exclusive"
    } else if query.boolean("create_unique_did")?.unwrap_or(false) && !method {
        "create_unique_did can only be used with use_did_method"
    } else if public {
        "Public invitations are not enabled"
    } else if attachments {
        "attachments: no credential-offer or present-proof exchange has this id; this agent keeps none"
    } else if body.filter("mediation_id")?.is_some() {
        "mediation_id: no mediation record has this id; this agent has no mediators"
    } else {
        return Ok(());
    };
    Err(ApiError::bad_request(refusal))
}

#[cfg(test)]
mod tests;
