//! Connections without a handshake, of seeds that both sides have from elsewhere.

use entente_tests::Suite;
use entente_tests::acapy::{Agent, Controller, text};
use reqwest::Method;
use serde_json::{Value, json};

use crate::messages::talk;
use crate::pair::Pair;

const PATH: &str = "/connections/create-static";

/// A seed of 32 characters that no other test has.
fn seed() -> String {
    uuid::Uuid::new_v4().simple().to_string()
}

/// Makes one side, and checks its answer.
async fn create(agent: &Agent, body: &Value) -> Value {
    let made = agent.post(PATH, body).await;
    let record = &made["record"];
    assert_eq!((&record["state"], &record["rfc23_state"]), (&json!("active"), &json!("completed")));
    assert_eq!(record["invitation_mode"], "static", "{record}");
    assert_eq!(record["my_did"], made["my_did"]);
    assert_eq!(record["their_did"], made["their_did"]);
    made
}

/// Each knows its own seed, and of the other the public part.
async fn with_verkeys((one, at_one): (&Agent, &str), (two, at_two): (&Agent, &str)) {
    let (first, second) = (seed(), seed());
    // The other's part is what it answers when it is asked first.
    let probe = create(two, &json!({"my_seed": second, "their_seed": seed()})).await;
    two.delete(&format!("/connections/{}", text(&probe["record"], "connection_id"))).await;
    let body = json!({
        "my_seed": first, "their_did": probe["my_did"], "their_verkey": probe["my_verkey"],
        "their_endpoint": at_two, "their_label": "Two", "alias": "two",
    });
    let ours = create(one, &body).await;
    assert_eq!(
        (&ours["record"]["their_label"], &ours["record"]["alias"]),
        (&json!("Two"), &json!("two"))
    );
    assert_eq!(ours["their_verkey"], probe["my_verkey"]);
    let body = json!({
        "my_seed": second, "their_did": ours["my_did"], "their_verkey": ours["my_verkey"],
        "their_endpoint": at_one,
    });
    let theirs = create(two, &body).await;
    connected((one, &ours), (two, &theirs)).await;
}

/// Each knows both seeds.
async fn with_seeds((one, at_one): (&Agent, &str), (two, at_two): (&Agent, &str)) {
    let (first, second) = (seed(), seed());
    let body = json!({"my_seed": first, "their_seed": second, "their_endpoint": at_two});
    let ours = create(one, &body).await;
    let body = json!({"my_seed": second, "their_seed": first, "their_endpoint": at_one});
    let theirs = create(two, &body).await;
    connected((one, &ours), (two, &theirs)).await;
}

async fn connected((one, ours): (&Agent, &Value), (two, theirs): (&Agent, &Value)) {
    for (mine, other) in [(ours, theirs), (theirs, ours)] {
        assert_eq!(mine["my_did"], other["their_did"]);
        assert_eq!(mine["my_verkey"], other["their_verkey"]);
    }
    let id = |made: &Value| text(&made["record"], "connection_id");
    let (at_one, at_two) = (id(ours), id(theirs));
    talk((one, &at_one), (two, &at_two)).await;
    talk((two, &at_two), (one, &at_one)).await;
}

#[tokio::test]
async fn acapy_and_we_speak_with_what_we_agreed_on() {
    let Some(pair) = Pair::start().await else { return };
    let ours = (pair.entente(), pair.to_entente.url());
    let theirs = (pair.acapy(), pair.to_acapy.url());
    for (one, two) in [(ours, theirs), (theirs, ours)] {
        with_verkeys(one, two).await;
        with_seeds(one, two).await;
    }
}

/// The fields of the answer and of the record, in the order of the alphabet.
fn shape(made: &Value) -> [Vec<String>; 2] {
    [made, &made["record"]].map(|fields| fields.as_object().unwrap().keys().cloned().collect())
}

#[tokio::test]
async fn the_answer_and_the_list_are_as_acapys() {
    let Some(pair) = Pair::start().await else { return };
    let (mine, theirs) = (seed(), seed());
    let body = json!({
        "my_seed": mine, "their_seed": theirs, "their_endpoint": "http://127.0.0.1:1",
        "their_label": "Other", "alias": "static",
    });
    let (ours, acapys) = (create(pair.entente(), &body).await, create(pair.acapy(), &body).await);
    for field in ["my_did", "my_verkey", "their_did", "their_verkey"] {
        assert_eq!(ours[field], acapys[field], "{field}");
    }
    assert_eq!(shape(&ours), shape(&acapys), "{ours} {acapys}");
    for field in ["accept", "connection_protocol", "invitation_mode", "alias", "their_label"] {
        assert_eq!(ours["record"][field], acapys["record"][field], "{field}");
    }
    for (agent, made) in [(pair.entente(), &ours), (pair.acapy(), &acapys)] {
        let id = text(&made["record"], "connection_id");
        let is_it = |record: &Value| record["connection_id"] == id.as_str();
        for query in ["", "state=active", "alias=static", "state=completed&limit=1"] {
            assert!(agent.connections(query).await.iter().any(is_it), "{}: {query}", agent.name);
        }
        let protocol =
            format!("connection_protocol={}", text(&made["record"], "connection_protocol"));
        assert!(agent.connections(&protocol).await.iter().any(is_it));
        for query in [
            "state=request",
            "their_role=inviter",
            "alias=other",
            "invitation_key=8HH5gYEeNc3z7PYXmd54d4x6qAfCNrqQqEB3nS7Zfu7K",
        ] {
            assert_eq!(
                agent.connections(query).await,
                Vec::<Value>::new(),
                "{}: {query}",
                agent.name
            );
        }
        let endpoints = agent.get(&format!("/connections/{id}/endpoints")).await;
        assert_eq!(endpoints["their_endpoint"], "http://127.0.0.1:1");
        let told = agent.controller.until("connections", is_it).await;
        assert_eq!(
            (&told["state"], &told["invitation_mode"]),
            (&json!("active"), &json!("static"))
        );
        agent.delete(&format!("/connections/{id}")).await;
        assert!(agent.connection(&id).await.is_none());
    }
}

#[tokio::test]
async fn two_of_ours_connect_and_pages_have_all() {
    let (one, two) = (Suite::start().await, Suite::start().await);
    let first = Agent::of(&one, Controller::start().await);
    let second = Agent::of(&two, Controller::start().await);
    let seeds = [seed(), seed()];
    let body =
        json!({"my_seed": seeds[0], "their_seed": seeds[1], "their_endpoint": two.didcomm_url});
    let ours = create(&first, &body).await;
    let body =
        json!({"my_seed": seeds[1], "their_seed": seeds[0], "their_endpoint": one.didcomm_url});
    let theirs = create(&second, &body).await;
    assert_eq!(ours["my_verkey"], theirs["their_verkey"]);
    one.connect_to(&two).await;
    let mut ids = Vec::new();
    for offset in 0..4 {
        let page = first.connections(&format!("limit=1&offset={offset}")).await;
        ids.extend(page.iter().map(|record| text(record, "connection_id")));
    }
    assert_eq!(ids.len(), 2, "{ids:?}");
    assert_eq!(ids[0], text(&ours["record"], "connection_id"));
    let all = first.connections("").await;
    assert_eq!(all.iter().map(|record| text(record, "connection_id")).collect::<Vec<_>>(), ids);

    // The same pair again, and what is wrong in itself.
    let again = json!({"my_seed": seeds[0], "their_seed": seeds[1]});
    let conflict =
        json!({"my_seed": seeds[0], "my_did": "WgWxqztrNooG92RXvxSTWv", "their_seed": seed()});
    for (body, says) in [(again, "are connected by"), (conflict, "my_did")] {
        let refused = first.call(Method::POST, PATH, Some(&body)).await.unwrap_err();
        assert_eq!(refused.status, 400, "{refused:?}");
        assert!(refused.body.contains(says), "{refused:?}");
    }
    for suite in [&one, &two] {
        let log = suite.log();
        assert!(seeds.iter().all(|seed| !log.contains(seed)), "a seed was logged");
        for file in std::fs::read_dir(suite.data_dir()).unwrap() {
            let bytes = std::fs::read(file.unwrap().path()).unwrap_or_default();
            let has = |seed: &String| bytes.windows(32).any(|window| window == seed.as_bytes());
            assert!(!seeds.iter().any(has), "a seed was stored in clear");
        }
    }
}
