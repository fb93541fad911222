//! `entente bench`: what handshakes, reuses, invitations and lists cost between two agents, and many tenants of one; and
//! whether anything grows under a long load.

mod agent;
mod arrivals;
mod balancer;
mod error;
mod flood;
mod measure;
mod peers;
mod post;
mod report;
mod soak;
mod spawned;
mod tenants;
mod timing;
mod work;

use entente_rpc::proto::event::v1::EventKind;

pub use error::BenchError;

use agent::Agent;
use arrivals::Arrivals;
use measure::Measured;
use spawned::Shape;
use work::{Version, Work};

/// What to measure, and between whom.
#[derive(clap::Args)]
pub struct Args {
    /// Handshakes, each with a single-use invitation and reuse disabled, until both sides are DONE
    #[arg(long, value_name = "N", default_value_t = 0)]
    handshakes: usize,
    /// Reuses of one connection, each with an invitation of its own, until the peer's confirmation
    #[arg(long, value_name = "N", default_value_t = 0)]
    reuses: usize,
    /// Invitations to create
    #[arg(long, value_name = "N", default_value_t = 0)]
    invitations: usize,
    /// Make connections, by handshakes that are not measured, until the inviter has this many
    #[arg(long, value_name = "N", default_value_t = 0)]
    connections: usize,
    /// Measure a page of 1,000 connections
    #[arg(long)]
    list: bool,
    /// Make connections at 70 % of the capacity for this many minutes, delete each a minute later, and fail if memory, open files, disk or latency grow
    #[arg(long, value_name = "MINUTES", default_value_t = 0, conflicts_with_all = ["handshakes", "reuses", "invitations", "connections", "list", "inviter"])]
    soak: usize,
    /// Measure whether answers of the DIDComm listener tell by their time which recipients and senders an agent knows, by so many posts of each kind
    #[arg(long, value_name = "N", default_value_t = 0, conflicts_with_all = ["handshakes", "reuses", "invitations", "connections", "list", "inviter", "soak", "crowd"])]
    timing: usize,
    /// The version of DIDComm
    #[arg(long, value_name = "V", value_enum, default_value_t = Version::One)]
    didcomm: Version,
    /// Operations under way at the same time
    #[arg(long, value_name = "C", default_value_t = 16, value_parser = clap::value_parser!(u16).range(1..=1024))]
    concurrency: u16,
    #[command(flatten)]
    shape: Shape,
    #[command(flatten)]
    crowd: tenants::Crowd,
    /// An inviter that runs already, by its gRPC address [default: two processes of this program are started]
    #[arg(long, value_name = "URL", requires = "invitee", conflicts_with_all = ["database_url", "apart", "replicas"])]
    inviter: Option<String>,
    /// The invitee that runs already
    #[arg(long, value_name = "URL", requires = "inviter")]
    invitee: Option<String>,
    /// The API key of the inviter that runs already
    #[arg(
        long,
        env = "ENTENTE_API_KEY",
        value_name = "KEY",
        hide_env_values = true,
        allow_hyphen_values = true
    )]
    inviter_key: Option<String>,
    /// The API key of the invitee that runs already
    #[arg(
        long,
        env = "ENTENTE_API_KEY",
        value_name = "KEY",
        hide_env_values = true,
        allow_hyphen_values = true
    )]
    invitee_key: Option<String>,
    /// Print JSON, one object a line
    #[arg(long)]
    json: bool,
}

/// Runs the benchmark; with nothing chosen, a small run of everything.
///
/// # Errors
/// When an agent cannot be started or called, or an operation does not end as it should.
pub async fn run(mut args: Args) -> Result<(), BenchError> {
    if args.crowd.tenants > 0 {
        return tenants::run(&args).await;
    }
    if args.crowd.peers > 0 {
        args.shape.arguments = &peers::LIMITS;
        return peers::run(&args).await;
    }
    if args.timing > 0 {
        return timing::run(&args).await;
    }
    if args.handshakes + args.reuses + args.invitations + args.connections + args.soak == 0
        && !args.list
    {
        (args.handshakes, args.reuses, args.invitations, args.list) = (300, 300, 1000, true);
    }
    if args.soak > 0 {
        args.shape.arguments = &soak::RETENTION;
    }
    let (mut results, mut sizes) = (Vec::new(), None);
    let measured = between_agents(&args, async |work| {
        let measured = measure_all(&args, work, &mut results).await;
        sizes = Some([work.inviter.size(), work.invitee.size()]);
        measured
    });
    let measured = measured.await;
    if let Some(sizes) = sizes {
        report::print(&results, sizes, &args);
    }
    measured
}

/// Measures what two agents do. Those that were started are ended before anything is printed, for that may end this process
/// (`| head`).
async fn between_agents<T>(
    args: &Args,
    measure: impl AsyncFnOnce(&Work<'_>) -> Result<T, BenchError>,
) -> Result<T, BenchError> {
    let (inviter, invitee) = agents(args).await?;
    let measured = match work(args, &inviter, &invitee).await {
        Ok(work) => measure(&work).await,
        Err(error) => Err(error),
    };
    tokio::join!(inviter.stop(), invitee.stop());
    measured
}

async fn agents(args: &Args) -> Result<(Agent, Agent), BenchError> {
    match (&args.inviter, &args.invitee) {
        (Some(inviter), Some(invitee)) => Ok((
            Agent::running(inviter, args.inviter_key.as_deref())?,
            Agent::running(invitee, args.invitee_key.as_deref())?,
        )),
        _ => Ok((
            Agent::spawn("inviter", &args.shape).await?,
            Agent::spawn("invitee", &args.shape).await?,
        )),
    }
}

async fn work<'a>(
    args: &Args,
    inviter: &'a Agent,
    invitee: &'a Agent,
) -> Result<Work<'a>, BenchError> {
    Ok(Work {
        didcomm: args.didcomm,
        inviter,
        invitee,
        inviter_done: Arrivals::follow(&inviter.api, EventKind::ConnectionCreated).await?,
        invitee_done: Arrivals::follow(&invitee.api, EventKind::ConnectionCreated).await?,
        reused: Arrivals::follow(&invitee.api, EventKind::ConnectionReuseAccepted).await?,
    })
}

/// Reuses come before handshakes, while there is one connection to reuse: that is how agents use it.
async fn measure_all(
    args: &Args,
    work: &Work<'_>,
    results: &mut Vec<Measured>,
) -> Result<(), BenchError> {
    let concurrency = usize::from(args.concurrency);
    if args.soak > 0 {
        return soak::run(work, args.soak, args).await;
    }
    if args.invitations > 0 {
        results.push(work.create_invitations(args.invitations, concurrency).await?);
    }
    if args.reuses > 0 {
        work.handshakes("first connection", 1, 1).await?;
        results.push(work.reuses(args.reuses, concurrency).await?);
    }
    if args.handshakes > 0 {
        results.push(work.handshakes("handshake", args.handshakes, concurrency).await?);
    }
    let mut there = if args.connections > 0 || args.list { work.count().await? } else { 0 };
    if there < args.connections {
        let missing = args.connections - there;
        results.push(work.handshakes("handshake, to fill the list", missing, concurrency).await?);
        there = work.count().await?;
    }
    if args.list {
        results.push(work.list(there).await?);
    }
    Ok(())
}
