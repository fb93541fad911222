//! The log: lines of text or JSON on standard error, chosen by level and module.

mod correlated;
mod redact;

use std::io::IsTerminal as _;
use std::str::FromStr;

use tracing_subscriber::EnvFilter;
use tracing_subscriber::filter::ParseError;
use tracing_subscriber::fmt::format::JsonFields;
use tracing_subscriber::util::SubscriberInitExt as _;

use correlated::Correlated;

/// How a log line is written.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum Format {
    /// For people.
    #[default]
    Text,
    /// One JSON object a line.
    Json,
}

/// Checks a filter: a level (`info`) or directives by module (`warn,entente_connection=debug`).
///
/// # Errors
/// When it is neither.
pub fn check_filter(filter: &str) -> Result<(), LogError> {
    parse(filter).map(drop)
}

/// Installs the log for the whole process. The libraries below stay at `warn` unless the filter names them.
///
/// # Errors
/// When the filter cannot be read, or a log is installed already.
pub fn install(format: Format, filter: &str) -> Result<(), LogError> {
    let ansi = std::io::stderr().is_terminal();
    let builder = tracing_subscriber::fmt()
        .with_env_filter(parse(filter)?)
        .with_writer(std::io::stderr)
        .with_ansi(ansi);
    let event = tracing_subscriber::fmt::format();
    let installed = match format {
        Format::Text => {
            builder.event_format(Correlated::text(event.with_ansi(ansi))).finish().try_init()
        }
        Format::Json => {
            let event = event.json().flatten_event(true).with_current_span(false);
            builder
                .fmt_fields(JsonFields::new())
                .event_format(Correlated::json(event))
                .finish()
                .try_init()
        }
    };
    installed.map_err(|_| LogError::Installed)
}

fn parse(filter: &str) -> Result<EnvFilter, LogError> {
    let level_only = tracing::Level::from_str(filter).is_ok();
    let quiet = if level_only {
        ",async_nats=warn,h2=warn,hyper=warn,hyper_util=warn,tower=warn,sqlx=warn,rustls=warn"
    } else {
        ""
    };
    let refused = |source| LogError::Filter { filter: filter.to_owned(), source };
    // The values of fields are texts: as regular expressions, some would take minutes to be read.
    let filters = EnvFilter::builder().with_regex(false);
    filters.parse(format!("{filter}{quiet}")).map_err(refused)
}

/// Why there is no log.
#[derive(Debug, thiserror::Error)]
pub enum LogError {
    /// The filter cannot be read.
    #[error(
        "{filter:?} is not a log level; write error, warn, info, debug or trace, or module=level pairs"
    )]
    Filter {
        /// As given.
        filter: String,
        /// What is wrong with it.
        #[source]
        source: ParseError,
    },
    /// There is one already.
    #[error("a log is installed already")]
    Installed,
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn levels_and_directives_are_filters() {
        for filter in ["info", "WARN", "warn,entente_connection=debug"] {
            assert!(check_filter(filter).is_ok(), "{filter}");
        }
        assert!(
            check_filter("entente=loud")
                .unwrap_err()
                .to_string()
                .contains("write error, warn, info")
        );
    }

    #[test]
    fn the_value_of_a_field_is_no_regular_expression() {
        let unclosed = "info[{tenant=(}]=debug";
        assert!(check_filter(unclosed).is_ok());
    }
}
