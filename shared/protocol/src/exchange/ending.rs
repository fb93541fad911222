//! The end of a handshake without a connection, alike in both roles.

use super::{
    Abandoned, Cause, Context, Effect, Exchange, Input, Invitee, Inviter, Rejected, Role, State,
    Transition, rejected, step,
};
use crate::{Identity, problem};

/// Ends a handshake by an input that ends one in this state, and tells the peer where the owner ends it.
pub(super) fn end(
    exchange: Exchange,
    context: &Context,
    input: &Input,
) -> Result<Transition, Rejected> {
    let ends = match exchange.state() {
        State::Done | State::Abandoned => false,
        State::Invitation => !matches!(input, Input::ProblemReport(_) | Input::NotDelivered(_)),
        State::Request | State::Response => !matches!(input, Input::InvitationEnded(_)),
    };
    let Some((cause, detail)) = ending(input).filter(|_| ends) else {
        return Err(rejected(exchange, input));
    };
    let told = match cause {
        Cause::Rejected => refusal(&exchange, context, &detail),
        _ => None,
    };
    let abandoned = Abandoned {
        terms: exchange.terms().clone(),
        thread_id: exchange.thread_id().map(str::to_owned),
        peer: exchange.peer().cloned(),
        mine: exchange.mine().cloned(),
        cause,
        detail,
    };
    let next = match exchange.role() {
        Role::Inviter => Exchange::Inviter(Inviter::Abandoned(abandoned)),
        Role::Invitee => Exchange::Invitee(Invitee::Abandoned(abandoned)),
    };
    Ok(step(next, told.into_iter().collect()))
}

/// The inputs that end a handshake: the cause, and what it says.
fn ending(input: &Input) -> Option<(Cause, String)> {
    match input {
        Input::Reject(reason) => Some((Cause::Rejected, reason.clone())),
        Input::Abandon(reason) => Some((Cause::Cancelled, reason.clone())),
        Input::ProblemReport(report) => Some((Cause::PeerReported, report.explain.clone())),
        Input::DeadlinePassed => Some((Cause::DeadlinePassed, "no answer came in time".to_owned())),
        Input::NotDelivered(error) => Some((Cause::NotDelivered, error.clone())),
        Input::InvitationEnded(reason) => Some((Cause::InvitationEnded, reason.clone())),
        _ => None,
    }
}

/// The problem report to a peer with whom a thread has begun.
fn refusal(exchange: &Exchange, context: &Context, explain: &str) -> Option<Effect> {
    let terms = exchange.terms();
    let thread = terms.thread(exchange.thread_id()?);
    let (code, to, theirs) = match exchange.role() {
        Role::Inviter => {
            let peer = exchange.peer()?;
            (problem::REQUEST_NOT_ACCEPTED, peer.target.clone(), Some(&peer.did))
        }
        Role::Invitee => {
            (problem::RESPONSE_NOT_ACCEPTED, terms.target.clone()?, terms.invitation_did.as_ref())
        }
    };
    let mut message = problem::handshake(context, terms.handshake, thread, code, explain);
    let mine = exchange.mine().map(|mine| &mine.did).or(terms.invitation_did.as_ref());
    if let (Some(mine), Some(theirs)) = (mine, theirs) {
        message = message.between(mine, theirs);
    }
    // The key that the peer knows: before our response that is the invitation's.
    let from = exchange.mine().map(Identity::sender).or_else(|| terms.inviter());
    Some(Effect::Send { message: Box::new(message), from, to })
}
