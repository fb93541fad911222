//! Writes that wait for each other's company: one round trip to the database for many.

use std::fmt::Write as _;

use sqlx::sqlite::{SqliteArguments, SqliteRow};
use sqlx::{Arguments as _, AssertSqlSafe, FromRow, SqliteConnection};

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

/// Statements in their order. A crossing of threads costs more than most statements, so they cross together.
#[derive(Debug, Default)]
pub(crate) struct Batch {
    sql: String,
    values: Vec<Value>,
}

impl Batch {
    /// Adds a statement with its parameters `$1`, `$2`, ….
    pub(crate) fn push(&mut self, sql: &str, values: Vec<Value>) {
        self.separate();
        renumber(&mut self.sql, sql, self.values.len());
        self.values.extend(values);
    }

    /// Adds a statement without parameters.
    pub(crate) fn push_bare(&mut self, sql: &str) {
        self.separate();
        self.sql.push_str(sql);
    }

    /// The same statements after one without parameters.
    pub(crate) fn after(self, sql: &str) -> Self {
        let mut batch = Self { sql: sql.to_owned(), values: self.values };
        if !self.sql.is_empty() {
            batch.push_bare(&self.sql);
        }
        batch
    }

    fn separate(&mut self) {
        if !self.sql.is_empty() {
            self.sql.push_str(";\n");
        }
    }

    pub(crate) fn is_empty(&self) -> bool {
        self.sql.is_empty()
    }

    /// Carries the statements out.
    pub(crate) async fn execute(&mut self, on: &mut SqliteConnection) -> Result<(), StoreError> {
        let (sql, arguments) = self.take()?;
        sqlx::query_with(sql, arguments).execute(on).await?;
        Ok(())
    }

    /// Carries the statements out, and gives the rows that they select.
    pub(crate) async fn fetch<T>(&mut self, on: &mut SqliteConnection) -> Result<Vec<T>, StoreError>
    where
        T: for<'r> FromRow<'r, SqliteRow> + Send + Unpin,
    {
        let (sql, arguments) = self.take()?;
        Ok(sqlx::query_as_with(sql, arguments).fetch_all(on).await?)
    }

    fn take(&mut self) -> Result<(AssertSqlSafe<String>, SqliteArguments), StoreError> {
        let mut arguments = SqliteArguments::default();
        for value in self.values.drain(..) {
            let added = match value {
                Value::Text(text) => arguments.add(text),
                Value::Integer(number) => arguments.add(number),
                Value::Boolean(truth) => arguments.add(truth),
                Value::Bytes(bytes) => arguments.add(bytes),
            };
            added.map_err(sqlx::Error::Encode)?;
        }
        // The text is made of literals of the services.
        Ok((AssertSqlSafe(std::mem::take(&mut self.sql)), arguments))
    }
}

/// Appends a statement whose parameters follow `offset` others.
fn renumber(into: &mut String, sql: &str, offset: usize) {
    if offset == 0 {
        return into.push_str(sql);
    }
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
