//! What a browser shows for an invitation's URL (RFC 0434: the URL should give instructions to people).

use std::sync::LazyLock;

use axum::http::{HeaderMap, StatusCode, Uri, header};
use axum::response::{IntoResponse, Response};
use base64::Engine as _;
use base64::prelude::BASE64_STANDARD;
use entente_didcomm::out_of_band::{Decoded, Invitation, parse_input};
use qrcode::render::svg;
use qrcode::{EcLevel, QrCode};
use sha2::{Digest as _, Sha256};
use url::Url;

const PLAIN: &str = "This is a DIDComm endpoint. Agents POST envelopes here.\n";
const STYLE: &str = "body{font:1rem/1.5 system-ui,sans-serif;max-width:38rem;margin:2rem auto;padding:0 1rem;\
color:#1a1a1a;background:#fff}svg{display:block;width:100%;max-width:20rem;height:auto;margin:1.5rem auto}\
small{color:#595959}code{word-break:break-all}";

/// Nothing may load or run; only the style above applies, known by its digest.
static POLICY: LazyLock<String> = LazyLock::new(|| {
    let digest = BASE64_STANDARD.encode(Sha256::digest(STYLE));
    format!(
        "default-src 'none'; style-src 'sha256-{digest}'; base-uri 'none'; form-action 'none'; frame-ancestors 'none'"
    )
});

/// Answers a GET: the invitation in its query as a page or as JSON, or a line of text.
pub(super) fn show(endpoint: &str, uri: &Uri, headers: &HeaderMap) -> Response {
    let query = uri.query().unwrap_or_default();
    let oob = url::form_urlencoded::parse(query.as_bytes()).find(|(name, _)| name == "oob");
    let Some((_, oob)) = oob else {
        return (StatusCode::OK, [(header::CONTENT_TYPE, "text/plain; charset=utf-8")], PLAIN)
            .into_response();
    };
    let Some(url) = invitation_url(endpoint, &oob) else {
        return (StatusCode::INTERNAL_SERVER_ERROR, "the endpoint of this agent is not a URL\n")
            .into_response();
    };
    let invitation = match parse_input(url.as_str()) {
        Ok(Decoded::Invitation(invitation)) => invitation,
        Ok(_) => {
            return (StatusCode::BAD_REQUEST, "the oob parameter holds no invitation\n")
                .into_response();
        }
        Err(error) => return (StatusCode::BAD_REQUEST, format!("{error}\n")).into_response(),
    };
    if wants_json(headers) {
        return respond("application/json; charset=utf-8", invitation.to_json().to_string());
    }
    respond("text/html; charset=utf-8", page(&invitation, &url))
}

fn invitation_url(endpoint: &str, oob: &str) -> Option<Url> {
    let mut url = Url::parse(endpoint).ok()?;
    url.query_pairs_mut().append_pair("oob", oob);
    Some(url)
}

/// JSON, if it is asked for before HTML.
pub(super) fn wants_json(headers: &HeaderMap) -> bool {
    let accept =
        headers.get(header::ACCEPT).and_then(|value| value.to_str().ok()).unwrap_or_default();
    let wanted = accept.split(',').filter_map(|range| range.split(';').next()).map(str::trim);
    wanted.into_iter().find(|range| matches!(*range, "application/json" | "text/html"))
        == Some("application/json")
}

pub(super) fn respond(content_type: &'static str, body: String) -> Response {
    let headers = [
        (header::CONTENT_TYPE, content_type),
        (header::CONTENT_SECURITY_POLICY, POLICY.as_str()),
        (header::X_CONTENT_TYPE_OPTIONS, "nosniff"),
        (header::REFERRER_POLICY, "no-referrer"),
        (header::CACHE_CONTROL, "no-store"),
    ];
    (headers, body).into_response()
}

/// Sends a browser on to the URL that carries an invitation, this once.
pub(super) fn lead_to(url: &str) -> Response {
    let headers = [
        (header::LOCATION, url),
        (header::REFERRER_POLICY, "no-referrer"),
        (header::CACHE_CONTROL, "no-store"),
    ];
    (StatusCode::FOUND, headers).into_response()
}

fn page(invitation: &Invitation, url: &Url) -> String {
    let who = match invitation.label.as_deref().filter(|label| !label.trim().is_empty()) {
        Some(label) => format!("“{}”", escape(&shorten(label))),
        None => "Someone".to_owned(),
    };
    let goal = invitation.goal.as_deref().filter(|goal| !goal.trim().is_empty());
    let goal =
        goal.map(|goal| format!("<p>Purpose: {}</p>", escape(&shorten(goal)))).unwrap_or_default();
    let code = qr_code(url.as_str()).unwrap_or_else(|| {
        "<p>The invitation is too long for a QR code: copy the link.</p>".to_owned()
    });
    let link = escape(url.as_str());
    let app = escape(&format!(
        "didcomm://aries_connection_invitation?{}",
        url.query().unwrap_or_default()
    ));
    format!(
        "<!doctype html><html lang=\"en\"><head><meta charset=\"utf-8\">\
<meta name=\"viewport\" content=\"width=device-width,initial-scale=1\"><meta name=\"robots\" content=\"noindex\">\
<title>Invitation to connect</title><style>{STYLE}</style></head><body><h1>Invitation to connect</h1>\
<p>{who} invites you to connect.<br><small>The name is what the inviter calls itself; nobody has verified it.</small></p>\
{goal}<p>Scan the code with your wallet app, or <a href=\"{app}\">open it on this device</a>.</p>{code}\
<p>Or copy this link into your wallet or agent:</p><p><code>{link}</code></p></body></html>\n"
    )
}

/// An SVG, or nothing when the text is too long for a code.
fn qr_code(text: &str) -> Option<String> {
    let code = QrCode::with_error_correction_level(text, EcLevel::L).ok()?;
    let svg = code.render::<svg::Color>().min_dimensions(240, 240).build();
    // The XML declaration has no place inside HTML.
    svg.find("<svg").and_then(|start| svg.get(start..)).map(str::to_owned)
}

/// The start of a text from outside: enough for people.
fn shorten(text: &str) -> String {
    text.chars().filter(|c| !c.is_control()).take(200).collect()
}

fn escape(text: &str) -> String {
    let mut escaped = String::with_capacity(text.len());
    for character in text.chars() {
        match character {
            '&' => escaped.push_str("&amp;"),
            '<' => escaped.push_str("&lt;"),
            '>' => escaped.push_str("&gt;"),
            '"' => escaped.push_str("&quot;"),
            '\'' => escaped.push_str("&#39;"),
            other => escaped.push(other),
        }
    }
    escaped
}

#[cfg(test)]
mod tests;
