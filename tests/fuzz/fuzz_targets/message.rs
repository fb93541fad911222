//! Plaintext messages of both versions, and what is read of them.

#![no_main]

use entente_didcomm::attachment::{Attachment, MAX_ATTACHMENTS};
use entente_didcomm::forward::Forward;
use entente_didcomm::message::{MAX_DEPTH, Message, MessageType, Protocol};
use entente_didcomm::problem_report::ProblemReport;
use entente_fuzz::rewritten;
use libfuzzer_sys::fuzz_target;
use serde_json::Value;

fuzz_target!(|data: &[u8]| {
    if let Ok(text) = str::from_utf8(data) {
        names(text);
    }
    let Ok(message) = Message::parse(data) else { return };
    assert!(depth(&message.to_value()) <= MAX_DEPTH);
    let again = Message::parse(&message.to_vec()).expect("what was written is read");
    assert_eq!(message, again);
    let json = rewritten(data).expect("a message is JSON");
    assert_eq!(Message::parse(&json).as_ref(), Ok(&message));
    read(&message);
});

fn names(text: &str) {
    if let Ok(kind) = MessageType::parse(text) {
        assert_eq!(MessageType::parse(&kind.to_string()), Ok(kind));
    }
    if let Ok(protocol) = Protocol::parse(text) {
        assert_eq!(Protocol::parse(&protocol.to_string()), Ok(protocol));
    }
}

fn read(message: &Message) {
    let answer = Message::new("answer", &message.message_type).reply_to(message);
    assert_eq!(answer.thread_id(), message.thread_id());
    assert_eq!(
        message.comparable(&message.comparable(&message.id)),
        message.comparable(&message.id)
    );
    let _ = (message.return_route(), message.is_expired(0), message.acks_wanted());
    let _ = (ProblemReport::from_message(message), message.to_dids());
    if let Ok(forward) = Forward::from_message(message) {
        assert!(
            serde_json::from_slice::<Value>(&forward.envelope).is_ok_and(|json| json.is_object())
        );
        let _ = forward.key();
    }
    for field in ["did_doc~attach", "requests~attach"] {
        for attachment in message.attachments(field).unwrap_or_default() {
            assert_eq!(Attachment::parse(&attachment.to_value()), Ok(attachment));
        }
        assert!(
            message.attachments(field).is_ok_and(|all| all.len() <= MAX_ATTACHMENTS)
                || message.attachments(field).is_err()
        );
    }
}

fn depth(value: &Value) -> usize {
    match value {
        Value::Array(items) => 1 + items.iter().map(depth).max().unwrap_or_default(),
        Value::Object(members) => 1 + members.values().map(depth).max().unwrap_or_default(),
        _ => 0,
    }
}
