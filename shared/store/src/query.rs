//! A query that is put together from parts.

use std::fmt::Write as _;

use crate::{Reader, Record, StoreError, Value};

/// A query with its parameters, which get their numbers in the order they are added.
#[derive(Debug, Clone)]
pub struct Query {
    sql: String,
    values: Vec<Value>,
}

impl Query {
    /// Begins with a text, which has no parameters yet.
    #[must_use]
    pub fn new(sql: &str) -> Self {
        Self { sql: sql.to_owned(), values: Vec::new() }
    }

    /// Adds a text. It must not come from a caller.
    pub fn push(&mut self, sql: &str) -> &mut Self {
        self.sql.push_str(sql);
        self
    }

    /// Adds a parameter.
    pub fn push_bind(&mut self, value: impl Into<Value>) -> &mut Self {
        self.values.push(value.into());
        // Writing to a String does not fail.
        let _ = write!(self.sql, "${}", self.values.len());
        self
    }

    /// Ends a column's comparison: equal to one of the values.
    pub fn push_one_of<V: Into<Value>>(
        &mut self,
        values: impl IntoIterator<Item = V>,
    ) -> &mut Self {
        let mut before = " IN (";
        for value in values {
            self.push(before).push_bind(value);
            before = ", ";
        }
        // Of no values none is equal; a list must not be empty.
        self.push(if before == ", " { ")" } else { " IN (NULL)" })
    }

    /// The text and the parameters.
    #[must_use]
    pub fn into_parts(self) -> (String, Vec<Value>) {
        (self.sql, self.values)
    }

    /// All rows.
    ///
    /// # Errors
    /// When the database cannot.
    pub async fn all<T: Record>(self, mut reader: Reader<'_>) -> Result<Vec<T>, StoreError> {
        reader.all(&self.sql, self.values).await
    }

    /// The first row, if there is one.
    ///
    /// # Errors
    /// When the database cannot.
    pub async fn optional<T: Record>(
        self,
        mut reader: Reader<'_>,
    ) -> Result<Option<T>, StoreError> {
        reader.optional(&self.sql, self.values).await
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::values;

    #[test]
    fn parameters_are_numbered() {
        let mut query = Query::new("SELECT id FROM notes WHERE tenant = ");
        query.push_bind("a").push(" AND kind").push_one_of([1, 2]).push(" LIMIT ").push_bind(7_i64);
        let (sql, values) = query.into_parts();
        assert_eq!(sql, "SELECT id FROM notes WHERE tenant = $1 AND kind IN ($2, $3) LIMIT $4");
        assert_eq!(values, values!["a", 1, 2, 7_i64]);
        let mut query = Query::new("SELECT 1 FROM notes WHERE id");
        query.push_one_of(Vec::<i64>::new());
        assert_eq!(query.into_parts().0, "SELECT 1 FROM notes WHERE id IN (NULL)");
    }
}
