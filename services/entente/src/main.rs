//! Entente: `serve` runs the services, `demo` and `bench` show and measure them, and the other commands call them.

mod api;
mod backup;
mod bench;
mod cli;
mod client;
mod conditions;
mod config;
mod demo;
mod migrate;
mod output;
mod serve;
mod service_config;
mod watch;

use std::process::ExitCode;

use clap::Parser as _;

fn main() -> ExitCode {
    cli::run(cli::Cli::parse())
}
