//! Attacks on a running agent. `attacks.md` lists them all, with why each is refused and the check that shows it; here
//! are those that no other test makes. After each the agent works, and has nothing that it had not before.

#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    clippy::indexing_slicing,
    reason = "a test that cannot go on fails"
)]

#[macro_use]
extern crate entente_tests;

mod envelopes;
mod graphql;
mod http;
mod http2;
mod invitations;
mod logs;
mod oversized;
mod plaintexts;
mod private_places;
mod strangers;
mod table;

use entente_rpc::proto::event::v1::Event;
use entente_tests::peer::{Answer, Connected};
use entente_tests::suite::eventually;
use entente_tests::{Peer, Suite};
use serde_json::Value;

/// An agent that is about to be attacked: a friend of it, and what it has.
struct Scene {
    friend: Peer,
    agent: Connected,
    before: [usize; 4],
}

impl Scene {
    async fn of(suite: &Suite) -> Self {
        let friend = Peer::start().await;
        let agent = friend.join(suite).await;
        // What was under way before has come to rest.
        eventually("nothing is under way", async || {
            let all = suite.all_exchanges().await;
            all.iter().all(|exchange| exchange.next_attempt_at.is_none()).then_some(())
        })
        .await;
        Self { friend, agent, before: suite.counts().await }
    }

    /// Nothing came of it: no record, no event, no message; and the agent goes on with old friends and new ones.
    async fn is_unharmed(&self, suite: &Suite) {
        let what = "exchanges, connections, invitations, events";
        let last: Vec<_> = suite.all_events().await.iter().rev().take(3).map(Event::kind).collect();
        assert_eq!(suite.counts().await, self.before, "{what}; the last {last:?}");
        self.friend.hears_nothing(&self.agent).await;
        Peer::start().await.join(suite).await;
        let log = suite.log();
        assert!(!log.contains("panicked"), "{log}");
    }
}

/// What a problem (RFC 9457) says.
fn detail(answer: &Answer) -> String {
    assert_eq!(answer.content_type, "application/problem+json", "{answer:?}");
    let problem: Value = serde_json::from_slice(&answer.body).unwrap();
    problem["detail"].as_str().unwrap().to_owned()
}

/// How many messages ended so.
async fn ended(suite: &Suite, result: &str) -> f64 {
    suite.metric(&format!("entente_gateway_inbound_messages_total{{result=\"{result}\"}}")).await
}
