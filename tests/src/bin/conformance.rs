//! Prints the conformance table with the results that `cargo test` printed, which come on standard input; or with the
//! argument `filters` what `cargo test` is to run.

use std::io::{Read as _, Write as _};
use std::process::ExitCode;

use entente_tests::conformance::{filters, report, results};

fn main() -> std::io::Result<ExitCode> {
    let (text, well) = if std::env::args().nth(1).as_deref() == Some("filters") {
        (filters().into_iter().map(|filter| filter + "\n").collect(), true)
    } else {
        let mut log = String::new();
        std::io::stdin().read_to_string(&mut log)?;
        report(&results(&log))
    };
    std::io::stdout().write_all(text.as_bytes())?;
    Ok(if well { ExitCode::SUCCESS } else { ExitCode::FAILURE })
}
