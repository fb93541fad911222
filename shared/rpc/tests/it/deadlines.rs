//! A deadline ends the call and the calls below it, and shrinks on the way.

use std::sync::Arc;
use std::time::{Duration, Instant};

use entente_rpc::caller::for_tenant;
use entente_rpc::proto::resolver::v1::ResolveRequest;
use entente_rpc::proto::resolver::v1::resolver_service_client::ResolverServiceClient;
use entente_rpc::{Code, DEFAULT_TENANT, ErrorReason, Failure, Limits, Link, deadline};

use crate::peer::{Peer, Script, Service, resolve};

async fn within(link: Link, did: &str, time: Duration) -> Result<(), entente_rpc::Status> {
    let request = ResolveRequest { did: did.to_owned(), no_cache: false };
    let mut request = for_tenant(DEFAULT_TENANT, request).unwrap();
    request.set_timeout(time);
    ResolverServiceClient::new(link).resolve(request).await.map(|_| ())
}

fn remaining(script: &Script) -> Duration {
    script.remaining.lock().unwrap().last().copied().unwrap().expect("a deadline")
}

#[tokio::test]
async fn it_shrinks_over_two_hops_and_ends_both() {
    let last = Peer::start().await;
    let local = Service(Arc::new(Script { next: Some(last.link()), ..Default::default() }));
    let first = Script { next: Some(local.link()), ..Default::default() };
    let first = Peer::with(first, Limits::default()).await;
    let given = Duration::from_millis(900);
    let mut waiting = last.script.waiting.subscribe();
    let began = Instant::now();
    let status = within(first.link(), "wait", given).await.unwrap_err();
    assert_eq!(status.code(), Code::DeadlineExceeded, "{status:?}");
    assert!(began.elapsed() < given + Duration::from_secs(2), "{:?}", began.elapsed());
    let left = [&first.script, &local.0, &last.script].map(|script| remaining(script));
    assert!(left[0] < given && left[1] < left[0] && left[2] < left[1], "{left:?}");
    // The one at the end does not wait any longer either.
    tokio::time::timeout(Duration::from_secs(5), waiting.wait_for(|waiting| *waiting == 0))
        .await
        .unwrap()
        .unwrap();
}

#[tokio::test]
async fn the_server_ends_the_call_even_if_the_caller_goes_on() {
    let script = Arc::new(Script::default());
    let link = Service(Arc::clone(&script)).link();
    let status = within(link, "wait", Duration::from_millis(50)).await.unwrap_err();
    assert_eq!(status.code(), Code::DeadlineExceeded);
    assert_eq!(Failure::of(&status).reason, ErrorReason::DeadlineExceeded);
    assert_eq!(*script.waiting.borrow(), 0);
}

#[tokio::test]
async fn a_call_without_one_gets_the_default() {
    let peer = Peer::start().await;
    let local = Service(Arc::new(Script::default()));
    resolve(&peer.link(), "").await.unwrap();
    resolve(&local.link(), "").await.unwrap();
    for script in [&peer.script, &local.0] {
        let left = remaining(script);
        assert!(left <= deadline::DEFAULT && left > deadline::DEFAULT / 2, "{left:?}");
    }
}
