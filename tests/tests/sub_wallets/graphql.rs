//! GraphQL by the key of a tenant.

use entente_tests::Suite;
use serde_json::{Value, json};

use crate::acapy::{call, wallet};

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn each_resolver_works_for_the_tenant_of_the_key() {
    let suite = Suite::start().await;
    let (_, alice) = wallet(&suite, json!({})).await;
    let (_, bob) = wallet(&suite, json!({})).await;
    let ask = async |key: &str, query: String| -> Value {
        let bearer = format!("Bearer {key}");
        let headers = [("authorization", bearer.as_str())];
        call(&suite, ("POST", "/graphql"), &headers, json!({ "query": query })).await.1
    };
    let make = "mutation { createAipConnectionInvitation(invitation: {alias: \"b\", myLabel: \"a\"}) { id } }";
    let made = ask(&alice, make.to_owned()).await;
    let id = made["data"]["createAipConnectionInvitation"]["id"].as_str().unwrap();
    let list = "{ aipConnectionExchanges { items { id } } }".to_owned();
    let ids = |answer: &Value| answer["data"]["aipConnectionExchanges"]["items"].clone();
    assert_eq!(ids(&ask(&alice, list.clone()).await), json!([{ "id": id }]));
    assert_eq!(ids(&ask(&bob, list.clone()).await), json!([]));
    let one = |id: &str| format!("{{ aipConnectionExchange(connExId: \"{id}\") {{ id }} }}");
    assert_eq!(ask(&alice, one(id)).await["data"]["aipConnectionExchange"]["id"], id);
    let never = uuid::Uuid::new_v4().to_string();
    assert_eq!(ask(&bob, one(id)).await, ask(&bob, one(&never)).await);
    assert_eq!(ids(&ask(&suite.api_key, list).await), json!([]));
}
