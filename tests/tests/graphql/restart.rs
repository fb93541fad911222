use entente_tests::Suite;
use entente_tests::graphql::Client;
use serde_json::json;

const CREATE: &str = "mutation { createAipConnectionInvitation(
    invitation: { alias: \"Bob\", myLabel: \"Alice\" }) { id invitation { invitationUrl } } }";
const ACCEPT: &str = "mutation ($url: String!) { acceptAipConnectionInvitation(
    invitation: { invitationUrl: $url, alias: \"Alice\", myLabel: \"Bob\" }) { id } }";
const FOLLOW: &str = "subscription ($after: String) {
    onAipConnectionExchangeUpdate(after: $after) {
        cursor exchange { id state theirLabel invitation { invitationUrl } } } }";

/// A subscriber sees each state once, in order, though its server is killed in the middle.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_handshake_is_followed_across_a_restart() {
    let Some(client) = Client::start().await else { return };
    let (mut alice, bob) = tokio::join!(Suite::start(), Suite::start());
    let cursor = client.request(&alice, "{ eventCursor }").await["eventCursor"].clone();
    let mut events = client.subscribe(&alice, FOLLOW, json!({"after": cursor})).await;
    let made = client.request(&alice, CREATE).await["createAipConnectionInvitation"].clone();
    let first = events.next().await.unwrap()["onAipConnectionExchangeUpdate"].clone();
    assert_eq!(first["exchange"]["state"], "INVITATION");
    assert_eq!(first["exchange"]["invitation"], made["invitation"]);

    alice.kill9();
    let gone = events.next().await.unwrap_err();
    assert!(gone.get("error").is_some(), "{gone}");
    let url = made["invitation"]["invitationUrl"].clone();
    let accepted = client.try_request(&bob, ACCEPT, json!({"url": url})).await.unwrap();
    assert!(accepted["acceptAipConnectionInvitation"]["id"].is_string());
    alice.restart().await;

    let mut events = client.subscribe(&alice, FOLLOW, json!({"after": first["cursor"]})).await;
    let mut last = first["cursor"].as_str().unwrap().parse::<u64>().unwrap();
    for state in ["REQUEST", "RESPONSE", "DONE"] {
        let update = events.next().await.unwrap()["onAipConnectionExchangeUpdate"].clone();
        let expected = [&made["id"], &json!(state), &json!("Bob")];
        let exchange = &update["exchange"];
        assert_eq!([&exchange["id"], &exchange["state"], &exchange["theirLabel"]], expected);
        let cursor = update["cursor"].as_str().unwrap().parse().unwrap();
        assert!(cursor > last);
        last = cursor;
    }
    client.stop(&events).await;
    assert_eq!(events.next().await.unwrap_err()["complete"], true);
}

/// A stop in order closes the socket so that clients connect again.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_stop_closes_the_socket() {
    let Some(client) = Client::start().await else { return };
    let mut alice = Suite::start().await;
    let mut events = client.subscribe(&alice, FOLLOW, json!({})).await;
    let (_, ended) = tokio::join!(alice.terminate(), events.next());
    assert_eq!(ended.unwrap_err()["error"][0]["closed"], 1001);
}
