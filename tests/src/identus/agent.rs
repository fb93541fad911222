//! An agent as a test drives it.

use serde_json::{Value, json};

use crate::suite::eventually;

/// How messages get to an agent.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Reach {
    /// It listens.
    Direct,
    /// It does not: it takes replies in the answer to what it sent.
    ReturnRoute,
    /// It asks a mediator, whose DID is the endpoint in its own, as wallets do.
    Mediator,
    /// It asks a mediator, whose URL and key are the endpoint and the routing key in its DID.
    Routed,
}

/// One agent of [`Identus`](super::Identus).
#[derive(Clone, Debug)]
pub struct Agent {
    url: String,
    client: reqwest::Client,
    number: u64,
}

/// What the SDK threw.
#[derive(Debug)]
pub struct Failed {
    /// The HTTP status that a peer refused with; 0 when it was not about that.
    pub status: u64,
    /// The text.
    pub message: String,
}

impl Agent {
    pub(super) async fn start(url: &str, client: reqwest::Client, reach: Reach) -> Self {
        let reach = match reach {
            Reach::Direct => "direct",
            Reach::ReturnRoute => "return-route",
            Reach::Mediator => "mediator",
            Reach::Routed => "routed",
        };
        let mut agent = Self { url: url.to_owned(), client, number: 0 };
        let started = agent.call("start", json!({ "reach": reach })).await.unwrap();
        agent.number = started["agent"].as_u64().unwrap();
        agent
    }

    /// Tells it to do something.
    ///
    /// # Errors
    /// What the SDK threw.
    async fn call(&self, command: &str, mut arguments: Value) -> Result<Value, Failed> {
        arguments["agent"] = self.number.into();
        let request = self.client.post(format!("{}/control/{command}", self.url));
        let answer = request.body(arguments.to_string()).send().await.unwrap();
        let ok = answer.status().is_success();
        let text = answer.text().await.unwrap();
        let told: Value = serde_json::from_str(&text).unwrap_or_else(|_| panic!("{text}"));
        if ok {
            return Ok(told);
        }
        let message = told["message"].as_str().unwrap_or_default().to_owned();
        Err(Failed { status: told["status"].as_u64().unwrap_or(0), message })
    }

    /// A new DID of its own.
    pub async fn did(&self) -> String {
        self.call("did", json!({})).await.unwrap().as_str().unwrap().to_owned()
    }

    /// Makes an invitation; the answer has `url`, `oob`, `invitation` and `did`. Options: `shape` (who writes it:
    /// `cloud-agent`, `old-cloud-agent`, `sdk`), `goal`, `goal_code`, `expires` (seconds since 1970), `did` (an older
    /// one of its own) and `silent` (what comes is not answered).
    pub async fn invite(&self, options: Value) -> Value {
        self.call("invite", options).await.unwrap()
    }

    /// What the SDK reads in an invitation.
    ///
    /// # Errors
    /// When it cannot read it.
    pub async fn read(&self, url: &str) -> Result<Value, Failed> {
        self.call("read", json!({ "url": url })).await
    }

    /// Accepts an invitation as the SDK does; the answer is the connection.
    ///
    /// # Errors
    /// When the SDK cannot read it, or its request is refused.
    pub async fn accept(&self, url: &str) -> Result<Value, Failed> {
        self.call("accept", json!({ "url": url })).await
    }

    /// The same with the request of a Cloud Agent.
    ///
    /// # Errors
    /// The same.
    pub async fn accept_as_cloud_agent(&self, url: &str) -> Result<Value, Failed> {
        self.call("accept", json!({ "url": url, "as": "cloud-agent" })).await
    }

    /// Sends a message with the SDK, on a connection of its own.
    ///
    /// # Errors
    /// When it is refused.
    pub async fn say(&self, on: &Value, kind: &str, body: Value) -> Result<String, Failed> {
        let message =
            json!({ "type": kind, "from": on["myDid"], "to": on["theirDid"], "body": body });
        let sent = self.call("say", message).await?;
        Ok(sent["id"].as_str().unwrap().to_owned())
    }

    /// Packs a message with didcomm-node, from one of its own DIDs or from nobody: the envelope, and where to post it.
    pub async fn pack(&self, message: &Value, from: Option<&str>, to: &str) -> (String, String) {
        self.pack_with(message, to, json!({ "from": from })).await
    }

    /// The same with the options of didcomm-node: `from` (whom the envelope proves), `signer`, `protect_sender`,
    /// `enc_alg_anon`.
    pub async fn pack_with(&self, message: &Value, to: &str, options: Value) -> (String, String) {
        let mut arguments = json!({ "message": message, "to": to });
        let Value::Object(options) = options else { panic!("options are an object") };
        arguments.as_object_mut().unwrap().extend(options);
        let packed = self.call("pack", arguments).await.unwrap();
        let text = |field: &str| packed[field].as_str().unwrap().to_owned();
        (text("envelope"), text("endpoint"))
    }

    /// Its connections: `role`, `thid`, `myDid`, `theirDid`, `state`.
    pub async fn connections(&self) -> Vec<Value> {
        self.call("connections", json!({})).await.unwrap().as_array().unwrap().clone()
    }

    /// Waits until the connection of an invitation has a state, in the words of the Cloud Agent.
    pub async fn until(&self, invitation_id: &str, state: &str) -> Value {
        eventually(&format!("{state} of {invitation_id} at the peer"), async || {
            self.check().await;
            let connections = self.connections().await;
            connections
                .into_iter()
                .find(|one| one["thid"] == invitation_id && one["state"] == state)
        })
        .await
    }

    /// The messages that it got, oldest first.
    pub async fn received(&self, kind: &str) -> Vec<Value> {
        let received = self.call("received", json!({})).await.unwrap();
        let received = received.as_array().unwrap().iter();
        received.filter(|message| message["type"] == kind).cloned().collect()
    }

    /// Waits for a message.
    pub async fn until_received(&self, kind: &str, matches: impl Fn(&Value) -> bool) -> Value {
        eventually(&format!("{kind} at the peer"), async || {
            self.check().await;
            self.received(kind).await.into_iter().find(|message| matches(message))
        })
        .await
    }

    /// Fails if something went wrong in the background.
    async fn check(&self) {
        let errors = self.call("errors", json!({})).await.unwrap();
        assert_eq!(errors, json!([]), "the peer failed");
    }
}
