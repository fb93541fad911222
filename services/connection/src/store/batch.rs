//! Writes that wait for each other's company: one round trip to the database for many.

use std::fmt::Write as _;

use entente_store::{StoreError, Transaction};
use sqlx::AssertSqlSafe;

/// A parameter of a write.
#[derive(Debug, Clone)]
pub(crate) enum Value {
    Text(Option<String>),
    Integer(Option<i64>),
    Boolean(bool),
    Bytes(Vec<u8>),
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
    Option<String> => |text| Self::Text(text),
    &Option<String> => |text| Self::Text(text.clone()),
    i64 => |number| Self::Integer(Some(number)),
    i32 => |number| Self::Integer(Some(number.into())),
    Option<i64> => |number| Self::Integer(number),
    bool => |truth| Self::Boolean(truth),
    Vec<u8> => |bytes| Self::Bytes(bytes),
    &[u8] => |bytes| Self::Bytes(bytes.to_vec()),
}

/// The parameters of a write, in the order of their numbers.
macro_rules! values {
    ($($value:expr),* $(,)?) => { vec![$($crate::store::batch::Value::from($value)),*] };
}
pub(crate) use values;

/// Writes in their order. A crossing of threads costs more than the write itself, so they cross together.
#[derive(Debug, Default)]
pub(crate) struct Batch {
    sql: String,
    values: Vec<Value>,
}

impl Batch {
    /// Adds a statement with its parameters `$1`, `$2`, ….
    pub fn push(&mut self, sql: &'static str, values: Vec<Value>) {
        if !self.sql.is_empty() {
            self.sql.push_str(";\n");
        }
        renumber(&mut self.sql, sql, self.values.len());
        self.values.extend(values);
    }

    pub fn is_empty(&self) -> bool {
        self.sql.is_empty()
    }

    /// Carries the statements out; gives the number that the last one selects, if it selects one.
    pub async fn run(&mut self, transaction: &mut Transaction) -> Result<Option<i64>, StoreError> {
        if self.is_empty() {
            return Ok(None);
        }
        // The text is made of literals of this crate.
        let sql = AssertSqlSafe(std::mem::take(&mut self.sql));
        let mut query = sqlx::query_scalar(sql);
        for value in self.values.drain(..) {
            query = match value {
                Value::Text(text) => query.bind(text),
                Value::Integer(number) => query.bind(number),
                Value::Boolean(truth) => query.bind(truth),
                Value::Bytes(bytes) => query.bind(bytes),
            };
        }
        Ok(query.fetch_all(&mut **transaction).await?.pop())
    }
}

/// Appends a statement whose parameters follow `offset` others.
fn renumber(into: &mut String, sql: &str, offset: usize) {
    let mut parts = sql.split('$');
    into.push_str(parts.next().unwrap_or_default());
    for part in parts {
        let digits = part.find(|c: char| !c.is_ascii_digit()).unwrap_or(part.len());
        let (number, rest) = part.split_at(digits);
        let number = number.parse::<usize>().unwrap_or_default() + offset;
        // Writing to a String does not fail.
        let _ = write!(into, "${number}{rest}");
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn parameters_are_numbered_through() {
        let mut batch = Batch::default();
        batch.push("DELETE FROM a WHERE x = $1 AND y = $2", values!["x", 2_i64]);
        batch.push("UPDATE b SET z = $10, w = $1", values![true]);
        assert_eq!(
            batch.sql,
            "DELETE FROM a WHERE x = $1 AND y = $2;\nUPDATE b SET z = $12, w = $3"
        );
        assert_eq!(batch.values.len(), 3);
    }
}
