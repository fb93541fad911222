//! Protobuf messages as JSON, by the descriptors that reflection serves too.

use std::sync::OnceLock;

use entente_rpc::proto::DESCRIPTORS;
use prost::Message;
use prost_reflect::{DescriptorPool, DynamicMessage, SerializeOptions};
use serde_json::Value;

/// A message as JSON with the proto's field names; times are RFC 3339, fields that are not set are left out.
///
/// `name` is the message's full name. Null when the descriptors do not have it.
pub fn to_value(name: &str, message: &impl Message) -> Value {
    static POOL: OnceLock<Option<DescriptorPool>> = OnceLock::new();
    let pool = POOL.get_or_init(|| DescriptorPool::decode(DESCRIPTORS).ok());
    let descriptor = pool.as_ref().and_then(|pool| pool.get_message_by_name(name));
    let options =
        SerializeOptions::new().use_proto_field_name(true).stringify_64_bit_integers(false);
    descriptor
        .and_then(|descriptor| {
            DynamicMessage::decode(descriptor, message.encode_to_vec().as_slice()).ok()
        })
        .and_then(|message| {
            message.serialize_with_options(serde_json::value::Serializer, &options).ok()
        })
        .map_or(Value::Null, embed)
}

/// Fields whose text is JSON (`…_json`) become JSON, so that a program reads the output in one go.
fn embed(mut value: Value) -> Value {
    if let Some(fields) = value.as_object_mut() {
        for (name, field) in fields.iter_mut() {
            let inner = field
                .as_str()
                .filter(|_| name.ends_with("_json"))
                .and_then(|text| serde_json::from_str(text).ok());
            *field = inner.unwrap_or_else(|| embed(field.take()));
        }
    }
    value
}

#[cfg(test)]
mod tests {
    use entente_rpc::proto::connection::v1::{Connection, Role};
    use entente_rpc::proto::event::v1::{Event, EventKind, event::Record};
    use entente_rpc::time_to_proto;
    use serde_json::json;

    use super::*;

    #[test]
    fn an_event_is_json_with_names_and_times() {
        let connection = Connection {
            id: "c".to_owned(),
            role: Role::Inviter.into(),
            metadata_json: "{\"a\":1}".to_owned(),
            ..Default::default()
        };
        let event = Event {
            sequence: 7,
            kind: EventKind::ConnectionCreated.into(),
            time: Some(time_to_proto(1_000)),
            connection_id: "c".to_owned(),
            record: Some(Record::Connection(connection)),
        };
        let expected = json!({
            "sequence": 7,
            "kind": "EVENT_KIND_CONNECTION_CREATED",
            "time": "1970-01-01T00:00:01Z",
            "connection_id": "c",
            "connection": {"id": "c", "role": "ROLE_INVITER", "metadata_json": {"a": 1}},
        });
        assert_eq!(to_value("entente.event.v1.Event", &event), expected);
    }
}
