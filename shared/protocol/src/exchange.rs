//! A handshake: one state machine for each role, whatever the protocol.

mod ending;
mod invitee;
mod inviter;
#[cfg(test)]
mod tests;

use entente_did::{Did, PublicKey};
use entente_didcomm::message::Message;
use serde::{Deserialize, Serialize};
use serde_json::Value;

pub use invitee::Invitee;
pub use inviter::Inviter;

use crate::handshake::{
    Approval, Handshake, Thread, VerifiedComplete, VerifiedRequest, VerifiedResponse,
};
use crate::problem::Report;
use crate::{Identity, Misbehaved, Peer, Sender, Target};

/// Our part. It never changes.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Role {
    /// We made the invitation: the responder of RFC 0023.
    Inviter,
    /// We accepted it: the requester.
    Invitee,
}

/// How far a handshake is. The order is the only direction it moves in.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum State {
    /// Inviter: the invitation is out. Invitee: it waits for approval.
    Invitation,
    /// Inviter: the request came. Invitee: it was sent.
    Request,
    /// Inviter: the response was sent. Invitee: it came.
    Response,
    /// There is a connection.
    Done,
    /// There will be none.
    Abandoned,
}

impl State {
    /// Its name, in capitals.
    #[must_use]
    pub fn name(self) -> &'static str {
        match self {
            Self::Invitation => "INVITATION",
            Self::Request => "REQUEST",
            Self::Response => "RESPONSE",
            Self::Done => "DONE",
            Self::Abandoned => "ABANDONED",
        }
    }

    /// Whether nothing can follow.
    #[must_use]
    pub fn is_final(self) -> bool {
        matches!(self, Self::Done | Self::Abandoned)
    }
}

/// What the invitation fixed.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Terms {
    /// The handshake.
    pub handshake: Handshake,
    /// The `@id` of the invitation: the parent thread.
    pub invitation_id: String,
    /// The invitation's keys: one of them must sign the response.
    pub invitation_keys: Vec<PublicKey>,
    /// The DID in the invitation's services, if there is one.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub invitation_did: Option<Did>,
    /// Where the request goes; the invitee's only.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub target: Option<Target>,
}

impl Terms {
    /// Whether a DID is the invitation's own, in either form.
    pub(crate) fn is_invitation_did(&self, did: &Did) -> bool {
        self.invitation_did.as_ref().is_some_and(|own| own.canonical() == did.canonical())
    }

    /// The inviter, as its invitation shows it.
    fn inviter(&self) -> Option<Sender> {
        let key = *self.invitation_keys.first()?;
        match &self.invitation_did {
            Some(did) => Some(Identity { did: did.clone(), key }.sender()),
            None => Some(Sender { key, kid: None }),
        }
    }

    fn thread<'a>(&'a self, thid: &'a str) -> Thread<'a> {
        Thread { thid, pthid: &self.invitation_id }
    }
}

/// What happens to a handshake.
#[derive(Debug, Clone)]
pub enum Input {
    /// The owner goes on: the invitee's request or the inviter's response is sent with this identity.
    Approve(Box<Approval>),
    /// The owner wants no connection; the peer is told this reason.
    Reject(String),
    /// The owner gives it up for this reason; nobody is told.
    Abandon(String),
    /// The peer's request, verified.
    Request(VerifiedRequest),
    /// The peer's response, verified.
    Response(VerifiedResponse),
    /// The peer's complete.
    Complete(VerifiedComplete),
    /// The peer reports a problem in this thread.
    ProblemReport(Report),
    /// Any other message that the peer's keys authenticate: it has our response (a lost complete; RFC 0160, where any
    /// message completes).
    PeerMessage,
    /// Our message was delivered.
    Delivered,
    /// The state's deadline passed.
    DeadlinePassed,
    /// Our message could not be delivered within the retry schedule.
    NotDelivered(String),
    /// The invitation expired or was revoked.
    InvitationEnded(String),
}

impl Input {
    /// Its name, for errors.
    #[must_use]
    pub fn name(&self) -> &'static str {
        match self {
            Self::Approve(_) => "approval",
            Self::Reject(_) => "rejection",
            Self::Abandon(_) => "abandonment",
            Self::Request(_) => "request",
            Self::Response(_) => "response",
            Self::Complete(_) => "complete",
            Self::ProblemReport(_) => "problem report",
            Self::PeerMessage => "message",
            Self::Delivered => "delivery",
            Self::DeadlinePassed => "deadline",
            Self::NotDelivered(_) => "delivery failure",
            Self::InvitationEnded(_) => "end of the invitation",
        }
    }
}

/// What comes in with every input: what the machine may not make itself.
#[derive(Debug, Clone)]
pub struct Context {
    /// The `@id` of the message that the transition sends, if it sends one.
    pub message_id: String,
    /// The time, in milliseconds since the epoch.
    pub now: i64,
}

/// Why a handshake ended without a connection.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub enum Cause {
    /// The owner rejected it.
    Rejected,
    /// The owner gave it up.
    Cancelled,
    /// The peer reported a problem.
    PeerReported,
    /// The state's deadline passed.
    DeadlinePassed,
    /// A message could not be delivered.
    NotDelivered,
    /// The invitation ended first.
    InvitationEnded,
}

/// An end without a connection.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Abandoned {
    /// What the invitation fixed.
    pub terms: Terms,
    /// The thread, if it had begun.
    pub thread_id: Option<String>,
    /// The peer, if it had shown itself.
    pub peer: Option<Peer>,
    /// Our identity, if we had made one.
    pub mine: Option<Identity>,
    /// Why.
    pub cause: Cause,
    /// For people.
    pub detail: String,
}

/// A handshake.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub enum Exchange {
    /// We made the invitation.
    Inviter(Inviter),
    /// We accepted it.
    Invitee(Invitee),
}

/// Something to do once the state is committed.
#[derive(Debug, Clone, PartialEq)]
pub enum Effect {
    /// Send a message, packed with our key.
    Send {
        /// The message.
        message: Box<Message>,
        /// The key that authenticates us; `None` for an anonymous message.
        from: Option<Sender>,
        /// Where it goes.
        to: Target,
    },
    /// The connection exists from now on.
    Connect {
        /// Us.
        mine: Identity,
        /// The peer.
        peer: Peer,
    },
}

/// What an input leads to.
#[derive(Debug, Clone, PartialEq)]
#[must_use]
pub struct Transition {
    /// States that were passed on the way, each of which is an event.
    pub passed: Option<State>,
    /// The next state.
    pub next: Exchange,
    /// What to do.
    pub effects: Vec<Effect>,
}

/// An input that the state does not take. The state is given back unchanged.
#[derive(Debug, Clone, PartialEq)]
pub struct Rejected {
    /// The state as it was.
    pub exchange: Box<Exchange>,
    /// Why.
    pub misbehaved: Misbehaved,
}

impl Exchange {
    /// An inviter's, once the invitation is out.
    #[must_use]
    pub fn inviter(terms: Terms) -> Self {
        Self::Inviter(Inviter::Invited { terms })
    }

    /// An invitee's, once the invitation was received.
    #[must_use]
    pub fn invitee(terms: Terms) -> Self {
        Self::Invitee(Invitee::Invited { terms })
    }

    /// Takes an input.
    ///
    /// # Errors
    /// [`Rejected`], with the state unchanged.
    pub fn handle(self, context: &Context, input: Input) -> Result<Transition, Rejected> {
        match self {
            Self::Inviter(inviter) => inviter.handle(context, input),
            Self::Invitee(invitee) => invitee.handle(context, input),
        }
    }

    /// Our part.
    #[must_use]
    pub fn role(&self) -> Role {
        match self {
            Self::Inviter(_) => Role::Inviter,
            Self::Invitee(_) => Role::Invitee,
        }
    }

    /// How far it is.
    #[must_use]
    pub fn state(&self) -> State {
        match self {
            Self::Inviter(inviter) => inviter.state(),
            Self::Invitee(invitee) => invitee.state(),
        }
    }

    /// What the invitation fixed.
    #[must_use]
    pub fn terms(&self) -> &Terms {
        match self {
            Self::Inviter(inviter) => inviter.terms(),
            Self::Invitee(invitee) => invitee.terms(),
        }
    }

    /// The thread, once it has begun.
    #[must_use]
    pub fn thread_id(&self) -> Option<&str> {
        match self {
            Self::Inviter(inviter) => inviter.thread_id(),
            Self::Invitee(invitee) => invitee.thread_id(),
        }
    }

    /// Our identity, once we have made one.
    #[must_use]
    pub fn mine(&self) -> Option<&Identity> {
        match self {
            Self::Inviter(inviter) => inviter.mine(),
            Self::Invitee(invitee) => invitee.mine(),
        }
    }

    /// The peer, once it has shown itself.
    #[must_use]
    pub fn peer(&self) -> Option<&Peer> {
        match self {
            Self::Inviter(inviter) => inviter.peer(),
            Self::Invitee(invitee) => invitee.peer(),
        }
    }

    /// Why it was abandoned, if it was.
    #[must_use]
    pub fn abandoned(&self) -> Option<&Abandoned> {
        match self {
            Self::Inviter(Inviter::Abandoned(end)) | Self::Invitee(Invitee::Abandoned(end)) => {
                Some(end)
            }
            _ => None,
        }
    }
}

fn rejected(exchange: Exchange, input: &Input) -> Rejected {
    let misbehaved =
        Misbehaved::OutOfOrder { message: input.name(), state: exchange.state().name() };
    Rejected { exchange: Box::new(exchange), misbehaved }
}

fn wrong_thread(exchange: Exchange, thread_id: &str) -> Rejected {
    Rejected {
        exchange: Box::new(exchange),
        misbehaved: Misbehaved::WrongThread(thread_id.to_owned()),
    }
}

fn step(next: Exchange, effects: Vec<Effect>) -> Transition {
    Transition { passed: None, next, effects }
}

fn send(message: Message, from: &Identity, to: &Target) -> Effect {
    Effect::Send { message: Box::new(message), from: Some(from.sender()), to: to.clone() }
}

/// What is kept of a message that the peer may ask for again.
fn kept(handshake: Handshake, message: &Message) -> Option<Value> {
    handshake.resends().then(|| message.to_value())
}

/// The message that was kept, if the peer says that it could not be processed. It is sent again once: a peer that keeps
/// failing is not kept busy.
fn again(sent: &mut Option<Value>, report: &Report, code: &str) -> Option<Message> {
    if report.code.as_deref() != Some(code) {
        return None;
    }
    Message::from_value(sent.take()?).ok()
}
