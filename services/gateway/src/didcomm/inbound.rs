use std::time::Duration;

use axum::body::Bytes;
use entente_didcomm::envelope::Envelope;
use entente_rpc::caller::for_tenant;
use entente_rpc::proto::connection::v1::{Disposition, ReceiveRequest};
use entente_rpc::proto::keystore::v1::{UnpackRequest, UnpackResponse};
use entente_rpc::{Code, DEFAULT_TENANT, ErrorReason, Failure, Status};

use crate::gateway::Shared;

/// What became of an inbound message.
#[derive(Debug, PartialEq)]
pub(super) enum Outcome {
    /// Its effect, if it has one, is committed. The packed replies that were asked for.
    Taken(Vec<Bytes>),
    /// It is not an envelope, and why.
    Unreadable(String),
    /// Nothing was changed; another try may succeed, not before this.
    TryAgain(Duration),
    /// A defect of ours; the log has it.
    Broken,
}

/// Opens a message and hands it to the connection service.
pub(super) async fn receive(shared: &Shared, envelope: Bytes, max_replies: u16) -> Outcome {
    let limit = shared.config.didcomm.handle_timeout;
    let (outcome, result) =
        match tokio::time::timeout(limit, handle(shared, envelope, max_replies)).await {
            Ok(handled) => handled,
            Err(_) => (Outcome::TryAgain(Duration::from_secs(5)), "timeout"),
        };
    shared.metrics.inbound(result);
    outcome
}

async fn handle(shared: &Shared, envelope: Bytes, max_replies: u16) -> (Outcome, &'static str) {
    if let Err(error) = Envelope::peek(&envelope) {
        return (Outcome::Unreadable(error.to_string()), "malformed_envelope");
    }
    let opened = match unpack(shared, envelope).await {
        Ok(opened) => opened,
        Err(status) => return refused(&status, "keystore"),
    };
    let request = ReceiveRequest {
        tenant: opened.tenant.clone(),
        plaintext: opened.plaintext,
        recipient_key: opened.recipient_key,
        sender_key: opened.sender_key,
        max_replies: i32::from(max_replies),
        ..Default::default()
    };
    let request = match for_tenant(&opened.tenant, request) {
        Ok(request) => request,
        Err(status) => return refused(&status, "tenant"),
    };
    match shared.clients.inbound.clone().receive(request).await {
        Ok(answer) => {
            let answer = answer.into_inner();
            let result = match answer.disposition() {
                Disposition::Handled => "handled",
                Disposition::Duplicate => "duplicate",
                Disposition::Refused => "refused",
                Disposition::Surfaced => "surfaced",
                Disposition::Unspecified => "unspecified",
            };
            (Outcome::Taken(answer.replies), result)
        }
        Err(status) => refused(&status, "connection"),
    }
}

async fn unpack(shared: &Shared, envelope: Bytes) -> Result<UnpackResponse, Status> {
    let request = for_tenant(DEFAULT_TENANT, UnpackRequest { envelope, ..Default::default() })?;
    Ok(shared.clients.keystore.clone().unpack(request).await?.into_inner())
}

/// A message for nobody here, or with nonsense inside, is answered as one that was handled: the answer must not tell
/// a stranger which keys are ours.
fn refused(status: &Status, service: &'static str) -> (Outcome, &'static str) {
    let failure = Failure::of(status);
    match failure.reason {
        ErrorReason::Undecryptable | ErrorReason::KeyNotFound => {
            return (Outcome::Taken(Vec::new()), "undecryptable");
        }
        ErrorReason::MalformedMessage => return (Outcome::Taken(Vec::new()), "malformed_message"),
        ErrorReason::MalformedEnvelope => {
            return (Outcome::Unreadable(failure.message), "malformed_envelope");
        }
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
        _ => {
            tracing::error!(service, code = ?status.code(), error = %failure, "an inbound message failed");
            (Outcome::Broken, "failed")
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn strangers_do_not_learn_which_keys_are_ours() {
        let quiet = Outcome::Taken(Vec::new());
        for reason in
            [ErrorReason::Undecryptable, ErrorReason::KeyNotFound, ErrorReason::MalformedMessage]
        {
            assert_eq!(refused(&Failure::new(reason, "x").into(), "test").0, quiet, "{reason:?}");
        }
    }

    #[test]
    fn what_may_pass_is_tried_again() {
        for reason in
            [ErrorReason::StoreUnavailable, ErrorReason::Conflict, ErrorReason::EndpointUnavailable]
        {
            let (outcome, _) = refused(&Failure::new(reason, "x").into(), "test");
            assert_eq!(outcome, Outcome::TryAgain(Duration::from_secs(2)), "{reason:?}");
        }
        let delay = Duration::from_secs(7);
        let failure = Failure::new(ErrorReason::Conflict, "x").retry_after(delay);
        assert_eq!(refused(&failure.into(), "test").0, Outcome::TryAgain(delay));
        assert_eq!(
            refused(&Failure::new(ErrorReason::Internal, "x").into(), "test").0,
            Outcome::Broken
        );
    }
}
