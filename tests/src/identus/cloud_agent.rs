//! The REST API of the Cloud Agent, as its documentation calls it.

use serde_json::{Value, json};

use crate::Suite;
use crate::suite::{self, eventually};

/// An agent by the REST API of the Cloud Agent.
#[derive(Clone, Debug)]
pub struct CloudAgent {
    url: String,
    key: String,
    client: reqwest::Client,
}

impl CloudAgent {
    /// Ours.
    #[must_use]
    pub fn of(suite: &Suite) -> Self {
        let url = format!("{}/cloud-agent", suite.admin_url);
        Self { url, key: suite.api_key.clone(), client: suite::http() }
    }

    /// Calls a route: the status, and the body if there is one. `Null` means no body.
    pub async fn call(&self, method: &str, path: &str, body: &Value) -> (u16, Value) {
        let url = format!("{}{path}", self.url);
        let mut request = self.client.request(method.parse().unwrap(), url);
        request = request.header("apikey", &self.key);
        if !body.is_null() {
            request = request.json(body);
        }
        let answer = request.send().await.unwrap();
        let status = answer.status().as_u16();
        let text = answer.text().await.unwrap();
        let body = if text.is_empty() { Ok(Value::Null) } else { serde_json::from_str(&text) };
        (status, body.unwrap_or_else(|_| panic!("{method} {path}: {status}: {text}")))
    }

    /// The same, for a call that shall succeed with a status.
    async fn expect(&self, status: u16, method: &str, path: &str, body: &Value) -> Value {
        let (given, answer) = self.call(method, path, body).await;
        assert_eq!(given, status, "{method} {path} {body}: {answer}");
        answer
    }

    /// Creates a connection, which has an invitation.
    pub async fn create(&self, body: Value) -> Value {
        self.expect(201, "POST", "/connections", &body).await
    }

    /// Accepts an invitation: the value of `_oob`.
    pub async fn accept(&self, oob: &Value) -> Value {
        self.expect(200, "POST", "/connection-invitations", &json!({ "invitation": oob })).await
    }

    /// The same, for an invitation that shall be refused: the status and the error.
    pub async fn try_accept(&self, oob: &Value) -> (u16, Value) {
        self.call("POST", "/connection-invitations", &json!({ "invitation": oob })).await
    }

    /// A connection.
    pub async fn connection(&self, id: &Value) -> Value {
        let path = format!("/connections/{}", id.as_str().expect("an id"));
        self.expect(200, "GET", &path, &Value::Null).await
    }

    /// All connections.
    pub async fn connections(&self) -> Vec<Value> {
        let page = self.expect(200, "GET", "/connections", &Value::Null).await;
        page["contents"].as_array().expect("contents").clone()
    }

    /// Waits until a connection has a state.
    pub async fn until(&self, id: &Value, state: &str) -> Value {
        eventually(&format!("{state} of {id}"), async || {
            Some(self.connection(id).await).filter(|connection| connection["state"] == state)
        })
        .await
    }
}
