//! The database goes away, and comes back.

use std::time::Duration;

use entente_rpc::proto::connection::v1::{CreateInvitationRequest, ListConnectionsRequest};
use entente_rpc::proto::keystore::v1::GetKeyRequest;
use entente_rpc::{ErrorReason, Failure, Status};
use entente_tests::Suite;
use entente_tests::load::{Load, until};
use entente_tests::proxy::{Fault, Proxy};
use entente_tests::reader::Reader;
use entente_tests::suite::{self, seconds};
use serde_json::Value;

/// How long an answer may take: a server that says nothing is waited for, and then another connection is tried.
const PATIENCE: Duration = Duration::from_secs(120);

/// How often, and for how long, answers are cut off.
const FLICKERS: usize = 20;
const FLICKER: Duration = Duration::from_millis(20);

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn callers_are_told_and_all_goes_on_when_the_database_is_back() {
    let Some(place) = suite::postgres().await else { return };
    let url = place.url();
    let (server, name) = url.rsplit_once('/').unwrap();
    let (user, address) = server.rsplit_once('@').unwrap();
    let proxy = Proxy::start(address).await;
    let through = format!("{user}@{}/{name}", proxy.address());
    let suite = Suite::with(&["--database-url", &through]).await;
    let peer = Suite::whole().await;
    let (load, reader) = (Load::default(), Reader::start(&suite));
    let faults = async {
        // Answers are cut off, those to commits too, which then have happened or not.
        for _ in 0..FLICKERS {
            load.progress(1).await;
            proxy.fail(Fault::Truncated);
            tokio::time::sleep(FLICKER).await;
            proxy.mend();
        }
        for fault in [Fault::Refused, Fault::BlackHole] {
            load.progress(3).await;
            proxy.fail(fault);
            until_told(&suite).await;
            until("it is not ready", async || {
                let (status, _) = suite.call("GET", "/status/ready", Value::Null).await;
                (status == 503).then_some(())
            })
            .await;
            proxy.mend();
        }
        load.progress(3).await;
        load.stop();
    };
    let (by_peer, by_us, reused, ()) = tokio::join!(
        load.accepted(&suite, &peer, true),
        load.accepted(&peer, &suite, true),
        load.accepted(&suite, &peer, false),
        faults,
    );
    let made = by_peer.invitations.len() + by_us.invitations.len() + 1;
    assert!(reused.invitations.len() > 1);
    for agent in [&suite, &peer] {
        until("all is done", async || (agent.all_connections().await.len() == made).then_some(()))
            .await;
    }
    reader.assert_saw(&suite.all_events().await).await;
    // Whichever way a commit went, the keys of what was stored are there.
    for connection in suite.all_connections().await {
        let request = GetKeyRequest { key: connection.my_key.clone() };
        assert!(
            suite.keystore().get_key(request).await.is_ok(),
            "the key of {connection:?} is gone"
        );
    }
}

/// Reads and writes are answered, and say that they may be tried again.
async fn until_told(suite: &Suite) {
    let assert_told = |status: Status| {
        let failure = Failure::of(&status);
        assert_eq!(failure.reason, ErrorReason::StoreUnavailable, "{status:?}");
        assert!(failure.retry_after.is_some(), "{status:?}");
    };
    let write = async {
        let request =
            CreateInvitationRequest { expires_in: Some(seconds(60)), ..Default::default() };
        suite.invitations().create_invitation(request).await
    };
    let written = tokio::time::timeout(PATIENCE, write).await.expect("an answer");
    assert_told(written.unwrap_err());
    let read = async {
        let request = ListConnectionsRequest::default();
        suite.connections().list_connections(request).await
    };
    let read = tokio::time::timeout(PATIENCE, read).await.expect("an answer");
    assert_told(read.unwrap_err());
}
