//! `entente doctor`.

use entente_rpc::proto::connection::v1::{FindingKind, ListFindingsRequest};
use entente_rpc::{now, time_from_proto};
use serde_json::{Value, json};
use tonic_health::pb::HealthCheckRequest;
use tonic_health::pb::health_check_response::ServingStatus;

use super::pages::Limit;
use super::{Failed, names};
use crate::api::Api;
use crate::cli::chain;
use crate::conditions::{CLOCKS, RENEWAL, skew};
use crate::migrate;
use crate::output::{Output, at, duration, short, text, to_value};

pub(super) const EXAMPLES: &str = "Examples:
  entente doctor
  entente doctor --kind undelivered --limit 0
  entente doctor --kind orphaned-key
  entente doctor --patience 1h --json
  entente doctor --database-url sqlite:./entente-data
  entente doctor --server https://agent.example.com:8032 --tls-ca authority.pem";

/// What is looked for.
#[derive(clap::Args)]
pub struct Args {
    #[command(flatten)]
    limit: Limit,
    /// Only of this kind
    #[arg(long, value_parser = names::finding_kind())]
    kind: Option<FindingKind>,
    /// How long a peer, an owner or a consumer may take: `30s`, `5m`, `1h`
    #[arg(long, value_name = "SPAN", default_value = "1m", value_parser = duration::parse)]
    patience: std::time::Duration,
    /// Also compare the tables there, which the process that is asked need not have, with those that this version makes:
    /// sqlite:<directory> or postgres://…
    #[arg(long, env = "ENTENTE_DATABASE_URL", value_name = "URL", hide_env_values = true)]
    database_url: Option<String>,
}

pub(super) async fn run(args: Args, api: &Api, output: Output) -> Result<(), Failed> {
    let health = api.health().check(HealthCheckRequest::default()).await?.into_inner().status();
    let first = ListFindingsRequest { page_size: 1, ..Default::default() };
    let asked = now();
    let checked = api.diagnosis().list_findings(first).await?.into_inner().checked_at;
    let theirs = checked.as_ref().map(time_from_proto).unwrap_or_default();
    let skew = skew(asked, theirs, now());
    let findings = args
        .limit
        .collect(async |page_size, page_token| {
            let request = ListFindingsRequest {
                page_size,
                page_token,
                kind: args.kind.unwrap_or_default().into(),
                patience: Some(duration::to_proto(args.patience)),
            };
            let page = api.diagnosis().list_findings(request).await?.into_inner();
            Ok((page.findings, page.next_page_token))
        })
        .await?;
    let rows: Vec<Value> =
        findings.iter().map(|finding| to_value("entente.connection.v1.Finding", finding)).collect();
    // What is shown here may be another's, who stands before the suite.
    let certificate_end = api.certificate_end().await.map_err(|error| {
        Failed::Outcome(format!("the certificate of the suite cannot be looked at: {error}"))
    })?;
    let left = certificate_end.map(|end| end - now() / 1_000);
    let drift = match args.database_url {
        Some(url) => migrate::drift(&url).await.map_err(|error| Failed::Outcome(chain(&error)))?,
        None => Vec::new(),
    };
    let wrong = [
        (health != ServingStatus::Serving).then(|| format!("it is {}", health.as_str_name())),
        (skew.abs() > CLOCKS).then(|| format!("its clock is {skew} ms from the one here")),
        (!rows.is_empty()).then(|| format!("{} found", rows.len())),
        left.filter(|left| *left < RENEWAL).map(|left| {
            format!("its certificate ends in {} days; put a new one in its place", left / 86_400)
        }),
        (!drift.is_empty()).then(|| {
            "the tables are not those of this version; see `entente migrate --dry-run`".to_owned()
        }),
    ];
    if output.json {
        output.record(&json!({
            "health": health.as_str_name(),
            "clock_skew_ms": skew,
            "certificate_seconds_left": left,
            "schema_drift": drift,
            "findings": rows,
        }));
    }
    rows.iter().for_each(|row| output.say(&paragraph(row)));
    drift.iter().for_each(|difference| output.say(difference));
    let wrong: Vec<String> = wrong.into_iter().flatten().collect();
    if wrong.is_empty() {
        output.say("it serves, the clocks agree, and nothing is stuck or orphaned");
        return Ok(());
    }
    Err(Failed::Outcome(wrong.join("; ")))
}

/// A finding as a person reads it: what, since when, why, and what to do.
fn paragraph(finding: &Value) -> String {
    let field = |name: &str| text(at(finding, name));
    let kind = short(at(finding, "/kind"), "FINDING_KIND_");
    let mut lines = vec![format!("{kind} {} since {}", field("/id"), field("/since"))];
    let numbers = [("count", "/count"), ("attempts", "/attempts")];
    let times = [("next attempt", "/next_attempt_at"), ("deadline", "/deadline_at")];
    let known = numbers.into_iter().chain(times).map(|(name, place)| (name, field(place)));
    let known = known.filter(|(_, value)| !value.is_empty());
    lines.push(known.map(|(name, value)| format!("{name} {value}")).collect::<Vec<_>>().join(", "));
    lines.extend([field("/cause"), field("/remedy")]);
    lines.join("\n  ")
}
