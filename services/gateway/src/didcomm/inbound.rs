use std::time::Duration;

use axum::body::Bytes;
use entente_rpc::caller::for_tenant;
use entente_rpc::proto::connection::v1::{CollectRequest, Disposition};
use entente_rpc::{Code, ErrorReason, Failure, Status};
use entente_unpack::{FORWARD_RULES, Sealed, to_receive};

use crate::gateway::Shared;

/// What became of an inbound message.
#[derive(Debug, PartialEq)]
pub(super) enum Outcome {
    /// Its effect, if it has one, is committed.
    Taken(Taken),
    /// It is not an envelope, and why.
    Unreadable(String),
    /// It had no effect, whatever was wrong with it: a stranger must not learn which keys are ours. In DIDComm v1 it is answered
    /// like one that was handled; agents of v2 take any 2xx as consent.
    Quiet {
        /// Whether it was of DIDComm v2.
        v2: bool,
    },
    /// Its sender sends more than it may; nothing was changed, and another try may succeed, not before this.
    TooMany(Duration),
    /// Nothing was changed; another try may succeed, not before this.
    TryAgain(Duration),
    /// A defect of ours; the log has it.
    Broken,
}

/// What goes back on the way that a message came.
#[derive(Debug, Default, PartialEq)]
pub(super) struct Taken {
    /// The packed replies that were asked for.
    pub replies: Vec<Bytes>,
    /// Whose further messages were asked for too.
    pub open: Option<Open>,
}

/// A peer that takes all messages of a connection on a transport that it left open.
#[derive(Debug, Clone, PartialEq)]
pub(super) struct Open {
    tenant: String,
    connection_id: String,
    sender_key: String,
}

/// The next message for such a peer, and the name to report it by as delivered. None in that time, or when it could
/// not be had.
pub(super) async fn collect(
    shared: &Shared,
    open: &Open,
    delivered: String,
    wait: Duration,
) -> Option<(String, Bytes)> {
    let request = CollectRequest {
        tenant: open.tenant.clone(),
        connection_id: open.connection_id.clone(),
        sender_key: open.sender_key.clone(),
        delivered,
        wait: prost_types::Duration::try_from(wait).ok(),
    };
    if !matches!(shared.config.callers.tenants().is_active(&open.tenant).await, Ok(true)) {
        tokio::time::sleep(wait).await;
        return None;
    }
    let request = for_tenant(&open.tenant, request).ok()?;
    let answer = match shared.clients.inbound.clone().collect(request).await {
        Ok(answer) => answer.into_inner(),
        Err(status) => {
            tracing::info!(error = %status.message(), "messages for an open socket could not be had");
            tokio::time::sleep(wait).await;
            return None;
        }
    };
    (!answer.id.is_empty()).then_some((answer.id, answer.envelope))
}

/// Opens a message and hands it to the connection service.
pub(super) async fn receive(shared: &Shared, sealed: Sealed, max_replies: u16) -> Outcome {
    let limit = shared.config.didcomm.handle_timeout;
    let (outcome, result) =
        match tokio::time::timeout(limit, handle(shared, sealed, max_replies)).await {
            Ok(handled) => handled,
            Err(_) => (Outcome::TryAgain(Duration::from_secs(5)), "timeout"),
        };
    shared.metrics.inbound(result);
    outcome
}

/// Parses a message, and counts one that cannot be.
pub(super) fn peek(shared: &Shared, envelope: Bytes) -> Result<Sealed, Outcome> {
    Sealed::peek(envelope).map_err(|status| {
        shared.metrics.inbound("malformed_envelope");
        Outcome::Unreadable(status.message().to_owned())
    })
}

async fn handle(shared: &Shared, sealed: Sealed, max_replies: u16) -> (Outcome, &'static str) {
    let quiet = Outcome::Quiet { v2: sealed.is_v2() };
    let opened = match shared.clients.unpacker.unpack(sealed).await {
        Ok(opened) => opened,
        Err(status) => return failed(&status, "keystore", quiet),
    };
    // To its peers it is as if a tenant that rests was not there.
    if !opened.tenant.is_empty() {
        match shared.config.callers.tenants().is_active(&opened.tenant).await {
            Ok(true) => {}
            Ok(false) => return (quiet, "suspended"),
            Err(failure) => return failed(&failure.into(), "access", quiet),
        }
    }
    if let Err(wait) = shared.flood.peer(&opened.tenant, &opened.sender_key) {
        return (Outcome::TooMany(wait), "rate_limited");
    }
    let (tenant, sender_key) = (opened.tenant.clone(), opened.sender_key.clone());
    let request = match for_tenant(&tenant, to_receive(opened, max_replies)) {
        Ok(request) => request,
        Err(status) => return failed(&status, "tenant", quiet),
    };
    match shared.clients.inbound.clone().receive(request).await {
        Ok(answer) => {
            let answer = answer.into_inner();
            let (refused, result) = match answer.disposition() {
                Disposition::Handled => (false, "handled"),
                Disposition::Duplicate => (false, "duplicate"),
                Disposition::Refused => (true, "refused"),
                Disposition::Surfaced => (false, "surfaced"),
                Disposition::Unspecified => (false, "unspecified"),
            };
            // A reply that was asked for says more than a status.
            let outcome = match answer.replies.is_empty() && refused {
                true => quiet,
                false => {
                    let connection_id = answer.connection_id;
                    let open = answer.open && !sender_key.is_empty();
                    let open = open.then_some(Open { tenant, connection_id, sender_key });
                    Outcome::Taken(Taken { replies: answer.replies, open })
                }
            };
            (outcome, result)
        }
        Err(status) => failed(&status, "connection", quiet),
    }
}

fn failed(status: &Status, service: &'static str, quiet: Outcome) -> (Outcome, &'static str) {
    let failure = Failure::of(status);
    match failure.reason {
        ErrorReason::Undecryptable | ErrorReason::KeyNotFound => return (quiet, "undecryptable"),
        ErrorReason::MalformedMessage => return (quiet, rule_of(&failure)),
        // What is wrong inside of an envelope is seen by who can open it.
        ErrorReason::MalformedEnvelope => return (quiet, "malformed_envelope"),
        _ => {}
    }
    match status.code() {
        Code::Unavailable
        | Code::Aborted
        | Code::ResourceExhausted
        | Code::DeadlineExceeded
        | Code::Cancelled => {
            tracing::warn!(service, error = %failure, "an inbound message must be sent again");
            (
                Outcome::TryAgain(failure.retry_after.unwrap_or(Duration::from_secs(2))),
                "unavailable",
            )
        }
        code => {
            tracing::error!(service, ?code, error = %failure, "an inbound message failed");
            (Outcome::Broken, "failed")
        }
    }
}

/// The rule that a forward broke, or that of any other message.
fn rule_of(failure: &Failure) -> &'static str {
    let broken = |rule: &&str| failure.metadata.iter().any(|(_, broken)| broken == rule);
    FORWARD_RULES.into_iter().find(broken).unwrap_or("malformed_message")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn strangers_do_not_learn_which_keys_are_ours() {
        for reason in [
            ErrorReason::Undecryptable,
            ErrorReason::KeyNotFound,
            ErrorReason::MalformedMessage,
            ErrorReason::MalformedEnvelope,
        ] {
            for v2 in [false, true] {
                let quiet = Outcome::Quiet { v2 };
                let (answer, _) = failed(&Failure::new(reason, "x").into(), "test", quiet);
                assert_eq!(answer, Outcome::Quiet { v2 }, "{reason:?}");
            }
        }
    }

    #[test]
    fn what_may_pass_is_tried_again() {
        for reason in
            [ErrorReason::StoreUnavailable, ErrorReason::Conflict, ErrorReason::EndpointUnavailable]
        {
            let (outcome, _) =
                failed(&Failure::new(reason, "x").into(), "test", Outcome::Quiet { v2: true });
            assert_eq!(outcome, Outcome::TryAgain(Duration::from_secs(2)), "{reason:?}");
        }
        let delay = Duration::from_secs(7);
        let failure = Failure::new(ErrorReason::Conflict, "x").retry_after(delay);
        assert_eq!(
            failed(&failure.into(), "test", Outcome::Quiet { v2: false }).0,
            Outcome::TryAgain(delay)
        );
        assert_eq!(
            failed(
                &Failure::new(ErrorReason::Internal, "x").into(),
                "test",
                Outcome::Quiet { v2: false }
            )
            .0,
            Outcome::Broken
        );
    }
}
