//! Problem reports, in the shapes that peers write: `problem-code` and `explain` (RFC 0023, 0160),
//! `description` with `code` and texts by language (RFC 0035), and those of DIDComm v2 ([`v2`]).
//!
//! A report is read leniently, for nothing may be answered to a report: what is wrong in one is absent.

pub mod v2;

use serde_json::{Map, Value, json};

use crate::message::{Message, MessageType};

/// A problem report.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct ProblemReport {
    /// The code, such as `request_not_accepted`; absent only in a defective report.
    pub code: Option<String>,
    /// The problem in words, in English if there was a choice.
    pub explain: Option<String>,
    /// The language of `explain` where the report names it.
    pub locale: Option<String>,
    /// `message`, `thread` or `connection`.
    pub impact: Option<String>,
    /// `you`, `me`, `both` or `none`.
    pub who_retries: Option<String>,
    /// Where to turn to: a `mailto:` or another URL. Only in DIDComm v2.
    pub escalate_to: Option<String>,
}

impl ProblemReport {
    /// A report in English.
    pub fn new(code: impl Into<String>, explain: impl Into<String>) -> Self {
        Self {
            code: Some(code.into()),
            explain: Some(explain.into()),
            locale: Some("en".to_owned()),
            ..Self::default()
        }
    }

    /// Whether a message is a problem report: of any protocol, as they adopt it, and in any spelling.
    pub fn is(message_type: &MessageType) -> bool {
        matches!(message_type.name.as_str(), "problem_report" | "problem-report")
    }

    /// Reads a report; `None` when the message is none.
    pub fn from_message(message: &Message) -> Option<Self> {
        if !Self::is(&message.message_type) {
            return None;
        }
        let body = &message.body;
        if message.is_v2() {
            return Some(Self::from_v2_body(body));
        }
        let description = body.get("description").and_then(Value::as_object);
        let described = |name| description.and_then(|map| text(map, name));
        let localized = ["~l10n", "~i10n"]
            .iter()
            .find_map(|name| text(body.get(*name)?.as_object()?, "locale"));
        let (locale, words) = match description.and_then(words) {
            Some((locale, words)) => (Some(locale), Some(words)),
            None => (None, None),
        };
        Some(Self {
            code: described("code").or_else(|| text(body, "problem-code")),
            // `description` as a plain text is seen, too.
            explain: words.or_else(|| text(body, "explain")).or_else(|| text(body, "description")),
            locale: locale.or(localized),
            impact: text(body, "impact"),
            who_retries: text(body, "who_retries"),
            escalate_to: None,
        })
    }

    /// A message of DIDComm v1 that a reader of either of its shapes understands. The caller sets its thread.
    pub fn to_message(&self, id: impl Into<String>, message_type: &MessageType) -> Message {
        let mut message = Message::new(id, message_type);
        let locale = self.locale.as_deref().unwrap_or("en");
        let mut description = Map::new();
        if let Some(code) = &self.code {
            description.insert("code".to_owned(), code.clone().into());
            message = message.with("problem-code", code.clone());
        }
        if let Some(explain) = &self.explain {
            description.insert(locale.to_owned(), explain.clone().into());
            message =
                message.with("explain", explain.clone()).with("~l10n", json!({"locale": locale}));
        }
        message = message.with("description", description);
        for (field, value) in [("impact", &self.impact), ("who_retries", &self.who_retries)] {
            if let Some(value) = value {
                message = message.with(field, value.clone());
            }
        }
        message
    }

    /// Whether the code says that this is a warning, after which the protocol goes on (RFC 0035, DIDComm v2).
    pub fn is_warning(&self) -> bool {
        self.code.as_deref().is_some_and(|code| code.starts_with("w."))
    }
}

fn text(map: &Map<String, Value>, name: &str) -> Option<String> {
    map.get(name).and_then(Value::as_str).map(str::to_owned)
}

/// The language and the words of a description: English first, else the first there is.
fn words(description: &Map<String, Value>) -> Option<(String, String)> {
    let languages = || description.keys().filter(|name| *name != "code");
    languages()
        .find(|name| *name == "en" || name.starts_with("en-") || name.starts_with("en_"))
        .or_else(|| languages().next())
        .and_then(|name| Some((name.clone(), text(description, name)?)))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn read(fields: Value) -> ProblemReport {
        let mut message =
            json!({"@type": "https://didcomm.org/didexchange/1.0/problem_report", "@id": "x"});
        message.as_object_mut().unwrap().extend(fields.as_object().unwrap().clone());
        ProblemReport::from_message(&Message::from_value(message).unwrap()).unwrap()
    }

    #[test]
    fn reads_both_shapes_alike() {
        let expected = ProblemReport::new("request_not_accepted", "no");
        let old = json!({"problem-code": "request_not_accepted", "explain": "no"});
        for decorator in ["~l10n", "~i10n"] {
            let mut old = old.clone();
            old[decorator] = json!({"locale": "en"});
            assert_eq!(read(old), expected);
        }
        let new = json!({"description": {"code": "request_not_accepted", "en": "no"}});
        assert_eq!(read(new), expected);
    }

    #[test]
    fn reads_defective_reports() {
        assert_eq!(read(json!({})), ProblemReport::default());
        let odd = read(json!({"description": {"code": 5, "de": "nein"}, "impact": []}));
        assert_eq!((odd.code, odd.explain.as_deref()), (None, Some("nein")));
        let text = read(json!({"description": "broken", "problem-code": "w.x"}));
        assert_eq!(text.explain.as_deref(), Some("broken"));
        assert!(text.is_warning());
        let only_code = read(json!({"description": {"code": "c"}}));
        assert_eq!((only_code.code.as_deref(), only_code.explain), (Some("c"), None));
    }

    #[test]
    fn knows_a_report_in_every_spelling() {
        for (name, expected) in [
            ("https://didcomm.org/report-problem/1.0/problem-report", true),
            ("https://didcomm.org/notification/1.0/problem-report", true),
            ("did:sov:BzCbsNYhMrjHiqZDTUASHg;spec/connections/1.0/problem_report", true),
            ("https://didcomm.org/out-of-band/1.1/problem_report", true),
            ("https://didcomm.org/didexchange/1.1/response", false),
        ] {
            assert_eq!(ProblemReport::is(&MessageType::parse(name).unwrap()), expected, "{name}");
        }
    }

    #[test]
    fn writes_both_shapes_in_one_message() {
        let kind =
            MessageType::parse("https://didcomm.org/didexchange/1.1/problem_report").unwrap();
        let mut report = ProblemReport::new("response_not_accepted", "wrong signer");
        report.impact = Some("thread".to_owned());
        let message = report.to_message("id", &kind);
        assert_eq!(message.body["problem-code"], "response_not_accepted");
        assert_eq!(message.body["explain"], "wrong signer");
        let description = json!({"code": "response_not_accepted", "en": "wrong signer"});
        assert_eq!(message.body["description"], description);
        assert_eq!(ProblemReport::from_message(&message), Some(report));
    }
}
