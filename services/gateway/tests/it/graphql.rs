//! The GraphQL dialect on a real agent.

mod exchanges;
mod limits;
mod lists;
mod messages;
mod socket;
mod transport;

use serde_json::{Value, json};

use crate::agent::Agent;
use crate::support::KEY;

impl Agent {
    /// The answer to an operation: its data and its errors.
    pub async fn graphql(&self, document: &str, variables: Value) -> (Value, Value) {
        let body = json!({"query": document, "variables": variables}).to_string();
        let (status, mut answer) = post(self, Some(KEY), "application/json", body).await;
        assert_eq!(status, 200, "{answer}");
        (answer["data"].take(), answer["errors"].take())
    }

    /// The data of an operation that must succeed.
    pub async fn data(&self, document: &str, variables: Value) -> Value {
        let (data, errors) = self.graphql(document, variables).await;
        assert_eq!(errors, Value::Null, "{document}");
        data
    }

    /// The code and the path of the only error of an operation.
    pub async fn refused(&self, document: &str, variables: Value) -> (String, Value) {
        let (data, errors) = self.graphql(document, variables).await;
        let errors = errors.as_array().unwrap_or_else(|| panic!("{document}: {data}")).clone();
        let [error] = errors.as_slice() else { panic!("{errors:?}") };
        assert!(!error["message"].as_str().unwrap().is_empty());
        (error["extensions"]["code"].as_str().unwrap().to_owned(), error["path"].clone())
    }

    /// A single-use invitation: the exchange that waits for its request.
    pub async fn create(&self, alias: &str) -> Value {
        let document = "mutation ($alias: String!) {
            createAipConnectionInvitation(invitation: { alias: $alias, myLabel: \"Alice\" }) {
                id myRole state alias theirLabel
                invitation { messageId label serviceEndpoint invitationUrl }
                createdTimestamp modifiedTimestamp
            } }";
        let mut data = self.data(document, json!({"alias": alias})).await;
        data["createAipConnectionInvitation"].take()
    }

    /// Accepts an invitation of another agent.
    pub async fn accept(&self, exchange: &Value) -> Value {
        let document = "mutation ($url: String!) {
            acceptAipConnectionInvitation(
                invitation: { invitationUrl: $url, alias: \"Alice\", myLabel: \"Bob\" }
            ) {
                id myRole state alias theirLabel invitation { messageId label invitationUrl }
                reuseDecision { outcome reason candidates rule }
            } }";
        let url = &exchange["invitation"]["invitationUrl"];
        let mut data = self.data(document, json!({"url": url})).await;
        data["acceptAipConnectionInvitation"].take()
    }

    /// An exchange once it is in a state.
    pub async fn reaches(&self, id: &Value, state: &str) -> Value {
        let document = "query ($id: ID!) { aipConnectionExchange(connExId: $id) { id state theirLabel alias } }";
        let mut last = Value::Null;
        for _ in 0..400 {
            last = self.data(document, json!({"id": id})).await["aipConnectionExchange"].take();
            if last["state"] == state {
                return last;
            }
            tokio::time::sleep(std::time::Duration::from_millis(25)).await;
        }
        panic!("{last}");
    }
}

/// Connects two agents: the exchange of each.
async fn connect(inviter: &Agent, invitee: &Agent) -> (Value, Value) {
    let made = inviter.create("Bob").await;
    let accepted = invitee.accept(&made).await;
    invitee.reaches(&accepted["id"], "DONE").await;
    inviter.reaches(&made["id"], "DONE").await;
    (made, accepted)
}

async fn post(
    agent: &Agent,
    key: Option<&str>,
    kind: &str,
    body: impl Into<String>,
) -> (u16, Value) {
    let request = agent.http.post(format!("{}/graphql", agent.admin)).header("content-type", kind);
    let request = match key {
        Some(key) => request.header("x-api-key", key),
        None => request,
    };
    let response = request.body(body.into()).send().await.unwrap();
    let status = response.status().as_u16();
    let text = response.text().await.unwrap();
    (status, serde_json::from_str(&text).unwrap_or(Value::String(text)))
}
