//! The two agents.

use entente_tests::Suite;
use entente_tests::acapy::{AcaPy, Agent, Controller, Relay, Release, text};
use serde_json::{Value, json};

/// An Entente and an ACA-Py.
pub struct Pair {
    pub suite: Suite,
    pub acapy: AcaPy,
    /// What peers send to Entente goes by this one.
    pub to_entente: Relay,
    /// What peers send to ACA-Py goes by this one.
    pub to_acapy: Relay,
    entente: Agent,
}

/// A connection, as each side knows it.
#[derive(Debug)]
pub struct Connected {
    pub invitation: Value,
    /// The id at the inviter.
    pub inviter: String,
    /// The id at the invitee.
    pub invitee: String,
}

impl Pair {
    /// None where there is no ACA-Py.
    pub async fn start() -> Option<Self> {
        Self::with(Release::Current).await
    }

    /// None where there is no such ACA-Py.
    pub async fn with(release: Release) -> Option<Self> {
        let (to_entente, to_acapy) = (Relay::start().await, Relay::start().await);
        let acapy = AcaPy::start(release, "ACA-Py", to_acapy.url()).await?;
        to_acapy.lead(acapy.endpoint());
        let (suite, entente) = entente(&to_entente).await;
        Some(Self { suite, acapy, to_entente, to_acapy, entente })
    }

    pub fn entente(&self) -> &Agent {
        &self.entente
    }

    pub fn acapy(&self) -> &Agent {
        &self.acapy.agent
    }

    /// Each as the inviter of the other.
    pub fn both_ways(&self) -> [(&Agent, &Agent); 2] {
        [(self.acapy(), self.entente()), (self.entente(), self.acapy())]
    }
}

/// An Entente behind a relay.
pub async fn entente(relay: &Relay) -> (Suite, Agent) {
    let controller = Controller::start().await;
    let arguments = ["--endpoint", relay.url(), "--webhook-url", controller.url()];
    let suite = Suite::with(&arguments).await;
    relay.lead(&suite.didcomm_url);
    let agent = Agent::of(&suite, controller);
    (suite, agent)
}

/// What `create-invitation` is asked for: a DID that connections are recognised by.
pub fn with_did(method: &str) -> Value {
    json!({ "handshake_protocols": ["https://didcomm.org/didexchange/1.1"], "use_did_method": method })
}

/// What `create-invitation` is asked for: an inline key, and a version of did-exchange.
pub fn with_key(version: &str) -> Value {
    json!({ "handshake_protocols": [format!("https://didcomm.org/didexchange/{version}")] })
}

/// Makes a new connection with a new invitation.
pub async fn connect(inviter: &Agent, invitee: &Agent, body: &Value) -> Connected {
    let invitation = inviter.create_invitation("auto_accept=true", body).await;
    accept(inviter, invitee, &invitation).await
}

/// Makes a new connection with an invitation.
pub async fn accept(inviter: &Agent, invitee: &Agent, invitation: &Value) -> Connected {
    let before = inviter.active().await;
    let received = invitee.receive_invitation(&invitation["invitation"]).await;
    let at_invitee = text(&received, "connection_id");
    invitee.until_connection(&at_invitee, "completed").await;
    let id = text(invitation, "invi_msg_id");
    let at_inviter = inviter.until_invited(&id, &before).await;
    Connected {
        invitation: invitation["invitation"].clone(),
        inviter: text(&at_inviter, "connection_id"),
        invitee: at_invitee,
    }
}
