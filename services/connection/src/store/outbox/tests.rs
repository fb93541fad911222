use entente_did::PublicKey;
use entente_didcomm::message::{Message, MessageType, Version};
use entente_protocol::Target;

use super::*;
use crate::engine::now;
use crate::events::tests::{Fixture, TENANT};

const KEY: &str = "z6MkiTBz1ymuepAQ4HEHYSF1H8quG5GLVVQR3djdX3mDooWp";

#[tokio::test]
async fn a_lane_is_due_when_the_wait_of_its_failed_message_is_over() {
    let fixture = Fixture::new().await;
    let engine = &fixture.engine;
    let due = async |at| engine.store.due_lanes(&engine.replica.id(), at, 10).await.unwrap();
    let begun = now();
    let mut work = engine.work(TENANT).await.unwrap();
    for id in ["first", "second"] {
        let message = Message::new(id, &MessageType::new("test", Version::new(1, 0), "message"));
        let target = Target::V1 {
            endpoint: "http://peer.example".to_owned(),
            recipient_keys: vec![PublicKey::from_multibase(KEY).unwrap()],
            routing_keys: Vec::new(),
            others: Vec::new(),
        };
        work.send("lane", Kind::Handshake, &message, None, target);
    }
    engine.commit(work).await.unwrap();
    assert!(due(begun + 10_000).await.is_empty(), "this process is sending it");

    let failed = engine.store.lane(TENANT, "lane", 10).await.unwrap().remove(0);
    let mut work = engine.work(TENANT).await.unwrap();
    work.postpone(&failed, begun + 1_000, "503", false);
    engine.commit(work).await.unwrap();
    assert!(due(begun + 999).await.is_empty());
    assert_eq!(due(begun + 1_000).await, [(TENANT.to_owned(), "lane".to_owned())]);
    let delivery = engine.store.delivery(TENANT, "lane").await.unwrap().unwrap();
    assert_eq!((delivery.attempts, delivery.last_error.as_str()), (1, "503"));
    let lanes = ["lane", "other"].map(str::to_owned);
    let deliveries = engine.store.deliveries(TENANT, &lanes).await.unwrap();
    assert_eq!(deliveries.len(), 1);
    assert_eq!(deliveries["lane"].attempts, 1, "of the first message");
    assert!(engine.store.deliveries("other", &lanes).await.unwrap().is_empty());
    assert!(engine.store.deliveries(TENANT, &[]).await.unwrap().is_empty());
    let lane = engine.store.lane(TENANT, "lane", 10).await.unwrap();
    let order: Vec<_> = lane.iter().map(|message| message.message_id.as_str()).collect();
    assert_eq!(order, ["first", "second"]);
}
