use axum::http::HeaderValue;
use base64::prelude::BASE64_URL_SAFE_NO_PAD;
use serde_json::json;

use super::*;

const ENDPOINT: &str = "https://agent.example/didcomm";

fn uri(label: &str, goal: &str) -> Uri {
    let invitation = json!({
        "@type": "https://didcomm.org/out-of-band/1.1/invitation", "@id": "12345678-aaaa",
        "label": label, "goal": goal, "handshake_protocols": ["https://didcomm.org/didexchange/1.1"],
        "services": ["did:peer:2.Vz6MkqRYqQiSgvZQdnBytw86Qbs2ZWUkGv22od935YF4s8M7"],
    });
    let oob = BASE64_URL_SAFE_NO_PAD.encode(invitation.to_string());
    format!("/didcomm?oob={oob}").parse().unwrap()
}

async fn text(response: Response) -> String {
    let bytes = axum::body::to_bytes(response.into_body(), 1 << 20).await.unwrap();
    String::from_utf8(bytes.to_vec()).unwrap()
}

#[tokio::test]
async fn what_the_inviter_wrote_is_escaped() {
    let response = show(ENDPOINT, &uri("<script>alert(1)</script>", "\"'&<b>"), &HeaderMap::new());
    assert_eq!(response.status(), 200);
    let policy = response.headers()[header::CONTENT_SECURITY_POLICY].to_str().unwrap().to_owned();
    assert!(policy.starts_with("default-src 'none'; style-src 'sha256-"), "{policy}");
    let html = text(response).await;
    assert!(!html.contains("<script"), "{html}");
    assert!(html.contains("&lt;script&gt;alert(1)&lt;/script&gt;"));
    assert!(html.contains("&quot;&#39;&amp;&lt;b&gt;"));
    assert!(html.contains("<svg") && html.contains("nobody has verified"));
    assert!(html.contains("<code>https://agent.example/didcomm?oob="));
}

#[tokio::test]
async fn json_is_given_to_who_asks_for_it() {
    let mut headers = HeaderMap::new();
    for (accept, json) in [
        ("application/json", true),
        ("application/json, text/html;q=0.5", true),
        ("text/html,application/xhtml+xml,application/json", false),
        ("*/*", false),
    ] {
        headers.insert(header::ACCEPT, HeaderValue::from_static(accept));
        let response = show(ENDPOINT, &uri("Alice", "talk"), &headers);
        let content_type = response.headers()[header::CONTENT_TYPE].to_str().unwrap().to_owned();
        assert_eq!(content_type == "application/json; charset=utf-8", json, "{accept}");
        if json {
            let value: serde_json::Value = serde_json::from_str(&text(response).await).unwrap();
            assert_eq!(value["label"], "Alice");
        }
    }
}

#[tokio::test]
async fn other_gets_are_told_what_this_is() {
    let none = HeaderMap::new();
    assert_eq!(text(show(ENDPOINT, &"/".parse().unwrap(), &none)).await, PLAIN);
    let bad = show(ENDPOINT, &"/?oob=%21%21".parse().unwrap(), &none);
    assert_eq!(bad.status(), 400);
}

#[test]
fn a_text_too_long_for_a_code_has_none() {
    assert!(qr_code(&"x".repeat(2900)).is_some());
    assert!(qr_code(&"x".repeat(3000)).is_none());
}
