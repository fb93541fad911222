//! The dialect of the Identus Cloud Agent, over real services.

mod connections;
mod errors;
mod pages;
mod webhooks;

use std::time::Duration;

use entente_rpc::DEFAULT_TENANT;
use entente_rpc::caller::for_tenant;
use entente_rpc::proto::connection::v1::invitation_service_client::InvitationServiceClient;
use entente_rpc::proto::connection::v1::{CreateInvitationRequest, Invitation, InvitationKind};
use serde_json::{Value, json};

use crate::agent::Agent;

const NOBODY: &str = "1893e207-4cba-4792-8179-067c78d2acc2";

/// An invitation as the service makes it, whatever its format.
async fn invite(agent: &Agent, kind: InvitationKind) -> Invitation {
    let request = CreateInvitationRequest {
        kind: kind.into(),
        alias: "Connect with Bob".to_owned(),
        goal: "talk".to_owned(),
        ..CreateInvitationRequest::default()
    };
    made(agent, request).await
}

async fn made(agent: &Agent, request: CreateInvitationRequest) -> Invitation {
    let request = for_tenant(DEFAULT_TENANT, request).unwrap();
    let mut invitations = InvitationServiceClient::new(agent.connection.link());
    invitations.create_invitation(request).await.unwrap().into_inner().invitation.unwrap()
}

async fn get(agent: &Agent, path: &str) -> Value {
    agent.json("GET", &format!("/cloud-agent{path}"), Value::Null).await
}

/// The value of the parameter alone, as the documentation has callers give it.
fn raw(url: &str) -> Value {
    json!({"invitation": url.split_once("oob=").unwrap().1})
}

async fn receive(agent: &Agent, url: &str) -> Value {
    agent.json("POST", "/cloud-agent/connection-invitations", raw(url)).await
}

/// The answer to a call that must fail, with the status and the shape of every error.
async fn refused(
    agent: &Agent,
    method: &str,
    path: &str,
    body: Value,
    status: u16,
    kind: &str,
) -> String {
    let (found, text) = agent.call(method, &format!("/cloud-agent{path}"), body).await;
    let error: Value = serde_json::from_str(&text).unwrap_or_else(|_| panic!("{path}: {text}"));
    assert_eq!(
        (found, &error["type"]),
        (status, &json!(format!("error:{kind}"))),
        "{path}: {text}"
    );
    assert_eq!(error["status"], status);
    assert!(error["instance"].as_str().unwrap().starts_with("error:instance:"), "{text}");
    assert!(!error["title"].as_str().unwrap().is_empty());
    error["detail"].as_str().unwrap().to_owned()
}

async fn until(agent: &Agent, id: &str, state: &str) -> Value {
    let mut record = Value::Null;
    for _ in 0..400 {
        record = get(agent, &format!("/connections/{id}")).await;
        if record["state"] == state {
            return record;
        }
        tokio::time::sleep(Duration::from_millis(50)).await;
    }
    panic!("not {state}: {record}");
}
