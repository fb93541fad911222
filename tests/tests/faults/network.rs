//! The network between agents fails, in each way that it can, and is mended.

use std::collections::{BTreeMap, BTreeSet};

use entente_rpc::proto::connection::v1::{
    AcceptInvitationRequest, Connection, CreateInvitationRequest, DeleteConnectionRequest,
    ExchangeState, Finding, FindingKind, Invitation, ListFindingsRequest, NoAnswerPolicy,
    ReusePolicy, SendBasicMessageRequest,
};
use entente_rpc::proto::event::v1::event::Record;
use entente_rpc::proto::event::v1::{Event, EventKind};
use entente_rpc::time_from_proto;
use entente_tests::Suite;
use entente_tests::acapy::Relay;
use entente_tests::load::until;
use entente_tests::proxy::Fault;
use futures_util::future::join_all;
use serde_json::Value;

/// How often a message is tried in vain before the network is mended.
const ATTEMPTS: i32 = 3;
/// New handshakes for each peer.
const HANDSHAKES: usize = 3;
/// Handshakes that a black hole swallows: more than are sent at the same time.
const SWALLOWED: usize = 100;
/// Messages on the old connection with each peer.
const MESSAGES: usize = 5;
/// Messages, and their length, that the black hole swallows besides.
const FLOOD: (usize, usize) = (256, 500 * 1024);
/// How much memory may grow under that: half of it is held, and some of that twice for a while.
const GROWTH: u64 = 96 << 20;

#[derive(Debug, Clone, Copy, PartialEq)]
enum Network {
    Well,
    Broken(Fault),
    /// 503 to all.
    Unavailable,
    /// Each message arrives twice.
    Repeats,
}

impl Network {
    /// Whether no message arrives, or no answer.
    fn is_down(self) -> bool {
        !matches!(self, Self::Well | Self::Repeats | Self::Broken(Fault::Slow))
    }
}

/// An inviter, and the way to it.
struct Peer {
    network: Network,
    suite: Suite,
    relay: Relay,
    /// The invitee's connection with it, which is older than the fault.
    connection: Connection,
}

impl Peer {
    async fn start(network: Network, invitee: &Suite) -> Self {
        let relay = Relay::start().await;
        let suite = Suite::whole_with(&["--endpoint", relay.url()]).await;
        relay.lead(&suite.didcomm_url);
        let (connection, _) = invitee.connect_to(&suite).await;
        Self { network, suite, relay, connection }
    }

    fn fail(&self) {
        match self.network {
            Network::Well => {}
            Network::Broken(fault) => self.relay.proxy().fail(fault),
            Network::Unavailable => self.relay.refuse(),
            Network::Repeats => self.relay.repeat(),
        }
    }

    fn mend(&self) {
        self.relay.proxy().mend();
        self.relay.release();
    }

    fn handshakes(&self) -> usize {
        if self.network == Network::Broken(Fault::BlackHole) { SWALLOWED } else { HANDSHAKES }
    }

    /// What was received on the old connection.
    async fn contents(&self) -> Vec<String> {
        let log = self.suite.all_events().await;
        let received = log.iter().filter(|event| event.kind() == EventKind::BasicMessageReceived);
        received.map(content).collect()
    }
}

fn content(event: &Event) -> String {
    let Some(Record::Message(message)) = &event.record else { panic!("{event:?}") };
    let message: Value = serde_json::from_str(&message.message_json).unwrap();
    message["content"].as_str().unwrap().to_owned()
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn whatever_the_network_does_all_arrives_once_it_is_mended() {
    let invitee = Suite::start().await;
    let networks = [
        Network::Well,
        Network::Broken(Fault::Refused),
        Network::Broken(Fault::Reset),
        Network::Broken(Fault::Truncated),
        Network::Broken(Fault::BlackHole),
        Network::Broken(Fault::Slow),
        Network::Unavailable,
        Network::Repeats,
    ];
    let peers = join_all(networks.map(|network| Peer::start(network, &invitee))).await;
    let hole = peers.iter().find(|peer| is_hole(peer)).unwrap();
    let request = CreateInvitationRequest { create_unique_did: true, ..Default::default() };
    let invitation = hole.suite.invite_with(request).await;
    let flooded = invitee.accept(&invitation.url).await.connection_id;
    hole.suite.connection_of(&invitation.id).await;
    peers.iter().for_each(Peer::fail);
    let memory = invitee.memory();
    let mut sent = BTreeMap::new();
    let (well, broken) = peers.split_first().unwrap();
    for peer in broken.iter().chain([well]) {
        sent.insert(peer.suite.admin_url.clone(), write(&invitee, peer).await);
    }
    until_settled(std::slice::from_ref(well)).await;
    for number in 0..FLOOD.0 {
        let text = format!("{number} {}", "x".repeat(FLOOD.1));
        send_on(&invitee, &flooded, &text).await;
    }

    until_tried(&invitee, broken).await;
    let grown = invitee.memory().saturating_sub(memory);
    println!("memory grew by {} kB", grown / 1024);
    assert!(grown < GROWTH, "{grown}");
    let request = DeleteConnectionRequest { id: flooded };
    invitee.connections().delete_connection(request).await.unwrap();
    peers.iter().for_each(Peer::mend);
    until_settled(&peers).await;
    for peer in &peers {
        let sent = &sent[&peer.suite.admin_url];
        until("all messages come", async || {
            (peer.contents().await.len() >= sent.len()).then_some(())
        })
        .await;
        assert!(peer.contents().await == *sent, "{:?}: each once, in order", peer.network);
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_message_does_not_overtake_one_that_waits() {
    let invitee = Suite::start().await;
    let peer = Peer::start(Network::Unavailable, &invitee).await;
    peer.fail();
    send(&invitee, &peer, "first").await;
    until("the first has failed", async || (!undelivered(&invitee).await.is_empty()).then_some(()))
        .await;
    peer.mend();
    send(&invitee, &peer, "second").await;
    send(&invitee, &peer, "third").await;
    until("all have come", async || (peer.contents().await.len() == 3).then_some(())).await;
    assert_eq!(peer.contents().await, ["first", "second", "third"]);
}

fn is_hole(peer: &Peer) -> bool {
    peer.network == Network::Broken(Fault::BlackHole)
}

/// Handshakes, a reuse and messages. Gives the messages.
async fn write(invitee: &Suite, peer: &Peer) -> Vec<String> {
    for _ in 0..peer.handshakes() {
        let request = CreateInvitationRequest { create_unique_did: true, ..Default::default() };
        accept(invitee, peer.suite.invite_with(request).await).await;
    }
    accept(invitee, peer.suite.invite().await).await;
    let texts: Vec<_> = (0..MESSAGES).map(|number| format!("message {number}")).collect();
    for text in &texts {
        send(invitee, peer, text).await;
    }
    texts
}

async fn accept(invitee: &Suite, invitation: Invitation) {
    let keep_waiting = NoAnswerPolicy::KeepWaiting.into();
    let request = AcceptInvitationRequest {
        invitation: invitation.url,
        reuse: Some(ReusePolicy { on_no_answer: keep_waiting, ..Default::default() }),
        ..Default::default()
    };
    invitee.accept_with(request).await.unwrap();
}

async fn send(invitee: &Suite, peer: &Peer, content: &str) {
    send_on(invitee, &peer.connection.id, content).await;
}

async fn send_on(invitee: &Suite, connection_id: &str, content: &str) {
    let request = SendBasicMessageRequest {
        connection_id: connection_id.to_owned(),
        content: content.to_owned(),
        ..Default::default()
    };
    invitee.messages().send_basic_message(request).await.unwrap();
}

async fn undelivered(invitee: &Suite) -> Vec<Finding> {
    let request = ListFindingsRequest {
        kind: FindingKind::Undelivered.into(),
        page_size: 1_000,
        ..Default::default()
    };
    invitee.diagnosis().list_findings(request).await.unwrap().into_inner().findings
}

/// Waits until each message that waits for a peer that is down was tried some times, ever more slowly: each pause is at
/// least twice the one before, so that there are as many attempts as the time that passed has bits.
async fn until_tried(invitee: &Suite, peers: &[Peer]) {
    let down = peers.iter().filter(|peer| peer.network.is_down());
    let lanes: usize = down.map(|peer| peer.handshakes() + 1).sum();
    let mut tried = BTreeSet::new();
    until("all is tried", async || {
        for finding in undelivered(invitee).await {
            let waited = entente_rpc::now() - time_from_proto(&finding.since.unwrap());
            let most = (waited / 1000).max(1).ilog2() + 3;
            let attempts = u32::try_from(finding.attempts).unwrap();
            assert!(attempts <= most, "{attempts} attempts in {waited} ms");
            if finding.attempts >= ATTEMPTS {
                tried.insert(finding.id);
            }
        }
        (tried.len() >= lanes).then_some(())
    })
    .await;
}

/// Waits until all handshakes are done on both sides, the invitation is reused, and the messages have come.
async fn until_settled(peers: &[Peer]) {
    for peer in peers {
        let expected = peer.handshakes() + if is_hole(peer) { 2 } else { 1 };
        until(&format!("{:?} is over", peer.network), async || {
            let theirs = peer.suite.all_exchanges().await;
            let done = |state| state == ExchangeState::Done;
            let at_rest = theirs.iter().all(|e| done(e.state()) && e.next_attempt_at.is_none());
            let log = peer.suite.all_events().await;
            let reuses = log.iter().filter(|event| event.kind() == EventKind::ConnectionReuse);
            (at_rest && theirs.len() == expected && reuses.count() == 1).then_some(())
        })
        .await;
        assert_eq!(peer.suite.all_connections().await.len(), expected);
    }
}
