//! What statements take.

use sqlx::postgres::PgArguments;
use sqlx::sqlite::SqliteArguments;
use sqlx::{Arguments, Encode, Type};

use crate::StoreError;

/// A parameter of a statement.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Value {
    /// A text, or NULL.
    Text(Option<String>),
    /// A number, or NULL.
    Integer(Option<i64>),
    /// A truth value.
    Boolean(bool),
    /// Bytes, or NULL.
    Bytes(Option<Vec<u8>>),
}

impl Value {
    /// Appends the value as a literal of PostgreSQL, with the type that it has as a parameter.
    pub(crate) fn write_literal(&self, into: &mut String) -> Result<(), StoreError> {
        use std::fmt::Write as _;
        // Writing to a String does not fail.
        let _ = match self {
            Self::Text(Some(text)) if text.contains('\0') => return Err(StoreError::Text),
            // This form means the same whatever the server's settings are.
            Self::Text(Some(text)) => {
                into.push_str("E'");
                for piece in text.split_inclusive(['\'', '\\']) {
                    into.push_str(piece);
                    // The sign again, if the piece ends with one.
                    into.extend(
                        piece.chars().next_back().filter(|last| matches!(last, '\'' | '\\')),
                    );
                }
                into.write_str("'::text")
            }
            Self::Text(None) => into.write_str("NULL::text"),
            Self::Integer(Some(number)) => write!(into, "({number})::bigint"),
            Self::Integer(None) => into.write_str("NULL::bigint"),
            Self::Boolean(truth) => write!(into, "{truth}"),
            Self::Bytes(Some(bytes)) => {
                into.push_str("'\\x");
                into.push_str(&base16ct::lower::encode_string(bytes));
                into.write_str("'::bytea")
            }
            Self::Bytes(None) => into.write_str("NULL::bytea"),
        };
        Ok(())
    }
}

macro_rules! value_from {
    ($($from:ty => |$value:ident| $into:expr),+ $(,)?) => {
        $(impl From<$from> for Value {
            fn from($value: $from) -> Self {
                $into
            }
        })+
    };
}

value_from! {
    &str => |text| Self::Text(Some(text.to_owned())),
    String => |text| Self::Text(Some(text)),
    &String => |text| Self::Text(Some(text.clone())),
    Option<&str> => |text| Self::Text(text.map(str::to_owned)),
    Option<String> => |text| Self::Text(text),
    &Option<String> => |text| Self::Text(text.clone()),
    i64 => |number| Self::Integer(Some(number)),
    i32 => |number| Self::Integer(Some(number.into())),
    Option<i64> => |number| Self::Integer(number),
    bool => |truth| Self::Boolean(truth),
    Vec<u8> => |bytes| Self::Bytes(Some(bytes)),
    &Vec<u8> => |bytes| Self::Bytes(Some(bytes.clone())),
    Option<Vec<u8>> => |bytes| Self::Bytes(bytes),
    &[u8] => |bytes| Self::Bytes(Some(bytes.to_vec())),
}

/// The parameters of a statement, in the order of their numbers.
#[macro_export]
macro_rules! values {
    ($($value:expr),* $(,)?) => { vec![$($crate::Value::from($value)),*] };
}

pub(crate) fn sqlite(values: Vec<Value>) -> Result<SqliteArguments, StoreError> {
    let mut arguments = SqliteArguments::default();
    for value in values {
        add(&mut arguments, value)?;
    }
    Ok(arguments)
}

pub(crate) fn postgres(values: Vec<Value>) -> Result<PgArguments, StoreError> {
    let mut arguments = PgArguments::default();
    for value in values {
        add(&mut arguments, value)?;
    }
    Ok(arguments)
}

fn add<'t, A>(arguments: &mut A, value: Value) -> Result<(), StoreError>
where
    A: Arguments,
    Option<String>: Encode<'t, A::Database> + Type<A::Database> + 't,
    Option<i64>: Encode<'t, A::Database> + Type<A::Database> + 't,
    bool: Encode<'t, A::Database> + Type<A::Database> + 't,
    Option<Vec<u8>>: Encode<'t, A::Database> + Type<A::Database> + 't,
{
    let added = match value {
        // PostgreSQL stores no such text, and both shall take the same.
        Value::Text(Some(text)) if text.contains('\0') => return Err(StoreError::Text),
        Value::Text(text) => arguments.add(text),
        Value::Integer(number) => arguments.add(number),
        Value::Boolean(truth) => arguments.add(truth),
        Value::Bytes(bytes) => arguments.add(bytes),
    };
    added.map_err(|error| StoreError::Internal(sqlx::Error::Encode(error)))
}
