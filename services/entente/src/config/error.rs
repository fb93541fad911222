//! What can be wrong with the configuration.

use figment::error::Kind;

/// A configuration that cannot be run.
#[derive(Debug, thiserror::Error)]
pub enum ConfigError {
    /// The file cannot be read.
    #[error("the configuration file {name} cannot be read: {source}")]
    File {
        /// Its path.
        name: String,
        /// Why.
        #[source]
        source: std::io::Error,
    },
    /// The file's text is wrong.
    #[error("{name}: {problem}")]
    Text {
        /// The file's path.
        name: String,
        /// What is wrong, with the key.
        problem: String,
    },
    /// A value is wrong.
    #[error("--{key}: {value:?} {problem}")]
    Value {
        /// The flag, which is also the key.
        key: &'static str,
        /// As given.
        value: String,
        /// What is wrong and what would be right.
        problem: String,
    },
    /// Settings that do not go together.
    #[error("{0}")]
    Together(String),
}

impl ConfigError {
    pub(super) fn value(key: &'static str, value: &str, problem: impl Into<String>) -> Self {
        Self::Value { key, value: value.to_owned(), problem: problem.into() }
    }

    pub(super) fn in_file(name: &str, error: figment::Error) -> Self {
        let key = error.path.join(".");
        let problem = match &error.kind {
            Kind::UnknownField(unknown, known) => {
                format!("there is no key {unknown:?}; the keys are {}", known.join(", "))
            }
            Kind::InvalidType(found, expected) => format!(
                "{key} is the {}; write {expected}",
                found.to_string().replace("unsigned int", "number").replace("signed int", "number")
            ),
            Kind::UnknownVariant(found, known) => {
                format!("{key} is {found:?}; write {}", known.join(" or "))
            }
            _ => error.to_string(),
        };
        Self::Text { name: name.to_owned(), problem }
    }
}
