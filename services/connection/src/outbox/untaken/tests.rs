use entente_didcomm::message::{Message, MessageType, Version};
use entente_protocol::Target;

use super::*;
use crate::events::tests::{Fixture, TENANT};
use crate::store::Kind;

/// The messages of a lane that are nobody's yet.
async fn left(engine: &Engine) -> Vec<String> {
    let (messages, all) = engine.untaken(TENANT, "lane", 10).await.unwrap();
    assert!(all);
    messages.into_iter().map(|message| message.message_id).collect()
}

#[tokio::test]
async fn a_message_that_was_taken_is_not_given_again() {
    let fixture = Fixture::new().await;
    let engine = &fixture.engine;
    let mut work = engine.work(TENANT).await.unwrap();
    for id in ["first", "second"] {
        let message = Message::new(id, &MessageType::new("test", Version::new(1, 0), "message"));
        let target = Target::V1 {
            endpoint: String::new(),
            recipient_keys: Vec::new(),
            routing_keys: Vec::new(),
            others: Vec::new(),
        };
        work.send("lane", Kind::Handshake, &message, None, target);
    }
    engine.commit(work).await.unwrap();
    assert_eq!(left(engine).await, ["first", "second"]);

    // Who reads the table now may ask only after the message has left it.
    let forgotten = engine.outbox.forgotten();
    let read = engine.store.lane(TENANT, "lane", 10).await.unwrap();
    engine.outbox.complete(read[0].clone());
    assert_eq!(left(engine).await, ["second"], "the table still has it");
    let mut work = engine.work(TENANT).await.unwrap();
    let ids = [read[0].id.clone()];
    work.remove_outgoing(&ids);
    engine.commit(work).await.unwrap();
    engine.outbox.forget(ids.iter());
    assert!(engine.outbox.untaken(read, forgotten).is_none(), "it is to be read again");
    assert_eq!(left(engine).await, ["second"]);
}
