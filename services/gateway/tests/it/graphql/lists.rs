use std::collections::HashSet;
use std::sync::{Arc, Mutex};

use serde_json::{Value, json};
use tower::ServiceExt as _;
use tower::util::BoxCloneSyncService;

use crate::agent::Agent;
use crate::support::KEY;

const LIST: &str = "query ($page: PageInput, $filter: AIPConnectionExchangeFilter) {
    aipConnectionExchanges(page: $page, filter: $filter) {
        items { id alias state myRole invitation { invitationUrl } createdTimestamp modifiedTimestamp }
        nextToken
    } }";

async fn list(agent: &Agent, page: Value, filter: Value) -> (Vec<Value>, Value) {
    let data = agent.data(LIST, json!({"page": page, "filter": filter})).await;
    let list = &data["aipConnectionExchanges"];
    (list["items"].as_array().unwrap().clone(), list["nextToken"].clone())
}

#[tokio::test]
async fn a_page_stays_right_while_rows_come_and_go() {
    let agent = Agent::start("Faber", |_| {}).await;
    let mut made = Vec::new();
    for alias in ["a", "b", "c", "d", "e"] {
        made.push(agent.create(alias).await["id"].clone());
    }
    let (first, token) = list(&agent, json!({"nextToken": null, "limit": 2}), json!({})).await;
    assert_eq!(first.iter().map(|item| &item["id"]).collect::<Vec<_>>(), [&made[0], &made[1]]);
    // The last of the page, and the first of the next one, go; another comes.
    let delete = "mutation ($id: ID!) { deleteAipConnectionExchange(connExId: $id) }";
    agent.data(delete, json!({"id": made[1]})).await;
    agent.data(delete, json!({"id": made[2]})).await;
    let last = agent.create("f").await["id"].clone();
    let (second, token) = list(&agent, json!({"nextToken": token, "limit": 2}), json!({})).await;
    assert_eq!(second.iter().map(|item| &item["id"]).collect::<Vec<_>>(), [&made[3], &made[4]]);
    let (third, token) = list(&agent, json!({"nextToken": token, "limit": 2}), json!({})).await;
    assert_eq!(third.iter().map(|item| &item["id"]).collect::<Vec<_>>(), [&last]);
    assert_eq!(token, Value::Null);
}

#[tokio::test]
async fn filters_choose_and_bind_the_token() {
    let agent = Agent::start("Faber", |_| {}).await;
    let bob = Agent::start("Bob", |_| {}).await;
    let (made, _) = super::connect(&agent, &bob).await;
    let waiting = agent.create("Carol").await;
    let accepted = agent.accept(&bob.create("Faber").await).await;
    agent.reaches(&accepted["id"], "DONE").await;
    let all = list(&agent, json!({}), json!({})).await.0;
    assert_eq!(all.len(), 3);
    for (filter, expected) in [
        (json!({"state": "INVITATION"}), vec![&waiting["id"]]),
        (json!({"myRole": "INVITER"}), vec![&made["id"], &waiting["id"]]),
        (json!({"myRole": "INVITEE", "state": "DONE"}), vec![&accepted["id"]]),
        (json!({"alias": "Carol"}), vec![&waiting["id"]]),
        (json!({"alias": "Carol", "state": "DONE"}), vec![]),
        (json!({"createdFrom": all[1]["createdTimestamp"]}), vec![&waiting["id"], &accepted["id"]]),
        (json!({"createdBefore": all[1]["createdTimestamp"]}), vec![&made["id"]]),
        (json!({"modifiedFrom": all[2]["modifiedTimestamp"]}), vec![&accepted["id"]]),
        (json!({"modifiedBefore": all[1]["modifiedTimestamp"]}), vec![&made["id"]]),
        (
            json!({"createdFrom": "2020-01-01T00:00:00Z", "createdBefore": "2020-01-02T00:00:00Z"}),
            vec![],
        ),
    ] {
        let (items, token) = list(&agent, json!({}), filter.clone()).await;
        assert_eq!(items.iter().map(|item| &item["id"]).collect::<Vec<_>>(), expected, "{filter}");
        assert_eq!(token, Value::Null);
    }
    let (_, token) = list(&agent, json!({"limit": 1}), json!({"myRole": "INVITER"})).await;
    let other = json!({"page": {"nextToken": token}, "filter": {}});
    let (code, path) = agent.refused(LIST, other).await;
    assert_eq!((code.as_str(), path), ("INVALID_PAGE_TOKEN", json!(["aipConnectionExchanges"])));
    for (page, filter) in [
        (json!({"limit": 0}), json!({})),
        (json!({"limit": 1001}), json!({})),
        (json!({}), json!({"createdFrom": "yesterday"})),
        (json!({}), json!({"state": "GONE"})),
        (json!({"size": 1}), json!({})),
    ] {
        let variables = json!({"page": page, "filter": filter});
        assert_eq!(agent.refused(LIST, variables.clone()).await.0, "INVALID_FIELD", "{variables}");
    }
}

#[tokio::test]
async fn a_list_asks_once_for_what_its_items_need() {
    let agent = Agent::start("Faber", |_| {}).await;
    let bob = Agent::start("Bob", |_| {}).await;
    let accept = "mutation ($url: String!) { acceptAipConnectionInvitation(invitation: {
        invitationUrl: $url, alias: \"\", myLabel: \"\", reuseConnection: false }) { id } }";
    for alias in ["a", "b", "c", "d"] {
        agent.create(alias).await;
        let url = bob.create(alias).await["invitation"]["invitationUrl"].take();
        let accepted = agent.data(accept, json!({"url": url})).await;
        agent.reaches(&accepted["acceptAipConnectionInvitation"]["id"], "DONE").await;
    }
    let calls = Arc::new(Mutex::new(Vec::new()));
    let counted = Arc::clone(&calls);
    let admin = agent
        .gateway_over(|links| {
            let connection = links.connection.clone();
            let count = move |request: axum::http::Request<_>| {
                counted.lock().unwrap().push(request.uri().path().to_owned());
                request
            };
            links.connection = BoxCloneSyncService::new(connection.map_request(count));
        })
        .await;
    let document = "{
        aipConnectionExchanges { items { id invitation { invitationUrl } reuseDecision { reason } } }
        connections { items { basicMessages { items { id } } } } }";
    let body = json!({"query": document}).to_string();
    let request = agent.http.post(format!("{admin}/graphql")).header("x-api-key", KEY);
    let request = request.header("content-type", "application/json").body(body);
    let answer: Value =
        serde_json::from_str(&request.send().await.unwrap().text().await.unwrap()).unwrap();
    let items = answer["data"]["aipConnectionExchanges"]["items"].as_array().unwrap();
    let urls: HashSet<_> =
        items.iter().map(|item| item["invitation"]["invitationUrl"].as_str().unwrap()).collect();
    assert_eq!((items.len(), urls.len()), (8, 8), "{answer}");
    assert_eq!(answer["data"]["connections"]["items"].as_array().map(Vec::len), Some(4));
    let calls = std::mem::take(&mut *calls.lock().unwrap());
    let ours = calls.iter().filter_map(|call| call.strip_prefix("/entente.connection.v1."));
    let mut ours: Vec<_> = ours.collect();
    ours.sort_unstable();
    assert_eq!(
        ours,
        [
            "ConnectionService/ListConnections",
            "ExchangeService/ListExchanges",
            "InvitationService/BatchGetAcceptances",
            "InvitationService/BatchGetInvitations",
            "MessageService/ListBasicMessages",
        ]
    );
}
