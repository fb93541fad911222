//! discover-features 1.0 (RFC 0031) and 2.0 (RFC 0557; DIDComm v2).

use entente_didcomm::message::{Message, MessageType, Version};
use serde_json::{Value, json};

use crate::handshake::Envelope;

/// The protocol's name.
pub const PROTOCOL: &str = "discover-features";

/// The protocols that this agent speaks over DIDComm v1, with its roles.
const PROTOCOLS: [(&str, &[&str]); 11] = [
    ("https://didcomm.org/basicmessage/1.0", &["sender", "receiver"]),
    ("https://didcomm.org/connections/1.0", &["inviter", "invitee"]),
    ("https://didcomm.org/didexchange/1.0", &["requester", "responder"]),
    ("https://didcomm.org/didexchange/1.1", &["requester", "responder"]),
    ("https://didcomm.org/discover-features/1.0", &["requester", "responder"]),
    ("https://didcomm.org/discover-features/2.0", &["requester", "responder"]),
    ("https://didcomm.org/notification/1.0", &["notifier", "notified"]),
    ("https://didcomm.org/out-of-band/1.0", &["sender", "receiver"]),
    ("https://didcomm.org/out-of-band/1.1", &["sender", "receiver"]),
    ("https://didcomm.org/report-problem/1.0", &["notifier", "notified"]),
    ("https://didcomm.org/trust_ping/1.0", &["sender", "receiver"]),
];

/// Those that it speaks over DIDComm v2.
const PROTOCOLS_V2: [(&str, &[&str]); 8] = [
    ("https://atalaprism.io/mercury/connections/1.0", &["inviter", "invitee"]),
    ("https://didcomm.org/basicmessage/2.0", &["sender", "receiver"]),
    ("https://didcomm.org/discover-features/2.0", &["requester", "responder"]),
    ("https://didcomm.org/empty/1.0", &["sender", "receiver"]),
    ("https://didcomm.org/out-of-band/2.0", &["sender", "receiver"]),
    ("https://didcomm.org/report-problem/2.0", &["notifier", "notified"]),
    ("https://didcomm.org/routing/2.0", &["sender", "receiver"]),
    ("https://didcomm.org/trust-ping/2.0", &["sender", "receiver"]),
];

/// The most queries of one message that are answered.
const MAX_QUERIES: usize = 32;

/// Asks for protocols that match a pattern; version 1.0 (DIDComm v1 only) or 2.0.
#[must_use]
pub fn query(envelope: Envelope, id: &str, version: Version, pattern: &str) -> Message {
    if version.major == 1 {
        let kind = MessageType::new(PROTOCOL, version, "query");
        return envelope.message(id, &kind).with("query", pattern);
    }
    let kind = MessageType::new(PROTOCOL, version, "queries");
    envelope
        .message(id, &kind)
        .with("queries", json!([{"feature-type": "protocol", "match": pattern}]))
}

/// Answers a `query` (1.0) or `queries` (2.0); `None` for another message.
#[must_use]
pub fn disclose(id: &str, query: &Message) -> Option<Message> {
    let kind = &query.message_type;
    let envelope = Envelope::of(query);
    match (kind.version.major, kind.name.as_str()) {
        (1, "query") => {
            let pattern = query.body.get("query").and_then(Value::as_str).unwrap_or_default();
            let protocols: Vec<_> = matching(envelope, pattern)
                .map(|(pid, roles)| json!({"pid": pid, "roles": roles}))
                .collect();
            let kind = kind.answer(Version::new(1, 0), "disclose");
            Some(Message::new(id, &kind).reply_to(query).with("protocols", protocols))
        }
        (2, "queries") => {
            let queries = query.body.get("queries").and_then(Value::as_array);
            let mut disclosed = Vec::new();
            for query in queries.into_iter().flatten().take(MAX_QUERIES) {
                for disclosure in disclosures(envelope, query) {
                    // Once, however often it was asked for: an answer must not grow with the question.
                    if !disclosed.contains(&disclosure) {
                        disclosed.push(disclosure);
                    }
                }
            }
            let name = match envelope {
                Envelope::V1 => "disclosures",
                Envelope::V2 => "disclose",
            };
            let kind = kind.answer(Version::new(2, 0), name);
            Some(envelope.message(id, &kind).reply_to(query).with("disclosures", disclosed))
        }
        _ => None,
    }
}

/// Unknown types of features are passed over (RFC 0557).
fn disclosures(envelope: Envelope, query: &Value) -> Vec<Value> {
    let text = |name| query.get(name).and_then(Value::as_str).unwrap_or_default();
    let pattern = text("match");
    match text("feature-type") {
        "protocol" => matching(envelope, pattern)
            .map(|(id, roles)| json!({"feature-type": "protocol", "id": id, "roles": roles}))
            .collect(),
        "didcomm-version" => ["1.0", "2.0"]
            .into_iter()
            .filter(|version| matches(pattern, version))
            .map(|version| json!({"feature-type": "didcomm-version", "id": version}))
            .collect(),
        "aip" if matches(pattern, "AIP2.0") => vec![json!({"feature-type": "aip", "id": "AIP2.0"})],
        _ => Vec::new(),
    }
}

fn matching(
    envelope: Envelope,
    pattern: &str,
) -> impl Iterator<Item = &'static (&'static str, &'static [&'static str])> {
    let protocols = match envelope {
        Envelope::V1 => PROTOCOLS.as_slice(),
        Envelope::V2 => PROTOCOLS_V2.as_slice(),
    };
    protocols.iter().filter(move |(id, _)| matches(pattern, id))
}

/// A pattern is exact, or ends in `*`.
fn matches(pattern: &str, id: &str) -> bool {
    match pattern.strip_suffix('*') {
        Some(prefix) => id.starts_with(prefix),
        None => pattern == id,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn count(version: Version, pattern: &str, field: &str) -> usize {
        let answer =
            disclose("answer-1", &query(Envelope::V1, "query-123", version, pattern)).unwrap();
        assert_eq!(answer.thread_id(), "query-123");
        answer.body[field].as_array().unwrap().len()
    }

    #[test]
    fn patterns_are_exact_or_end_in_a_star() {
        for (version, field) in
            [(Version::new(1, 0), "protocols"), (Version::new(2, 0), "disclosures")]
        {
            assert_eq!(count(version, "*", field), PROTOCOLS.len());
            assert_eq!(count(version, "https://didcomm.org/didexchange/*", field), 2);
            assert_eq!(count(version, "https://didcomm.org/trust_ping/1.0", field), 1);
            assert_eq!(count(version, "https://didcomm.org/trust_ping", field), 0);
        }
    }

    #[test]
    fn over_didcomm_v2_its_protocols_are_disclosed() {
        let query = query(Envelope::V2, "query-123", Version::new(2, 0), "*");
        let answer = disclose("answer-1", &query).unwrap();
        assert!(answer.is_v2());
        assert_eq!(answer.message_type.name, "disclose");
        assert_eq!(answer.body["disclosures"].as_array().unwrap().len(), PROTOCOLS_V2.len());
    }

    #[test]
    fn unknown_types_of_features_are_passed_over() {
        let kind = MessageType::new(PROTOCOL, Version::new(2, 0), "queries");
        let queries = json!([{"feature-type": "colour", "match": "*"}, {"feature-type": "didcomm-version", "match": "*"}, 7]);
        let answer =
            disclose("answer-1", &Message::new("query-123", &kind).with("queries", queries))
                .unwrap();
        assert_eq!(answer.body["disclosures"].as_array().unwrap().len(), 2);
    }
}
