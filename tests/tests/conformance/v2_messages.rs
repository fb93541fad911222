//! Plaintext messages, threads, problem reports, acks, small protocols (DIDComm v2).

use entente_rpc::proto::event::v1::EventKind;
use entente_tests::Suite;
use entente_tests::peer::v2::{Connected, PING, PONG, Peer};
use serde_json::{Value, json};

checks!(
    a_reply_names_the_thread,
    a_ping_that_wants_no_response_gets_none,
    ids_are_compared_without_regard_to_case,
    a_message_without_id_or_type_is_refused,
    a_message_without_a_body_is_read,
    what_we_write_is_as_the_standard_says,
    unknown_headers_are_ignored,
    a_message_that_names_no_recipient_is_taken,
    a_message_for_others_is_refused,
    an_expired_message_is_refused,
    a_time_that_is_none_is_refused,
    an_unknown_major_is_reported,
    an_unknown_message_of_a_known_protocol_is_reported,
    a_message_of_an_unknown_protocol_is_handed_over,
    errors_in_a_thread_are_answered_up_to_a_limit,
    a_problem_report_is_never_answered,
    a_message_is_acknowledged_when_it_asks_for_it,
    a_message_that_comes_again_is_acknowledged_again,
    acknowledgements_name_what_came_the_oldest_first,
    an_ack_is_not_answered,
    an_empty_message_is_taken_for_its_headers,
    features_are_disclosed,
    a_basic_message_is_surfaced,
);

const EMPTY: &str = "https://didcomm.org/empty/1.0/empty";
const REPORT: &str = "https://didcomm.org/report-problem/2.0/problem-report";

fn refused(rule: &str) -> String {
    format!("entente_messages_refused_total{{rule=\"{rule}\"}}")
}

fn code(report: &Value) -> &str {
    assert_eq!(report["type"], REPORT, "{report}");
    report["body"]["code"].as_str().expect("a code")
}

async fn a_reply_names_the_thread(suite: &Suite) {
    let peer = Peer::start().await;
    let agent = peer.join(suite).await;
    for threads in [json!({}), json!({"thid": "mine"}), json!({"thid": "mine", "pthid": "above"})] {
        let ping = peer.me.message(PING, &agent.did, threads);
        let received = peer.ask(&agent, &ping).await;
        let pong = &received.message;
        assert_eq!(pong["type"], PONG);
        assert_eq!(pong["thid"], *ping.get("thid").unwrap_or(&ping["id"]));
        assert_eq!(pong.get("pthid"), ping.get("pthid"));
        assert_ne!(pong["id"], ping["id"]);
        assert!(received.sender.is_some(), "it is authcrypted");
    }
}

async fn a_ping_that_wants_no_response_gets_none(suite: &Suite) {
    let peer = Peer::start().await;
    let agent = peer.join(suite).await;
    let ping = |wish: Value| {
        peer.me.message(PING, &agent.did, json!({"body": {"response_requested": wish}}))
    };
    peer.send(&agent, &ping(json!(false))).await;
    peer.hears_nothing(&agent).await;
    assert_eq!(peer.ask(&agent, &ping(json!(true))).await.message["type"], PONG);
    // It had no effect, and the peer learns why.
    peer.post(&agent.url, peer.me.pack(&ping(json!("maybe")), &agent.did)).await;
    assert_eq!(code(&peer.listener.next().await.message), "e.p.msg");
}

async fn ids_are_compared_without_regard_to_case(suite: &Suite) {
    let peer = Peer::start().await;
    let agent = peer.join(suite).await;
    let mut ping = peer.me.message(PING, &agent.did, json!({}));
    ping["id"] = json!("AbCdEf-0123456789");
    assert_eq!(peer.ask(&agent, &ping).await.message["thid"], ping["id"], "as it was written");
    for id in ["abcdef-0123456789", "ABCDEF-0123456789"] {
        ping["id"] = json!(id);
        peer.send(&agent, &ping).await;
    }
    peer.hears_nothing(&agent).await;
}

async fn a_message_without_id_or_type_is_refused(suite: &Suite) {
    let peer = Peer::start().await;
    let agent = peer.join(suite).await;
    for field in ["id", "type"] {
        let mut ping = peer.me.message(PING, &agent.did, json!({}));
        ping.as_object_mut().unwrap().remove(field);
        peer.refused(&agent, peer.me.pack(&ping, &agent.did)).await;
    }
    for value in [json!([]), json!("ping"), json!(null), json!(7)] {
        peer.refused(&agent, peer.me.pack(&value, &agent.did)).await;
    }
    let mut both = peer.me.message(PING, &agent.did, json!({}));
    both["@type"] = json!("https://didcomm.org/trust_ping/1.0/ping");
    peer.refused(&agent, peer.me.pack(&both, &agent.did)).await;
    peer.hears_nothing(&agent).await;
}

async fn a_message_without_a_body_is_read(suite: &Suite) {
    let peer = Peer::start().await;
    let agent = peer.join(suite).await;
    let mut ping = peer.me.message(PING, &agent.did, json!({}));
    ping.as_object_mut().unwrap().remove("body");
    assert_eq!(peer.ask(&agent, &ping).await.message["thid"], ping["id"]);
    ping = peer.me.message(PING, &agent.did, json!({"body": null}));
    assert_eq!(peer.ask(&agent, &ping).await.message["thid"], ping["id"]);
    let ping = peer.me.message(PING, &agent.did, json!({"body": "text"}));
    peer.refused(&agent, peer.me.pack(&ping, &agent.did)).await;
}

async fn what_we_write_is_as_the_standard_says(suite: &Suite) {
    let peer = Peer::start().await;
    let agent = peer.join(suite).await;
    let request = entente_rpc::proto::connection::v1::SendBasicMessageRequest {
        connection_id: agent.id.clone(),
        content: "as it should be".to_owned(),
        ..Default::default()
    };
    suite.messages().send_basic_message(request).await.unwrap();
    let received = peer.listener.next().await;
    let text = received.message;
    assert_eq!(received.content_type, "application/didcomm-encrypted+json");
    assert_eq!(text["typ"], "application/didcomm-plain+json");
    assert_eq!(text["type"], "https://didcomm.org/basicmessage/2.0/message");
    assert_eq!((&text["from"], &text["to"]), (&json!(agent.did), &json!([peer.me.did])));
    assert!(text["body"].is_object() && text["created_time"].is_i64(), "{text}");
    let id = text["id"].as_str().unwrap();
    assert_eq!(id, id.to_lowercase());
    let empty = peer.ask(&agent, &peer.me.message(PING, &agent.did, json!({}))).await.message;
    assert!(empty["body"].is_object(), "{empty}");
}

async fn unknown_headers_are_ignored(suite: &Suite) {
    let peer = Peer::start().await;
    let agent = peer.join(suite).await;
    let headers = json!({"colour": ["red"], "lang": "xx", "~timing": 1, "created_time": 1_700_000_000, "attachments": []});
    let ping = peer.me.message(PING, &agent.did, headers);
    assert_eq!(peer.ask(&agent, &ping).await.message["thid"], ping["id"]);
}

async fn a_message_that_names_no_recipient_is_taken(suite: &Suite) {
    let peer = Peer::start().await;
    let agent = peer.join(suite).await;
    let mut ping = peer.me.message(PING, &agent.did, json!({}));
    ping.as_object_mut().unwrap().remove("to");
    assert_eq!(peer.ask(&agent, &ping).await.message["thid"], ping["id"]);
}

async fn a_message_for_others_is_refused(suite: &Suite) {
    let peer = Peer::start().await;
    let agent = peer.join(suite).await;
    let before = suite.metric(&refused("addressing")).await;
    for to in [json!([peer.me.did]), json!(["did:example:other", peer.me.did])] {
        let ping = peer.me.message(PING, &agent.did, json!({"to": to}));
        peer.refused(&agent, peer.me.pack(&ping, &agent.did)).await;
    }
    assert_eq!(suite.metric(&refused("addressing")).await, before + 2.0);
    let ping = peer.me.message(PING, &agent.did, json!({"to": ["did:example:other", agent.did]}));
    assert_eq!(peer.ask(&agent, &ping).await.message["thid"], ping["id"]);
}

async fn an_expired_message_is_refused(suite: &Suite) {
    let peer = Peer::start().await;
    let agent = peer.join(suite).await;
    let before = suite.metric(&refused("expired")).await;
    for time in [1_600_000_000, 0, -5] {
        let ping = peer.me.message(PING, &agent.did, json!({"expires_time": time}));
        peer.refused(&agent, peer.me.pack(&ping, &agent.did)).await;
    }
    assert_eq!(suite.metric(&refused("expired")).await, before + 3.0);
    peer.hears_nothing(&agent).await;
    let ping = peer.me.message(PING, &agent.did, json!({"expires_time": 4_000_000_000_i64}));
    assert_eq!(peer.ask(&agent, &ping).await.message["thid"], ping["id"]);
}

async fn a_time_that_is_none_is_refused(suite: &Suite) {
    let peer = Peer::start().await;
    let agent = peer.join(suite).await;
    for time in [json!("2999-01-23T18:03:27Z"), json!(1e300), json!([1]), json!(i64::MAX)] {
        for field in ["expires_time", "created_time"] {
            let mut headers = json!({});
            headers[field] = time.clone();
            let ping = peer.me.message(PING, &agent.did, headers);
            peer.refused(&agent, peer.me.pack(&ping, &agent.did)).await;
        }
    }
    peer.hears_nothing(&agent).await;
}

/// Sends what has no effect, and gives the report of it.
async fn reported(peer: &Peer, agent: &Connected, message: &Value) -> Value {
    peer.refused(agent, peer.me.pack(message, &agent.did)).await;
    let report = peer.listener.next().await.message;
    assert_eq!(report["pthid"], *message.get("thid").unwrap_or(&message["id"]), "{report}");
    report
}

async fn an_unknown_major_is_reported(suite: &Suite) {
    let peer = Peer::start().await;
    let agent = peer.join(suite).await;
    let ping = peer.me.message("https://didcomm.org/trust-ping/9.0/ping", &agent.did, json!({}));
    let report = reported(&peer, &agent, &ping).await;
    assert_eq!(code(&report), "e.p.msg.unsupported");
    assert!(report["body"]["comment"].as_str().unwrap().contains("trust-ping"), "{report}");
    let ping = peer.me.message("https://didcomm.org/trust-ping/2.7/ping", &agent.did, json!({}));
    assert_eq!(peer.ask(&agent, &ping).await.message["type"], PONG, "a minor is no matter");
}

async fn an_unknown_message_of_a_known_protocol_is_reported(suite: &Suite) {
    let peer = Peer::start().await;
    let agent = peer.join(suite).await;
    let kind = "https://didcomm.org/trust-ping/2.0/pung";
    let pung = peer.me.message(kind, &agent.did, json!({"thid": "a-thread"}));
    assert_eq!(code(&reported(&peer, &agent, &pung).await), "e.p.msg");
}

async fn a_message_of_an_unknown_protocol_is_handed_over(suite: &Suite) {
    let peer = Peer::start().await;
    let agent = peer.join(suite).await;
    let kind = "https://didcomm.org/issue-credential/3.0/offer-credential";
    let fields = json!({"body": {"comment": "for you"}});
    peer.send(&agent, &peer.me.message(kind, &agent.did, fields)).await;
    told(suite, &agent, EventKind::MessageReceived, "for you").await;
    peer.hears_nothing(&agent).await;
}

/// Checks that an event of a connection has some words in it. What it is about is committed.
async fn told(suite: &Suite, agent: &Connected, kind: EventKind, words: &str) {
    let events = suite.all_events().await;
    let found = events.iter().filter(|event| {
        event.kind() == kind
            && event.connection_id == agent.id
            && format!("{event:?}").contains(words)
    });
    assert_eq!(found.count(), 1, "{kind:?} with {words:?}");
}

async fn errors_in_a_thread_are_answered_up_to_a_limit(suite: &Suite) {
    let peer = Peer::start().await;
    let agent = peer.join(suite).await;
    let kind = "https://didcomm.org/trust-ping/2.0/pung";
    let pung = || peer.me.message(kind, &agent.did, json!({"thid": "a-bad-thread"}));
    for _ in 0..5 {
        assert_eq!(code(&reported(&peer, &agent, &pung()).await), "e.p.msg");
    }
    let last = reported(&peer, &agent, &pung()).await;
    assert_eq!(code(&last), "e.p.req.max-errors-exceeded");
    for _ in 0..3 {
        peer.refused(&agent, peer.me.pack(&pung(), &agent.did)).await;
    }
    peer.hears_nothing(&agent).await;
    // Other threads of the peer, and the same thread of another, are none the worse for it.
    let other = peer.me.message(kind, &agent.did, json!({"thid": "another-thread"}));
    assert_eq!(code(&reported(&peer, &agent, &other).await), "e.p.msg");
    let another = Peer::start().await;
    let of_another = another.join(suite).await;
    let same = another.me.message(kind, &of_another.did, json!({"thid": "a-bad-thread"}));
    assert_eq!(code(&reported(&another, &of_another, &same).await), "e.p.msg");
}

async fn a_problem_report_is_never_answered(suite: &Suite) {
    let peer = Peer::start().await;
    let agent = peer.join(suite).await;
    for code in ["e.p.xfer", "w.m.slow", "e.p.req.max-errors-exceeded", "nonsense", ""] {
        let comment = format!("about {code:?}: {{1}}");
        let body = json!({"code": code, "comment": comment, "args": ["this"]});
        for _ in 0..3 {
            let headers = json!({"pthid": "a-reported-thread", "body": body});
            peer.send(&agent, &peer.me.message(REPORT, &agent.did, headers)).await;
        }
    }
    let other = "https://didcomm.org/report-problem/9.0/problem-report";
    peer.send(&agent, &peer.me.message(other, &agent.did, json!({}))).await;
    peer.hears_nothing(&agent).await;
    // Nor does one about something else end the connection.
    let reports = suite.all_events().await.into_iter().filter(|event| {
        event.kind() == EventKind::ProblemReportReceived && event.connection_id == agent.id
    });
    assert_eq!(reports.count(), 16);
    assert!(suite.all_connections().await.iter().any(|one| one.id == agent.id));
}

async fn a_message_is_acknowledged_when_it_asks_for_it(suite: &Suite) {
    let peer = Peer::start().await;
    let agent = peer.join(suite).await;
    let silent = json!({"response_requested": false});
    let mut ping = peer.me.message(PING, &agent.did, json!({"body": silent, "thid": "mine"}));
    for asked in [json!([""]), json!(["its-own-id"])] {
        if asked == json!(["its-own-id"]) {
            ping["id"] = json!("its-own-id");
        }
        ping["please_ack"] = asked;
        let ack = peer.ask(&agent, &ping).await.message;
        assert_eq!((&ack["type"], &ack["thid"]), (&json!(EMPTY), &json!("mine")));
        assert_eq!(ack["ack"], json!([ping["id"]]), "{ack}");
        assert!(ack.get("please_ack").is_none(), "{ack}");
    }
    ping = peer.me.message(PING, &agent.did, json!({"body": silent, "please_ack": []}));
    peer.send(&agent, &ping).await;
    peer.hears_nothing(&agent).await;
}

async fn a_message_that_comes_again_is_acknowledged_again(suite: &Suite) {
    let peer = Peer::start().await;
    let agent = peer.join(suite).await;
    let ping = peer.me.message(PING, &agent.did, json!({"please_ack": [""]}));
    let pong = peer.ask(&agent, &ping).await.message;
    assert_eq!((&pong["type"], &pong["thid"]), (&json!(PONG), &ping["id"]), "{pong}");
    assert_eq!(peer.listener.next().await.message["ack"], json!([ping["id"]]));
    // The ping itself has its effect once. After some repetitions there is silence.
    for repetition in 0..8 {
        peer.send(&agent, &ping).await;
        if repetition < 5 {
            let ack = peer.listener.next().await.message;
            assert_eq!((&ack["type"], &ack["ack"]), (&json!(EMPTY), &json!([ping["id"]])));
        }
    }
    peer.hears_nothing(&agent).await;
}

async fn acknowledgements_name_what_came_the_oldest_first(suite: &Suite) {
    let peer = Peer::start().await;
    let agent = peer.join(suite).await;
    let silent = json!({"body": {"response_requested": false}});
    let first = peer.me.message(PING, &agent.did, silent.clone());
    let second = peer.me.message(PING, &agent.did, silent.clone());
    peer.send(&agent, &first).await;
    peer.send(&agent, &second).await;
    let mut third = peer.me.message(PING, &agent.did, silent);
    third["please_ack"] = json!([first["id"], "never-sent", second["id"], ""]);
    let ack = peer.ask(&agent, &third).await.message;
    assert_eq!(ack["ack"], json!([first["id"], second["id"], third["id"]]), "{ack}");
    peer.hears_nothing(&agent).await;
}

async fn an_ack_is_not_answered(suite: &Suite) {
    let peer = Peer::start().await;
    let agent = peer.join(suite).await;
    let headers = json!({"ack": ["some-id", "other-id"]});
    peer.send(&agent, &peer.me.message(EMPTY, &agent.did, headers)).await;
    peer.hears_nothing(&agent).await;
}

async fn an_empty_message_is_taken_for_its_headers(suite: &Suite) {
    let peer = Peer::start().await;
    let agent = peer.join(suite).await;
    peer.send(&agent, &peer.me.message(EMPTY, &agent.did, json!({}))).await;
    peer.hears_nothing(&agent).await;
    let asking = peer.me.message(EMPTY, &agent.did, json!({"please_ack": [""]}));
    assert_eq!(peer.ask(&agent, &asking).await.message["ack"], json!([asking["id"]]));
}

async fn features_are_disclosed(suite: &Suite) {
    let peer = Peer::start().await;
    let agent = peer.join(suite).await;
    let ask = async |queries: Value| {
        let kind = "https://didcomm.org/discover-features/2.0/queries";
        let query = peer.me.message(kind, &agent.did, json!({"body": {"queries": queries}}));
        let answer = peer.ask(&agent, &query).await.message;
        assert_eq!(answer["type"], "https://didcomm.org/discover-features/2.0/disclose");
        assert_eq!(answer["thid"], query["id"]);
        answer["body"]["disclosures"].as_array().unwrap().clone()
    };
    let all = ask(json!([{"feature-type": "protocol", "match": "*"}])).await;
    assert!(all.iter().all(|one| one["feature-type"] == "protocol"), "{all:?}");
    let exact = "https://didcomm.org/trust-ping/2.0";
    assert!(all.iter().any(|one| one["id"] == exact), "{all:?}");
    let found = ask(json!([{"feature-type": "protocol", "match": exact}])).await;
    assert_eq!(found.len(), 1, "{found:?}");
    let found =
        ask(json!([{"feature-type": "protocol", "match": "https://didcomm.org/trust-*"}])).await;
    assert_eq!(found.len(), 1, "{found:?}");
    assert!(ask(json!([{"feature-type": "colour", "match": "*"}])).await.is_empty());
    assert!(ask(json!([7, null, {}])).await.is_empty());
}

async fn a_basic_message_is_surfaced(suite: &Suite) {
    let peer = Peer::start().await;
    let agent = peer.join(suite).await;
    let kind = "https://didcomm.org/basicmessage/2.0/message";
    let headers = json!({"body": {"content": "Grüße 👋"}, "lang": "de"});
    peer.send(&agent, &peer.me.message(kind, &agent.did, headers)).await;
    told(suite, &agent, EventKind::BasicMessageReceived, "Grüße 👋").await;
    peer.hears_nothing(&agent).await;
}
