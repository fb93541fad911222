//! The invitee: the requester of RFC 0023.

use serde::{Deserialize, Serialize};
use serde_json::Value;

use super::{
    Abandoned, Approval, Context, Effect, Exchange, Input, Rejected, State, Terms, Transition,
    again, ending, kept, send, step, wrong_thread,
};
use crate::handshake::{VerifiedResponse, confirmation, write_request};
use crate::{Identity, Misbehaved, Peer, problem};

/// The states of the invitee.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub enum Invitee {
    /// The invitation waits for approval (`invitation-received`).
    Invited {
        /// What it fixed.
        terms: Terms,
    },
    /// Our request is on its way (`request-sent`).
    Requested(Requested),
    /// There is a connection (`completed`): the receipt of the response sends the confirmation.
    Done {
        /// What the invitation fixed.
        terms: Terms,
        /// The request's thread.
        thread_id: String,
        /// The peer.
        peer: Peer,
        /// What we are to it.
        mine: Identity,
    },
    /// There will be none (`abandoned`).
    Abandoned(Abandoned),
}

/// A request that waits for its response.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Requested {
    /// What the invitation fixed.
    pub terms: Terms,
    /// The request's thread.
    pub thread_id: String,
    /// What we are to the peer.
    pub mine: Identity,
    /// The request, where the peer may ask for it again.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub sent: Option<Value>,
}

impl Invitee {
    pub(super) fn handle(self, context: &Context, input: Input) -> Result<Transition, Rejected> {
        match (self, input) {
            (Self::Invited { terms }, Input::Approve(approval)) => {
                let approval = *approval;
                request(context, terms, approval)
            }
            (Self::Requested(requested), Input::Response(response)) => {
                if response.thread_id != requested.thread_id {
                    let state = Exchange::Invitee(Self::Requested(requested));
                    return Err(wrong_thread(state, &response.thread_id));
                }
                Ok(connected(context, requested, response))
            }
            (Self::Requested(mut requested), Input::ProblemReport(report)) => {
                let target = requested.terms.target.clone();
                let sent = &mut requested.sent;
                match (again(sent, &report, problem::REQUEST_PROCESSING_ERROR), target) {
                    (Some(message), Some(to)) => {
                        let effect = send(message, &requested.mine, &to);
                        Ok(step(Exchange::Invitee(Self::Requested(requested)), vec![effect]))
                    }
                    _ => {
                        let state = Exchange::Invitee(Self::Requested(requested));
                        ending::end(state, context, &Input::ProblemReport(report))
                    }
                }
            }
            (state, input) => ending::end(Exchange::Invitee(state), context, &input),
        }
    }

    pub(super) fn state(&self) -> State {
        match self {
            Self::Invited { .. } => State::Invitation,
            Self::Requested(_) => State::Request,
            Self::Done { .. } => State::Done,
            Self::Abandoned(_) => State::Abandoned,
        }
    }

    pub(super) fn terms(&self) -> &Terms {
        match self {
            Self::Invited { terms }
            | Self::Requested(Requested { terms, .. })
            | Self::Done { terms, .. } => terms,
            Self::Abandoned(end) => &end.terms,
        }
    }

    pub(super) fn thread_id(&self) -> Option<&str> {
        match self {
            Self::Invited { .. } => None,
            Self::Requested(Requested { thread_id, .. }) | Self::Done { thread_id, .. } => {
                Some(thread_id)
            }
            Self::Abandoned(end) => end.thread_id.as_deref(),
        }
    }

    pub(super) fn peer(&self) -> Option<&Peer> {
        match self {
            Self::Done { peer, .. } => Some(peer),
            Self::Invited { .. } | Self::Requested(_) => None,
            Self::Abandoned(end) => end.peer.as_ref(),
        }
    }

    pub(super) fn mine(&self) -> Option<&Identity> {
        match self {
            Self::Invited { .. } => None,
            Self::Requested(Requested { mine, .. }) | Self::Done { mine, .. } => Some(mine),
            Self::Abandoned(end) => end.mine.as_ref(),
        }
    }
}

fn request(context: &Context, terms: Terms, approval: Approval) -> Result<Transition, Rejected> {
    let Some(to) = terms.target.clone() else {
        let exchange = Box::new(Exchange::Invitee(Invitee::Invited { terms }));
        let misbehaved =
            Misbehaved::OutOfOrder { message: "approval", state: "INVITATION without a service" };
        return Err(Rejected { exchange, misbehaved });
    };
    let thread_id = terms.handshake.request_thread(&terms, &context.message_id);
    let message = write_request(context, &terms, &thread_id, &approval);
    let sent = kept(terms.handshake, &message);
    let mine = approval.identity;
    let effect = send(message, &mine, &to);
    let next = Invitee::Requested(Requested { terms, thread_id, mine, sent });
    Ok(step(Exchange::Invitee(next), vec![effect]))
}

fn connected(context: &Context, requested: Requested, response: VerifiedResponse) -> Transition {
    let Requested { mut terms, thread_id, mine, .. } = requested;
    let VerifiedResponse { peer, handshake, .. } = response;
    terms.handshake = handshake;
    let confirmed = confirmation(context, handshake, terms.thread(&thread_id));
    let mut effects: Vec<_> =
        confirmed.map(|message| send(message, &mine, &peer.target)).into_iter().collect();
    effects.push(Effect::Connect { mine: mine.clone(), peer: peer.clone() });
    let next = Exchange::Invitee(Invitee::Done { terms, thread_id, peer, mine });
    Transition { passed: Some(State::Response), next, effects }
}
