use serde_json::{Value, json};

use super::connect;
use crate::agent::Agent;

#[tokio::test]
async fn an_invitation_is_made_accepted_and_becomes_a_connection() {
    let alice = Agent::start("Faber", |_| {}).await;
    let bob = Agent::start("Wallet", |_| {}).await;
    let made = alice.create("Bob").await;
    assert_eq!([&made["myRole"], &made["state"], &made["alias"]], ["INVITER", "INVITATION", "Bob"]);
    assert_eq!(
        (&made["theirLabel"], &made["invitation"]["label"]),
        (&Value::Null, &json!("Alice"))
    );
    assert_eq!(made["invitation"]["serviceEndpoint"], alice.config.endpoint.as_str());
    assert!(made["createdTimestamp"].as_str().unwrap().ends_with('Z'));

    let accepted = bob.accept(&made).await;
    assert_eq!([&accepted["myRole"], &accepted["alias"]], ["INVITEE", "Alice"]);
    assert_eq!(accepted["theirLabel"], "Alice");
    assert_eq!(
        accepted["invitation"],
        json!({
            "messageId": made["invitation"]["messageId"],
            "label": "Alice",
            "invitationUrl": made["invitation"]["invitationUrl"],
        })
    );
    assert_eq!(accepted["reuseDecision"]["outcome"], "NEW");
    assert_eq!(bob.reaches(&accepted["id"], "DONE").await["theirLabel"], "Alice");
    assert_eq!(alice.reaches(&made["id"], "DONE").await["theirLabel"], "Bob");
    let connections = "{ connections { items { id alias } nextToken } }";
    let of = |id: &Value, alias: &str| json!({"connections": {"items": [{"id": id, "alias": alias}], "nextToken": null}});
    assert_eq!(alice.data(connections, json!({})).await, of(&made["id"], "Bob"));
    assert_eq!(bob.data(connections, json!({})).await, of(&accepted["id"], "Alice"));
}

#[tokio::test]
async fn a_deleted_exchange_takes_its_invitation_but_no_connection() {
    let alice = Agent::start("Faber", |_| {}).await;
    let bob = Agent::start("Wallet", |_| {}).await;
    let delete = "mutation ($id: ID!) { deleteAipConnectionExchange(connExId: $id) }";
    let waiting = alice.create("Carol").await;
    let id = json!({"id": waiting["id"]});
    assert_eq!(alice.data(delete, id.clone()).await["deleteAipConnectionExchange"], true);
    let (code, path) = alice.refused(delete, id.clone()).await;
    assert_eq!((code.as_str(), path), ("NOT_FOUND", json!(["deleteAipConnectionExchange"])));
    // Its key is gone: there is nobody to answer the request.
    let late = bob.accept(&waiting).await;
    bob.reaches(&late["id"], "REQUEST").await;

    let (made, accepted) = connect(&alice, &bob).await;
    let all = alice.data("{ aipConnectionExchanges { items { id } } }", json!({})).await;
    assert_eq!(all["aipConnectionExchanges"]["items"], json!([{"id": made["id"]}]));
    let id = json!({"id": made["id"]});
    alice.data(delete, id.clone()).await;
    let both = "query ($id: ID!) { aipConnectionExchange(connExId: $id) { id } connection(connectionId: $id) { id } }";
    let left = alice.data(both, id.clone()).await;
    assert_eq!(left, json!({"aipConnectionExchange": null, "connection": {"id": made["id"]}}));
    let remove = "mutation ($id: ID!) { deleteConnection(connectionId: $id) }";
    assert_eq!(alice.data(remove, id.clone()).await["deleteConnection"], true);
    assert_eq!(alice.data(both, id.clone()).await["connection"], Value::Null);
    assert_eq!(alice.refused(remove, id).await.0, "NOT_FOUND");
    assert_eq!(bob.reaches(&accepted["id"], "DONE").await["state"], "DONE");
}

#[tokio::test]
async fn an_exchange_and_its_connection_are_renamed_together() {
    let alice = Agent::start("Faber", |_| {}).await;
    let bob = Agent::start("Wallet", |_| {}).await;
    let rename = "mutation ($id: ID!, $alias: String) {
        updateAipConnectionExchange(connExId: $id, exchange: { alias: $alias }) { id alias state } }";
    let waiting = alice.create("Carol").await;
    let renamed = alice.data(rename, json!({"id": waiting["id"], "alias": "Dan"})).await;
    assert_eq!(renamed["updateAipConnectionExchange"]["alias"], "Dan");
    let (made, _) = connect(&alice, &bob).await;
    alice.data(rename, json!({"id": made["id"], "alias": "Bobby"})).await;
    let both = "query ($id: ID!) { aipConnectionExchange(connExId: $id) { alias } connection(connectionId: $id) { alias } }";
    let both = alice.data(both, json!({"id": made["id"]})).await;
    assert_eq!(
        both,
        json!({"aipConnectionExchange": {"alias": "Bobby"}, "connection": {"alias": "Bobby"}})
    );
    let long = json!({"id": made["id"], "alias": "x".repeat(257)});
    assert_eq!(alice.refused(rename, long).await.0, "INVALID_FIELD");
    let nobody = json!({"id": "001fe530-3562-41d6-a631-3df9c7ae1f38", "alias": "x"});
    assert_eq!(alice.refused(rename, nobody).await.0, "NOT_FOUND");
}

#[tokio::test]
async fn an_invitation_of_a_known_agent_gives_its_connection() {
    let faber = Agent::start("Faber", |_| {}).await;
    let bob = Agent::start("Wallet", |_| {}).await;
    let first = faber.invite("").await;
    let url = |made: &Value| json!({"invitation": {"invitationUrl": made["invitation_url"]}});
    let accepted = bob.accept(&url(&first)).await;
    bob.reaches(&accepted["id"], "DONE").await;
    let again = bob.accept(&url(&faber.invite("").await)).await;
    assert_eq!((&again["id"], &again["state"]), (&accepted["id"], &json!("DONE")));
    assert_eq!(again["reuseDecision"]["candidates"], json!([accepted["id"]]));
    let outcome = again["reuseDecision"]["outcome"].as_str().unwrap();
    assert!(["PENDING", "REUSED"].contains(&outcome), "{outcome}");

    let new = "mutation ($url: String!) {
        acceptAipConnectionInvitation(invitation: {
            invitationUrl: $url, alias: \"\", myLabel: \"Bob\", reuseConnection: false
        }) { id reuseDecision { outcome reason } } }";
    let other = faber.invite("").await;
    let data = bob.data(new, json!({"url": other["invitation_url"]})).await;
    let made = &data["acceptAipConnectionInvitation"];
    assert_ne!(made["id"], accepted["id"]);
    assert_eq!(made["reuseDecision"], json!({"outcome": "NEW", "reason": "DISABLED_BY_CALLER"}));
}

#[tokio::test]
async fn what_is_no_invitation_is_refused_by_name() {
    let bob = Agent::start("Wallet", |_| {}).await;
    let accept = "mutation ($url: String!) {
        accepted: acceptAipConnectionInvitation(invitation: { invitationUrl: $url, alias: \"\", myLabel: \"\" }) { id } }";
    for (url, expected) in [
        ("", "INVALID_INVITATION"),
        ("https://example.com?c_i=", "INVITATION_NOT_JSON"),
        ("https://example.com?oob=e30", "INVITATION_WRONG_TYPE"),
        ("not a URL", "INVALID_INVITATION"),
    ] {
        let (code, path) = bob.refused(accept, json!({"url": url})).await;
        assert_eq!((code.as_str(), path), (expected, json!(["accepted"])), "{url}");
    }
}
