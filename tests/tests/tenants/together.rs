//! Two tenants of one suite are agents like any two.

use entente_rpc::proto::connection::v1::ReuseOutcome;
use entente_tests::Suite;

use crate::support::tenant;

async fn connect_and_reuse(suite: &Suite) {
    let (acme, bolt) = tokio::join!(tenant(suite, "acme"), tenant(suite, "bolt"));
    let invitation = acme.invite().await;
    let accepted = bolt.accept(&invitation.url).await;
    assert_eq!(accepted.decision.unwrap().outcome(), ReuseOutcome::New);
    let (theirs, ours) = (acme.connection().await, bolt.connection().await);
    assert_eq!((&theirs.my_did, &theirs.their_did), (&ours.their_did, &ours.my_did));

    let again = acme.invite().await;
    let reused = bolt.accept(&again.url).await;
    assert_eq!(reused.decision.unwrap().outcome(), ReuseOutcome::Reused);
    assert_eq!(reused.connection_id, ours.id);
    assert_eq!((acme.all_connections().await.len(), bolt.all_connections().await.len()), (1, 1));
    // The default tenant has nothing of it.
    assert!(suite.all_connections().await.is_empty());
    assert!(suite.all_events().await.is_empty());
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn they_connect_and_reuse() {
    connect_and_reuse(&Suite::start().await).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn they_connect_and_reuse_where_each_service_has_a_process() {
    connect_and_reuse(&Suite::in_five().await).await;
}
