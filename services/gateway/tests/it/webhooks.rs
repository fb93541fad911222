use std::time::Duration;

use entente_rpc::caller::for_tenant;
use entente_rpc::proto::connection::v1::CreateInvitationRequest;
use entente_rpc::proto::connection::v1::invitation_service_client::InvitationServiceClient;
use entente_rpc::proto::event::v1::{DeadLetter, ListDeadLettersRequest, ReplayDeadLettersRequest};
use entente_rpc::{DEFAULT_TENANT, Link};

use crate::agent::Agent;
use crate::controller::{Controller, hooks, settled};

#[tokio::test]
async fn webhooks_survive_restarts_and_refusals() {
    let controller = Controller::default();
    let url = controller.listen().await;
    let mut alice = Agent::start("Alice", hooks(url.clone())).await;
    settled(&alice, &url).await;
    alice.invite("").await;
    controller.until("connections", |_| true).await;
    controller.until("out_of_band", |_| true).await;

    // What happens while the gateway is away is told when it is back, and nothing is told twice after an orderly end.
    alice.gateway.shutdown().await;
    let before = controller.told.lock().unwrap().len();
    create_invitation(alice.connection.link(), "away").await;
    alice.restart_gateway().await;
    controller.until("connections", |record| record["alias"] == "away").await;
    let mut sequences: Vec<_> =
        controller.told.lock().unwrap().iter().map(|told| told.sequence).collect();
    assert!(sequences.len() > before);
    sequences.sort_unstable();
    let mut unique = sequences.clone();
    unique.dedup();
    assert_eq!(sequences, unique);

    // A connection whose events are refused does not hold up the others; it is given up, and can be replayed.
    controller.refuse(Some("poison"));
    create_invitation(alice.connection.link(), "poison").await;
    create_invitation(alice.connection.link(), "healthy").await;
    controller.until("connections", |record| record["alias"] == "healthy").await;
    let consumer = format!("webhook:{}", url.split('#').next().unwrap());
    let mut letters = Vec::new();
    for _ in 0..200 {
        letters = dead_letters(&alice, &consumer).await;
        if !letters.is_empty() {
            break;
        }
        tokio::time::sleep(Duration::from_millis(50)).await;
    }
    assert_eq!(
        (letters[0].attempts, letters[0].error.as_str()),
        (3, "answered 503 Service Unavailable")
    );
    controller.refuse(None);
    let request = ReplayDeadLettersRequest { consumer: consumer.clone(), sequences: Vec::new() };
    alice.events().replay_dead_letters(for_tenant(DEFAULT_TENANT, request).unwrap()).await.unwrap();
    let told = controller.until("connections", |record| record["alias"] == "poison").await;
    assert!(letters.iter().any(|letter| letter.sequence == told.sequence));
    for _ in 0..200 {
        if dead_letters(&alice, &consumer).await.is_empty() {
            return;
        }
        tokio::time::sleep(Duration::from_millis(50)).await;
    }
    panic!("the dead letters stay");
}

async fn create_invitation(connection: Link, alias: &str) {
    let request =
        CreateInvitationRequest { alias: alias.to_owned(), ..CreateInvitationRequest::default() };
    let request = for_tenant(DEFAULT_TENANT, request).unwrap();
    InvitationServiceClient::new(connection).create_invitation(request).await.unwrap();
}

async fn dead_letters(agent: &Agent, consumer: &str) -> Vec<DeadLetter> {
    let request = ListDeadLettersRequest {
        consumer: consumer.to_owned(),
        ..ListDeadLettersRequest::default()
    };
    let request = for_tenant(DEFAULT_TENANT, request).unwrap();
    agent.events().list_dead_letters(request).await.unwrap().into_inner().dead_letters
}
