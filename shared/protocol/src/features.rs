//! discover-features 1.0 (RFC 0031) and 2.0 (RFC 0557).

use entente_didcomm::message::{Message, MessageType, Version};
use serde_json::{Value, json};

/// The protocol's name.
pub const PROTOCOL: &str = "discover-features";

/// The protocols that this agent speaks, with its roles.
const PROTOCOLS: [(&str, &[&str]); 10] = [
    ("https://didcomm.org/basicmessage/1.0", &["sender", "receiver"]),
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

/// The most queries of one message that are answered.
const MAX_QUERIES: usize = 32;

/// Asks for protocols that match a pattern; version 1.0 or 2.0.
#[must_use]
pub fn query(id: &str, version: Version, pattern: &str) -> Message {
    if version.major == 1 {
        let kind = MessageType::new(PROTOCOL, version, "query");
        return Message::new(id, &kind).with("query", pattern);
    }
    let kind = MessageType::new(PROTOCOL, version, "queries");
    Message::new(id, &kind).with("queries", json!([{"feature-type": "protocol", "match": pattern}]))
}

/// Answers a `query` (1.0) or `queries` (2.0); `None` for another message.
#[must_use]
pub fn disclose(id: &str, query: &Message) -> Option<Message> {
    let kind = &query.message_type;
    match (kind.version.major, kind.name.as_str()) {
        (1, "query") => {
            let pattern = query.body.get("query").and_then(Value::as_str).unwrap_or_default();
            let protocols: Vec<_> =
                matching(pattern).map(|(pid, roles)| json!({"pid": pid, "roles": roles})).collect();
            let kind = kind.answer(Version::new(1, 0), "disclose");
            Some(Message::new(id, &kind).reply_to(query).with("protocols", protocols))
        }
        (2, "queries") => {
            let queries = query.body.get("queries").and_then(Value::as_array);
            let disclosures: Vec<_> =
                queries.into_iter().flatten().take(MAX_QUERIES).flat_map(disclosures).collect();
            let kind = kind.answer(Version::new(2, 0), "disclosures");
            Some(Message::new(id, &kind).reply_to(query).with("disclosures", disclosures))
        }
        _ => None,
    }
}

/// Unknown types of features are passed over (RFC 0557).
fn disclosures(query: &Value) -> Vec<Value> {
    let text = |name| query.get(name).and_then(Value::as_str).unwrap_or_default();
    let pattern = text("match");
    match text("feature-type") {
        "protocol" => matching(pattern)
            .map(|(id, roles)| json!({"feature-type": "protocol", "id": id, "roles": roles}))
            .collect(),
        "didcomm-version" if matches(pattern, "1.0") => {
            vec![json!({"feature-type": "didcomm-version", "id": "1.0"})]
        }
        "aip" if matches(pattern, "AIP2.0") => vec![json!({"feature-type": "aip", "id": "AIP2.0"})],
        _ => Vec::new(),
    }
}

fn matching(
    pattern: &str,
) -> impl Iterator<Item = &'static (&'static str, &'static [&'static str])> {
    PROTOCOLS.iter().filter(move |(id, _)| matches(pattern, id))
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
        let answer = disclose("answer-1", &query("query-123", version, pattern)).unwrap();
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
    fn unknown_types_of_features_are_passed_over() {
        let kind = MessageType::new(PROTOCOL, Version::new(2, 0), "queries");
        let queries = json!([{"feature-type": "colour", "match": "*"}, {"feature-type": "didcomm-version", "match": "*"}, 7]);
        let answer =
            disclose("answer-1", &Message::new("query-123", &kind).with("queries", queries))
                .unwrap();
        assert_eq!(answer.body["disclosures"].as_array().unwrap().len(), 1);
    }
}
