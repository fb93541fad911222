//! Problem reports: which code tells what, and in whose protocol.

use entente_didcomm::message::{Message, MessageType, Version};
use entente_didcomm::problem_report::ProblemReport;

use crate::did_exchange::Thread;
use crate::usage::Unusable;
use crate::{Handshake, Misbehaved, did_exchange, reuse};

/// The request is refused; another one may succeed.
pub const REQUEST_NOT_ACCEPTED: &str = "request_not_accepted";
/// The request could not be handled; it may be sent again as it is.
pub const REQUEST_PROCESSING_ERROR: &str = "request_processing_error";
/// The response is refused.
pub const RESPONSE_NOT_ACCEPTED: &str = "response_not_accepted";
/// The response could not be handled.
pub const RESPONSE_PROCESSING_ERROR: &str = "response_processing_error";
/// No connection can be reused for the invitation.
pub const NO_EXISTING_CONNECTION: &str = "no_existing_connection";
/// The connection is not ready to be reused.
pub const CONNECTION_NOT_ACTIVE: &str = "existing_connection_not_active";
/// The version of the protocol is not supported (RFC 0003).
pub const VERSION_NOT_SUPPORTED: &str = "version-not-supported";
/// The message is malformed (ACA-Py's code).
pub const MESSAGE_PARSE_FAILURE: &str = "message-parse-failure";

/// A problem report of a handshake, in its protocol (RFC 0023, errors).
#[must_use]
pub fn handshake(
    id: &str,
    handshake: Handshake,
    thread: Thread<'_>,
    code: &str,
    explain: &str,
) -> Message {
    ProblemReport::new(code, explain)
        .to_message(id, &did_exchange::message_type(handshake, "problem_report"))
        .in_thread(thread.thid)
        .under_thread(thread.pthid)
}

/// The refusal of a reuse (RFC 0434, errors): in the reuse's thread, under the invitation's.
#[must_use]
pub fn reuse(id: &str, version: Version, thread: Thread<'_>, code: &str, explain: &str) -> Message {
    let mut report = ProblemReport::new(code, explain);
    report.impact = Some("thread".to_owned());
    report
        .to_message(id, &MessageType::new(reuse::PROTOCOL, version, "problem_report"))
        .in_thread(thread.thid)
        .under_thread(thread.pthid)
}

/// A problem report of no protocol in particular (RFC 0035), about a message.
#[must_use]
pub fn general(id: &str, about: &Message, code: &str, explain: &str) -> Message {
    ProblemReport::new(code, explain)
        .to_message(id, &MessageType::new("report-problem", Version::new(1, 0), "problem-report"))
        .in_thread(about.thread_id())
        .under_thread(about.id.as_str())
}

/// Whether a message is a problem report, of any protocol.
#[must_use]
pub fn is_report(message_type: &MessageType) -> bool {
    ProblemReport::is(message_type)
}

/// The code and the words of a report, for an event or an exchange's error.
#[must_use]
pub fn describe(message: &Message) -> String {
    let Some(report) = ProblemReport::from_message(message) else { return String::new() };
    match (report.code, report.explain) {
        (Some(code), Some(explain)) => format!("{code}: {explain}"),
        (Some(only), None) | (None, Some(only)) => only,
        (None, None) => "the peer gave no reason".to_owned(),
    }
}

/// The code that tells the sender of a `request` (or, if not, of a response) what it did wrong.
#[must_use]
pub fn handshake_code(misbehaved: &Misbehaved, request: bool) -> &'static str {
    match (misbehaved, request) {
        (Misbehaved::Version(_), _) => VERSION_NOT_SUPPORTED,
        (Misbehaved::Unresolvable { .. }, true) => REQUEST_PROCESSING_ERROR,
        (Misbehaved::Unresolvable { .. }, false) => RESPONSE_PROCESSING_ERROR,
        (_, true) => REQUEST_NOT_ACCEPTED,
        (_, false) => RESPONSE_NOT_ACCEPTED,
    }
}

/// The code that tells the sender of a reuse why it is refused.
#[must_use]
pub fn reuse_code(unusable: Unusable) -> &'static str {
    match unusable {
        Unusable::Unknown | Unusable::NoHandshake => NO_EXISTING_CONNECTION,
        Unusable::Used | Unusable::Expired | Unusable::Revoked => CONNECTION_NOT_ACTIVE,
    }
}
