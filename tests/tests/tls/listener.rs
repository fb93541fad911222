//! What a gRPC listener speaks.

use std::io::Write as _;
use std::net::TcpStream;
use std::process::{Command, Stdio};

use entente_rpc::auth::Proxies;
use entente_tls::ClientAuth;

use crate::support::Server;

/// What openssl says of a handshake, and whether there was one.
fn shake(server: &Server, flags: &[&str]) -> (bool, String) {
    let address = server.url.trim_start_matches("https://");
    let mut child = Command::new("openssl")
        .args(["s_client", "-connect", address, "-servername", "localhost", "-CAfile"])
        .arg(server.authority.certificate())
        .args(["-verify_return_error", "-brief"])
        .args(flags)
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn()
        .unwrap();
    let _ = child.stdin.take().unwrap().write_all(b"");
    let output = child.wait_with_output().unwrap();
    let text = String::from_utf8_lossy(&[output.stdout, output.stderr].concat()).into_owned();
    (text.contains("CONNECTION ESTABLISHED"), text)
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn it_speaks_tls_of_today_and_http_2_alone() {
    let server = Server::start(ClientAuth::Optional, Proxies::default()).await;
    for (flags, version) in
        [(&["-tls1_2"][..], "TLSv1.2"), (&["-tls1_3"], "TLSv1.3"), (&[], "TLSv1.3")]
    {
        let (done, text) = shake(&server, &[flags, &["-alpn", "h2"]].concat());
        assert!(done && text.contains(version) && text.contains("Verification: OK"), "{text}");
    }
    for flags in [
        &["-alpn", "http/1.1"][..],
        &["-tls1_1", "-cipher", "ALL@SECLEVEL=0"],
        &["-tls1", "-cipher", "ALL@SECLEVEL=0"],
        &["-tls1_2", "-cipher", "AES128-SHA"],
    ] {
        let (done, text) = shake(&server, flags);
        assert!(!done, "{flags:?}: {text}");
    }
    let offered = shake(&server, &["-alpn", "http/1.1,h2", "-msg"]);
    assert!(offered.0, "{}", offered.1);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn connections_that_say_nothing_hold_up_nobody() {
    let server = Server::start(ClientAuth::Optional, Proxies::default()).await;
    let address = server.url.trim_start_matches("https://").replace("localhost", "127.0.0.1");
    let silent: Vec<_> = (0..200).map(|_| TcpStream::connect(&address).unwrap()).collect();
    let mut plain = TcpStream::connect(&address).unwrap();
    plain.write_all(b"GET / HTTP/1.1\r\nhost: x\r\n\r\n").unwrap();
    assert_eq!(server.who(None, Some("the-owners-key")).await.unwrap(), "owner");
    // They are cut after some seconds: the end of the stream, or an error.
    let closed = tokio::task::spawn_blocking(move || {
        use std::io::Read as _;
        let mut first = &silent[0];
        first.set_read_timeout(Some(std::time::Duration::from_secs(60))).unwrap();
        !matches!(first.read(&mut [0]), Err(error) if error.kind() == std::io::ErrorKind::WouldBlock)
    });
    assert!(closed.await.unwrap());
}
