//! Configuration files: what is taken, printed and taken again means the same.

#![no_main]

use clap::Parser;
use libfuzzer_sys::fuzz_target;

/// The binary's module itself: its crate would take minutes to build.
#[allow(dead_code, unused_imports, reason = "the binary uses more of it")]
#[path = "../../../services/entente/src"]
mod entente {
    pub mod config;
}

use entente::config::{Config, Settings};

/// What is not printed, so that it does not come back.
const SECRET: [&str; 6] = [
    "admin-api-key",
    "service-key",
    "master-passphrase",
    "database-url",
    "nats-url",
    "webhook-url",
];

#[derive(Parser)]
struct Serve {
    #[command(flatten)]
    settings: Settings,
}

fuzz_target!(|text: &str| {
    // A key in a file would be read; an escape is another spelling of these words.
    if text.contains("key-file") || text.contains('\\') {
        return;
    }
    let Ok(Serve { settings }) = Serve::try_parse_from(["serve"]) else { return };
    let Ok(config) = Config::resolve(&settings, Some(("made up", text))) else { return };
    let printed = config.to_toml();
    let again = Config::resolve(&settings, Some(("printed", &printed)));
    let again = again.unwrap_or_else(|error| panic!("{error}\n{printed}"));
    assert!(SECRET.iter().any(|part| text.contains(part)) || again == config, "{printed}");
});
