//! What the descriptors say of each method.

use std::collections::HashMap;
use std::sync::LazyLock;

use prost::Message as _;
use prost_types::field_descriptor_proto::{Label, Type};
use prost_types::method_options::IdempotencyLevel;
use prost_types::{FieldDescriptorProto, FileDescriptorSet, MethodDescriptorProto};

use crate::proto::DESCRIPTORS;

/// A method of a service that this suite may serve: its own, health or reflection.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Method {
    /// The full name of its service: `entente.event.v1.EventService`.
    pub service: String,
    /// Its name: `Subscribe`.
    pub name: String,
    /// Both: `entente.event.v1.EventService/Subscribe`.
    pub full_name: String,
    /// Whether it is marked NO_SIDE_EFFECTS or IDEMPOTENT.
    pub idempotent: bool,
    /// Whether it may change something: it is one of ours, and not marked NO_SIDE_EFFECTS.
    pub changes: bool,
    /// Whether it takes one request and gives one response.
    pub unary: bool,
    /// Whether it takes one request.
    pub(crate) one_request: bool,
    /// The number of the request's field `request_id`, if it has one.
    pub(crate) request_id: Option<u32>,
    /// The number of the request's field that names what it is about: `id`, or the first that ends in `_id`.
    pub(crate) object: Option<u32>,
    /// Where the response has the id of what was made: the number of a message in it, and of that message's field `id`.
    pub(crate) made: Option<[u32; 2]>,
    /// Its place in [`Method::all`].
    pub(crate) index: usize,
}

struct Methods {
    all: Vec<Method>,
    by_path: HashMap<String, usize>,
}

static METHODS: LazyLock<Methods> = LazyLock::new(|| {
    let sets = [
        DESCRIPTORS,
        tonic_health::pb::FILE_DESCRIPTOR_SET,
        tonic_reflection::pb::v1::FILE_DESCRIPTOR_SET,
        tonic_reflection::pb::v1alpha::FILE_DESCRIPTOR_SET,
    ];
    // They are built into the binary, where reflection reads them too and refuses to start with broken ones.
    let sets = sets.map(|set| FileDescriptorSet::decode(set).unwrap_or_default());
    let mut all: Vec<Method> = sets.iter().flat_map(read).collect();
    let mut by_path = HashMap::new();
    for (index, method) in all.iter_mut().enumerate() {
        method.index = index;
        by_path.insert(format!("/{}", method.full_name), index);
    }
    Methods { all, by_path }
});

impl Method {
    /// All of them.
    #[must_use]
    pub fn all() -> &'static [Self] {
        &METHODS.all
    }

    /// The one that a call's path names.
    #[must_use]
    pub fn of_path(path: &str) -> Option<&'static Self> {
        METHODS.by_path.get(path).and_then(|index| METHODS.all.get(*index))
    }

    /// Whether a call may be made again when it may have been made already: the method says so. Where the request can
    /// carry a `request_id`, the one at hand must; `message` is its encoding in a gRPC frame.
    pub(crate) fn may_repeat(&self, message: &[u8]) -> bool {
        match self.request_id {
            Some(number) => text(message, number).is_some_and(|text| !text.is_empty()),
            None => self.idempotent,
        }
    }
}

/// The field of that number, a text, of the message in a gRPC frame.
pub(crate) fn text(frame: &[u8], number: u32) -> Option<&str> {
    str::from_utf8(field(message(frame)?, number)?).ok()
}

/// The same of a message in that message.
pub(crate) fn inner_text(frame: &[u8], [outer, inner]: [u32; 2]) -> Option<&str> {
    str::from_utf8(field(field(message(frame)?, outer)?, inner)?).ok()
}

fn message(frame: &[u8]) -> Option<&[u8]> {
    // Whether it is compressed, and its length.
    let (&[0, ..], message) = frame.split_at_checked(5)? else { return None };
    Some(message)
}

/// A field of bytes.
fn field(mut message: &[u8], number: u32) -> Option<&[u8]> {
    use prost::encoding::{DecodeContext, WireType, decode_key, decode_varint, skip_field};
    while let Ok((tag, wire_type)) = decode_key(&mut message) {
        if tag == number && wire_type == WireType::LengthDelimited {
            let length = usize::try_from(decode_varint(&mut message).ok()?).ok()?;
            return message.get(..length);
        }
        skip_field(wire_type, tag, &mut message, DecodeContext::default()).ok()?;
    }
    None
}

fn read(set: &FileDescriptorSet) -> Vec<Method> {
    let mut methods = Vec::new();
    for file in &set.file {
        for service in &file.service {
            let service_name = format!("{}.{}", file.package(), service.name());
            methods.extend(
                service.method.iter().map(|method| read_method(set, &service_name, method)),
            );
        }
    }
    methods
}

fn read_method(set: &FileDescriptorSet, service: &str, method: &MethodDescriptorProto) -> Method {
    let level = method.options.as_ref().map(prost_types::MethodOptions::idempotency_level);
    let fields = fields_of(set, method.input_type(), Type::String);
    let number = |is: &dyn Fn(&str) -> bool| {
        let field = fields.iter().find(|field| is(field.name()))?;
        u32::try_from(field.number()).ok()
    };
    let made = fields_of(set, method.output_type(), Type::Message).into_iter().find_map(|outer| {
        let texts = fields_of(set, outer.type_name(), Type::String);
        let id = texts.into_iter().find(|field| field.name() == "id")?;
        Some([u32::try_from(outer.number()).ok()?, u32::try_from(id.number()).ok()?])
    });
    let request_id = number(&|name| name == "request_id");
    let object = number(&|name| name == "id")
        .or_else(|| number(&|name| name.ends_with("_id") && name != "request_id"));
    Method {
        service: service.to_owned(),
        name: method.name().to_owned(),
        full_name: format!("{service}/{}", method.name()),
        idempotent: level.is_some_and(|level| level != IdempotencyLevel::IdempotencyUnknown),
        unary: !method.client_streaming() && !method.server_streaming(),
        one_request: !method.client_streaming(),
        changes: service.starts_with("entente.") && level != Some(IdempotencyLevel::NoSideEffects),
        request_id,
        object,
        made,
        index: 0,
    }
}

/// The fields of a message that have a type, and are not lists.
fn fields_of<'a>(
    set: &'a FileDescriptorSet,
    message: &str,
    kind: Type,
) -> Vec<&'a FieldDescriptorProto> {
    let messages = set
        .file
        .iter()
        .flat_map(|file| file.message_type.iter().map(move |message| (file.package(), message)));
    messages
        .filter(|(package, found)| {
            message.strip_prefix('.').and_then(|name| name.strip_prefix(package))
                == Some(&format!(".{}", found.name()))
        })
        .flat_map(|(_, found)| &found.field)
        .filter(|field| field.r#type() == kind && field.label() != Label::Repeated)
        .collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::proto::access::v1 as pb;
    use crate::proto::connection::v1::AcceptInvitationRequest;

    fn method(name: &str) -> &'static Method {
        Method::of_path(&format!("/entente.{name}")).expect(name)
    }

    #[test]
    fn the_descriptors_say_what_may_be_repeated() {
        assert!(method("resolver.v1.ResolverService/Resolve").may_repeat(b""));
        assert!(!method("transport.v1.TransportService/Deliver").may_repeat(b""));
        let subscribe = method("event.v1.EventService/Subscribe");
        assert!(subscribe.idempotent && !subscribe.unary && subscribe.one_request);
        assert!(Method::of_path("/grpc.health.v1.Health/Check").is_some_and(|check| check.unary));
        assert_eq!(Method::of_path("/entente.event.v1.EventService/Explode"), None);
    }

    #[test]
    fn what_a_call_made_is_in_its_answer() {
        for (name, made) in [
            ("connection.v1.InvitationService/CreateInvitation", Some([1, 1])),
            ("access.v1.ApiKeyService/CreateApiKey", Some([1, 1])),
            ("access.v1.ApiKeyService/RevokeApiKey", None),
        ] {
            assert_eq!(method(name).made, made, "{name}");
        }
        assert!(!Method::all().iter().any(|one| one.changes && one.service.starts_with("grpc.")));
        let answer = pb::CreateApiKeyResponse {
            api_key: Some(pb::ApiKey { id: "a".to_owned(), ..Default::default() }),
            key: "secret".to_owned(),
        };
        let frame = [&[0; 5][..], &answer.encode_to_vec()].concat();
        assert_eq!(inner_text(&frame, [1, 1]), Some("a"));
        assert_eq!(inner_text(frame.get(..6).unwrap(), [1, 1]), None);
    }

    #[test]
    fn a_request_that_can_have_an_id_must_have_it_to_be_repeated() {
        let accept = method("connection.v1.InvitationService/AcceptInvitation");
        let frame = |request_id: &str| {
            let message = AcceptInvitationRequest {
                invitation: "http://example.com?oob=e30".to_owned(),
                request_id: request_id.to_owned(),
                ..Default::default()
            };
            [&[0; 5][..], &message.encode_to_vec()].concat()
        };
        assert!(accept.idempotent && !accept.may_repeat(&frame("")));
        assert!(accept.may_repeat(&frame("a")));
        for cut in [0, 3, 5, 6, 20] {
            assert!(!accept.may_repeat(frame("a").get(..cut).unwrap()), "{cut}");
        }
    }
}
