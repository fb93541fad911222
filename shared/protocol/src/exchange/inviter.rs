//! The inviter: the responder of RFC 0023.

use serde::{Deserialize, Serialize};

use super::{
    Abandoned, Cause, Context, Effect, Exchange, Input, Rejected, State, Terms, Transition,
};
use super::{ending, rejected, step, wrong_thread};
use crate::did_exchange::{self, Thread};
use crate::{Identity, Peer, problem};

/// The states of the inviter.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub enum Inviter {
    /// The invitation is out (`invitation-sent`).
    Invited {
        /// What it fixed.
        terms: Terms,
    },
    /// A request came (`request-received`).
    Requested {
        /// What the invitation fixed.
        terms: Terms,
        /// The request's thread.
        thread_id: String,
        /// Who asks.
        peer: Peer,
    },
    /// Our response is on its way (`response-sent`).
    Responded {
        /// What the invitation fixed.
        terms: Terms,
        /// The request's thread.
        thread_id: String,
        /// Who asked.
        peer: Peer,
        /// What we are to it.
        mine: Identity,
    },
    /// There is a connection (`completed`).
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

impl Inviter {
    pub(super) fn handle(self, context: &Context, input: Input) -> Result<Transition, Rejected> {
        match (self, input) {
            (Self::Invited { mut terms }, Input::Request(request)) => {
                terms.handshake = request.handshake;
                let next =
                    Self::Requested { terms, thread_id: request.thread_id, peer: request.peer };
                Ok(step(Exchange::Inviter(next), Vec::new()))
            }
            (Self::Requested { terms, thread_id, peer }, Input::Approve(approval)) => {
                let approval = *approval;
                let thread = Thread { thid: &thread_id, pthid: &terms.invitation_id };
                let message =
                    did_exchange::response(&context.message_id, terms.handshake, thread, &approval);
                let from = Some(approval.identity.key);
                let send =
                    Effect::Send { message: Box::new(message), from, to: peer.target.clone() };
                let next = Self::Responded { terms, thread_id, peer, mine: approval.identity };
                Ok(step(Exchange::Inviter(next), vec![send]))
            }
            (Self::Responded { terms, thread_id, peer, mine }, Input::Complete(complete)) => {
                if complete.thread_id != thread_id {
                    let state = Self::Responded { terms, thread_id, peer, mine };
                    return Err(wrong_thread(Exchange::Inviter(state), &complete.thread_id));
                }
                Ok(connected(terms, thread_id, peer, mine))
            }
            (Self::Responded { terms, thread_id, peer, mine }, Input::PeerMessage) => {
                Ok(connected(terms, thread_id, peer, mine))
            }
            (state, input) => state.end(context, &input),
        }
    }

    fn end(self, context: &Context, input: &Input) -> Result<Transition, Rejected> {
        let refused = matches!(
            (&self, input),
            (Self::Done { .. } | Self::Abandoned(_), _)
                | (Self::Invited { .. }, Input::ProblemReport(_) | Input::NotDelivered(_))
                | (Self::Requested { .. } | Self::Responded { .. }, Input::InvitationEnded(_))
        );
        let Some((cause, detail)) = ending(input).filter(|_| !refused) else {
            return Err(rejected(Exchange::Inviter(self), input));
        };
        let effects = match (cause, self.peer(), self.thread_id()) {
            (Cause::Rejected, Some(peer), Some(thid)) => {
                let terms = self.terms();
                let thread = Thread { thid, pthid: &terms.invitation_id };
                let code = problem::REQUEST_NOT_ACCEPTED;
                let message =
                    problem::handshake(&context.message_id, terms.handshake, thread, code, &detail);
                // The key that the peer knows: before our response that is the invitation's.
                let from =
                    self.mine().map(|mine| mine.key).or(terms.invitation_keys.first().copied());
                vec![Effect::Send { message: Box::new(message), from, to: peer.target.clone() }]
            }
            _ => Vec::new(),
        };
        let end = Abandoned {
            terms: self.terms().clone(),
            thread_id: self.thread_id().map(str::to_owned),
            peer: self.peer().cloned(),
            mine: self.mine().cloned(),
            cause,
            detail,
        };
        Ok(step(Exchange::Inviter(Self::Abandoned(end)), effects))
    }

    pub(super) fn state(&self) -> State {
        match self {
            Self::Invited { .. } => State::Invitation,
            Self::Requested { .. } => State::Request,
            Self::Responded { .. } => State::Response,
            Self::Done { .. } => State::Done,
            Self::Abandoned(_) => State::Abandoned,
        }
    }

    pub(super) fn terms(&self) -> &Terms {
        match self {
            Self::Invited { terms }
            | Self::Requested { terms, .. }
            | Self::Responded { terms, .. }
            | Self::Done { terms, .. } => terms,
            Self::Abandoned(end) => &end.terms,
        }
    }

    pub(super) fn thread_id(&self) -> Option<&str> {
        match self {
            Self::Invited { .. } => None,
            Self::Requested { thread_id, .. }
            | Self::Responded { thread_id, .. }
            | Self::Done { thread_id, .. } => Some(thread_id),
            Self::Abandoned(end) => end.thread_id.as_deref(),
        }
    }

    pub(super) fn peer(&self) -> Option<&Peer> {
        match self {
            Self::Invited { .. } => None,
            Self::Requested { peer, .. }
            | Self::Responded { peer, .. }
            | Self::Done { peer, .. } => Some(peer),
            Self::Abandoned(end) => end.peer.as_ref(),
        }
    }

    pub(super) fn mine(&self) -> Option<&Identity> {
        match self {
            Self::Invited { .. } | Self::Requested { .. } => None,
            Self::Responded { mine, .. } | Self::Done { mine, .. } => Some(mine),
            Self::Abandoned(end) => end.mine.as_ref(),
        }
    }
}

fn connected(terms: Terms, thread_id: String, peer: Peer, mine: Identity) -> Transition {
    let connect = Effect::Connect { mine: mine.clone(), peer: peer.clone() };
    step(Exchange::Inviter(Inviter::Done { terms, thread_id, peer, mine }), vec![connect])
}
