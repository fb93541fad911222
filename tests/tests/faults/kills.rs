//! Two agents are killed at random moments while they connect and reuse. `make kills MOMENTS=1000` has more of them.

use std::collections::{BTreeMap, BTreeSet, HashMap};
use std::time::Duration;

use entente_rpc::proto::connection::v1::{Connection, Exchange, ExchangeState, ReuseReason};
use entente_rpc::proto::event::v1::event::Record;
use entente_rpc::proto::event::v1::{Event, EventKind};
use entente_tests::Suite;
use entente_tests::acapy::Controller;
use entente_tests::load::{Load, Made, until};
use entente_tests::reader::Reader;
use rand::rngs::StdRng;
use rand::{RngExt as _, SeedableRng as _};
use tokio::time::{sleep, timeout};

/// How many moments there are, unless `MOMENTS` says it.
const MOMENTS: usize = 40;
/// How many of a hundred webhook calls are refused.
const REFUSED: u32 = 10;

/// An agent, and who listens to it over its deaths: a reader that keeps nothing but its cursor, and an owner who is told by
/// webhooks.
struct Agent {
    suite: Suite,
    reader: Reader,
    controller: Controller,
}

impl Agent {
    async fn start() -> Self {
        let controller = Controller::start().await;
        controller.refuse(REFUSED);
        let suite = Suite::with(&["--webhook-url", controller.url()]).await;
        Self { reader: Reader::start(&suite), suite, controller }
    }

    /// Kills it, or one of its processes, and starts that again; sometimes it does not even get ready.
    async fn die(&mut self, dice: &mut StdRng) {
        let process = self.suite.any_process(dice.random_range(0..100));
        process.kill9();
        while dice.random_ratio(1, 5) {
            let life = Duration::from_millis(dice.random_range(0..400));
            let _ = timeout(life, process.restart()).await;
            process.kill9();
        }
        process.restart().await;
    }

    /// Everything it began has ended, and nothing is on its way.
    async fn until_at_rest(&self) {
        until("every exchange is done, and nothing is on its way", async || {
            let exchanges = self.suite.all_exchanges().await;
            let mut unfinished = exchanges.iter().filter(|exchange| {
                exchange.state() != ExchangeState::Done || exchange.next_attempt_at.is_some()
            });
            unfinished.next().is_none().then_some(())
        })
        .await;
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn whatever_dies_whenever_all_of_it_happens_once() {
    let number = |name| std::env::var(name).ok().and_then(|value: String| value.parse().ok());
    let moments = number("MOMENTS").unwrap_or(MOMENTS as u64);
    let seed = number("SEED").unwrap_or_else(rand::random);
    println!("{moments} moments of the seed {seed}: SEED={seed} draws the same ones");
    let mut dice = StdRng::seed_from_u64(seed);
    let (mut alice, mut bob) = tokio::join!(Agent::start(), Agent::start());
    let (to_alice, to_bob) = (alice.suite.client(), bob.suite.client());
    let load = Load::default();
    let kills = async {
        for moment in 0..moments {
            // After a death, another process may read for a webhook when the lease has run out: 4 s.
            let rest = if dice.random_ratio(1, 12) { 4_500..6_500 } else { 0..500 };
            sleep(Duration::from_millis(dice.random_range(rest))).await;
            let mut others = StdRng::seed_from_u64(dice.random());
            match dice.random_range(0..9) {
                0..4 => alice.die(&mut dice).await,
                4..8 => bob.die(&mut dice).await,
                _ => _ = tokio::join!(alice.die(&mut dice), bob.die(&mut others)),
            }
            if moment % 50 == 49 {
                println!("{} moments, {} connections and reuses", moment + 1, load.done());
            }
        }
        load.stop();
    };
    let (by_bob, by_bob_too, by_alice, reused_by_bob, reused_by_alice, ()) = tokio::join!(
        load.accepted(&to_alice, &to_bob, true),
        load.accepted(&to_alice, &to_bob, true),
        load.accepted(&to_bob, &to_alice, true),
        load.accepted(&to_alice, &to_bob, false),
        load.accepted(&to_bob, &to_alice, false),
        kills,
    );
    println!("{} connections and reuses", load.done());
    tokio::join!(alice.until_at_rest(), bob.until_at_rest());

    let made_by_alice = [by_bob.invitations, by_bob_too.invitations].concat();
    let own = made_by_alice.len() + by_alice.invitations.len();
    let (alices, bobs) = (alice.suite.all_connections().await, bob.suite.all_connections().await);
    assert_eq!(
        alices.len(),
        own + 2,
        "one for each invitation with a DID of its own, and one for each shared DID"
    );
    assert_paired(&alices, &bobs);
    assert_paired_exchanges(&alice.suite.all_exchanges().await, &bob.suite.all_exchanges().await);
    for (invitations, inviters) in [(&made_by_alice, &alices), (&by_alice.invitations, &bobs)] {
        for invitation in invitations {
            let of_it = inviters.iter().filter(|made| made.invitation_id == invitation.id);
            assert_eq!(of_it.count(), 1, "{invitation:?}");
        }
    }
    let (alices_log, bobs_log) = (alice.suite.all_events().await, bob.suite.all_events().await);
    assert_reused(&reused_by_bob, &alices_log, &bobs_log);
    assert_reused(&reused_by_alice, &bobs_log, &alices_log);
    for (agent, log, connections) in [(&alice, &alices_log, &alices), (&bob, &bobs_log, &bobs)] {
        let created = log.iter().filter(|event| event.kind() == EventKind::ConnectionCreated);
        assert_eq!(created.count(), connections.len());
        agent.reader.assert_saw(log).await;
        assert_told(agent, log).await;
    }
}

/// Each connection of one is a connection of the other.
fn assert_paired(ours: &[Connection], theirs: &[Connection]) {
    let pairs: BTreeSet<_> = ours.iter().map(|made| (&made.my_key, &made.their_key)).collect();
    let mirrored: BTreeSet<_> = theirs.iter().map(|made| (&made.their_key, &made.my_key)).collect();
    assert_eq!((pairs.len(), mirrored.len()), (ours.len(), theirs.len()), "no two for one pair");
    assert_eq!(pairs, mirrored);
}

/// Each handshake of one is a handshake of the other, in the other role.
fn assert_paired_exchanges(ours: &[Exchange], theirs: &[Exchange]) {
    let roles = |exchanges: &[Exchange]| -> BTreeMap<String, i32> {
        exchanges.iter().map(|made| (made.thread_id.clone(), made.role)).collect()
    };
    let (our_roles, their_roles) = (roles(ours), roles(theirs));
    assert_eq!((our_roles.len(), their_roles.len()), (ours.len(), theirs.len()));
    assert!(our_roles.keys().eq(their_roles.keys()));
    assert!(our_roles.iter().all(|(thread, role)| their_roles[thread] != *role));
}

/// All invitations with the shared DID, but for the one that made the connection, reused it: each once, on both sides.
fn assert_reused(made: &Made, inviters_log: &[Event], invitees_log: &[Event]) {
    let told = |log: &[Event], kind| {
        let reuses = log.iter().filter(|event| event.kind() == kind);
        let mut ids: Vec<_> = reuses.map(|event| invitation_of(event).to_owned()).collect();
        ids.sort();
        ids
    };
    let reused = told(inviters_log, EventKind::ConnectionReuse);
    let expected: BTreeSet<_> = made.invitations.iter().map(|made| made.id.clone()).collect();
    let made_it: Vec<_> = expected.iter().filter(|id| !reused.contains(id)).collect();
    assert_eq!((made_it.len(), reused.len()), (1, expected.len() - 1));
    assert_eq!(reused, told(invitees_log, EventKind::ConnectionReuseAccepted));
    // That there is no answer yet is told, too.
    for event in invitees_log {
        if let (EventKind::ConnectionReuseRejected, Some(Record::Reuse(told))) =
            (event.kind(), &event.record)
        {
            assert_eq!(told.reason(), ReuseReason::PeerDidNotAnswer, "{told:?}");
        }
    }
}

fn invitation_of(event: &Event) -> &str {
    match &event.record {
        Some(Record::Reuse(reuse)) => &reuse.invitation_id,
        _ => "",
    }
}

/// The owner was told each event that has a topic at least once, and those of one connection in order: no call went ahead
/// of one that was not taken yet.
async fn assert_told(agent: &Agent, log: &[Event]) {
    let with_topic: Vec<_> = log.iter().filter(|event| has_topic(event)).collect();
    let mut missing: BTreeSet<i64> = with_topic.iter().map(|event| event.sequence).collect();
    // After a thousand deaths much is left to tell: as long as it goes on, it is waited for.
    let mut calls = 0;
    while let Some(first) = missing.first() {
        let (count, what) = (missing.len(), format!("{first} or another event is told"));
        until(&what, async || {
            let told = agent.controller.sequences_after(calls);
            calls += told.len();
            told.iter().for_each(|sequence| _ = missing.remove(sequence));
            (missing.len() < count).then_some(())
        })
        .await;
    }
    println!("{} events told by {calls} calls", with_topic.len());
    // Each event's place among those of its connection.
    let mut lengths: HashMap<&str, usize> = HashMap::new();
    let mut places = HashMap::new();
    for event in with_topic.iter().filter(|event| !event.connection_id.is_empty()) {
        let length = lengths.entry(&event.connection_id).or_default();
        *length += 1;
        places.insert(event.sequence, (event.connection_id.as_str(), *length));
    }
    let mut last: HashMap<&str, usize> = HashMap::new();
    for sequence in agent.controller.sequences() {
        let Some((connection, place)) = places.get(&sequence) else { continue };
        let before = last.insert(connection, *place).unwrap_or_default();
        assert!(*place <= before + 1, "{sequence} is {place} of {connection}, told after {before}");
    }
}

fn has_topic(event: &Event) -> bool {
    match event.kind() {
        EventKind::InvitationCreated
        | EventKind::InvitationChanged
        | EventKind::ExchangeChanged
        | EventKind::ExchangeDeleted
        | EventKind::ConnectionReuse
        | EventKind::ConnectionReuseAccepted
        | EventKind::ConnectionReuseRejected
        | EventKind::AcceptanceChanged => true,
        EventKind::ConnectionCreated | EventKind::ConnectionChanged => false,
        other => panic!("{other:?} does not happen here"),
    }
}
