//! Many tenants at work at the same time, and one of them who floods: what the others notice.

mod flooder;
mod tenant;

use std::time::{Duration, Instant};

use serde_json::json;
use tokio::task::JoinSet;

use self::flooder::Flooder;
use self::tenant::Tenant;
use super::agent::Agent;
use super::flood::Count;
use super::measure::Measured;
use super::{Args, BenchError, report};
use crate::output::Output;

/// How often each is measured, by turns, so that what the machine does besides falls on both.
pub(super) const ROUNDS: usize = 3;
/// The links that tenants share.
const LINKS: usize = 16;

/// The tenants of a run, and how much they do.
#[derive(Debug, clap::Args)]
pub(super) struct Crowd {
    /// Measure calls of this many tenants of one agent, at a rate, instead of operations between two agents
    #[arg(long, value_name = "N", default_value_t = 0, group = "crowd", conflicts_with_all = ["handshakes", "reuses", "invitations", "connections", "list", "inviter"])]
    pub(super) tenants: usize,
    /// Measure handshakes of this many peers of one agent, each with one every three seconds, in the same way
    #[arg(long, value_name = "N", default_value_t = 0, group = "crowd", conflicts_with_all = ["handshakes", "reuses", "invitations", "connections", "list", "inviter"])]
    pub(super) peers: u16,
    /// The same again while one tenant more calls, or one address more posts, as fast as it can, and the ratios
    #[arg(long, requires = "crowd")]
    pub(super) flood: bool,
    /// Calls a second of all tenants together: of four, three list connections and one creates an invitation
    #[arg(long, value_name = "R", default_value_t = 200, value_parser = clap::value_parser!(u32).range(1..=100_000))]
    rate: u32,
    /// How long each of the three rounds takes
    #[arg(long, value_name = "SECONDS", default_value_t = 10, value_parser = clap::value_parser!(u32).range(1..=3600))]
    pub(super) round: u32,
}

/// Runs it, and prints what was measured.
pub(super) async fn run(args: &Args) -> Result<(), BenchError> {
    let agent = Agent::spawn("inviter", &args.shape).await?;
    let measured = measure(&args.crowd, &agent).await;
    let size = agent.size();
    agent.stop().await;
    let (results, flood) = measured?;
    let output = Output { json: args.json };
    report::rows(&results, output);
    report::size("agent", &json!(size), output);
    report::beside(&results, flood, output);
    Ok(())
}

async fn measure(
    crowd: &Crowd,
    agent: &Agent,
) -> Result<(Vec<Measured>, Option<Count>), BenchError> {
    let links = (0..LINKS).map(|_| agent.another_api()).collect::<Result<Vec<_>, _>>()?;
    let tenants = tenant::make(&agent.api, &links, crowd.tenants).await?;
    let name = format!("call of {} tenants", crowd.tenants);
    let length = Duration::from_secs(crowd.round.into());
    // What is made at the first call of each.
    arrive(
        &tenants,
        crowd.rate,
        Duration::from_secs_f64(tenants.len() as f64 / f64::from(crowd.rate)),
    )
    .await?;
    let mut alone = Measured::of_nothing(name.clone());
    let mut beside = Measured::of_nothing(format!("{name} while one floods"));
    let mut flooded = Count::default();
    let flooder = if crowd.flood { Some(Flooder::new(agent).await?) } else { None };
    for _ in 0..ROUNDS {
        alone.add(arrive(&tenants, crowd.rate, length).await?);
        if let Some(flooder) = &flooder {
            let flood = flooder.start();
            beside.add(arrive(&tenants, crowd.rate, length).await?);
            flooded.add(flood.stop().await?);
        }
    }
    Ok(match flooder {
        Some(_) => (vec![alone, beside], Some(flooded)),
        None => (vec![alone], None),
    })
}

/// Calls at a rate, of one tenant after the other, whether or not those before were answered: latencies run from when a
/// call was due.
async fn arrive(
    tenants: &[Tenant],
    rate: u32,
    length: Duration,
) -> Result<(Duration, Vec<Duration>), BenchError> {
    let begun = Instant::now();
    let interval = Duration::from_secs(1) / rate;
    let count = (length.as_secs_f64() * f64::from(rate)) as u32;
    let mut calls = JoinSet::new();
    for (number, tenant) in (0..count).zip(tenants.iter().cycle()) {
        let due = begun + interval * number;
        tokio::time::sleep_until(due.into()).await;
        let tenant = tenant.clone();
        calls.spawn(async move {
            if number % 4 == 0 { tenant.invite().await } else { tenant.list().await }
                .map_err(BenchError::during("call of a tenant"))?;
            Ok::<_, BenchError>(due.elapsed())
        });
    }
    let latencies: Result<Vec<Duration>, BenchError> = calls.join_all().await.into_iter().collect();
    Ok((begun.elapsed(), latencies?))
}
