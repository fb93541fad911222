//! Problem reports of DIDComm v2 ("Problem Reports"): `code`, `comment` with `args`, `escalate_to`.

use serde_json::{Map, Value};

use super::{ProblemReport, text};
use crate::message::{Message, MessageType, Version};

/// The code by which the peer is told that it made too many errors in a thread, and that nothing in it is
/// answered any more.
pub const MAX_ERRORS_EXCEEDED: &str = "e.p.req.max-errors-exceeded";

/// The longest comment that is put together, in bytes.
const MAX_COMMENT_BYTES: usize = 4096;

/// A problem code taken apart, such as `e.p.trust.crypto`.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Code<'a> {
    /// `w`: a warning, and the sender goes on. Else `e`: it has failed.
    pub warning: bool,
    /// What is undone by it.
    pub scope: Scope<'a>,
    /// What went wrong, from the general to the special: `trust`, `crypto`.
    pub descriptors: Vec<&'a str>,
}

/// What a problem undoes.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Scope<'a> {
    /// `p`: the protocol, all that was done in the thread.
    Protocol,
    /// `m`: the message, which has no effect.
    Message,
    /// What was done since this state of the protocol.
    State(&'a str),
}

impl<'a> Code<'a> {
    /// Takes a code apart; `None` for what is none, such as a code of DIDComm v1.
    pub fn parse(code: &'a str) -> Option<Self> {
        let mut tokens = code.split('.');
        let warning = match tokens.next()? {
            "e" => false,
            "w" => true,
            _ => return None,
        };
        let scope = match tokens.next()? {
            "p" => Scope::Protocol,
            "m" => Scope::Message,
            "" => return None,
            state => Scope::State(state),
        };
        let descriptors: Vec<_> = tokens.collect();
        let complete = !descriptors.is_empty() && descriptors.iter().all(|token| !token.is_empty());
        complete.then_some(Self { warning, scope, descriptors })
    }
}

/// The type of a report that belongs to no protocol in particular, which is every report of DIDComm v2.
pub fn message_type() -> MessageType {
    MessageType::new("report-problem", Version::new(2, 0), "problem-report")
}

impl ProblemReport {
    /// The report as a message of DIDComm v2, under the thread that it is about. Who knows which message
    /// set it off adds that by [`Message::acknowledging`].
    pub fn to_v2_message(&self, id: impl Into<String>, about_thread: impl Into<String>) -> Message {
        let mut message = Message::new_v2(id, &message_type()).under_thread(about_thread);
        if let Some(code) = &self.code {
            message = message.with("code", code.clone());
        }
        message = match &self.explain {
            None => message,
            // A brace of ours is no place for an argument.
            Some(words) if words.contains('{') => {
                message.with("comment", "{1}").with("args", vec![words.clone()])
            }
            Some(words) => message.with("comment", words.clone()),
        };
        match &self.escalate_to {
            Some(address) => message.with("escalate_to", address.clone()),
            None => message,
        }
    }

    pub(super) fn from_v2_body(body: &Map<String, Value>) -> Self {
        let args: Vec<_> = match body.get("args") {
            Some(Value::Array(args)) => args.iter().map(argument).collect(),
            Some(Value::Null) | None => Vec::new(),
            Some(one) => vec![argument(one)],
        };
        let comment = text(body, "comment").unwrap_or_default();
        Self {
            code: text(body, "code"),
            explain: Some(interpolate(&comment, &args)).filter(|words| !words.is_empty()),
            escalate_to: text(body, "escalate_to"),
            ..Self::default()
        }
    }
}

fn argument(value: &Value) -> String {
    value.as_str().map_or_else(|| value.to_string(), str::to_owned)
}

/// Puts arguments where a comment has `{1}`, `{2}`, …. One that is missing shows as `?`; those that have
/// no place come after the comment. What is too long is cut.
pub fn interpolate(comment: &str, args: &[String]) -> String {
    let mut words = String::new();
    let mut used = vec![false; args.len()];
    let mut rest = comment;
    while let Some((before, number, after)) = place(rest) {
        words.push_str(before);
        let at = number.checked_sub(1);
        match at.and_then(|at| Some((args.get(at)?, used.get_mut(at)?))) {
            Some((argument, used)) => {
                words.push_str(argument);
                *used = true;
            }
            None => words.push('?'),
        }
        rest = after;
        if words.len() > MAX_COMMENT_BYTES {
            break;
        }
    }
    words.push_str(rest);
    for (argument, _) in args.iter().zip(used).filter(|(_, used)| !used) {
        if !words.is_empty() {
            words.push(' ');
        }
        words.push_str(argument);
        if words.len() > MAX_COMMENT_BYTES {
            break;
        }
    }
    words.truncate(words.floor_char_boundary(MAX_COMMENT_BYTES));
    words
}

/// The first `{n}` of a text, and what stands around it.
fn place(text: &str) -> Option<(&str, usize, &str)> {
    for (open, _) in text.match_indices('{') {
        let (before, inner) = text.split_at_checked(open)?;
        let inner = inner.strip_prefix('{')?;
        let digits = inner.bytes().take_while(u8::is_ascii_digit).take(4).count();
        let (digits, after) = inner.split_at_checked(digits)?;
        if let (Ok(number), Some(after)) = (digits.parse(), after.strip_prefix('}')) {
            return Some((before, number, after));
        }
    }
    None
}

#[cfg(test)]
mod tests;
