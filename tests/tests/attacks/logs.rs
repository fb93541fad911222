//! What a stranger writes does not become a line of the log, nor a command to the terminal that shows it.

use entente_rpc::proto::connection::v1::AcceptInvitationRequest;
use entente_tests::peer::{message, v2};
use entente_tests::{Peer, Suite};
use serde_json::json;

/// A line that looks like the log's own, a title for the terminal's window, and a text that runs backwards.
const EVIL: &str =
    "x\r\nFORGED 2026-01-01T00:00:00Z ERROR all is lost\u{1b}]0;owned\u{7}\u{1b}[31m\u{202e}\u{0}";

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn what_strangers_write_stays_within_its_line() {
    for format in ["text", "json"] {
        let suite = Suite::with(&["--log-level", "debug", "--log-format", format]).await;
        let peer = Peer::start().await;
        let agent = peer.join(&suite).await;
        for evil in [
            message("trust_ping/1.0/ping", json!({"@id": EVIL})),
            message("trust_ping/1.0/ping", json!({"~thread": {"thid": EVIL, "pthid": EVIL}})),
            message("trust_ping/1.0/ping", json!({"response_requested": EVIL})),
            message(EVIL, json!({})),
            message(
                "didexchange/1.1/request",
                json!({"label": EVIL, "did": EVIL, "~thread": {"pthid": EVIL}}),
            ),
            message(
                "didexchange/1.1/problem_report",
                json!({"problem-code": EVIL, "explain": EVIL, "~thread": {"thid": agent.thread_id}}),
            ),
            message("basicmessage/1.0/message", json!({"content": EVIL, "sent_time": EVIL})),
            json!({"@id": "1", "@type": EVIL}),
        ] {
            peer.post_envelope(&agent.url, peer.key.pack(&evil, &agent.key)).await;
        }
        let friend = v2::Peer::start().await;
        let of_friend = friend.join(&suite).await;
        for headers in
            [json!({"thid": EVIL}), json!({"from_prior": EVIL}), json!({"please_ack": [EVIL]})]
        {
            let evil = friend.me.message(v2::PING, &of_friend.did, headers);
            friend.post(&of_friend.url, friend.me.pack(&evil, &of_friend.did)).await;
        }
        for body in [
            EVIL.to_owned(),
            json!({"protected": EVIL}).to_string(),
            json!({EVIL: EVIL}).to_string(),
        ] {
            peer.post_envelope(&agent.url, body.into_bytes()).await;
        }
        // Whoever accepts it, accepts a label; what no database takes as text aside.
        for evil in [EVIL, EVIL.trim_end_matches('\0')] {
            let invitation = peer.invitation(json!({"label": evil, "goal": evil})).to_string();
            let accept = AcceptInvitationRequest { invitation, ..Default::default() };
            assert_eq!(suite.accept_with(accept).await.is_ok(), evil.len() < EVIL.len());
        }
        for path in [
            "/%0aFORGED%1b%5b31m",
            "/connections/%0aFORGED%1b%5b31m",
            "/connections?alias=%0aFORGED%1b%5b31m",
        ] {
            suite.call("GET", path, json!(null)).await;
        }
        let url = format!("{}/status", suite.admin_url);
        let agent_name = "FORGED \t \u{e9}";
        let sent =
            suite.http.get(url).header("user-agent", agent_name).header("x-api-key", "FORGED");
        sent.send().await.unwrap();
        let log = suite.log();
        assert!(!log.is_empty());
        for line in log.lines() {
            assert!(!line.trim_start().starts_with("FORGED"), "{line}");
            let controls = |c: char| c.is_control() && c != '\t';
            assert!(!line.contains(controls), "{line:?}");
            assert!(!line.contains('\u{202e}'), "{line:?}");
        }
    }
}
