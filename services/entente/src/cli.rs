//! The command line.

use std::future::Future;
use std::path::PathBuf;
use std::process::ExitCode;

use clap::{CommandFactory as _, Parser, Subcommand};
use clap_complete::Shell;

use crate::client::{self, ClientCommand};
use crate::config::{Config, Settings};
use crate::{backup, bench, demo, migrate, output, serve, service_config};

/// Establishes, reuses and keeps DIDComm connections.
#[derive(Parser)]
#[command(
    name = "entente",
    version,
    max_term_width = 100,
    after_help = "First steps:\n  entente serve                 start an agent\n  entente invite                make an invitation (in another terminal)\n  entente accept '<url>'        accept another agent's\n  entente demo                  see two agents do all of it"
)]
pub struct Cli {
    #[command(subcommand)]
    command: Command,
}

#[derive(Subcommand)]
enum Command {
    /// Run the services
    #[command(after_help = "Examples:
  entente serve
  entente serve --config entente.toml --label 'Acme Issuer' --endpoint https://agent.example.com
  entente serve --didcomm-addr 0.0.0.0:8030 --endpoint https://agent.example.com
  entente serve --services resolver,keystore --grpc-addr 127.0.0.1:9032
Precedence: flag, then environment, then the file, then the default.")]
    Serve(Box<ServeArgs>),
    /// Start two agents, connect them, reuse the connection, and tell the story
    #[command(after_help = "Examples:\n  entente demo")]
    Demo,
    /// Measure handshakes, reuses, invitations and lists between two agents
    #[command(after_help = "Examples:
  entente bench --handshakes 500 --reuses 500 --invitations 2000 --concurrency 16
  entente bench --connections 2000 --list
  entente bench --handshakes 2000 --apart
  entente bench --soak 30
  entente bench --timing 2000 --didcomm 2
  entente bench --handshakes 2000 --replicas 3 --database-url postgres://bench@127.0.0.1/{agent}
  entente bench --handshakes 100 --inviter http://10.0.0.1:8032 --invitee http://10.0.0.2:8032")]
    Bench(Box<bench::Args>),
    /// Bring the tables up to date, as `serve` does when it starts; several at once wait for each other
    #[command(after_help = "Examples:
  entente migrate --database-url postgres://entente@db.example.com/entente
  entente migrate --dry-run")]
    Migrate(Box<MigrateArgs>),
    /// Write a backup into a new directory, while the services run
    #[command(after_help = "Examples:
  entente backup /var/backups/entente-2027-01-31
  entente backup --with-keys --data-dir /var/lib/entente /mnt/safe/entente
  entente backup --database-url postgres://entente@db.example.com/entente /var/backups/entente
Without --with-keys it has no master key: keep that one elsewhere.")]
    Backup(Box<BackupArgs>),
    /// Restore a backup into a data directory or a database that has nothing yet
    #[command(after_help = "Examples:
  entente restore --data-dir /var/lib/entente /var/backups/entente-2027-01-31
  entente restore --database-url postgres://entente@db.example.com/entente /var/backups/entente
Readers of events that saw what happened after the backup are told so (CURSOR_IN_FUTURE).")]
    Restore(Box<RestoreArgs>),
    /// Print the schema of the GraphQL API
    #[command(
        name = "graphql-schema",
        after_help = "Examples:\n  entente graphql-schema > schema.graphql"
    )]
    GraphqlSchema,
    /// Print gRPC's service config: deadlines, retries and balancing for your own clients
    #[command(
        name = "service-config",
        after_help = "Examples:\n  entente service-config > service-config.json"
    )]
    ServiceConfig,
    /// Print a shell's completion script
    #[command(
        after_help = "Examples:\n  entente completions bash > /etc/bash_completion.d/entente"
    )]
    Completions {
        /// The shell
        shell: Shell,
    },
    #[command(flatten)]
    Client(Box<ClientCommand>),
}

#[derive(clap::Args)]
struct ServeArgs {
    #[command(flatten)]
    settings: Settings,
    /// Print the configuration that flags, environment and file come to, and stop
    #[arg(long)]
    print_config: bool,
    /// End when standard input is closed, as it is when the process that started this one ends, however it ends
    #[arg(long, hide = true)]
    until_stdin_closes: bool,
}

#[derive(clap::Args)]
struct MigrateArgs {
    #[command(flatten)]
    settings: Settings,
    /// Print what would be done, and change nothing
    #[arg(long)]
    dry_run: bool,
}

#[derive(clap::Args)]
struct BackupArgs {
    #[command(flatten)]
    settings: Settings,
    /// The directory, which is made
    #[arg(value_name = "DIR")]
    to: PathBuf,
    /// With the master key and the generated API key: whoever reads the backup can be this agent then
    #[arg(long)]
    with_keys: bool,
}

#[derive(clap::Args)]
struct RestoreArgs {
    #[command(flatten)]
    settings: Settings,
    /// The directory that `backup` made
    #[arg(value_name = "DIR")]
    from: PathBuf,
}

/// Runs a command and gives its exit code: 0, 1 when it failed, 2 when it was used wrongly.
pub fn run(cli: Cli) -> ExitCode {
    // One TLS provider for the whole process; it is only taken already if this ran before.
    let _ = rustls::crypto::ring::default_provider().install_default();
    match cli.command {
        Command::Serve(args) => run_serve(&args),
        Command::Migrate(args) => with_config(&args.settings, async |config| {
            exit(migrate::run(&config, args.dry_run).await)
        }),
        Command::Backup(args) => with_config(&args.settings, async |config| {
            exit(backup::back_up(&config, &args.to, args.with_keys).await)
        }),
        Command::Restore(args) => with_config(&args.settings, async |config| {
            exit(backup::restore(&config, &args.from).await)
        }),
        Command::Demo => in_runtime(async { exit(demo::run().await) }),
        Command::Bench(args) => in_runtime(async move { exit(bench::run(*args).await) }),
        Command::Completions { shell } => {
            clap_complete::generate(shell, &mut Cli::command(), "entente", &mut std::io::stdout());
            ExitCode::SUCCESS
        }
        Command::GraphqlSchema => {
            entente_gateway::graphql_schema().lines().for_each(output::print_line);
            ExitCode::SUCCESS
        }
        Command::ServiceConfig => {
            service_config::service_config().lines().for_each(output::print_line);
            ExitCode::SUCCESS
        }
        Command::Client(command) => in_runtime(client::run(*command)),
    }
}

fn run_serve(args: &ServeArgs) -> ExitCode {
    let config = match Config::load(&args.settings) {
        Ok(config) => config,
        Err(error) => {
            eprintln!("error: {error}");
            return ExitCode::from(2);
        }
    };
    if args.print_config {
        config.to_toml().lines().for_each(output::print_line);
        return ExitCode::SUCCESS;
    }
    if let Err(error) = entente_telemetry::log::install(config.log_format, &config.log_level) {
        eprintln!("error: {error}");
        return ExitCode::from(2);
    }
    if !config.core_dumps {
        serve::forbid_core_dumps();
    }
    let over = async {
        if args.until_stdin_closes {
            serve::stdin_closed().await;
        } else {
            std::future::pending().await
        }
    };
    in_runtime(async { exit(serve::run(config, over).await) })
}

fn with_config(settings: &Settings, work: impl AsyncFnOnce(Config) -> ExitCode) -> ExitCode {
    match Config::load(settings) {
        Ok(config) => in_runtime(work(config)),
        Err(error) => {
            eprintln!("error: {error}");
            ExitCode::from(2)
        }
    }
}

fn exit<E: std::error::Error>(result: Result<(), E>) -> ExitCode {
    match result {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            eprintln!("error: {}", chain(&error));
            ExitCode::FAILURE
        }
    }
}

/// An error with its causes, each said once.
pub(crate) fn chain(error: &dyn std::error::Error) -> String {
    let mut text = error.to_string();
    let mut cause = error.source();
    while let Some(error) = cause {
        let next = error.to_string();
        if !text.contains(&next) {
            text = format!("{text}: {next}");
        }
        cause = error.source();
    }
    text
}

/// Runs on two to four threads: the work is short, and each thread costs memory.
fn in_runtime(work: impl Future<Output = ExitCode>) -> ExitCode {
    let cores = std::thread::available_parallelism().map_or(2, usize::from);
    let runtime = tokio::runtime::Builder::new_multi_thread()
        .worker_threads(cores.clamp(2, 4))
        .enable_all()
        .build();
    match runtime {
        Ok(runtime) => {
            let code = runtime.block_on(work);
            // A blocked reader of standard input must not keep the process.
            runtime.shutdown_background();
            code
        }
        Err(error) => {
            eprintln!("error: the runtime cannot start: {error}");
            ExitCode::FAILURE
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_command_line_is_sound_and_each_command_has_examples() {
        let command = Cli::command();
        command.clone().debug_assert();
        for subcommand in command.get_subcommands() {
            let help = subcommand.get_after_help().map(ToString::to_string).unwrap_or_default();
            assert!(
                help.contains(&format!("entente {}", subcommand.get_name())),
                "{}",
                subcommand.get_name()
            );
        }
    }
}
