//! The admin API.

use entente_tests::{Peer, Suite};
use serde_json::{Value, json};

/// The admin API answers nonsense with 4xx and a text, as ACA-Py does.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn admin_routes_refuse_nonsense_with_a_text() {
    let suite = Suite::start().await;
    let peer = Peer::start().await;
    let agent = peer.join(&suite).await;
    let before = suite.counts().await;
    let id = agent.id.as_str();
    let gone = "00000000-0000-0000-0000-000000000000";
    let create = "/out-of-band/create-invitation";
    let receive = "/out-of-band/receive-invitation";
    let metadata = format!("/connections/{id}/metadata");
    let message = format!("/connections/{id}/send-message");
    let (agreed, verkey) = ("/connections/create-static", peer.key.public.base58());
    let cases = [
        ("POST", create, json!([])),
        ("POST", create, json!({})),
        ("POST", create, json!({"handshake_protocols": "didexchange"})),
        ("POST", create, json!({"handshake_protocols": ["https://didcomm.org/connections/9.0"]})),
        (
            "POST",
            create,
            json!({"handshake_protocols": ["https://didcomm.org/didexchange/1.1"], "use_did_method": "did:web"}),
        ),
        (
            "POST",
            create,
            json!({"handshake_protocols": ["https://didcomm.org/didexchange/1.1"], "use_did": "did:peer:2.unknown"}),
        ),
        (
            "POST",
            create,
            json!({"handshake_protocols": ["https://didcomm.org/didexchange/1.1"], "metadata": 7}),
        ),
        (
            "POST",
            create,
            json!({"handshake_protocols": ["https://didcomm.org/didexchange/1.1"], "alias": {}}),
        ),
        (
            "POST",
            "/out-of-band/create-invitation?multi_use=perhaps",
            json!({"handshake_protocols": ["https://didcomm.org/didexchange/1.1"]}),
        ),
        ("POST", receive, json!([])),
        ("POST", receive, json!({})),
        ("POST", receive, json!({"services": ["did:peer:2"]})),
        ("POST", receive, peer.invitation(json!({"handshake_protocols": []}))),
        (
            "POST",
            receive,
            peer.invitation(json!({"@type": "https://didcomm.org/trust_ping/1.0/ping"})),
        ),
        (
            "POST",
            "/out-of-band/receive-invitation?use_existing_connection=perhaps",
            peer.invitation(json!({})),
        ),
        ("GET", "/out-of-band/invitations?oobid=nothing", Value::Null),
        ("DELETE", "/out-of-band/invitations/nothing", Value::Null),
        ("GET", "/connections?state=flying", Value::Null),
        ("GET", "/connections?limit=-1", Value::Null),
        ("GET", "/connections?limit=many", Value::Null),
        ("GET", "/connections?offset=-1", Value::Null),
        ("GET", "/connections/nothing", Value::Null),
        ("DELETE", &format!("/connections/{gone}"), Value::Null),
        ("POST", &metadata, json!([])),
        ("POST", &metadata, json!({"metadata": "text"})),
        ("POST", &format!("/connections/{gone}/metadata"), json!({"metadata": {}})),
        ("GET", &format!("/connections/{gone}/metadata"), Value::Null),
        ("GET", &format!("/connections/{gone}/endpoints"), Value::Null),
        ("POST", &format!("/connections/{gone}/send-ping"), json!({})),
        ("POST", &format!("/connections/{id}/send-ping"), json!({"comment": 7})),
        ("POST", &message, json!({})),
        ("POST", &message, json!({"content": 7})),
        ("POST", &message, json!([])),
        ("POST", &format!("/connections/{gone}/send-message"), json!({"content": "hi"})),
        ("POST", &format!("/didexchange/{gone}/accept-invitation"), json!({})),
        ("POST", &format!("/didexchange/{gone}/accept-request"), json!({})),
        ("POST", &format!("/didexchange/{gone}/reject"), json!({})),
        ("POST", &format!("/didexchange/{id}/accept-invitation"), json!({})),
        ("POST", "/didexchange/receive-request", json!([])),
        ("POST", "/didexchange/receive-request", json!({})),
        ("POST", "/didexchange/receive-request?auto_accept=perhaps", json!({})),
        ("POST", "/didexchange/receive-request?my_endpoint=http://127.0.0.1:1", json!({})),
        ("POST", agreed, json!([])),
        ("POST", agreed, json!({})),
        ("POST", agreed, json!({"their_seed": "short"})),
        ("POST", agreed, json!({"my_seed": "short", "their_verkey": verkey})),
        ("POST", agreed, json!({"my_did": "did:web:x", "their_verkey": verkey})),
        ("POST", agreed, json!({"their_did": "nobody", "their_verkey": verkey})),
        ("POST", agreed, json!({"their_verkey": "0OIl"})),
        ("POST", agreed, json!({"their_verkey": 7})),
        ("POST", agreed, json!({"their_endpoint": "hello", "their_verkey": verkey})),
        ("POST", agreed, json!({"their_label": "x".repeat(70_000), "their_verkey": verkey})),
        ("POST", agreed, json!({"alias": {}, "their_verkey": verkey})),
        (
            "POST",
            agreed,
            json!({"my_seed": "0".repeat(32), "my_did": "WgWxqztrNooG92RXvxSTWv", "their_verkey": verkey}),
        ),
        ("GET", "/nothing", Value::Null),
        ("PUT", "/connections", json!({})),
    ];
    let mut wrong = Vec::new();
    for (method, path, body) in cases {
        let (status, text) = suite.call(method, path, body.clone()).await;
        if !(400..500).contains(&status) {
            wrong.push(format!("{method} {path} {body}: {status} {text:.300}"));
            continue;
        }
        // Nobody listens where there is no route.
        let routed = status != 405 && path != "/nothing";
        assert!(
            !routed || text.starts_with(&format!("{status}: ")),
            "{method} {path} {body}: {status} {text:?}"
        );
    }
    assert!(wrong.is_empty(), "{wrong:#?}");
    let submit = "/didexchange/receive-request";
    for path in [create, receive, agreed, submit, metadata.as_str(), message.as_str()] {
        for body in ["{", "", "\u{0}", "{\"a\":", &"[".repeat(100_000), "\"\\ud800\""] {
            let url = format!("{}{path}", suite.admin_url);
            let sent = suite
                .http
                .post(url)
                .bearer_auth(&suite.api_key)
                .header("content-type", "application/json");
            let answer = sent.body(body.to_owned()).send().await.unwrap();
            let status = answer.status().as_u16();
            let shown = &body[..body.len().min(20)];
            assert!(
                (400..500).contains(&status),
                "{path} {shown:?}: {status} {:?}",
                answer.text().await
            );
        }
    }
    for key in [None, Some("wrong")] {
        let mut request = suite.http.get(format!("{}/connections", suite.admin_url));
        if let Some(key) = key {
            request = request.header("x-api-key", key);
        }
        assert_eq!(request.send().await.unwrap().status(), 401);
    }
    assert_eq!(suite.counts().await, before);
    peer.hears_nothing(&agent).await;
}
