//! Merges and deletions at the same time, on one agent and on two replicas of one.

use entente_rpc::proto::connection::v1::DeleteConnectionRequest;
use entente_rpc::{ErrorReason, Failure};
use entente_tests::suite::Replicas;
use entente_tests::{Peer, Suite};

use crate::{get, join, merge};

const ROUNDS: usize = 5;

async fn race(one: &Suite, other: &Suite) {
    let peer = Peer::start().await;
    for _ in 0..ROUNDS {
        let (a, b) = (join(&peer, one).await, join(&peer, one).await);
        let (of_a, of_b) = ([a.id.as_str()], [b.id.as_str()]);
        let (there, back) = tokio::join!(merge(one, &a.id, &of_b), merge(other, &b.id, &of_a));
        let kept = there.unwrap().connection.unwrap();
        assert_eq!(back.unwrap().connection.unwrap(), kept);
        assert_eq!(get(other, &a.id).await.unwrap(), kept);
        assert_eq!(get(one, &b.id).await.unwrap(), kept);
        assert_eq!(one.all_connections().await, std::slice::from_ref(&kept));

        let c = join(&peer, one).await;
        let delete = DeleteConnectionRequest { id: c.id.clone() };
        let of_c = [c.id.as_str()];
        let mut connections = other.connections();
        let (merged, deleted) =
            tokio::join!(merge(one, &kept.id, &of_c), connections.delete_connection(delete));
        deleted.unwrap();
        let left = one.all_connections().await;
        match merged {
            // The deletion came after, and was of both.
            Ok(_) => assert_eq!(left, []),
            Err(refused) => {
                assert_eq!(Failure::of(&refused).reason, ErrorReason::NotFound, "{refused}");
                assert_eq!(left, std::slice::from_ref(&kept));
                let delete = DeleteConnectionRequest { id: kept.id };
                one.connections().delete_connection(delete).await.unwrap();
            }
        }
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn one_agent_comes_to_one_result() {
    let suite = Suite::start().await;
    race(&suite, &suite).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn replicas_come_to_one_result() {
    let Some(replicas) = Replicas::start(2, &[]).await else { return };
    race(&replicas.suites[0], &replicas.suites[1]).await;
}
