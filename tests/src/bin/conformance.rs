//! Prints the conformance table with the results that `cargo test` printed, which come on standard input, of Entente or,
//! with the argument `another`, of another agent; or with `filters` what `cargo test` is to run.

use std::io::{Read as _, Write as _};
use std::process::ExitCode;

use entente_tests::conformance::{Of, filters, report, results};

fn main() -> std::io::Result<ExitCode> {
    let what = std::env::args().nth(1).unwrap_or_default();
    let (text, well) = if what == "filters" {
        (filters().into_iter().map(|filter| filter + "\n").collect(), true)
    } else {
        let mut log = String::new();
        std::io::stdin().read_to_string(&mut log)?;
        report(&results(&log), if what == "another" { Of::Another } else { Of::Ours })
    };
    std::io::stdout().write_all(text.as_bytes())?;
    Ok(if well { ExitCode::SUCCESS } else { ExitCode::FAILURE })
}
