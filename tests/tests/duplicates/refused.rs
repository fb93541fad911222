//! What does not become one.

use entente_rpc::proto::connection::v1::{
    AcceptInvitationRequest, CreateInvitationRequest, InvitationFormat, RotateDidRequest,
};
use entente_rpc::{ErrorReason, Failure};
use entente_tests::peer::v2;
use entente_tests::{Peer, Suite};
use serde_json::json;

use crate::{groups, join, merge};

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn what_is_not_shown_to_be_one_peer_stays_apart() {
    let suite = Suite::start().await;
    let (peer, other) = (Peer::start().await, Peer::start().await);
    let (a, b) = (join(&peer, &suite).await, join(&peer, &suite).await);
    let c = join(&other, &suite).await;
    let asked = Suite::with(&["--auto-accept-requests=false"]).await;
    let request =
        AcceptInvitationRequest { invitation: asked.invite().await.url, ..Default::default() };
    let waiting = suite.accept_with(request).await.unwrap().exchange_id;
    let before = suite.counts().await;
    let many = vec![b.id.as_str(); 101];
    for (keep, absorb, reason) in [
        (&a.id, &[c.id.as_str()][..], ErrorReason::NotSamePeer),
        // All or none.
        (&a.id, &[b.id.as_str(), &c.id], ErrorReason::NotSamePeer),
        (&a.id, &[a.id.as_str()], ErrorReason::InvalidField),
        (&a.id, &[], ErrorReason::InvalidField),
        (&a.id, &many, ErrorReason::InvalidField),
        (&a.id, &["nobody"], ErrorReason::NotFound),
        (&"nobody".to_owned(), &[a.id.as_str()], ErrorReason::NotFound),
        (&a.id, &[waiting.as_str()], ErrorReason::WrongState),
        (&waiting, &[a.id.as_str()], ErrorReason::WrongState),
    ] {
        let refused = Failure::of(&merge(&suite, keep, absorb).await.unwrap_err());
        assert_eq!(refused.reason, reason, "{keep} {absorb:?}: {refused}");
    }
    assert_eq!(suite.counts().await, before);
    assert_eq!(groups(&suite).await.len(), 1);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_rotation_under_way_comes_first() {
    let suite = Suite::start().await;
    let peer = v2::Peer::start().await;
    let join = async || {
        let format = InvitationFormat::OutOfBand2.into();
        let request =
            CreateInvitationRequest { format, create_unique_did: true, ..Default::default() };
        let invitation = suite.invite_with(request).await;
        let url = v2::endpoint(&invitation.did);
        let request = peer.me.request(&invitation);
        peer.post(&url, peer.me.pack(&request, &invitation.did)).await;
        peer.listener.next().await;
        let id = suite.connection_of(&invitation.id).await.id;
        v2::Connected { id, did: invitation.did.clone(), url }
    };
    let (a, b) = (join().await, join().await);
    assert_eq!(groups(&suite).await[0].connections.len(), 2);
    suite.connections().rotate_did(RotateDidRequest { id: a.id.clone() }).await.unwrap();
    let told = peer.listener.next().await.message;
    let new = told["from"].as_str().unwrap().to_owned();
    for (keep, absorb) in [(&a.id, &b.id), (&b.id, &a.id)] {
        let refused = Failure::of(&merge(&suite, keep, &[absorb]).await.unwrap_err());
        assert_eq!(refused.reason, ErrorReason::WrongState, "{refused}");
    }
    let answered = v2::Connected { did: new, ..a.clone() };
    peer.hears_nothing(&answered).await;
    merge(&suite, &b.id, &[&a.id]).await.unwrap();

    // The peer takes a new DID on what became part of the other: it is followed there, and nowhere else.
    let now = v2::Identity::at(&peer.listener.url);
    let from_prior = peer.me.from_prior(&now.did);
    let headers = json!({"from_prior": from_prior, "return_route": "all"});
    let ping = now.message(v2::PING, &answered.did, headers);
    let answer = peer.post(&answered.url, now.pack(&ping, &answered.did)).await;
    let (pong, _) = now.open(&answer.body).expect("an answer for the new DID");
    assert_eq!((&pong["type"], &pong["from"]), (&json!(v2::PONG), &json!(answered.did)), "{pong}");
    peer.hears_nothing(&b).await;
    assert_eq!(suite.connection_with(&peer.me.did).await.id, b.id);
    let counted = suite.all_connections().await;
    assert_eq!((counted.len(), &counted[0].former_ids[..]), (1, &[a.id][..]));
}
