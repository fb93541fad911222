//! The messages of a handshake, and one played to its end.

use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use entente_did::PublicKey;
use entente_didcomm::attachment::jws::signing_input;
use entente_rpc::proto::connection::v1::Invitation;
use serde_json::{Value, json};

use super::{Key, Peer, kind, message, resolve, service_url, thread};
use crate::Suite;

/// A connection with an agent, as the peer knows it.
#[derive(Debug, Clone)]
pub struct Connected {
    /// The agent's id of it.
    pub id: String,
    /// The `@id` of the invitation that made it.
    pub invitation_id: String,
    /// The agent's DID in it.
    pub did: String,
    /// The agent's key in it.
    pub key: PublicKey,
    /// The agent's endpoint.
    pub url: String,
    /// The thread of the handshake.
    pub thread_id: String,
}

/// A did-exchange request; `version` is `1.0` or `1.1`.
pub fn request(version: &str, invitation_id: &str, did: &str) -> Value {
    let mut request =
        message(&format!("didexchange/{version}/request"), json!({"label": "Peer", "did": did}));
    request["~thread"] = json!({"thid": request["@id"], "pthid": invitation_id});
    request
}

/// A did-exchange response to a request, with the DID signed as RFC 0023 1.1 wants it.
pub fn response(request: &Value, did: &str, invitation_key: &Key) -> Value {
    let version = kind(request).split('/').nth(1).unwrap();
    message(
        &format!("didexchange/{version}/response"),
        json!({
            "~thread": {"thid": thread(request), "pthid": request["~thread"]["pthid"]},
            "did": did,
            "did_rotate~attach": attach_signed("text/string", did.as_bytes(), invitation_key),
        }),
    )
}

/// An attachment that is not signed.
pub fn attach(mime_type: &str, content: &[u8]) -> Value {
    let data = json!({"base64": URL_SAFE_NO_PAD.encode(content)});
    json!({"@id": uuid::Uuid::new_v4().to_string(), "mime-type": mime_type, "data": data})
}

/// An attachment signed by a key (RFC 0017).
pub fn attach_signed(mime_type: &str, content: &[u8], key: &Key) -> Value {
    let unsigned = signing_input(content, &key.public).unwrap();
    let signature = key.secret().sign(unsigned.bytes());
    let mut attachment = attach(mime_type, content);
    attachment["data"]["jws"] = unsigned.with_signature(signature);
    attachment
}

/// Who answered with a response; its connection has no id yet.
pub fn responder(invitation: &Invitation, response: &Value) -> Connected {
    let did = response["did"].as_str().expect("a did").to_owned();
    let (key, url) = resolve(&did);
    assert_eq!(url, service_url(invitation));
    Connected {
        id: String::new(),
        invitation_id: invitation.id.clone(),
        did,
        key,
        url,
        thread_id: thread(response).to_owned(),
    }
}

/// The complete for a response.
pub fn complete(to: &Connected) -> Value {
    let thread = json!({"thid": to.thread_id, "pthid": to.invitation_id});
    message("didexchange/1.1/complete", json!({ "~thread": thread }))
}

impl Peer {
    /// Joins an agent by one of its invitations: request, response, complete.
    pub async fn join_by(&self, suite: &Suite, invitation: &Invitation) -> Connected {
        let request = request("1.1", &invitation.id, &self.did);
        self.request(invitation, &request).await;
        let response = self.listener.next().await;
        assert_eq!(kind(&response.message), "didexchange/1.1/response", "{}", response.message);
        let connected = self.complete(suite, invitation, &response.message).await;
        assert_eq!(response.sender, Some(connected.key));
        connected
    }

    /// Sends the complete for a response, and waits until the agent has the connection.
    pub async fn complete(
        &self,
        suite: &Suite,
        invitation: &Invitation,
        response: &Value,
    ) -> Connected {
        let mut connected = responder(invitation, response);
        self.send(&connected, &complete(&connected)).await;
        connected.id = suite.connection_with(&self.did).await.id;
        connected
    }

    /// Lets an agent accept an invitation of this peer, and answers as it should: the whole handshake.
    pub async fn invite(&self, suite: &Suite, invitation: &Value) -> Connected {
        suite.receive(invitation).await;
        let request = self.listener.next().await.message;
        self.respond(suite, &request).await
    }

    /// Answers a request, and gives the connection once the complete is there.
    pub async fn respond(&self, suite: &Suite, request: &Value) -> Connected {
        let did = request["did"].as_str().expect("a did").to_owned();
        let (key, url) = resolve(&did);
        let mut connected = Connected {
            id: String::new(),
            invitation_id: request["~thread"]["pthid"].as_str().unwrap_or_default().to_owned(),
            did,
            key,
            url,
            thread_id: thread(request).to_owned(),
        };
        let answer = response(request, &self.did, &self.key);
        let complete = self.ask(&connected, &answer).await;
        assert!(kind(&complete.message).ends_with("/complete"), "{}", complete.message);
        connected.id = suite.connection_with(&self.did).await.id;
        connected
    }
}
