//! Lists, names and Unix sockets.

use entente_rpc::{Code, ErrorReason, Failure, Limits, link};
use tokio::net::{TcpListener, UnixListener};

use crate::peer::{Peer, Script, deliver, resolve};

#[tokio::test]
async fn calls_go_round_a_list_and_on_without_the_one_that_died() {
    let (one, mut other) = (Peer::start().await, Peer::start().await);
    let link = link::remote(&format!("{},{}", one.address, other.address), None).unwrap();
    for _ in 0..20 {
        deliver(&link, "").await.unwrap();
    }
    assert_eq!((one.script.calls(), other.script.calls()), (10, 10));

    // A process that dies takes its connections with it: nobody answers there any more.
    other.close().await;
    let dead = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let nobody = format!("http://{}", dead.local_addr().unwrap());
    drop(dead);
    let link = link::remote(&format!("{nobody},{}", one.address), None).unwrap();
    for _ in 0..20 {
        // Not even one that must not be repeated fails: nothing was sent.
        deliver(&link, "").await.unwrap();
    }
    assert_eq!(one.script.calls(), 30);
}

#[tokio::test]
async fn a_name_is_looked_up() {
    let peer = Peer::start().await;
    let port = peer.address.rsplit(':').next().unwrap();
    let link = link::remote(&format!("dns:///localhost:{port}"), None).unwrap();
    for _ in 0..4 {
        deliver(&link, "").await.unwrap();
    }
    assert_eq!(peer.script.calls(), 4);
    let link = link::remote("dns:///no-such-name.invalid:1", None).unwrap();
    let status = deliver(&link, "").await.unwrap_err();
    assert_eq!(status.code(), Code::Unavailable);
    assert!(status.message().contains("no-such-name.invalid:1"), "{status:?}");
    assert_eq!(Failure::of(&status).reason, ErrorReason::ServiceUnavailable);
}

#[tokio::test]
async fn a_unix_socket_is_served_and_called() {
    let directory = tempfile::tempdir().unwrap();
    let path = directory.path().join("rpc.sock");
    let listener = UnixListener::bind(&path).unwrap();
    let address = format!("unix:{}", path.display());
    let peer = Peer::on(listener, address, Script::default(), Limits::default());
    resolve(&peer.link(), "").await.unwrap();
    deliver(&peer.link(), "").await.unwrap();
    assert_eq!(peer.script.calls(), 2);
    let link = link::remote("unix:/no/such.sock", None).unwrap();
    assert_eq!(deliver(&link, "").await.unwrap_err().code(), Code::Unavailable);
}
