//! The invitee: the requester of RFC 0023.

use serde::{Deserialize, Serialize};

use super::{
    Abandoned, Approval, Cause, Context, Effect, Exchange, Input, Rejected, State, Terms,
    Transition,
};
use super::{ending, rejected, step, wrong_thread};
use crate::did_exchange::{self, Thread, VerifiedResponse};
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
    Requested {
        /// What the invitation fixed.
        terms: Terms,
        /// The request's thread.
        thread_id: String,
        /// What we are to the peer.
        mine: Identity,
    },
    /// There is a connection (`completed`): the receipt of the response sends the complete.
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

impl Invitee {
    pub(super) fn handle(self, context: &Context, input: Input) -> Result<Transition, Rejected> {
        match (self, input) {
            (Self::Invited { terms }, Input::Approve(approval)) => {
                let approval = *approval;
                request(context, terms, approval)
            }
            (Self::Requested { terms, thread_id, mine }, Input::Response(response)) => {
                if response.thread_id != thread_id {
                    let state = Self::Requested { terms, thread_id, mine };
                    return Err(wrong_thread(Exchange::Invitee(state), &response.thread_id));
                }
                Ok(complete(context, terms, thread_id, mine, response))
            }
            (state, input) => state.end(context, &input),
        }
    }

    fn end(self, context: &Context, input: &Input) -> Result<Transition, Rejected> {
        let refused = matches!(
            (&self, input),
            (Self::Done { .. } | Self::Abandoned(_), _)
                | (Self::Invited { .. }, Input::ProblemReport(_) | Input::NotDelivered(_))
                | (Self::Requested { .. }, Input::InvitationEnded(_))
        );
        let Some((cause, detail)) = ending(input).filter(|_| !refused) else {
            return Err(rejected(Exchange::Invitee(self), input));
        };
        let effects = match (cause, &self) {
            (Cause::Rejected, Self::Requested { terms, thread_id, mine }) => {
                let thread = Thread { thid: thread_id, pthid: &terms.invitation_id };
                let code = problem::RESPONSE_NOT_ACCEPTED;
                let message =
                    problem::handshake(&context.message_id, terms.handshake, thread, code, &detail);
                let send =
                    |to| Effect::Send { message: Box::new(message), from: Some(mine.key), to };
                terms.target.clone().map(send).into_iter().collect()
            }
            _ => Vec::new(),
        };
        let end = Abandoned {
            terms: self.terms().clone(),
            thread_id: self.thread_id().map(str::to_owned),
            peer: None,
            mine: self.mine().cloned(),
            cause,
            detail,
        };
        Ok(step(Exchange::Invitee(Self::Abandoned(end)), effects))
    }

    pub(super) fn state(&self) -> State {
        match self {
            Self::Invited { .. } => State::Invitation,
            Self::Requested { .. } => State::Request,
            Self::Done { .. } => State::Done,
            Self::Abandoned(_) => State::Abandoned,
        }
    }

    pub(super) fn terms(&self) -> &Terms {
        match self {
            Self::Invited { terms } | Self::Requested { terms, .. } | Self::Done { terms, .. } => {
                terms
            }
            Self::Abandoned(end) => &end.terms,
        }
    }

    pub(super) fn thread_id(&self) -> Option<&str> {
        match self {
            Self::Invited { .. } => None,
            Self::Requested { thread_id, .. } | Self::Done { thread_id, .. } => Some(thread_id),
            Self::Abandoned(end) => end.thread_id.as_deref(),
        }
    }

    pub(super) fn peer(&self) -> Option<&Peer> {
        match self {
            Self::Done { peer, .. } => Some(peer),
            Self::Invited { .. } | Self::Requested { .. } => None,
            Self::Abandoned(end) => end.peer.as_ref(),
        }
    }

    pub(super) fn mine(&self) -> Option<&Identity> {
        match self {
            Self::Invited { .. } => None,
            Self::Requested { mine, .. } | Self::Done { mine, .. } => Some(mine),
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
    let thread_id = context.message_id.clone();
    let message = did_exchange::request(&thread_id, &terms, &approval);
    let send = Effect::Send { message: Box::new(message), from: Some(approval.identity.key), to };
    let next = Invitee::Requested { terms, thread_id, mine: approval.identity };
    Ok(step(Exchange::Invitee(next), vec![send]))
}

fn complete(
    context: &Context,
    mut terms: Terms,
    thread_id: String,
    mine: Identity,
    response: VerifiedResponse,
) -> Transition {
    let VerifiedResponse { peer, handshake, .. } = response;
    terms.handshake = handshake;
    let thread = Thread { thid: &thread_id, pthid: &terms.invitation_id };
    let message = did_exchange::complete(&context.message_id, handshake, thread);
    let send =
        Effect::Send { message: Box::new(message), from: Some(mine.key), to: peer.target.clone() };
    let connect = Effect::Connect { mine: mine.clone(), peer: peer.clone() };
    let next = Exchange::Invitee(Invitee::Done { terms, thread_id, peer, mine });
    Transition { passed: Some(State::Response), next, effects: vec![send, connect] }
}
