//! An agent as its owner sees it: by the admin API of ACA-Py and its webhooks, which both agents have.

use reqwest::{Client, Method};
use serde_json::{Value, json};

use super::Controller;
use crate::Suite;
use crate::suite::{self, eventually};

/// An agent, driven by the admin API.
#[derive(Clone, Debug)]
pub struct Agent {
    /// Who it is.
    pub name: String,
    /// What its webhooks tell.
    pub controller: Controller,
    url: String,
    key: String,
    client: Client,
}

/// An answer other than 2xx.
#[derive(Debug)]
pub struct Refused {
    /// The HTTP status.
    pub status: u16,
    /// The body.
    pub body: String,
}

impl Agent {
    /// An agent whose admin API is at `url`; `key` is the bearer token, if it wants one.
    #[must_use]
    pub fn new(name: &str, url: &str, key: &str, controller: Controller) -> Self {
        Self {
            name: name.to_owned(),
            controller,
            url: url.to_owned(),
            key: key.to_owned(),
            client: suite::http(),
        }
    }

    /// Ours, which tells `controller`.
    #[must_use]
    pub fn of(suite: &Suite, controller: Controller) -> Self {
        Self::new("Entente", &suite.admin_url, &suite.api_key, controller)
    }

    /// A sub-wallet of it, which has a token.
    #[must_use]
    pub fn sub_wallet(&self, name: &str, token: &str, controller: Controller) -> Self {
        Self::new(name, &self.url, token, controller)
    }

    /// Calls a route.
    ///
    /// # Errors
    /// With the answer when it is not 2xx, and with status 0 when there is none.
    pub async fn call(
        &self,
        method: Method,
        path: &str,
        body: Option<&Value>,
    ) -> Result<Value, Refused> {
        let mut request = self.client.request(method, format!("{}{path}", self.url));
        if !self.key.is_empty() {
            request = request.bearer_auth(&self.key);
        }
        if let Some(body) = body {
            request = request.json(body);
        }
        let unanswered = |error: reqwest::Error| Refused { status: 0, body: format!("{error:?}") };
        let answer = request.send().await.map_err(unanswered)?;
        let status = answer.status();
        let text = answer.text().await.map_err(unanswered)?;
        match serde_json::from_str(&text) {
            Ok(value) if status.is_success() => Ok(value),
            _ => Err(Refused { status: status.as_u16(), body: text }),
        }
    }

    /// Gets what must be there.
    pub async fn get(&self, path: &str) -> Value {
        self.expect(path, self.call(Method::GET, path, None).await)
    }

    /// Posts what must be taken.
    pub async fn post(&self, path: &str, body: &Value) -> Value {
        self.expect(path, self.call(Method::POST, path, Some(body)).await)
    }

    /// Deletes what must be there.
    pub async fn delete(&self, path: &str) -> Value {
        self.expect(path, self.call(Method::DELETE, path, None).await)
    }

    fn expect(&self, path: &str, answer: Result<Value, Refused>) -> Value {
        answer.unwrap_or_else(|refused| panic!("{} {path}: {refused:?}", self.name))
    }

    /// Makes an invitation; the answer has `invitation`, `invi_msg_id` and `oob_id`.
    pub async fn create_invitation(&self, query: &str, body: &Value) -> Value {
        self.post(&format!("/out-of-band/create-invitation?{query}"), body).await
    }

    /// Accepts an invitation; the answer is the out-of-band record.
    pub async fn receive_invitation(&self, invitation: &Value) -> Value {
        let path = "/out-of-band/receive-invitation?auto_accept=true";
        self.post(path, invitation).await
    }

    /// All connection records that match a query.
    pub async fn connections(&self, query: &str) -> Vec<Value> {
        let answer = self.get(&format!("/connections?{query}")).await;
        answer["results"].as_array().unwrap().clone()
    }

    /// The connection record, if there is one.
    pub async fn connection(&self, id: &str) -> Option<Value> {
        self.call(Method::GET, &format!("/connections/{id}"), None).await.ok()
    }

    /// The active connections, which survive every handshake: ids in order.
    pub async fn active(&self) -> Vec<String> {
        let mut ids: Vec<_> = self
            .connections("")
            .await
            .iter()
            .filter(|record| record["rfc23_state"] == "completed")
            .map(|record| text(record, "connection_id"))
            .collect();
        ids.sort();
        ids
    }

    /// Waits until so many connections are active.
    pub async fn until_active(&self, count: usize) {
        eventually(&format!("{} active connections of {}", count, self.name), async || {
            (self.active().await.len() == count).then_some(())
        })
        .await;
    }

    /// Waits until a connection has a `rfc23_state`.
    pub async fn until_connection(&self, id: &str, rfc23_state: &str) -> Value {
        eventually(&format!("{}'s connection {id} to be {rfc23_state}", self.name), async || {
            self.connection(id).await.filter(|record| record["rfc23_state"] == rfc23_state)
        })
        .await
    }

    /// Waits until the inviter has completed a connection from an invitation, other than `before`.
    pub async fn until_invited(&self, invitation_id: &str, before: &[String]) -> Value {
        eventually(&format!("{}'s connection from {invitation_id}", self.name), async || {
            let found = self.connections(&format!("invitation_msg_id={invitation_id}")).await;
            found.into_iter().find(|record| {
                record["rfc23_state"] == "completed"
                    && !before.contains(&text(record, "connection_id"))
            })
        })
        .await
    }

    /// Sends a basic message.
    pub async fn send_message(&self, connection_id: &str, content: &str) {
        let path = format!("/connections/{connection_id}/send-message");
        self.post(&path, &json!({ "content": content })).await;
    }

    /// Sends a ping; its thread.
    pub async fn send_ping(&self, connection_id: &str) -> String {
        let path = format!("/connections/{connection_id}/send-ping");
        text(&self.post(&path, &json!({ "comment": "there?" })).await, "thread_id")
    }
}

/// A text field that must be there.
///
/// # Panics
/// When it is not.
#[must_use]
pub fn text(record: &Value, field: &str) -> String {
    record[field].as_str().unwrap_or_else(|| panic!("no {field} in {record}")).to_owned()
}

/// A DID that must be there; a did:peer:4 in its short form, whatever form the record has at the moment.
#[must_use]
pub fn did(record: &Value, field: &str) -> String {
    text(record, field).split(':').take(3).collect::<Vec<_>>().join(":")
}
