//! Handshakes and reuses that go on while processes die.

use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::time::Duration;

use crate::Suite;
use crate::acapy::{Agent, text};
use crate::suite::seconds;
use entente_rpc::proto::connection::v1::{
    AcceptInvitationRequest, Acceptance, AcceptanceState, CreateInvitationRequest, ExchangeState,
    GetAcceptanceRequest, GetExchangeRequest, Invitation, NoAnswerPolicy, ReusePolicy,
};
use entente_rpc::{Code, Failure, Status};
use serde_json::{Value, json};
use tokio::time::{Instant, sleep};

/// How long anything may take, while processes die and a message that failed eight times waits for minutes.
const PATIENCE: Duration = Duration::from_secs(300);

/// What was done so far, and when to stop.
#[derive(Default)]
pub struct Load {
    stopped: AtomicBool,
    done: AtomicUsize,
}

/// What was acknowledged.
#[derive(Default)]
pub struct Made {
    /// Of the inviter.
    pub invitations: Vec<Invitation>,
    /// Of the invitee, as they ended.
    pub acceptances: Vec<Acceptance>,
}

impl Load {
    /// Ends it, after what is under way.
    pub fn stop(&self) {
        self.stopped.store(true, Ordering::Relaxed);
    }

    /// Waits until so much more is done.
    pub async fn progress(&self, count: usize) {
        let before = self.done();
        until("the load goes on", async || (self.done() >= before + count).then_some(())).await;
    }

    /// How much was done so far.
    pub fn done(&self) -> usize {
        self.done.load(Ordering::Relaxed)
    }

    fn goes_on(&self) -> bool {
        !self.stopped.load(Ordering::Relaxed)
    }

    fn count(&self) {
        self.done.fetch_add(1, Ordering::Relaxed);
    }

    /// `acapy` accepts invitations of ours, each with a DID of its own.
    pub async fn accepted_by_acapy(&self, ours: &Suite, acapy: &Agent) -> Made {
        let mut made = Made::default();
        while self.goes_on() {
            let invitation = invite(ours, true).await;
            let message: Value = serde_json::from_str(&invitation.message_json).unwrap();
            let record = acapy.receive_invitation(&message).await;
            let id = text(&record, "connection_id");
            until("ACA-Py completes the exchange", async || {
                acapy.connection(&id).await.filter(|found| found["rfc23_state"] == "completed")
            })
            .await;
            made.invitations.push(invitation);
            self.count();
        }
        made
    }

    /// We accept invitations of `acapy`: with a key, each for a connection; with its DID, all for one.
    pub async fn acapy_accepted(&self, ours: &Suite, acapy: &Agent, body: &Value) -> Made {
        let mut made = Made::default();
        while self.goes_on() {
            let invitation = acapy.create_invitation("auto_accept=true", body).await;
            made.acceptances.push(accept(ours, &invitation["invitation"].to_string()).await);
            self.count();
        }
        made
    }

    /// `invitee` accepts invitations of `inviter`: each with a DID of its own, for a connection each; or with its one DID,
    /// all for one connection.
    pub async fn accepted(&self, inviter: &Suite, invitee: &Suite, unique_dids: bool) -> Made {
        let mut made = Made::default();
        while self.goes_on() {
            let invitation = invite(inviter, unique_dids).await;
            made.acceptances.push(accept(invitee, &invitation.url).await);
            made.invitations.push(invitation);
            self.count();
        }
        made
    }
}

/// What ACA-Py puts into an invitation.
pub fn with_key() -> Value {
    json!({ "handshake_protocols": ["https://didcomm.org/didexchange/1.1"] })
}

/// The same with a DID that it uses for all of them.
pub fn with_did() -> Value {
    json!({ "handshake_protocols": ["https://didcomm.org/didexchange/1.1"], "use_did_method": "did:peer:2" })
}

/// Makes an invitation, however often that must be asked.
pub async fn invite(suite: &Suite, create_unique_did: bool) -> Invitation {
    let request_id = uuid::Uuid::new_v4().to_string();
    let request = CreateInvitationRequest { request_id, create_unique_did, ..Default::default() };
    let answer = patiently(async || suite.invitations().create_invitation(request.clone()).await);
    answer.await.into_inner().invitation.unwrap()
}

/// Accepts, and waits until the connection is there.
async fn accept(suite: &Suite, invitation: &str) -> Acceptance {
    let keep_waiting = NoAnswerPolicy::KeepWaiting.into();
    let request = AcceptInvitationRequest {
        invitation: invitation.to_owned(),
        request_id: uuid::Uuid::new_v4().to_string(),
        reuse: Some(ReusePolicy { on_no_answer: keep_waiting, ..Default::default() }),
        wait: Some(seconds(10)),
        ..Default::default()
    };
    let id = patiently(async || suite.accept_with(request.clone()).await).await.id;
    until("the accepted invitation comes to its end", async || ended(suite, &id).await).await
}

/// The acceptance, once it made a connection or reuses one.
pub async fn ended(suite: &Suite, id: &str) -> Option<Acceptance> {
    let request = GetAcceptanceRequest { id: id.to_owned() };
    let found = patiently(async || suite.invitations().get_acceptance(request.clone()).await).await;
    let found = found.into_inner().acceptance.unwrap();
    match found.state() {
        AcceptanceState::Reused => Some(found),
        AcceptanceState::Connecting => {
            let request = GetExchangeRequest { id: found.exchange_id.clone() };
            let exchange =
                patiently(async || suite.exchanges().get_exchange(request.clone()).await);
            let exchange = exchange.await.into_inner().exchange.unwrap();
            (exchange.state() == ExchangeState::Done).then_some(found)
        }
        AcceptanceState::Pending => None,
        other => panic!("{other:?}: {found:?}"),
    }
}

/// Makes a call until it is answered. What fails must say that it may be made again.
pub async fn patiently<T>(mut call: impl AsyncFnMut() -> Result<T, Status>) -> T {
    let deadline = Instant::now() + PATIENCE;
    loop {
        match call().await {
            Ok(answer) => return answer,
            Err(status) => {
                assert!(may_be_repeated(&status), "{status:?}");
                assert!(Instant::now() < deadline, "{status:?}");
            }
        }
        sleep(Duration::from_millis(50)).await;
    }
}

/// Whether an error says that the call may be made again.
pub fn may_be_repeated(status: &Status) -> bool {
    status.code() == Code::Unavailable || Failure::of(status).retry_after.is_some()
}

/// Asks until there is an answer, for a long while.
pub async fn until<T>(what: &str, mut ask: impl AsyncFnMut() -> Option<T>) -> T {
    let deadline = Instant::now() + PATIENCE;
    loop {
        if let Some(answer) = ask().await {
            return answer;
        }
        assert!(Instant::now() < deadline, "not in {PATIENCE:?}: {what}");
        sleep(Duration::from_millis(50)).await;
    }
}
