use serde_json::{Value, json};

use super::post;
use crate::agent::Agent;
use crate::support::KEY;

#[tokio::test]
async fn an_operation_is_bounded() {
    let agent = Agent::start("Faber", |_| {}).await;
    let aliases: String = (0..51).map(|index| format!("a{index}: eventCursor ")).collect();
    let wide = "id ".repeat(1_001);
    let deep = format!(
        "{{ __schema {{ types {{ {} name {} }} }} }}",
        "ofType { ".repeat(20),
        "}".repeat(20)
    );
    for (document, expected) in [
        (format!("{{ {aliases} }}"), "TOO_LARGE"),
        (format!("{{ connections {{ items {{ {wide} }} }} }}"), "TOO_LARGE"),
        (format!("{{ connections {{ items {{ id }} }} }} #{}", "x".repeat(600_000)), "TOO_LARGE"),
        ("{".repeat(10_000), "TOO_LARGE"),
        (deep, "INVALID_FIELD"),
        // A hundred thousand messages of a thousand connections.
        (
            "{ connections(page: {limit: 1000}) { items { basicMessages(page: {limit: 1000}) { items { id } } } } }"
                .to_owned(),
            "INVALID_FIELD",
        ),
        ("{ connections { items { nothing } } }".to_owned(), "INVALID_FIELD"),
        ("{ connections(".to_owned(), "INVALID_FIELD"),
        ("subscription { onConnectionReuse { cursor } }".to_owned(), "INVALID_FIELD"),
        (String::new(), "INVALID_FIELD"),
    ] {
        let short: String = document.chars().take(80).collect();
        assert_eq!(agent.refused(&document, json!({})).await.0, expected, "{short}");
    }
    let bomb =
        format!("{{\"query\": \"{{ eventCursor }}\", \"variables\": {}}}", "[".repeat(100_000));
    let (status, answer) = post(&agent, Some(KEY), "application/json", bomb).await;
    assert_eq!(
        (status, &answer["errors"][0]["extensions"]["code"]),
        (200, &json!("INVALID_FIELD"))
    );
    let (status, _) = post(&agent, Some(KEY), "application/json", " ".repeat(2 << 20)).await;
    assert_eq!(status, 413);
    let (status, answer) =
        post(&agent, Some(KEY), "application/json", "[{\"query\":\"{ eventCursor }\"}]").await;
    assert_eq!(
        (status, &answer["errors"][0]["extensions"]["code"]),
        (200, &json!("INVALID_FIELD"))
    );
}

#[tokio::test]
async fn the_usual_operations_are_within_the_bounds() {
    let agent = Agent::start("Faber", |_| {}).await;
    // As GraphiQL and code generators ask.
    let introspection = "query IntrospectionQuery { __schema {
        queryType { name } mutationType { name } subscriptionType { name }
        types { ...FullType } directives { name description locations args { ...InputValue } } } }
        fragment FullType on __Type { kind name description
            fields(includeDeprecated: true) { name description args { ...InputValue } type { ...TypeRef } isDeprecated deprecationReason }
            inputFields { ...InputValue } interfaces { ...TypeRef }
            enumValues(includeDeprecated: true) { name description isDeprecated deprecationReason }
            possibleTypes { ...TypeRef } }
        fragment InputValue on __InputValue { name description type { ...TypeRef } defaultValue }
        fragment TypeRef on __Type { kind name ofType { kind name ofType { kind name ofType { kind name
            ofType { kind name ofType { kind name ofType { kind name ofType { kind name ofType { kind name
            ofType { kind name } } } } } } } } } }";
    let data = agent.data(introspection, json!({})).await;
    let types = data["__schema"]["types"].as_array().unwrap();
    assert!(types.iter().any(|kind| kind["name"] == "AIPConnectionExchange"));
    let all = "{ connections { items { id alias basicMessages { items { id content timestamp direction } nextToken } } nextToken }
        aipConnectionExchanges(page: { limit: 1000 }) { nextToken items {
            id myRole state alias theirLabel createdTimestamp modifiedTimestamp
            invitation { messageId label serviceEndpoint invitationUrl }
            reuseDecision { outcome reason candidates rule } } } }";
    let empty = json!({"items": [], "nextToken": null});
    let data = agent.data(all, Value::Null).await;
    assert_eq!(data, json!({"connections": empty, "aipConnectionExchanges": empty}));
}
