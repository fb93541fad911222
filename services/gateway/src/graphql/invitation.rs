use async_graphql::{ID, SimpleObject};
use base64::Engine as _;
use base64::prelude::BASE64_URL_SAFE_NO_PAD;
use entente_rpc::proto::connection::v1 as pb;
use serde_json::Value;

/// The invitation that an exchange began with.
#[derive(SimpleObject)]
#[graphql(name = "AIPConnectionInvitation")]
pub(super) struct Invitation {
    /// The id of the invitation message.
    message_id: ID,
    /// The inviter's name: myLabel where this agent is the INVITER, theirLabel where it is the INVITEE. It is
    /// self-attested, not verified: not trusted data.
    label: String,
    /// Where the invitee answers. Of a peer's invitation it is not trusted data.
    service_endpoint: String,
    /// The invitation as a URL. Of a peer's invitation it is the URL that was accepted.
    invitation_url: String,
}

impl Invitation {
    /// One that this agent made.
    pub(super) fn made(invitation: pb::Invitation, endpoint: &str) -> Self {
        let service_endpoint = endpoint_in(&invitation.message_json);
        Self {
            message_id: invitation.id.into(),
            label: invitation.label,
            service_endpoint: service_endpoint.unwrap_or_else(|| endpoint.to_owned()),
            invitation_url: invitation.url,
        }
    }

    /// One that this agent accepted; `endpoint` is the peer's.
    pub(super) fn accepted(acceptance: pb::Acceptance, endpoint: &str) -> Self {
        let service_endpoint = endpoint_in(&acceptance.invitation_json);
        Self {
            service_endpoint: service_endpoint.unwrap_or_else(|| endpoint.to_owned()),
            invitation_url: match acceptance.invitation_url {
                url if url.is_empty() => url_of(&acceptance.invitation_json),
                url => url,
            },
            message_id: acceptance.invitation_id.into(),
            label: acceptance.their_label,
        }
    }
}

/// The endpoint that an invitation says itself, not by a DID.
fn endpoint_in(message: &str) -> Option<String> {
    let message: Value = serde_json::from_str(message).ok()?;
    let services = message.get("services").and_then(Value::as_array).into_iter().flatten();
    let endpoint = |part: &Value| Some(part.get("serviceEndpoint")?.as_str()?.to_owned());
    endpoint(&message).or_else(|| services.into_iter().find_map(endpoint))
}

/// A URL for an invitation that came without one.
fn url_of(message: &str) -> String {
    let kind = serde_json::from_str::<Value>(message).unwrap_or_default();
    if let Some(did) = kind.as_str() {
        return did.to_owned();
    }
    let of_v1 = kind.get("@type").and_then(Value::as_str);
    let parameter = match of_v1 {
        Some(kind) if kind.contains("/connections/1.") => "c_i",
        Some(_) => "oob",
        None => "_oob",
    };
    format!("https://didcomm.org/?{parameter}={}", BASE64_URL_SAFE_NO_PAD.encode(message))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_endpoint_is_where_the_format_has_it() {
        let c_i = r#"{"@type":"https://didcomm.org/connections/1.0/invitation","serviceEndpoint":"http://a"}"#;
        let oob = r#"{"@type":"x","services":["did:peer:2.x",{"serviceEndpoint":"http://b"}]}"#;
        assert_eq!(endpoint_in(c_i).as_deref(), Some("http://a"));
        assert_eq!(endpoint_in(oob).as_deref(), Some("http://b"));
        assert_eq!(endpoint_in(r#"{"services":["did:peer:2.x"]}"#), None);
        assert!(url_of(c_i).starts_with("https://didcomm.org/?c_i=eyJAdHlwZSI6"));
        assert!(url_of(oob).contains("?oob="));
        assert!(url_of(r#"{"type":"x"}"#).contains("?_oob="));
        assert_eq!(url_of(r#""did:web:a.example""#), "did:web:a.example");
    }
}
