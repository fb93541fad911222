//! The messages of connections/1.0 (RFC 0160), and a handshake played to its end.

use entente_did::create::legacy;
use entente_did::{Document, PublicKey};
use entente_didcomm::signature::{Signed, signing_input};
use entente_rpc::proto::connection::v1::Invitation;
use serde_json::{Value, json};

use super::{Connected, Key, Peer, kind, message, service_url, thread};
use crate::Suite;

/// What a message says of a key: its unqualified DID, and the document of old agents.
#[must_use]
pub fn connection(key: &Key, url: &str) -> Value {
    let (did, document) = legacy(&key.public, url, &[]);
    json!({"DID": did.as_str(), "DIDDoc": document})
}

/// A request; it names the invitation unless that is empty.
#[must_use]
pub fn connection_request(invitation_id: &str, connection: &Value) -> Value {
    let fields = json!({"label": "Peer", "connection": connection});
    let mut request = message("connections/1.0/request", fields);
    if !invitation_id.is_empty() {
        request["~thread"] = json!({"thid": request["@id"], "pthid": invitation_id});
    }
    request
}

/// A response to a request, signed by a key, which ought to be the invitation's.
#[must_use]
pub fn connection_response(request: &Value, connection: &Value, signer: &Key) -> Value {
    let fields = json!({
        "~thread": {"thid": thread(request)},
        "connection~sig": sign_connection(connection, signer),
    });
    message("connections/1.0/response", fields)
}

/// A `connection~sig` (RFC 0234).
#[must_use]
pub fn sign_connection(connection: &Value, signer: &Key) -> Value {
    let unsigned = signing_input(connection, &signer.public, 1_700_000_000);
    let signature = signer.secret().sign(unsigned.bytes());
    unsigned.with_signature(signature)
}

/// The agent of a response, which the invitation's key must have signed.
///
/// # Panics
/// When it has not, or when the document is not one that old agents read.
#[must_use]
pub fn connected(invitation: &Invitation, response: &Value) -> Connected {
    assert_eq!(kind(response), "connections/1.0/response", "{response}");
    assert!(response.get("connection").is_none(), "the signature replaces it: {response}");
    let signed = Signed::parse("connection~sig", &response["connection~sig"]).unwrap();
    let invitation_key = PublicKey::from_multibase(&invitation.key).unwrap();
    assert_eq!(signed.verify(), Ok(invitation_key));
    of_connection(&Value::Object(signed.content().clone()), &invitation.id, thread(response))
}

/// The agent that a `connection` describes.
fn of_connection(connection: &Value, invitation_id: &str, thread_id: &str) -> Connected {
    let document = &connection["DIDDoc"];
    assert_eq!(document["service"][0]["type"], "IndyAgent", "{document}");
    let read = Document::from_json(document.to_string()).unwrap();
    let service = read.v1_services().unwrap().remove(0);
    Connected {
        id: String::new(),
        invitation_id: invitation_id.to_owned(),
        did: connection["DID"].as_str().unwrap().to_owned(),
        key: service.recipient_keys[0],
        url: service.endpoint,
        thread_id: thread_id.to_owned(),
    }
}

impl Peer {
    /// What this peer says of itself.
    #[must_use]
    pub fn connection(&self) -> Value {
        connection(&self.key, &self.listener.url)
    }

    /// An invitation of connections/1.0 by this peer's key.
    #[must_use]
    pub fn connections_invitation(&self) -> Value {
        message(
            "connections/1.0/invitation",
            json!({
                "label": "Peer",
                "recipientKeys": [self.key.public.base58()],
                "serviceEndpoint": self.listener.url,
            }),
        )
    }

    /// Asks for an invitation; the agent is in RESPONSE then.
    pub async fn ask_connection(&self, invitation: &Invitation) -> Connected {
        let request = connection_request(&invitation.id, &self.connection());
        self.request(invitation, &request).await;
        let response = self.listener.next().await;
        let agent = connected(invitation, &response.message);
        assert_eq!(response.sender, Some(agent.key));
        assert_eq!(agent.thread_id, request["@id"]);
        assert_eq!(agent.url, service_url(invitation));
        agent
    }

    /// Joins an agent by one of its invitations: request, response, and a ping, which completes.
    pub async fn join_connection(&self, suite: &Suite, invitation: &Invitation) -> Connected {
        let mut agent = self.ask_connection(invitation).await;
        let ping = message("trust_ping/1.0/ping", json!({"response_requested": false}));
        self.send(&agent, &ping).await;
        let did = self.connection()["DID"].as_str().unwrap().to_owned();
        agent.id = suite.connection_with(&did).await.id;
        agent
    }

    /// Lets an agent accept an invitation of this peer; its request, and the agent as it shows itself there.
    pub async fn requested(&self, suite: &Suite, invitation: &Value) -> (Value, Connected) {
        suite.receive(invitation).await;
        let received = self.listener.next().await;
        let request = received.message;
        assert_eq!(kind(&request), "connections/1.0/request", "{request}");
        let id = invitation["@id"].as_str().unwrap();
        let agent = of_connection(&request["connection"], id, thread(&request));
        assert_eq!(received.sender, Some(agent.key));
        (request, agent)
    }
}
