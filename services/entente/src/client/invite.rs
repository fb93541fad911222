//! `entente invite`.

use std::io::IsTerminal as _;
use std::path::PathBuf;
use std::time::Duration;

use entente_rpc::proto::connection::v1::{
    CreateInvitationRequest, DidMethod, HandshakeProtocol, InvitationKind,
};

use super::{Failed, names};
use crate::api::Api;
use crate::output::{Output, duration, print_line, qr_code, to_value};

pub(super) const EXAMPLES: &str = "Examples:
  entente invite
  entente invite --multi-use --max-uses 100 --expires-in 7d --label 'Acme Issuer'
  entente invite --short --expires-in 1h
  entente invite --goal-code issue-vc --goal 'To issue a credential' --attach offer.json
  entente invite --json | jq -r .url";

/// What the invitation shall say and allow.
#[derive(clap::Args)]
pub struct Args {
    /// May be used any number of times
    #[arg(long)]
    multi_use: bool,
    /// The limit of uses of a multi-use invitation
    #[arg(long, value_name = "N", requires = "multi_use")]
    max_uses: Option<i32>,
    /// Take requests that name only its DID, too: agents connect by `entente accept DID`
    #[arg(long, requires = "multi_use")]
    implicit: bool,
    /// How long it may be used: 90s, 15m, 1h, 7d [default: for ever]
    #[arg(long, value_name = "SPAN", value_parser = duration::parse)]
    expires_in: Option<Duration>,
    /// What it carries; connections can be reused with a DID only [default: did:peer:2]
    #[arg(long, value_parser = names::did_method(), value_name = "METHOD")]
    did_method: Option<DidMethod>,
    /// Carry a DID of this invitation alone, so that no connection is reused for it
    #[arg(long)]
    unique_did: bool,
    /// Carry this DID of ours
    #[arg(long, value_name = "DID", conflicts_with_all = ["did_method", "unique_did"])]
    use_did: Option<String>,
    /// What the invitee may answer with, best first; repeatable [default: both]
    #[arg(long = "protocol", value_parser = names::handshake_protocol(), value_name = "PROTOCOL")]
    protocols: Vec<HandshakeProtocol>,
    /// Our name in it [default: the agent's]
    #[arg(long)]
    label: Option<String>,
    /// A private name
    #[arg(long)]
    alias: Option<String>,
    /// The goal code
    #[arg(long, value_name = "CODE")]
    goal_code: Option<String>,
    /// The goal, for people
    #[arg(long, value_name = "TEXT")]
    goal: Option<String>,
    /// A JSON object for the connections made with it
    #[arg(long, value_name = "JSON")]
    metadata: Option<String>,
    /// Answer requests without asking [default: the agent's setting]
    #[arg(long, value_name = "BOOL")]
    auto_accept: Option<bool>,
    /// A file with a DIDComm message to attach; repeatable
    #[arg(long = "attach", value_name = "FILE")]
    attachments: Vec<PathBuf>,
    /// out-of-band/1.0 or 1.1 [default: 1.1]
    #[arg(long, value_name = "VERSION")]
    oob_version: Option<String>,
    /// A picture for the invitee to show
    #[arg(long, value_name = "URL")]
    image_url: Option<String>,
    /// Makes the command repeatable: the same id gives the same invitation
    #[arg(long, value_name = "ID")]
    request_id: Option<String>,
    /// Make a short URL, which leads to it while it is open; the QR code is of that one
    #[arg(long, requires = "expires_in")]
    short: bool,
    /// Print no QR code
    #[arg(long)]
    no_qr: bool,
}

pub(super) async fn run(args: Args, api: &Api, output: Output) -> Result<(), Failed> {
    let qr = !args.no_qr && std::io::stdout().is_terminal();
    let response = api.invitations().create_invitation(request(args)?).await?.into_inner();
    let invitation = response.invitation.unwrap_or_default();
    if output.json {
        output.record(&to_value("entente.connection.v1.Invitation", &invitation));
        return Ok(());
    }
    let url = match invitation.short_url.as_str() {
        "" => &invitation.url,
        short => short,
    };
    if qr {
        match qr_code(url) {
            Some(image) => print_line(&image),
            None => eprintln!("the URL is too long for a QR code"),
        }
    }
    print_line(url);
    eprintln!("id {}", invitation.id);
    Ok(())
}

fn request(args: Args) -> Result<CreateInvitationRequest, Failed> {
    let attachments = args.attachments.iter().map(|path| {
        let refused = |error| Failed::Usage(format!("--attach {}: {error}", path.display()));
        std::fs::read_to_string(path).map_err(refused)
    });
    let kind = if args.multi_use { InvitationKind::MultiUse } else { InvitationKind::SingleUse };
    Ok(CreateInvitationRequest {
        kind: kind.into(),
        max_uses: args.max_uses.unwrap_or_default(),
        implicit: args.implicit,
        expires_in: args.expires_in.map(duration::to_proto),
        did_method: args.did_method.unwrap_or_default().into(),
        create_unique_did: args.unique_did,
        use_did: args.use_did.unwrap_or_default(),
        handshake_protocols: args.protocols.into_iter().map(Into::into).collect(),
        label: args.label,
        alias: args.alias.unwrap_or_default(),
        goal_code: args.goal_code.unwrap_or_default(),
        goal: args.goal.unwrap_or_default(),
        metadata_json: args.metadata.unwrap_or_default(),
        auto_accept: args.auto_accept,
        attachments_json: attachments.collect::<Result<_, _>>()?,
        protocol_version: args.oob_version.unwrap_or_default(),
        request_id: args.request_id.unwrap_or_default(),
        image_url: args.image_url.unwrap_or_default(),
        short_url: args.short,
        ..Default::default()
    })
}
