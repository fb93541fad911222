//! `entente accept` and `entente preview`.

use std::io::Read as _;
use std::time::Duration;

use entente_rpc::proto::connection::v1::{
    AcceptInvitationRequest, AcceptanceState, DidMethod, NoAnswerPolicy, PreviewInvitationRequest,
    ReusePolicy,
};

use super::{Failed, names};
use crate::api::Api;
use crate::output::{Output, duration, short, to_value};

pub(super) const EXAMPLES: &str = "Examples:
  entente accept 'https://agent.example.com?oob=eyJ…' --wait
  entente accept --alias faber - < invitation.json
  entente accept '<url>' --no-reuse
  entente accept did:web:agent.example.com
  entente accept '<url>' --on-no-answer fail --deadline 30s --wait 30s";

pub(super) const PREVIEW_EXAMPLES: &str =
    "Examples:\n  entente preview 'https://agent.example.com?oob=eyJ…'";

/// The largest invitation that is read from standard input.
const LARGEST: u64 = 1024 * 1024;

#[derive(clap::Args)]
struct Policy {
    /// Make a new connection even where one could be reused
    #[arg(long)]
    no_reuse: bool,
    /// What to do when the peer does not confirm a reuse: a new connection, fail, or wait on
    #[arg(long, value_parser = names::no_answer(), value_name = "POLICY")]
    on_no_answer: Option<NoAnswerPolicy>,
    /// How long the peer may take to confirm a reuse [default: 15s]
    #[arg(long, value_name = "SPAN", value_parser = duration::parse)]
    deadline: Option<Duration>,
}

impl Policy {
    fn into_proto(self) -> ReusePolicy {
        ReusePolicy {
            disabled: self.no_reuse,
            on_no_answer: self.on_no_answer.unwrap_or_default().into(),
            deadline: self.deadline.map(duration::to_proto),
        }
    }
}

/// The invitation, and how to accept it.
#[derive(clap::Args)]
pub struct Args {
    /// A URL, the invitation as JSON, or - to read it from standard input
    invitation: String,
    #[command(flatten)]
    policy: Policy,
    /// A private name for the connection
    #[arg(long)]
    alias: Option<String>,
    /// Our name in the request [default: the agent's]
    #[arg(long)]
    label: Option<String>,
    /// Send the request without asking [default: the agent's setting]
    #[arg(long, value_name = "BOOL")]
    auto_accept: Option<bool>,
    /// The kind of our DID [default: did:peer:4]
    #[arg(long, value_parser = names::did_method(), value_name = "METHOD")]
    did_method: Option<DidMethod>,
    /// Wait until the connection is there, at most 30s [default without a span: 15s]
    #[arg(long, value_name = "SPAN", value_parser = duration::parse, num_args = 0..=1, default_missing_value = "15s")]
    wait: Option<Duration>,
    /// Makes the command repeatable
    #[arg(long, value_name = "ID")]
    request_id: Option<String>,
}

/// The invitation to look at.
#[derive(clap::Args)]
pub struct PreviewArgs {
    /// A URL, the invitation as JSON, or - to read it from standard input
    invitation: String,
    #[command(flatten)]
    policy: Policy,
}

pub(super) async fn run(args: Args, api: &Api, output: Output) -> Result<(), Failed> {
    let request = AcceptInvitationRequest {
        invitation: read(args.invitation)?,
        reuse: Some(args.policy.into_proto()),
        alias: args.alias.unwrap_or_default(),
        label: args.label,
        auto_accept: args.auto_accept,
        did_method: args.did_method.unwrap_or_default().into(),
        wait: args.wait.map(duration::to_proto),
        request_id: args.request_id.unwrap_or_default(),
    };
    let acceptance = api
        .invitations()
        .accept_invitation(request)
        .await?
        .into_inner()
        .acceptance
        .unwrap_or_default();
    let value = to_value("entente.connection.v1.Acceptance", &acceptance);
    if output.json {
        output.record(&value);
    } else {
        let decision = value.get("decision").cloned().unwrap_or_default();
        let part = |name: &str, prefix: &str| {
            decision.get(name).map(|v| short(v, prefix)).unwrap_or_default()
        };
        output.say(&format!(
            "{} ({})",
            part("outcome", "REUSE_OUTCOME_"),
            part("reason", "REUSE_REASON_")
        ));
        output.say(&format!("connection {}", acceptance.connection_id));
        output.say(&format!("acceptance {}", acceptance.id));
    }
    match acceptance.state() {
        AcceptanceState::Refused => Err(Failed::Outcome("the invitation was refused".to_owned())),
        _ => Ok(()),
    }
}

pub(super) async fn preview(args: PreviewArgs, api: &Api, output: Output) -> Result<(), Failed> {
    let request = PreviewInvitationRequest {
        invitation: read(args.invitation)?,
        reuse: Some(args.policy.into_proto()),
    };
    let response = api.invitations().preview_invitation(request).await?.into_inner();
    output.record(&to_value("entente.connection.v1.PreviewInvitationResponse", &response));
    Ok(())
}

fn read(invitation: String) -> Result<String, Failed> {
    if invitation != "-" {
        return Ok(invitation);
    }
    let mut text = String::new();
    let refused = |error| Failed::Usage(format!("standard input: {error}"));
    std::io::stdin().take(LARGEST).read_to_string(&mut text).map_err(refused)?;
    Ok(text.trim().to_owned())
}
