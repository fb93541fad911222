//! Why a text is no invitation that can be read.

use entente_didcomm::message::MessageError;
use entente_didcomm::out_of_band::{InputError, InvitationError, ServiceError};
use entente_rpc::{ErrorReason, Failure};

/// A refusal of the text, with the reason of its kind.
pub(super) fn unreadable(error: &InputError) -> Failure {
    refused(reason(error), &error.to_string())
}

/// A refusal of the text, for a reason that has no kind of its own.
pub(super) fn invalid(text: &str) -> Failure {
    refused(ErrorReason::InvalidInvitation, text)
}

/// A refusal of the text, which is the field `invitation` of every call that takes one.
pub(super) fn refused(reason: ErrorReason, text: &str) -> Failure {
    let mut failure = Failure::new(reason, text);
    failure.violations.push(("invitation".to_owned(), text.to_owned()));
    failure
}

fn reason(error: &InputError) -> ErrorReason {
    match error {
        InputError::Encoding { .. } => ErrorReason::InvitationNotBase64,
        InputError::TooLarge { .. } => ErrorReason::InvitationTooLarge,
        InputError::Invitation(error) => of_invitation(error),
        _ => ErrorReason::InvalidInvitation,
    }
}

fn of_invitation(error: &InvitationError) -> ErrorReason {
    use InvitationError as E;
    match error {
        E::Message(MessageError::Json { .. }) => ErrorReason::InvitationNotJson,
        E::Message(MessageError::TooLarge { .. }) => ErrorReason::InvitationTooLarge,
        E::Message(MessageError::NoType | MessageError::TwoTypes)
        | E::NotAnInvitation { .. }
        | E::Version { .. } => ErrorReason::InvitationWrongType,
        E::NoInviter => ErrorReason::InvitationWithoutKeys,
        E::Service(error) => of_service(error),
        // What is wrong with the service that its inviter prefers.
        E::NoUsableService { problems } => problems
            .first()
            .map_or(ErrorReason::InvalidInvitation, |first| of_service(&first.error)),
        _ => ErrorReason::InvalidInvitation,
    }
}

fn of_service(error: &ServiceError) -> ErrorReason {
    use ServiceError as E;
    match error {
        E::KeyCount { .. }
        | E::Key { .. }
        | E::KeyType { .. }
        | E::Member { member: "recipientKeys" | "routingKeys", .. } => {
            ErrorReason::InvitationWithoutKeys
        }
        E::Endpoint { .. } | E::Member { member: "serviceEndpoint", .. } => {
            ErrorReason::InvitationWithoutEndpoint
        }
        _ => ErrorReason::InvalidInvitation,
    }
}
