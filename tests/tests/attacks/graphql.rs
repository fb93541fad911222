//! Operations of GraphQL that are larger than they look.

use entente_tests::Suite;
use serde_json::{Value, json};

use crate::Scene;

checks!(fragments_in_a_circle_are_refused, operations_are_bounded);

async fn code(suite: &Suite, query: &str) -> Value {
    let answer = suite.json("POST", "/graphql", json!({ "query": query })).await;
    assert!(answer["data"].is_null(), "{answer}");
    answer["errors"][0]["extensions"]["code"].clone()
}

async fn fragments_in_a_circle_are_refused(suite: &Suite) {
    let scene = Scene::of(suite).await;
    for query in [
        "{ ...A } fragment A on Query { ...A }",
        "{ ...A } fragment A on Query { ...B } fragment B on Query { ...A }",
        "{ ...A } fragment A on Query { eventCursor ...B } fragment B on Query { ...C } fragment C on Query { ...B }",
    ] {
        assert_eq!(code(suite, query).await, "INVALID_FIELD", "{query}");
    }
    // Each level is twice the one below.
    let mut doubled = "{ ...F0 } fragment F29 on Query { eventCursor }".to_owned();
    for level in 0..29 {
        let next = level + 1;
        doubled.push_str(&format!(" fragment F{level} on Query {{ ...F{next} ...F{next} }}"));
    }
    assert_eq!(code(suite, &doubled).await, "TOO_LARGE");
    scene.is_unharmed(suite).await;
}

async fn operations_are_bounded(suite: &Suite) {
    let scene = Scene::of(suite).await;
    let aliases: String = (0..51).map(|index| format!("a{index}: eventCursor ")).collect();
    let directives = "@include(if: true) ".repeat(100);
    let deep = format!(
        "{{ __schema {{ types {{ {} name {} }} }} }}",
        "ofType { ".repeat(20),
        "}".repeat(20)
    );
    for (query, expected) in [
        (format!("{{ {aliases} }}"), "TOO_LARGE"),
        ("{".repeat(10_000), "TOO_LARGE"),
        (format!("{{ {} }}", "eventCursor ".repeat(1_001)), "TOO_LARGE"),
        (deep, "INVALID_FIELD"),
        (format!("{{ eventCursor {directives} }}"), "INVALID_FIELD"),
    ] {
        let shown: String = query.chars().take(60).collect();
        assert_eq!(code(suite, &query).await, expected, "{shown}");
    }
    scene.is_unharmed(suite).await;
}
