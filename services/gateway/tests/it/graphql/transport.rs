use serde_json::{Value, json};

use super::post;
use crate::agent::Agent;
use crate::support::KEY;

#[tokio::test]
async fn a_post_needs_a_key_and_json() {
    let agent = Agent::start("Faber", |_| {}).await;
    let body = json!({"query": "{ eventCursor }"}).to_string();
    for key in [None, Some("wrong")] {
        assert_eq!(post(&agent, key, "application/json", body.as_str()).await.0, 401);
    }
    let data = json!({"data": {"eventCursor": "0"}});
    for kind in ["application/json", "application/json; charset=utf-8"] {
        assert_eq!(post(&agent, Some(KEY), kind, body.as_str()).await, (200, data.clone()));
    }
    // The Cloud Agent takes the bare document, too.
    let document = "query Q {\n  eventCursor\n}";
    assert_eq!(post(&agent, Some(KEY), "application/json", document).await, (200, data.clone()));
    for kind in ["text/plain", "application/x-www-form-urlencoded", ""] {
        let (status, answer) = post(&agent, Some(KEY), kind, body.as_str()).await;
        assert_eq!(
            (status, &answer["errors"][0]["extensions"]["code"]),
            (415, &json!("INVALID_FIELD"))
        );
    }
    let url = format!("{}/graphql", agent.admin);
    let bearer = agent.http.post(&url).header("authorization", format!("Bearer {KEY}"));
    let answer = bearer.header("content-type", "application/json").body(body).send().await.unwrap();
    assert_eq!(serde_json::from_str::<Value>(&answer.text().await.unwrap()).unwrap(), data);
}

#[tokio::test]
async fn a_get_is_for_browsers() {
    let agent = Agent::start("Faber", |_| {}).await;
    let url = format!("{}/graphql", agent.admin);
    let page = agent.http.get(&url).header("accept", "text/html,*/*;q=0.8").send().await.unwrap();
    assert_eq!(page.status(), 200, "the page has no data");
    assert!(
        page.headers()["content-security-policy"]
            .to_str()
            .unwrap()
            .contains("frame-ancestors 'none'")
    );
    assert!(page.text().await.unwrap().contains("GraphiQL"));
    let query = format!("{url}?query=%7BeventCursor%7D");
    let refused = agent.http.get(query).header("x-api-key", KEY).send().await.unwrap();
    assert_eq!(
        (refused.status().as_u16(), &refused.headers()["allow"]),
        (405, &"POST".parse().unwrap())
    );
    let other = agent.http.put(&url).header("x-api-key", KEY).send().await.unwrap();
    assert_eq!(other.status(), 405);
}
