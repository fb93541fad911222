//! What a request to make an invitation may say.

use entente_didcomm::attachment::Attachment;
use entente_didcomm::message::Message;
use entente_rpc::proto::connection::v1 as proto;
use entente_rpc::{Failure, duration_from_proto};
use serde_json::Value;

use crate::engine::{Answer, numbers};

/// The most text that an invitation carries in one field.
pub(in crate::engine) const MAX_TEXT: usize = 1024;
/// The most that the owner's data of an invitation or connection takes.
pub(crate) const MAX_METADATA: usize = 64 * 1024;
/// The most messages that an invitation carries.
const MAX_ATTACHMENTS: usize = 16;

/// Checks what any format has.
pub(super) fn check(request: &proto::CreateInvitationRequest) -> Answer<()> {
    numbers::known::<proto::InvitationKind>("kind", request.kind)?;
    numbers::known::<proto::DidMethod>("did_method", request.did_method)?;
    if request.max_uses < 0 {
        return Err(Failure::field("max_uses", "is negative; 0 means no limit"));
    }
    if request.max_uses > 0 && request.kind() != proto::InvitationKind::MultiUse {
        return Err(Failure::field(
            "max_uses",
            "needs kind MULTI_USE; a single-use invitation is used once",
        ));
    }
    for (field, text) in [
        ("label", request.label.as_deref().unwrap_or_default()),
        ("alias", &request.alias),
        ("goal_code", &request.goal_code),
        ("goal", &request.goal),
        ("image_url", &request.image_url),
    ] {
        if text.len() > MAX_TEXT {
            return Err(Failure::field(field, format!("must have at most {MAX_TEXT} bytes")));
        }
    }
    if let Some(expires_in) = &request.expires_in
        && duration_from_proto(expires_in).is_none_or(|milliseconds| milliseconds == 0)
    {
        return Err(Failure::field("expires_in", "must be longer than 0"));
    }
    if request.short_url && request.expires_in.is_none() {
        return Err(Failure::field(
            "short_url",
            "needs expires_in; a short URL must end (RFC 0434)",
        ));
    }
    if !["", "1.0", "1.1"].contains(&request.protocol_version.as_str()) {
        return Err(Failure::field("protocol_version", "must be \"1.0\" or \"1.1\""));
    }
    if !request.use_did.is_empty() && (request.did_method != 0 || request.create_unique_did) {
        return Err(Failure::field("use_did", "excludes did_method and create_unique_did"));
    }
    if request.create_unique_did && request.did_method() == proto::DidMethod::InlineKey {
        return Err(Failure::field("create_unique_did", "needs a did_method with a DID"));
    }
    if request.implicit
        && (request.kind() != proto::InvitationKind::MultiUse
            || request.did_method() == proto::DidMethod::InlineKey)
    {
        return Err(Failure::field("implicit", "needs kind MULTI_USE and a did_method with a DID"));
    }
    check_metadata(&request.metadata_json)?;
    Ok(())
}

/// Checks the owner's data.
pub(crate) fn check_metadata(json: &str) -> Answer<()> {
    let fits = json.is_empty()
        || (json.len() <= MAX_METADATA
            && serde_json::from_str::<Value>(json).is_ok_and(|value| value.is_object()));
    if fits {
        Ok(())
    } else {
        Err(Failure::field("metadata_json", "must be a JSON object of at most 64 KiB"))
    }
}

/// The messages that it is to carry.
pub(super) fn attachments(request: &proto::CreateInvitationRequest) -> Answer<Vec<Attachment>> {
    if request.attachments_json.len() > MAX_ATTACHMENTS {
        return Err(Failure::field(
            "attachments_json",
            format!("has more than {MAX_ATTACHMENTS} messages"),
        ));
    }
    let attachments = request.attachments_json.iter().enumerate().map(|(index, json)| {
        let wrong = |error: String| Failure::field(format!("attachments_json[{index}]"), error);
        let message = Message::parse(json.as_bytes()).map_err(|error| wrong(error.to_string()))?;
        Ok(Attachment::from_json(format!("request-{index}"), message.to_value()))
    });
    attachments.collect()
}
