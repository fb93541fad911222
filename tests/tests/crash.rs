//! An agent dies at any point of a handshake or a reuse, comes back on its data, and all of it happens once.

#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    clippy::indexing_slicing,
    reason = "a test that cannot go on fails"
)]

use std::time::Duration;

use entente_rpc::proto::connection::v1::{
    AcceptInvitationRequest, AcceptanceState, CreateInvitationRequest, ExchangeState,
    GetAcceptanceRequest, InvitationKind,
};
use entente_rpc::proto::event::v1::{Event, EventKind, SubscribeRequest};
use entente_tests::Suite;
use entente_tests::acapy::{Controller, Relay, text};
use entente_tests::suite::eventually;
use futures_util::future::join_all;

/// The message that is under way when a process dies.
#[derive(Debug, Clone, Copy, PartialEq)]
enum Step {
    Request,
    Response,
    Complete,
    Reuse,
    ReuseAccepted,
}

/// What becomes of that message.
#[derive(Debug, Clone, Copy, PartialEq)]
enum Loss {
    /// It does not arrive; its sender must send it again.
    Message,
    /// It arrives late, after the restart; its sender sends it again as well.
    Time,
    /// It arrives, but its sender is told that it failed.
    Answer,
}

#[derive(Debug, Clone, Copy, PartialEq)]
enum Victim {
    Inviter,
    Invitee,
}

/// An agent behind a relay, with a reader of its events that keeps only a cursor over a crash.
struct Agent {
    suite: Suite,
    relay: Relay,
    seen: Vec<Event>,
}

impl Agent {
    async fn start() -> Self {
        let relay = Relay::start().await;
        let suite = Suite::with(&["--endpoint", relay.url()]).await;
        relay.lead(&suite.didcomm_url);
        Self { suite, relay, seen: Vec::new() }
    }

    /// Reads on from the cursor until the stream ends or is idle.
    async fn read_events(&mut self) {
        let after = self.seen.last().map_or(0, |event| event.sequence);
        let request = SubscribeRequest { after, ..Default::default() };
        let Ok(answer) = self.suite.events().subscribe(request).await else { return };
        let mut stream = answer.into_inner();
        let idle = Duration::from_millis(300);
        while let Ok(Ok(Some(answer))) = tokio::time::timeout(idle, stream.message()).await {
            self.seen.extend(answer.event);
        }
    }

    async fn crash(&mut self) {
        self.read_events().await;
        self.suite.kill9();
        self.suite.restart().await;
    }

    /// Everything was read once and in order, over the crash.
    async fn assert_all_events_seen(&mut self) {
        self.read_events().await;
        let log = self.suite.all_events().await;
        assert_eq!(self.seen, log);
        for (index, event) in log.iter().enumerate() {
            assert_eq!(event.sequence, i64::try_from(index).unwrap() + 1);
        }
    }

    fn count(&self, kind: EventKind) -> usize {
        self.seen.iter().filter(|event| event.kind() == kind).count()
    }

    async fn until_done(&self) {
        eventually("the handshake is done", async || {
            let exchanges = self.suite.all_exchanges().await;
            exchanges.iter().any(|e| e.state() == ExchangeState::Done).then_some(())
        })
        .await;
    }
}

async fn run(step: Step, loss: Loss, victim: Victim) {
    let (mut inviter, mut invitee) = tokio::join!(Agent::start(), Agent::start());
    let is_reuse = matches!(step, Step::Reuse | Step::ReuseAccepted);
    if is_reuse {
        invitee.suite.connect_to(&inviter.suite).await;
        invitee.until_done().await;
    }
    let relay = match step {
        Step::Request | Step::Complete | Step::Reuse => &inviter.relay,
        Step::Response | Step::ReuseAccepted => &invitee.relay,
    };
    let first = usize::from(step == Step::Complete);
    let before = relay.passed() + first;
    match loss {
        Loss::Message | Loss::Time => relay.hold_after(first),
        Loss::Answer => relay.lose_answers_after(first),
    }
    let invitation = inviter.suite.invite().await;
    let request = AcceptInvitationRequest { invitation: invitation.url, ..Default::default() };
    let acceptance = invitee.suite.accept_with(request).await.unwrap();
    match loss {
        Loss::Message | Loss::Time => drop(relay.until_held().await),
        Loss::Answer => relay.until_passed(before).await,
    }
    let relay = relay.clone();
    match victim {
        Victim::Inviter => inviter.crash().await,
        Victim::Invitee => invitee.crash().await,
    }
    match loss {
        Loss::Time => relay.release(),
        Loss::Message | Loss::Answer => relay.lose(),
    }

    inviter.until_done().await;
    invitee.until_done().await;
    let ended = if is_reuse { AcceptanceState::Reused } else { AcceptanceState::Connecting };
    eventually("the acceptance comes to its end", async || {
        let request = GetAcceptanceRequest { id: acceptance.id.clone() };
        let found = invitee.suite.invitations().get_acceptance(request).await.unwrap();
        (found.into_inner().acceptance.unwrap().state() == ended).then_some(())
    })
    .await;
    for agent in [&mut inviter, &mut invitee] {
        agent.assert_all_events_seen().await;
        assert_eq!(agent.suite.all_connections().await.len(), 1);
        assert_eq!(agent.count(EventKind::ConnectionCreated), 1);
    }
    let reuses = usize::from(is_reuse);
    assert_eq!(inviter.count(EventKind::ConnectionReuse), reuses);
    assert_eq!(invitee.count(EventKind::ConnectionReuseAccepted), reuses);
    assert_eq!(invitee.count(EventKind::ConnectionReuseRejected), 0);
}

/// Either side dies, whatever becomes of the message.
async fn die_at(step: Step) {
    let mut runs = Vec::new();
    for loss in [Loss::Message, Loss::Time, Loss::Answer] {
        for victim in [Victim::Inviter, Victim::Invitee] {
            runs.push(async move {
                println!("{step:?}, {loss:?} lost, {victim:?} dies");
                run(step, loss, victim).await;
            });
        }
    }
    join_all(runs).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_crash_while_the_request_is_under_way() {
    die_at(Step::Request).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_crash_while_the_response_is_under_way() {
    die_at(Step::Response).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_crash_while_the_complete_is_under_way() {
    die_at(Step::Complete).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_crash_while_the_reuse_is_under_way() {
    die_at(Step::Reuse).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_crash_while_the_acceptance_of_a_reuse_is_under_way() {
    die_at(Step::ReuseAccepted).await;
}

/// The ids of the invitations that webhooks told of, once there are so many.
async fn told(controller: &Controller, count: usize) -> Vec<String> {
    eventually(&format!("{count} webhook calls"), async || {
        let told = controller.told("out_of_band");
        let mut told: Vec<_> = told.iter().map(|record| text(record, "invi_msg_id")).collect();
        // Calls about one record keep their order; those about several need not.
        told.sort();
        (told.len() >= count).then_some(told)
    })
    .await
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_webhook_goes_on_where_it_was() {
    let controller = Controller::start().await;
    let mut suite = Suite::with(&["--webhook-url", controller.url()]).await;
    // A multi-use invitation has no record that waits, and so one call each.
    let invite = async |suite: &Suite| {
        let kind = InvitationKind::MultiUse.into();
        suite.invite_with(CreateInvitationRequest { kind, ..Default::default() }).await.id
    };
    // The ids sort by time.
    let mut made = Vec::new();
    for _ in 0..3 {
        made.push(invite(&suite).await);
    }
    assert_eq!(told(&controller, 3).await, made);
    // The cursor is stored twice a second.
    tokio::time::sleep(Duration::from_millis(1200)).await;
    controller.refuse(100);
    for _ in 0..3 {
        made.push(invite(&suite).await);
    }
    suite.kill9();
    controller.refuse(0);
    suite.restart().await;
    assert_eq!(told(&controller, 6).await, made);
    made.push(invite(&suite).await);
    assert_eq!(told(&controller, 7).await, made);
}
