//! Writes that wait for each other's company: one round trip to SQLite for many.

use std::fmt::Write as _;

use crate::Value;

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

    /// The statements one by one.
    pub(crate) fn into_statements(self) -> Vec<Statement> {
        self.statements
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
}
