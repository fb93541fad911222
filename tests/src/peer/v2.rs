//! The same agent over DIDComm v2, with the handshake of Identus.

mod envelopes;

use entente_didcomm::envelope::v2::MEDIA_TYPE_ENCRYPTED;
use entente_rpc::proto::connection::v1::{
    CreateInvitationRequest, Invitation, InvitationFormat, InvitationKind,
};
use serde_json::{Value, json};

pub use envelopes::{Identity, endpoint, forward, pack_anonymous, pack_anonymous_with};

use super::{Answer, Listener, Received, post};
use crate::Suite;

/// The type of a request for a connection.
pub const REQUEST: &str = "https://atalaprism.io/mercury/connections/1.0/request";
/// The type of the answer to one.
pub const RESPONSE: &str = "https://atalaprism.io/mercury/connections/1.0/response";
/// The type of a ping.
pub const PING: &str = "https://didcomm.org/trust-ping/2.0/ping";
/// The type of the answer to one.
pub const PONG: &str = "https://didcomm.org/trust-ping/2.0/ping-response";

/// A message with a fresh id, and other headers.
pub fn message(kind: &str, headers: Value) -> Value {
    let id = uuid::Uuid::new_v4().to_string();
    let mut message =
        json!({"id": id, "typ": "application/didcomm-plain+json", "type": kind, "body": {}});
    let Value::Object(headers) = headers else { panic!("headers are an object") };
    message.as_object_mut().unwrap().extend(headers);
    message
}

/// The invitation of an agent for this handshake.
pub async fn invite(suite: &Suite, kind: InvitationKind) -> Invitation {
    let request = CreateInvitationRequest {
        kind: kind.into(),
        format: InvitationFormat::OutOfBand2.into(),
        ..Default::default()
    };
    suite.invite_with(request).await
}

/// A connection with an agent, as the peer knows it.
#[derive(Debug, Clone)]
pub struct Connected {
    /// The agent's id of it.
    pub id: String,
    /// The agent's DID in it.
    pub did: String,
    /// The agent's endpoint.
    pub url: String,
}

/// The agent: one DID, one listener.
pub struct Peer {
    /// Its DID and keys.
    pub me: Identity,
    /// Where its messages arrive.
    pub listener: Listener,
    http: reqwest::Client,
}

impl Peer {
    /// One that listens.
    pub async fn start() -> Self {
        let keys = envelopes::Keys::random();
        let opener = |url: &str| {
            let me = keys.at(url);
            Box::new(move |bytes: &[u8]| me.open(bytes)) as super::listener::Open
        };
        let listener = Listener::start(opener).await;
        Self { me: keys.at(&listener.url), listener, http: crate::suite::http() }
    }

    /// Posts an envelope.
    pub async fn post(&self, url: &str, envelope: Vec<u8>) -> Answer {
        post(&self.http, url, MEDIA_TYPE_ENCRYPTED, envelope).await
    }

    /// Sends a message on a connection; it must be taken.
    pub async fn send(&self, to: &Connected, message: &Value) -> Answer {
        let answer = self.post(&to.url, self.me.pack(message, &to.did)).await;
        assert!((200..300).contains(&answer.status), "{message}: {answer:?}");
        answer
    }

    /// Sends an envelope that shall be refused, and gives the answer.
    pub async fn refused(&self, to: &Connected, envelope: Vec<u8>) -> Answer {
        let answer = self.post(&to.url, envelope).await;
        assert!((400..500).contains(&answer.status), "{answer:?}");
        answer
    }

    /// Sends a message on a connection, and gives what comes back.
    pub async fn ask(&self, to: &Connected, message: &Value) -> Received {
        self.send(to, message).await;
        self.listener.next().await
    }

    /// Checks that nothing came before the answer to a ping that is sent now: messages keep their order.
    pub async fn hears_nothing(&self, from: &Connected) {
        let ping = self.me.message(PING, &from.did, json!({}));
        let pong = self.ask(from, &ping).await.message;
        assert_eq!((&pong["type"], &pong["thid"]), (&json!(PONG), &ping["id"]), "{pong}");
    }

    /// Joins an agent by a new invitation: the whole handshake.
    pub async fn join(&self, suite: &Suite) -> Connected {
        let invitation = invite(suite, InvitationKind::SingleUse).await;
        let request = self.me.request(&invitation);
        let url = endpoint(&invitation.did);
        let answer = self.post(&url, self.me.pack(&request, &invitation.did)).await;
        assert_eq!(answer.status, 202, "{answer:?}");
        let response = self.listener.next().await.message;
        assert_eq!(response["type"], RESPONSE, "{response}");
        self.joined(suite, &invitation).await
    }

    /// The connection that an invitation made.
    pub async fn joined(&self, suite: &Suite, invitation: &Invitation) -> Connected {
        let id = suite.connection_with(&self.me.did).await.id;
        Connected { id, did: invitation.did.clone(), url: endpoint(&invitation.did) }
    }
}
