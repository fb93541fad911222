//! The inviter: the responder of RFC 0023.

use serde::{Deserialize, Serialize};
use serde_json::Value;

use super::{
    Abandoned, Approval, Context, Effect, Exchange, Input, Rejected, State, Terms, Transition,
    again, ending, kept, send, step, wrong_thread,
};
use crate::handshake::write_response;
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
    Responded(Responded),
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
        /// Whether its complete may still come: another message that it could send only after our response was faster.
        #[serde(default, skip_serializing_if = "std::ops::Not::not")]
        unconfirmed: bool,
    },
    /// There will be none (`abandoned`).
    Abandoned(Abandoned),
}

/// A response that waits for its confirmation.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Responded {
    /// What the invitation fixed.
    pub terms: Terms,
    /// The request's thread.
    pub thread_id: String,
    /// Who asked.
    pub peer: Peer,
    /// What we are to it.
    pub mine: Identity,
    /// The response, where the peer may ask for it again.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub sent: Option<Value>,
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
                Ok(respond(context, terms, thread_id, peer, *approval))
            }
            (Self::Responded(responded), Input::Complete(complete)) => {
                if complete.thread_id != responded.thread_id {
                    let state = Exchange::Inviter(Self::Responded(responded));
                    return Err(wrong_thread(state, &complete.thread_id));
                }
                match responded.peer.clone().confirmed_by(&complete.sender) {
                    Ok(peer) => Ok(connected(Responded { peer, ..responded }, false)),
                    Err(misbehaved) => {
                        let exchange = Box::new(Exchange::Inviter(Self::Responded(responded)));
                        Err(Rejected { exchange, misbehaved })
                    }
                }
            }
            (
                Self::Done { terms, thread_id, peer, mine, unconfirmed: true },
                Input::Complete(complete),
            ) if complete.thread_id == thread_id
                && peer.clone().confirmed_by(&complete.sender).is_ok() =>
            {
                let next = Self::Done { terms, thread_id, peer, mine, unconfirmed: false };
                Ok(step(Exchange::Inviter(next), Vec::new()))
            }
            (Self::Responded(responded), Input::PeerMessage) if !responded.peer.unproven => {
                let unconfirmed = !responded.terms.handshake.completes_on_delivery();
                Ok(connected(responded, unconfirmed))
            }
            (Self::Responded(responded), Input::Delivered)
                if responded.terms.handshake.completes_on_delivery()
                    && !responded.peer.unproven =>
            {
                Ok(connected(responded, false))
            }
            (Self::Responded(mut responded), Input::ProblemReport(report)) => {
                match again(&mut responded.sent, &report, problem::RESPONSE_PROCESSING_ERROR) {
                    Some(message) => {
                        let effect = send(message, &responded.mine, &responded.peer.target);
                        Ok(step(Exchange::Inviter(Self::Responded(responded)), vec![effect]))
                    }
                    None => {
                        let state = Exchange::Inviter(Self::Responded(responded));
                        ending::end(state, context, &Input::ProblemReport(report))
                    }
                }
            }
            (state, input) => ending::end(Exchange::Inviter(state), context, &input),
        }
    }

    pub(super) fn state(&self) -> State {
        match self {
            Self::Invited { .. } => State::Invitation,
            Self::Requested { .. } => State::Request,
            Self::Responded(_) => State::Response,
            Self::Done { .. } => State::Done,
            Self::Abandoned(_) => State::Abandoned,
        }
    }

    pub(super) fn terms(&self) -> &Terms {
        match self {
            Self::Invited { terms }
            | Self::Requested { terms, .. }
            | Self::Responded(Responded { terms, .. })
            | Self::Done { terms, .. } => terms,
            Self::Abandoned(end) => &end.terms,
        }
    }

    pub(super) fn thread_id(&self) -> Option<&str> {
        match self {
            Self::Invited { .. } => None,
            Self::Requested { thread_id, .. }
            | Self::Responded(Responded { thread_id, .. })
            | Self::Done { thread_id, .. } => Some(thread_id),
            Self::Abandoned(end) => end.thread_id.as_deref(),
        }
    }

    pub(super) fn peer(&self) -> Option<&Peer> {
        match self {
            Self::Invited { .. } => None,
            Self::Requested { peer, .. }
            | Self::Responded(Responded { peer, .. })
            | Self::Done { peer, .. } => Some(peer),
            Self::Abandoned(end) => end.peer.as_ref(),
        }
    }

    pub(super) fn mine(&self) -> Option<&Identity> {
        match self {
            Self::Invited { .. } | Self::Requested { .. } => None,
            Self::Responded(Responded { mine, .. }) | Self::Done { mine, .. } => Some(mine),
            Self::Abandoned(end) => end.mine.as_ref(),
        }
    }
}

fn respond(
    context: &Context,
    terms: Terms,
    thread_id: String,
    peer: Peer,
    approval: Approval,
) -> Transition {
    let thread = terms.thread(&thread_id);
    let message = write_response(context, terms.handshake, thread, &approval, &peer.did);
    let sent = kept(terms.handshake, &message);
    let mine = approval.identity;
    let effect = send(message, &mine, &peer.target);
    let next = Inviter::Responded(Responded { terms, thread_id, peer, mine, sent });
    step(Exchange::Inviter(next), vec![effect])
}

fn connected(responded: Responded, unconfirmed: bool) -> Transition {
    let Responded { terms, thread_id, peer, mine, .. } = responded;
    let connect = Effect::Connect { mine: mine.clone(), peer: peer.clone() };
    let next = Inviter::Done { terms, thread_id, peer, mine, unconfirmed };
    step(Exchange::Inviter(next), vec![connect])
}
