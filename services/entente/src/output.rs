//! What the commands print: tables for people, one JSON object a line for programs.

pub mod duration;
mod message;
mod qr;
mod table;

use serde_json::Value;

pub use message::to_value;
pub use qr::qr_code;
pub use table::{Column, table};

/// How a command prints.
#[derive(Debug, Clone, Copy)]
pub struct Output {
    /// JSON instead of text.
    pub json: bool,
}

impl Output {
    /// Many records.
    pub fn list(self, rows: &[Value], columns: &[Column]) {
        if self.json {
            rows.iter().for_each(|row| print_line(&row.to_string()));
        } else {
            print_text(&table(rows, columns));
        }
    }

    /// One record: a line for each field that is set.
    pub fn record(self, value: &Value) {
        if self.json {
            return print_line(&value.to_string());
        }
        let mut fields: Vec<(&String, String)> = value
            .as_object()
            .into_iter()
            .flatten()
            .map(|(name, value)| (name, text(value)))
            .collect();
        fields.sort_by_key(|(name, _)| *name != "id");
        let width = fields.iter().map(|(name, _)| name.len()).max().unwrap_or(0);
        for (name, value) in fields {
            print_line(&format!("{:width$}  {value}", name.replace('_', " ")));
        }
    }

    /// A sentence; nothing in JSON, where a record says it.
    pub fn say(self, sentence: &str) {
        if !self.json {
            print_line(sentence);
        }
    }
}

/// The value at a JSON pointer (RFC 6901); null when there is none.
#[must_use]
pub fn at<'a>(value: &'a Value, pointer: &str) -> &'a Value {
    value.pointer(pointer).unwrap_or(&Value::Null)
}

/// A JSON value as a person reads it.
#[must_use]
pub fn text(value: &Value) -> String {
    match value {
        Value::Null => String::new(),
        Value::String(text) => printable(text),
        Value::Array(values) => values.iter().map(text).collect::<Vec<_>>().join(", "),
        other => other.to_string(),
    }
}

/// The value of an enum field in lower case without its prefix: `EXCHANGE_STATE_DONE` is `done`.
#[must_use]
pub fn short(value: &Value, prefix: &str) -> String {
    let name = value.as_str().unwrap_or_default();
    name.strip_prefix(prefix).unwrap_or(name).to_ascii_lowercase().replace('_', "-")
}

/// A peer's text may have control characters, which a terminal would obey.
fn printable(text: &str) -> String {
    text.chars().map(|c| if c.is_control() { '\u{fffd}' } else { c }).collect()
}

/// Prints a line; a reader that has gone (`| head`) ends the command quietly.
pub fn print_line(line: &str) {
    print_text(&format!("{line}\n"));
}

fn print_text(text: &str) {
    use std::io::Write as _;
    if std::io::stdout().write_all(text.as_bytes()).is_err() {
        std::process::exit(0);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_a_peer_wrote_does_not_reach_the_terminal_as_control_characters() {
        assert_eq!(text(&Value::from("a\u{1b}[2Jb")), "a\u{fffd}[2Jb");
    }

    #[test]
    fn enum_values_lose_their_prefix() {
        assert_eq!(
            short(&Value::from("INVITATION_KIND_SINGLE_USE"), "INVITATION_KIND_"),
            "single-use"
        );
    }
}
