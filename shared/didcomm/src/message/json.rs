//! JSON with limits, and without two members of one name: parsers disagree about which of them counts,
//! and one might be checked and the other used.

use std::cell::RefCell;
use std::fmt;

use serde::de::{DeserializeSeed, Deserializer, MapAccess, SeqAccess, Visitor};
use serde_json::{Map, Value};

use super::error::type_name;
use super::{MAX_BYTES, MAX_DEPTH, MessageError};

/// Parses a JSON object.
pub(crate) fn object(bytes: &[u8]) -> Result<Map<String, Value>, MessageError> {
    if bytes.len() > MAX_BYTES {
        return Err(MessageError::TooLarge { limit: MAX_BYTES, actual: bytes.len() });
    }
    let fault = RefCell::new(None);
    let mut parser = serde_json::Deserializer::from_slice(bytes);
    let parsed = Strict { depth: MAX_DEPTH, fault: &fault }
        .deserialize(&mut parser)
        .and_then(|value| parser.end().map(|()| value));
    match (parsed, fault.into_inner()) {
        (Ok(Value::Object(map)), _) => Ok(map),
        (Ok(other), _) => {
            Err(MessageError::Json { reason: format!("it is {}", type_name(&other)) })
        }
        (Err(_), Some(fault)) => Err(fault),
        (Err(error), None) => Err(MessageError::Json { reason: error.to_string() }),
    }
}

/// Reads a value, at most `depth` levels deep; leaves its own errors in `fault`.
#[derive(Clone, Copy)]
struct Strict<'a> {
    depth: usize,
    fault: &'a RefCell<Option<MessageError>>,
}

impl Strict<'_> {
    fn fail<E: serde::de::Error>(self, error: MessageError) -> E {
        let text = error.to_string();
        *self.fault.borrow_mut() = Some(error);
        E::custom(text)
    }

    fn deeper<E: serde::de::Error>(self) -> Result<Self, E> {
        match self.depth.checked_sub(1) {
            Some(depth) => Ok(Self { depth, ..self }),
            None => Err(self.fail(MessageError::TooDeep { limit: MAX_DEPTH })),
        }
    }
}

impl<'de> DeserializeSeed<'de> for Strict<'_> {
    type Value = Value;

    fn deserialize<D: Deserializer<'de>>(self, deserializer: D) -> Result<Value, D::Error> {
        deserializer.deserialize_any(self)
    }
}

impl<'de> Visitor<'de> for Strict<'_> {
    type Value = Value;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("JSON")
    }

    fn visit_unit<E>(self) -> Result<Value, E> {
        Ok(Value::Null)
    }

    fn visit_bool<E>(self, value: bool) -> Result<Value, E> {
        Ok(value.into())
    }

    fn visit_i64<E>(self, value: i64) -> Result<Value, E> {
        Ok(value.into())
    }

    fn visit_u64<E>(self, value: u64) -> Result<Value, E> {
        Ok(value.into())
    }

    fn visit_f64<E>(self, value: f64) -> Result<Value, E> {
        Ok(value.into())
    }

    fn visit_str<E>(self, value: &str) -> Result<Value, E> {
        Ok(value.into())
    }

    fn visit_string<E>(self, value: String) -> Result<Value, E> {
        Ok(value.into())
    }

    fn visit_seq<A: SeqAccess<'de>>(self, mut items: A) -> Result<Value, A::Error> {
        let inner = self.deeper::<A::Error>()?;
        let mut array = Vec::new();
        while let Some(item) = items.next_element_seed(inner)? {
            array.push(item);
        }
        Ok(Value::Array(array))
    }

    fn visit_map<A: MapAccess<'de>>(self, mut members: A) -> Result<Value, A::Error> {
        let inner = self.deeper::<A::Error>()?;
        let mut map = Map::new();
        while let Some(name) = members.next_key::<String>()? {
            if map.contains_key(&name) {
                let field = name.chars().take(120).collect();
                return Err(self.fail(MessageError::Duplicate { field }));
            }
            let value = members.next_value_seed(inner)?;
            map.insert(name, value);
        }
        Ok(Value::Object(map))
    }
}
