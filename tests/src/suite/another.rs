//! Another agent in the place of ours, for the checks of what goes over the wire. It is known by its admin API, ACA-Py's,
//! and by that alone: whoever asks more of it asks too much.

use entente_rpc::proto::connection::v1::{Acceptance, Connection, Invitation};
use serde_json::{Value, json};

use super::{Suite, eventually};
use crate::acapy::{Agent, Controller, text};
use crate::peer::{resolve, service_url};

/// What a check ends with that asks something of an agent which only ours can answer.
pub struct NotApplicable;

/// Ends a check.
pub(super) fn not_applicable() -> ! {
    std::panic::resume_unwind(Box::new(NotApplicable))
}

impl Suite {
    /// The agent of `ENTENTE_CONFORMANCE_ADMIN_URL`, which takes `ENTENTE_CONFORMANCE_ADMIN_KEY` as a bearer, if it wants
    /// one; without it one of ours, that is new.
    pub async fn to_check() -> Self {
        let Ok(url) = std::env::var("ENTENTE_CONFORMANCE_ADMIN_URL") else {
            return Self::start().await;
        };
        let key = std::env::var("ENTENTE_CONFORMANCE_ADMIN_KEY").unwrap_or_default();
        let agent = Agent::new("the agent", &url, &key, Controller::start().await);
        let endpoint = service_url(&invitation(&agent, true).await);
        let nowhere = "http://127.0.0.1:1".to_owned();
        Self { another: Some(agent), ..Self::behind([endpoint, url, nowhere]) }
    }
}

/// An invitation for did-exchange by a did:peer:2.
pub(super) async fn invitation(agent: &Agent, is_multi_use: bool) -> Invitation {
    let offer = json!({
        "handshake_protocols": ["https://didcomm.org/didexchange/1.1"],
        "protocol_version": "1.1",
        "use_did_method": "did:peer:2",
    });
    let query = format!("auto_accept=true&multi_use={is_multi_use}");
    let made = agent.create_invitation(&query, &offer).await;
    let did = made["invitation"]["services"][0].as_str().expect("a DID").to_owned();
    Invitation {
        id: text(&made["invitation"], "@id"),
        key: resolve(&did).0.multibase(),
        did,
        url: text(&made, "invitation_url"),
        message_json: made["invitation"].to_string(),
        ..Default::default()
    }
}

/// The connection with a peer's DID, once it is there.
pub(super) async fn connection(agent: &Agent, their_did: &str) -> Connection {
    let query = format!("their_did={their_did}");
    let record = eventually("the other agent has the connection", async || {
        let found = agent.connections(&query).await;
        found.into_iter().find(|record| record["rfc23_state"] == "completed")
    });
    let record = record.await;
    Connection {
        id: text(&record, "connection_id"),
        their_did: text(&record, "their_did"),
        ..Default::default()
    }
}

/// Lets it accept an invitation.
pub(super) async fn receive(agent: &Agent, invitation: &Value) -> Acceptance {
    agent.receive_invitation(invitation).await;
    Acceptance::default()
}
