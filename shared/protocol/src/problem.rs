//! Problem reports: which code tells what, and in whose protocol.

use entente_didcomm::message::{Message, MessageType, Version};
use entente_didcomm::problem_report::{ProblemReport, v2};

use crate::exchange::Context;
use crate::handshake::{Envelope, Thread};
use crate::usage::Unusable;
use crate::{Handshake, Misbehaved, reuse};

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

/// The protocol of reports of no other protocol.
const PROTOCOL: &str = "report-problem";

/// What a peer reports.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Report {
    /// The code, if it gives one.
    pub code: Option<String>,
    /// The code and the words, for people.
    pub explain: String,
    /// Whether it only warns: then what it is about goes on.
    pub warning: bool,
}

impl Report {
    /// Reads a report of any protocol and shape; an empty one if the message is none.
    #[must_use]
    pub fn of(message: &Message) -> Self {
        let report = ProblemReport::from_message(message).unwrap_or_default();
        let warning = report.is_warning();
        let ProblemReport { code, explain: words, .. } = report;
        let explain = match (&code, words) {
            (Some(code), Some(words)) => format!("{code}: {words}"),
            (Some(code), None) => code.clone(),
            (None, Some(words)) => words,
            (None, None) => "the peer gave no reason".to_owned(),
        };
        Self { code, explain, warning }
    }
}

/// A problem report of a handshake: in its protocol (RFC 0023 and RFC 0160, errors), or, over DIDComm v2, a
/// report-problem/2.0.
#[must_use]
pub fn handshake(
    context: &Context,
    handshake: Handshake,
    thread: Thread<'_>,
    code: &str,
    explain: &str,
) -> Message {
    let id = context.message_id.as_str();
    match handshake.envelope() {
        Envelope::V1 => {
            let report = ProblemReport::new(code, explain)
                .to_message(id, &handshake.message_type("problem_report"))
                .in_thread(thread.thid);
            // A request of connections/1.0 need not name its invitation.
            if thread.pthid.is_empty() { report } else { report.under_thread(thread.pthid) }
        }
        Envelope::V2 => report_v2(id, thread.thid, code, explain),
    }
}

/// A report-problem/2.0 about a thread, with the code that stands for ours.
fn report_v2(id: &str, about: &str, code: &str, explain: &str) -> Message {
    let code = match code {
        REQUEST_NOT_ACCEPTED | RESPONSE_NOT_ACCEPTED => "e.p.req.not-accepted",
        REQUEST_PROCESSING_ERROR | RESPONSE_PROCESSING_ERROR => "e.p.me",
        VERSION_NOT_SUPPORTED => "e.p.msg.unsupported",
        MESSAGE_PARSE_FAILURE => "e.p.msg",
        code => code,
    };
    ProblemReport::new(code, explain).to_v2_message(id, about)
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

/// A problem report of no protocol in particular (RFC 0035; DIDComm v2), about a message.
#[must_use]
pub fn general(id: &str, about: &Message, code: &str, explain: &str) -> Message {
    if about.is_v2() {
        return report_v2(id, about.thread_id(), code, explain);
    }
    ProblemReport::new(code, explain)
        .to_message(id, &MessageType::new(PROTOCOL, Version::new(1, 0), "problem-report"))
        .in_thread(about.thread_id())
        .under_thread(about.id.as_str())
}

/// Tells the peer that it made too many errors in the thread of a message of DIDComm v2, and that nothing in it is
/// answered any more ("Problem Reports").
#[must_use]
pub fn max_errors_exceeded(id: &str, about: &Message) -> Message {
    ProblemReport::new(v2::MAX_ERRORS_EXCEEDED, "too many errors in this thread")
        .to_v2_message(id, about.thread_id())
}

/// Whether a message is a problem report, of any protocol.
#[must_use]
pub fn is_report(message_type: &MessageType) -> bool {
    ProblemReport::is(message_type)
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

/// Whether a code says that the same message may come again (RFC 0160, errors).
#[must_use]
pub fn asks_again(code: &str) -> bool {
    matches!(code, REQUEST_PROCESSING_ERROR | RESPONSE_PROCESSING_ERROR)
}

/// The code that tells the sender of a reuse why it is refused.
#[must_use]
pub fn reuse_code(unusable: Unusable) -> &'static str {
    match unusable {
        Unusable::Unknown | Unusable::NoHandshake => NO_EXISTING_CONNECTION,
        Unusable::Used | Unusable::Expired | Unusable::Revoked => CONNECTION_NOT_ACTIVE,
    }
}
