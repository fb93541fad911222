//! Requests by chance, the same ones at each run.

use prost_reflect::{DynamicMessage, FieldDescriptor, Kind, MessageDescriptor, Value};

/// A source of chance with a seed (SplitMix64).
pub struct Dice {
    state: u64,
    texts: Vec<String>,
}

impl Dice {
    /// `texts` are strings that mean something to the agent, thrown beside those that mean nothing.
    pub fn new(seed: u64, texts: Vec<String>) -> Self {
        Self { state: seed, texts }
    }

    fn next(&mut self) -> u64 {
        self.state = self.state.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mut mixed = self.state;
        mixed = (mixed ^ (mixed >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        mixed = (mixed ^ (mixed >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        mixed ^ (mixed >> 31)
    }

    fn below(&mut self, bound: usize) -> usize {
        usize::try_from(self.next() % u64::try_from(bound).unwrap()).unwrap()
    }

    fn one_in(&mut self, bound: usize) -> bool {
        self.below(bound) == 0
    }

    fn pick<T: Copy>(&mut self, choices: &[T]) -> T {
        choices[self.below(choices.len())]
    }

    /// A request of a type; a third of its fields are absent.
    pub fn message(&mut self, descriptor: &MessageDescriptor) -> DynamicMessage {
        let mut message = DynamicMessage::new(descriptor.clone());
        for field in descriptor.fields() {
            if !self.one_in(3) {
                let value = self.field(&field);
                message.set_field(&field, value);
            }
        }
        message
    }

    fn field(&mut self, field: &FieldDescriptor) -> Value {
        if field.is_list() {
            let count = if self.one_in(20) { 2_000 } else { self.below(4) };
            return Value::List((0..count).map(|_| self.value(&field.kind())).collect());
        }
        self.value(&field.kind())
    }

    fn value(&mut self, kind: &Kind) -> Value {
        match kind {
            Kind::Bool => Value::Bool(self.one_in(2)),
            Kind::Int32 | Kind::Sint32 | Kind::Sfixed32 => {
                Value::I32(self.pick(&[-1, 0, 1, 7, 1_001, i32::MIN, i32::MAX]))
            }
            Kind::Int64 | Kind::Sint64 | Kind::Sfixed64 => {
                Value::I64(self.pick(&[-1, 0, 1, 7, 1 << 40, i64::MIN, i64::MAX]))
            }
            Kind::Enum(_) => Value::EnumNumber(self.pick(&[-1, 0, 1, 2, 3, 99, i32::MAX])),
            Kind::String => Value::String(self.text()),
            Kind::Bytes => Value::Bytes(self.text().into_bytes().into()),
            Kind::Message(descriptor) => Value::Message(self.message(descriptor)),
            other => panic!("no dice for {other:?}"),
        }
    }

    fn text(&mut self) -> String {
        const NONSENSE: [&str; 22] = [
            "",
            " ",
            "x",
            "\0",
            "💥",
            "-1",
            "{",
            "{}",
            "[]",
            "null",
            "{\"@id\":7}",
            "did:",
            "did:peer:2.",
            "did:peer:4zQm",
            "did:key:z6Mk",
            "z6Mk",
            "http://",
            "http://127.0.0.1:1/",
            "ftp://127.0.0.1/",
            "file:///etc/passwd",
            "'; DROP TABLE events; --",
            "../../etc/passwd",
        ];
        match self.below(4) {
            0 if !self.texts.is_empty() => {
                let index = self.below(self.texts.len());
                self.texts[index].clone()
            }
            1 if self.one_in(5) => "x".repeat(self.pick(&[65, 1_001, 70_000])),
            _ => self.pick(&NONSENSE).to_owned(),
        }
    }
}
