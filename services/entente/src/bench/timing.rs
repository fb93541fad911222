//! What a stranger learns by the time of answers: whether a key is this agent's, and whether a sender is known to it. Posts of
//! each kind go one after the other, mixed, over one connection, so that what the machine does besides falls on all of them.

mod compare;
mod envelopes;

use std::time::{Duration, Instant};

use entente_rpc::proto::connection::v1::{Connection as Record, GetConnectionRequest};
use rand::seq::SliceRandom as _;
use serde_json::{Value, json};

use self::compare::compare;
use self::envelopes::{Kind, Maker};
use super::measure::Measured;
use super::post::Connection;
use super::work::Work;
use super::{Args, BenchError};
use crate::output::{Column, Output, at, text};

/// Posts of each kind that are not measured, before the others.
const FIRST: usize = 50;

/// What is compared with what: whoever can tell the two apart learns what they differ in.
const PAIRS: [(Kind, Kind); 3] = [
    (Kind::WrongTag, Kind::UnknownRecipient),
    (Kind::OfStranger, Kind::UnknownRecipient),
    (Kind::InNameOfPeer, Kind::InNameOfNobody),
];

const COLUMNS: &[Column] = &[
    ("POST", |row| text(at(row, "/post"))),
    ("COUNT", |row| text(at(row, "/count"))),
    ("P50 MS", |row| milliseconds(at(row, "/p50_ms"))),
    ("P95 MS", |row| milliseconds(at(row, "/p95_ms"))),
    ("P99 MS", |row| milliseconds(at(row, "/p99_ms"))),
];

/// Runs it, and prints what was measured.
pub(super) async fn run(args: &Args) -> Result<(), BenchError> {
    let measured = super::between_agents(args, async |work| measure(args, work).await).await?;
    print(&measured, Output { json: args.json });
    Ok(())
}

async fn measure(args: &Args, work: &Work<'_>) -> Result<Vec<Measured>, BenchError> {
    let maker = Maker::new(args.didcomm, &connection(work).await?)?;
    let mut agent = Connection::open(work.inviter.didcomm()).await?;
    let mut measured = Kind::ALL.map(|kind| Measured::of_nothing(kind.name().to_owned()));
    for round in 0..FIRST + args.timing {
        let mut posts = Kind::ALL;
        posts.shuffle(&mut rand::rng());
        for kind in posts {
            let request = agent.request("", &maker.envelope(kind)?);
            let begun = Instant::now();
            let status = agent.send(&request).await?;
            let took = begun.elapsed();
            if status.is_none() {
                return Err(BenchError::Envelope("the agent closed the connection".to_owned()));
            }
            if round >= FIRST
                && let Some(measured) = measured.get_mut(kind as usize)
            {
                measured.latencies.push(took);
            }
        }
    }
    for measured in &mut measured {
        measured.latencies.sort_unstable();
    }
    Ok(measured.into())
}

/// One that the inviter has.
async fn connection(work: &Work<'_>) -> Result<Record, BenchError> {
    let id = work.connect("connection").await?.inviters;
    let found = work.inviter.api.connections().get_connection(GetConnectionRequest { id }).await;
    let found = found.map_err(BenchError::during("connection"))?.into_inner();
    Ok(found.connection.unwrap_or_default())
}

fn print(measured: &[Measured], output: Output) {
    let rows: Vec<Value> = measured
        .iter()
        .map(|measured| {
            json!({"post": measured.name, "count": measured.count(), "p50_ms": measured.percentile(0.50),
                "p95_ms": measured.percentile(0.95), "p99_ms": measured.percentile(0.99)})
        })
        .collect();
    output.list(&rows, COLUMNS);
    let of = |kind: Kind| -> &[Duration] {
        measured.get(kind as usize).map(|measured| &*measured.latencies).unwrap_or_default()
    };
    for (one, other) in PAIRS {
        let seen = compare(of(one), of(other));
        let (one, other) = (one.name(), other.name());
        if output.json {
            output.record(
                &json!({"post": one, "beside": other, "median_difference_ms": seen.difference,
                "median_difference_95_percent_ms": seen.interval, "slower_share": seen.slower,
                "slower_share_by_chance": seen.chance}),
            );
            continue;
        }
        let [low, high] = seen.interval;
        let [least, most] = seen.chance.map(|share| share * 100.0);
        output.say(&format!(
            "{one}, beside {other}: the median differs by {:.3} ms (95 %: {low:.3} to {high:.3}); it is the slower in {:.1} % \
             of pairs ({least:.1} to {most:.1} % by chance)",
            seen.difference,
            seen.slower * 100.0,
        ));
    }
}

fn milliseconds(value: &Value) -> String {
    value.as_f64().map(|number| format!("{number:.3}")).unwrap_or_default()
}
