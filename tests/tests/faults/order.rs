//! The services of an agent start in any order.

use entente_tests::Suite;
use entente_tests::acapy::Controller;
use entente_tests::load::until;
use entente_tests::proxy::{Fault, Proxy};
use entente_tests::suite::{self, Process};

/// A webhook is told what happens from its gateway's start on, also while that cannot reach the log.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_webhook_misses_nothing_while_its_gateway_waits_for_the_log() {
    let mut suite = Suite::in_five().await;
    for _ in 0..3 {
        suite.invite().await;
    }
    let controller = Controller::start().await;
    let first = suite.process("gateway");
    let names = ["endpoint", "admin-api-key", "access", "resolver", "keystore", "transport"];
    let names = names.map(|name| match name {
        "endpoint" | "admin-api-key" => format!("--{name}"),
        service => format!("--{service}-url"),
    });
    let mut arguments: Vec<String> = Vec::new();
    for name in names {
        let value = first.argument(&name).unwrap().to_owned();
        arguments.extend([name, value]);
    }
    let log = first.argument("--connection-url").unwrap().to_owned();
    let proxy = Proxy::start(log.strip_prefix("http://").unwrap()).await;
    proxy.fail(Fault::Refused);
    let through = format!("http://{}", proxy.address());
    let (didcomm, admin, grpc, metrics) = (
        suite::free_address(),
        suite::free_address(),
        suite::free_address(),
        suite::free_address(),
    );
    for (name, value) in [
        ("--connection-url", through.as_str()),
        ("--services", "gateway"),
        ("--didcomm-addr", &didcomm),
        ("--admin-addr", &admin),
        ("--grpc-addr", &grpc),
        ("--metrics-addr", &metrics),
        ("--webhook-url", controller.url()),
    ] {
        arguments.extend([name.to_owned(), value.to_owned()]);
    }
    let before = suite.all_events().await.last().unwrap().sequence;
    let home = tempfile::tempdir().unwrap();
    let _second = Process::start(home.path(), "second", arguments).await;
    for _ in 0..3 {
        suite.invite().await;
    }
    let log = suite.all_events().await;
    proxy.mend();
    let young: Vec<i64> =
        log.iter().map(|event| event.sequence).filter(|sequence| *sequence > before).collect();
    until("what happened meanwhile is told", async || {
        let told = controller.sequences();
        young.iter().all(|sequence| told.contains(sequence)).then_some(())
    })
    .await;
    assert!(controller.sequences().iter().all(|sequence| *sequence > before));
}
