//! Invitations as text and as part of a record.

use base64::Engine as _;
use base64::engine::general_purpose::{GeneralPurpose, GeneralPurposeConfig};
use base64::engine::{DecodePaddingMode, general_purpose::URL_SAFE};
use entente_rpc::proto::connection::v1::{Acceptance, Exchange, HandshakeProtocol, Invitation};
use serde_json::{Map, Value, json};
use url::Url;

use super::error::ErrorResponse;

const OUT_OF_BAND_2: &str = "https://didcomm.org/out-of-band/2.0/invitation";
/// Padded or not.
const LENIENT: GeneralPurpose = GeneralPurpose::new(
    &base64::alphabet::URL_SAFE,
    GeneralPurposeConfig::new().with_decode_padding_mode(DecodePaddingMode::Indifferent),
);
/// The parameters of URLs that carry an invitation.
const PARAMETERS: [&str; 3] = ["_oob", "oob", "c_i"];

/// An invitation as a caller gives it.
#[derive(Debug, PartialEq)]
pub(super) struct Given {
    /// What the service reads: JSON, or a URL.
    pub(super) text: String,
    /// Its id, unless it is behind a short URL.
    pub(super) id: Option<String>,
}

impl Given {
    /// Reads the value of `_oob` alone, a whole URL, or JSON.
    pub(super) fn parse(text: &str) -> Result<Self, ErrorResponse> {
        let text = text.trim();
        if text.is_empty() {
            return Err(ErrorResponse::invitation(
                "invitation is empty; give the value of _oob in the invitation's URL, or the URL",
            ));
        }
        if text.starts_with('{') {
            return Ok(Self { id: id_of(text.as_bytes()), text: text.to_owned() });
        }
        if let Ok(url) = Url::parse(text) {
            let value = |name| url.query_pairs().find(|(key, _)| key == name);
            let carried = PARAMETERS.into_iter().find_map(value);
            let id = carried.and_then(|(_, value)| id_of(&decode(&value)?));
            return Ok(Self { text: text.to_owned(), id });
        }
        let wrong = || {
            ErrorResponse::invitation(
                "invitation is not base64url; give the value of _oob in the invitation's URL, or the URL",
            )
        };
        let json = decode(text).and_then(|bytes| String::from_utf8(bytes).ok());
        let json = json.ok_or_else(wrong)?;
        Ok(Self { id: id_of(json.as_bytes()), text: json })
    }
}

/// Either alphabet, padded or not.
fn decode(text: &str) -> Option<Vec<u8>> {
    LENIENT.decode(text.replace('+', "-").replace('/', "_")).ok()
}

fn id_of(json: &[u8]) -> Option<String> {
    let message: Map<String, Value> = serde_json::from_slice(json).ok()?;
    let id = message.get("id").or_else(|| message.get("@id"))?;
    id.as_str().map(str::to_owned)
}

/// Where a record's invitation is kept.
#[derive(Debug, Clone, Copy)]
pub(super) enum Origin<'a> {
    Ours(&'a Invitation),
    Theirs(&'a Acceptance),
    /// It was deleted.
    Gone,
}

/// The invitation of a record. One of another agent that did not come as a URL has one on our endpoint.
pub(super) fn of_record(exchange: &Exchange, origin: Origin<'_>, endpoint: &str) -> Value {
    match origin {
        Origin::Ours(invitation) => ours(invitation),
        Origin::Theirs(acceptance) => {
            let json = &acceptance.invitation_json;
            let message: Map<String, Value> = serde_json::from_str(json).unwrap_or_default();
            let from = text(&message, "from")
                .or(some(&acceptance.invitation_did))
                .map_or_else(|| inviter(exchange), str::to_owned);
            let kind = kind_of(&message);
            let id = some(&acceptance.invitation_id).unwrap_or(&exchange.invitation_id);
            let url = match some(&acceptance.invitation_url) {
                Some(given) => given.to_owned(),
                None => url(endpoint, kind.as_deref(), json),
            };
            shown(id, kind.as_deref(), exchange, &from, &url)
        }
        Origin::Gone => shown(&exchange.invitation_id, None, exchange, &inviter(exchange), ""),
    }
}

/// An invitation that we made.
pub(super) fn ours(invitation: &Invitation) -> Value {
    let message: Map<String, Value> =
        serde_json::from_str(&invitation.message_json).unwrap_or_default();
    let from = text(&message, "from")
        .or(some(&invitation.did))
        .map_or_else(|| format!("did:key:{}", invitation.key), str::to_owned);
    json!({
        "id": invitation.id,
        "type": kind_of(&message).unwrap_or_else(|| OUT_OF_BAND_2.to_owned()),
        "from": from,
        "invitationUrl": invitation.url,
    })
}

fn shown(id: &str, kind: Option<&str>, exchange: &Exchange, from: &str, url: &str) -> Value {
    let kind = kind.unwrap_or_else(|| match exchange.protocol() {
        HandshakeProtocol::Identus10 => OUT_OF_BAND_2,
        HandshakeProtocol::Connections10 => "https://didcomm.org/connections/1.0/invitation",
        _ => "https://didcomm.org/out-of-band/1.1/invitation",
    });
    json!({"id": id, "type": kind, "from": from, "invitationUrl": url})
}

/// The DID of whoever made the invitation; of its key, where it has none.
fn inviter(exchange: &Exchange) -> String {
    match some(&exchange.invitation_did) {
        Some(did) => did.to_owned(),
        None => format!("did:key:{}", exchange.invitation_key),
    }
}

fn kind_of(message: &Map<String, Value>) -> Option<String> {
    text(message, "type").or_else(|| text(message, "@type")).map(str::to_owned)
}

fn url(endpoint: &str, kind: Option<&str>, json: &str) -> String {
    let parameter = match kind {
        Some(kind) if kind.contains("/out-of-band/2.") => "_oob",
        Some(kind) if kind.contains("/connections/1.") => "c_i",
        _ => "oob",
    };
    let separator = if endpoint.contains('?') { '&' } else { '?' };
    format!("{endpoint}{separator}{parameter}={}", URL_SAFE.encode(json))
}

fn text<'a>(message: &'a Map<String, Value>, name: &str) -> Option<&'a str> {
    message.get(name).and_then(Value::as_str)
}

fn some(text: &str) -> Option<&str> {
    Some(text).filter(|text| !text.is_empty())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn invitations_are_read_in_every_form() {
        let json = r#"{"id":"7","type":"x","body":{"goal":"~?>"}}"#;
        let padded = URL_SAFE.encode(json);
        let bare = padded.trim_end_matches('=').to_owned();
        let standard = padded.replace('-', "+").replace('_', "/");
        let id = Some("7".to_owned());
        for text in [json.to_owned(), padded.clone(), bare, standard, format!(" {padded}\n")] {
            assert_eq!(
                Given::parse(&text).unwrap(),
                Given { text: json.to_owned(), id: id.clone() },
                "{text}"
            );
        }
        for parameter in PARAMETERS {
            let url = format!("https://my.domain.com/path?{parameter}={padded}");
            assert_eq!(Given::parse(&url).unwrap(), Given { text: url.clone(), id: id.clone() });
        }
        let short = Given::parse("https://agent.example/?id=1").unwrap();
        assert_eq!(short.id, None);
    }

    #[test]
    fn what_is_no_base64_is_a_bad_request() {
        for text in ["", "  ", "not base64!", "{RAW_INVITATION", "ÄÖÜ"] {
            let read = Given::parse(text).and_then(|given| match given.text.starts_with('{') {
                true => Err(ErrorResponse::invitation("left to the service")),
                false => Ok(given),
            });
            assert_eq!(
                read.unwrap_err().shown(),
                (400, "error:ConnectionServiceError:InvitationParsingError".to_owned()),
                "{text}"
            );
        }
    }

    #[test]
    fn an_invitation_of_another_agent_has_a_url() {
        let json = r#"{"id":"7","type":"https://didcomm.org/out-of-band/2.0/invitation","from":"did:peer:2.E"}"#;
        let acceptance = Acceptance {
            invitation_id: "7".to_owned(),
            invitation_json: json.to_owned(),
            ..Acceptance::default()
        };
        let record =
            of_record(&Exchange::default(), Origin::Theirs(&acceptance), "https://agent.example");
        assert_eq!((&record["id"], &record["from"]), (&json!("7"), &json!("did:peer:2.E")));
        let url = record["invitationUrl"].as_str().unwrap();
        assert!(url.starts_with("https://agent.example?_oob="), "{url}");
        assert_eq!(Given::parse(url).unwrap().id.as_deref(), Some("7"));
        let invitation_url = "https://inviter.example?_oob=e30".to_owned();
        let acceptance = Acceptance { invitation_url: invitation_url.clone(), ..acceptance };
        let record = of_record(&Exchange::default(), Origin::Theirs(&acceptance), "");
        assert_eq!(record["invitationUrl"], invitation_url);
    }

    #[test]
    fn an_inline_key_is_shown_as_its_did() {
        let invitation = Invitation {
            id: "7".to_owned(),
            key: "z6Mk".to_owned(),
            message_json: r#"{"@type":"https://didcomm.org/out-of-band/1.1/invitation"}"#
                .to_owned(),
            url: "https://agent.example?oob=e30".to_owned(),
            ..Invitation::default()
        };
        assert_eq!(
            ours(&invitation),
            json!({"id": "7", "type": "https://didcomm.org/out-of-band/1.1/invitation",
                "from": "did:key:z6Mk", "invitationUrl": "https://agent.example?oob=e30"})
        );
        let exchange = Exchange {
            invitation_id: "7".to_owned(),
            invitation_key: "z6Mk".to_owned(),
            protocol: HandshakeProtocol::Identus10.into(),
            ..Exchange::default()
        };
        let gone = of_record(&exchange, Origin::Gone, "https://agent.example");
        assert_eq!((&gone["from"], &gone["type"]), (&json!("did:key:z6Mk"), &json!(OUT_OF_BAND_2)));
    }
}
