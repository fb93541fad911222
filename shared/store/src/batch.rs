//! Writes that wait for each other's company: one round trip to the database for many.

use std::fmt::Write as _;

use crate::{StoreError, Value};

/// Statements in their order.
#[derive(Debug, Default)]
pub(crate) struct Batch {
    statements: Vec<Statement>,
}

#[derive(Debug)]
pub(crate) enum Statement {
    /// With its parameters.
    Prepared(String, Vec<Value>),
    /// One or several that have no parameters and give no rows.
    Bare(String),
}

impl Batch {
    /// Adds a statement with its parameters `$1`, `$2`, ….
    pub(crate) fn push(&mut self, sql: &str, values: Vec<Value>) {
        self.statements.push(Statement::Prepared(sql.to_owned(), values));
    }

    /// Adds a statement that has no parameters and gives no rows.
    pub(crate) fn push_bare(&mut self, sql: &str) {
        self.statements.push(Statement::Bare(sql.to_owned()));
    }

    /// The same statements after one without parameters; after none when it is empty.
    pub(crate) fn after(mut self, sql: String) -> Self {
        if !sql.is_empty() {
            self.statements.insert(0, Statement::Bare(sql));
        }
        self
    }

    pub(crate) fn is_empty(&self) -> bool {
        self.statements.is_empty()
    }

    /// The only statement with parameters, if there is no other statement.
    pub(crate) fn into_single(mut self) -> Result<(String, Vec<Value>), Self> {
        match (self.statements.pop(), self.statements.is_empty()) {
            (Some(Statement::Prepared(sql, values)), true) => Ok((sql, values)),
            (last, _) => {
                self.statements.extend(last);
                Err(self)
            }
        }
    }

    /// All as one text without parameters, for PostgreSQL, which prepares no more than one statement.
    pub(crate) fn into_literals(self) -> Result<String, StoreError> {
        let mut text = String::with_capacity(512);
        for statement in self.statements {
            if !text.is_empty() {
                text.push_str(";\n");
            }
            match statement {
                Statement::Prepared(sql, values) => fill_in(&mut text, &sql, &values)?,
                Statement::Bare(sql) => text.push_str(&sql),
            }
        }
        Ok(text)
    }

    /// All as one text, with the parameters numbered through.
    pub(crate) fn into_one(self) -> (String, Vec<Value>) {
        let (mut text, mut all) = (String::new(), Vec::new());
        for statement in self.statements {
            let (sql, values) = match statement {
                Statement::Prepared(sql, values) => (sql, values),
                Statement::Bare(sql) => (sql, Vec::new()),
            };
            if !text.is_empty() {
                text.push_str(";\n");
            }
            renumber(&mut text, &sql, all.len());
            all.extend(values);
        }
        (text, all)
    }
}

/// Appends a statement whose parameters follow `offset` others.
fn renumber(into: &mut String, sql: &str, offset: usize) {
    if offset == 0 {
        return into.push_str(sql);
    }
    for (before, number) in parts(sql) {
        into.push_str(before);
        if let Some(number) = number {
            // Writing to a String does not fail.
            let _ = write!(into, "${}", number + offset);
        }
    }
}

/// Appends a statement with values in the places of its parameters.
fn fill_in(into: &mut String, sql: &str, values: &[Value]) -> Result<(), StoreError> {
    for (before, number) in parts(sql) {
        into.push_str(before);
        let Some(number) = number else { continue };
        let value = number.checked_sub(1).and_then(|at| values.get(at));
        value.ok_or(StoreError::corrupt("parameter of a statement"))?.write_literal(into)?;
    }
    Ok(())
}

/// The pieces of a statement, each with the number of the parameter that follows it.
fn parts(sql: &str) -> impl Iterator<Item = (&str, Option<usize>)> {
    let mut rest = Some(sql);
    std::iter::from_fn(move || {
        let text = rest?;
        let Some((before, after)) = text.split_once('$') else {
            rest = None;
            return Some((text, None));
        };
        let digits = after.find(|c: char| !c.is_ascii_digit()).unwrap_or(after.len());
        let (number, after) = after.split_at(digits);
        rest = Some(after);
        Some((before, number.parse().ok()))
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::values;

    #[test]
    fn parameters_are_numbered_through() {
        let mut batch = Batch::default();
        batch.push("DELETE FROM a WHERE x = $1 AND y = $2", values!["x", 2_i64]);
        batch.push("UPDATE b SET z = $10, w = $1", values![true]);
        let (sql, values) = batch.after("BEGIN".to_owned()).into_one();
        assert_eq!(
            sql,
            "BEGIN;\nDELETE FROM a WHERE x = $1 AND y = $2;\nUPDATE b SET z = $12, w = $3"
        );
        assert_eq!(values.len(), 3);
    }

    #[test]
    fn values_take_the_places_of_parameters_and_are_nothing_but_values() {
        let mut batch = Batch::default();
        batch.push("INSERT INTO a VALUES ($1, $10, $2)", vec![Value::from("$2 o'hara \\"); 10]);
        batch.push("DELETE FROM b WHERE x = $2 AND y = $1", values![vec![1_u8, 255], None::<i64>]);
        batch.push_bare("COMMIT");
        let hostile = r"E'$2 o''hara \\'::text";
        assert_eq!(
            batch.into_literals().unwrap(),
            format!(
                "INSERT INTO a VALUES ({hostile}, {hostile}, {hostile});\nDELETE FROM b WHERE x = NULL::bigint AND y = \
                 '\\x01ff'::bytea;\nCOMMIT"
            )
        );
        let mut missing = Batch::default();
        missing.push("SELECT $2", values![1_i64]);
        assert!(missing.into_literals().is_err());
    }
}
