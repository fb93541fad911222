//! Many peers who connect with one agent, and one address that floods its DIDComm listener: what the others notice.

mod flooder;

use std::time::{Duration, Instant};

use futures_util::future::try_join_all;

use super::flood::Count;
use super::measure::Measured;
use super::tenants::ROUNDS;
use super::work::Work;
use super::{Args, BenchError, report};
use crate::output::Output;

/// How often each peer connects.
const EVERY: Duration = Duration::from_secs(3);
/// Invitations that are made at a time.
const MAKING: usize = 16;
const NAME: &str = "handshake of a peer";
/// What the agents are started with. A flooder is told from the peers by what it says that a proxy says, as all are on
/// loopback.
pub(super) const LIMITS: [&str; 6] =
    ["--trusted-proxy", "127.0.0.1", "--didcomm-address-rate", "50", "--didcomm-peer-rate", "50"];

/// Runs it, and prints what was measured.
pub(super) async fn run(args: &Args) -> Result<(), BenchError> {
    let (results, flood) =
        super::between_agents(args, async |work| measure(args, work).await).await?;
    let output = Output { json: args.json };
    report::rows(&results, output);
    report::beside(&results, flood, output);
    Ok(())
}

async fn measure(
    args: &Args,
    work: &Work<'_>,
) -> Result<(Vec<Measured>, Option<Count>), BenchError> {
    let mut alone = Measured::of_nothing(format!("{NAME}, of {}", args.crowd.peers));
    let mut beside = Measured::of_nothing(format!("{NAME} while one floods"));
    let mut flooded = Count::default();
    // What is made at the first.
    work.handshakes(NAME, MAKING, MAKING).await?;
    for _ in 0..ROUNDS {
        alone.add(arrive(args, work).await?);
        if args.crowd.flood {
            let flood = flooder::start(work.inviter.didcomm());
            beside.add(arrive(args, work).await?);
            flooded.add(flood.stop().await?);
        }
    }
    Ok(match args.crowd.flood {
        true => (vec![alone, beside], Some(flooded)),
        false => (vec![alone], None),
    })
}

/// Handshakes at a rate, whether or not those before are done: latencies run from when one was due.
async fn arrive(args: &Args, work: &Work<'_>) -> Result<(Duration, Vec<Duration>), BenchError> {
    let interval = EVERY / u32::from(args.crowd.peers);
    let count = Duration::from_secs(args.crowd.round.into()).div_duration_f64(interval) as usize;
    let invitations = work.invitations(count, MAKING).await?;
    let begun = Instant::now();
    let handshakes = (0..).zip(invitations).map(async |(number, invitation)| {
        let due = begun + interval * number;
        tokio::time::sleep_until(due.into()).await;
        Ok::<_, BenchError>(work.handshake(NAME, &invitation).await?.at.duration_since(due))
    });
    let latencies = try_join_all(handshakes).await?;
    Ok((begun.elapsed(), latencies))
}
