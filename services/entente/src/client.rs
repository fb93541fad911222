//! The commands that call a running suite over gRPC.

mod accept;
mod access;
mod api_keys;
mod connections;
mod dead_letters;
mod doctor;
mod events;
mod exchanges;
mod failed;
mod health;
mod invitations;
mod invite;
mod keys;
mod messages;
mod names;
mod pages;
mod remote;
mod resolve;
mod tenants;
mod verify;

use std::process::ExitCode;

use clap::{Args, Subcommand};

use crate::api::Api;
use crate::output::Output;
pub use failed::Failed;
use remote::Remote;

/// Commands of the client.
#[derive(Subcommand)]
pub enum ClientCommand {
    /// Make an invitation, and show its URL and QR code
    #[command(after_help = invite::EXAMPLES)]
    Invite(Box<Call<invite::Args>>),
    /// Accept another agent's invitation
    #[command(after_help = accept::EXAMPLES)]
    Accept(Box<Call<accept::Args>>),
    /// Say what accepting an invitation would do, and change nothing
    #[command(after_help = accept::PREVIEW_EXAMPLES)]
    Preview(Call<accept::PreviewArgs>),
    /// List, show, change, merge and delete connections
    #[command(after_help = connections::EXAMPLES)]
    Connections(Call<connections::Args>),
    /// List, show, approve, reject and delete handshakes
    #[command(after_help = exchanges::EXAMPLES)]
    Exchanges(Call<exchanges::Args>),
    /// List, show, revoke and delete our invitations
    #[command(after_help = invitations::EXAMPLES)]
    Invitations(Call<invitations::Args>),
    /// Show the event log, and follow it
    #[command(after_help = events::EXAMPLES)]
    Events(Call<events::Args>),
    /// Send a trust ping and wait for the answer
    #[command(after_help = messages::PING_EXAMPLES)]
    Ping(Call<messages::PingArgs>),
    /// Send a basic message, or any DIDComm message
    #[command(after_help = messages::SEND_EXAMPLES)]
    Send(Call<messages::SendArgs>),
    /// Ask a peer which protocols it speaks
    #[command(after_help = messages::FEATURES_EXAMPLES)]
    Features(Call<messages::FeaturesArgs>),
    /// List and create keys
    #[command(after_help = keys::EXAMPLES)]
    Keys(Call<keys::Args>),
    /// Look after the keystore
    #[command(after_help = keys::KEYSTORE_EXAMPLES)]
    Keystore(Call<keys::KeystoreArgs>),
    /// Make, list, suspend, resume and delete tenants
    #[command(after_help = tenants::EXAMPLES)]
    Tenants(Call<tenants::Args>),
    /// Make, list, rotate and revoke API keys
    #[command(after_help = api_keys::EXAMPLES)]
    ApiKeys(Call<api_keys::Args>),
    /// Say what the API key may do, and why
    #[command(after_help = access::EXAMPLES)]
    Access(Call<access::Args>),
    /// Show who did what and who was refused, and follow it
    #[command(after_help = access::AUDIT_EXAMPLES)]
    Audit(Call<access::AuditArgs>),
    /// Say what is stuck or orphaned, why, and what can be done about it; exit code 1 when something is
    #[command(after_help = doctor::EXAMPLES)]
    Doctor(Call<doctor::Args>),
    /// Say whether a suite is up; exit code 1 when it is not
    #[command(after_help = health::EXAMPLES)]
    Health(Call<health::Args>),
    /// Show a DID's document
    #[command(after_help = resolve::EXAMPLES)]
    Resolve(Call<resolve::Args>),
    /// List and replay events that a webhook or other consumer did not take
    #[command(after_help = dead_letters::EXAMPLES)]
    DeadLetters(Call<dead_letters::Args>),
}

/// A command's own arguments, and those of every call.
#[derive(Args)]
pub struct Call<A: Args> {
    #[command(flatten)]
    args: A,
    #[command(flatten)]
    remote: Remote,
}

impl<A: Args> Call<A> {
    async fn run(
        self,
        command: impl AsyncFnOnce(A, &Api, Output) -> Result<(), Failed>,
    ) -> ExitCode {
        let output = Output { json: self.remote.json };
        let result = match self.remote.api() {
            Ok(api) => command(self.args, &api, output).await,
            Err(error) => Err(error),
        };
        match result {
            Ok(()) => ExitCode::SUCCESS,
            Err(failed) => failed.report(output, &self.remote.server),
        }
    }
}

/// Runs a command of the client.
pub async fn run(command: ClientCommand) -> ExitCode {
    match command {
        ClientCommand::Invite(call) => call.run(invite::run).await,
        ClientCommand::Accept(call) => call.run(accept::run).await,
        ClientCommand::Preview(call) => call.run(accept::preview).await,
        ClientCommand::Connections(call) => call.run(connections::run).await,
        ClientCommand::Exchanges(call) => call.run(exchanges::run).await,
        ClientCommand::Invitations(call) => call.run(invitations::run).await,
        ClientCommand::Events(call) => call.run(events::run).await,
        ClientCommand::Ping(call) => call.run(messages::ping).await,
        ClientCommand::Send(call) => call.run(messages::send).await,
        ClientCommand::Features(call) => call.run(messages::features).await,
        ClientCommand::Keys(call) => call.run(keys::run).await,
        ClientCommand::Keystore(call) => call.run(keys::keystore).await,
        ClientCommand::Tenants(call) => call.run(tenants::run).await,
        ClientCommand::ApiKeys(call) => call.run(api_keys::run).await,
        ClientCommand::Access(call) => call.run(access::run).await,
        ClientCommand::Audit(call) => call.run(access::audit).await,
        ClientCommand::Doctor(call) => call.run(doctor::run).await,
        ClientCommand::Health(call) => call.run(health::run).await,
        ClientCommand::Resolve(call) => call.run(resolve::run).await,
        ClientCommand::DeadLetters(call) => call.run(dead_letters::run).await,
    }
}
