//! Certificates that change while calls go on.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::time::Duration;

use entente_rpc::auth::Proxies;
use entente_tests::certificates::{Authority, replace};
use entente_tests::suite::eventually;
use entente_tls::ClientAuth;

use crate::support::{Server, who};

/// The serial number of the certificate that a server shows now.
pub fn served(url: &str) -> String {
    let address = url.trim_start_matches("https://");
    let command = format!(
        "openssl s_client -connect {address} -alpn h2,http/1.1 </dev/null 2>/dev/null | openssl x509 -noout -serial"
    );
    let output = std::process::Command::new("sh").args(["-c", &command]).output().unwrap();
    String::from_utf8_lossy(&output.stdout).trim().trim_start_matches("serial=").to_owned()
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn new_certificates_are_served_and_no_call_fails() {
    let server = Server::start(ClientAuth::Required, Proxies::default()).await;
    let pair = server.authority.issue("gateway", &["URI:spiffe://entente.test/gateway"]);
    assert_eq!(served(&server.url), server.pair.serial());

    // Calls over a connection that stays, and over a new one each time.
    let (stop, done) = (Arc::new(AtomicBool::new(false)), Arc::new(AtomicUsize::new(0)));
    let mut calling = tokio::task::JoinSet::new();
    for fresh in [false, false, true] {
        let (stop, done) = (Arc::clone(&stop), Arc::clone(&done));
        let count = if fresh { 256 } else { 1 };
        let links: Vec<_> = (0..count).map(|_| server.link(Some(&pair), None)).collect();
        calling.spawn(async move {
            for link in links.iter().cycle() {
                if stop.load(Ordering::Relaxed) {
                    return;
                }
                assert_eq!(who(link.clone()).await.unwrap(), "gateway");
                done.fetch_add(1, Ordering::Relaxed);
                tokio::time::sleep(Duration::from_millis(5)).await;
            }
        });
    }

    let names = ["URI:spiffe://entente.test/keystore", "DNS:localhost"];
    for round in 0..2 {
        let next = server.authority.issue(&format!("next-{round}"), &names);
        next.replace(&server.pair);
        let serial = next.serial();
        eventually("the new certificate is served", async || {
            (served(&server.url) == serial).then_some(())
        })
        .await;
    }

    // What cannot be used changes nothing.
    let last = server.pair.serial();
    let before = done.load(Ordering::Relaxed);
    replace(b"not a certificate", &server.pair.certificate);
    eventually("calls go on", async || (done.load(Ordering::Relaxed) > before + 100).then_some(()))
        .await;
    assert_eq!(served(&server.url), last);
    stop.store(true, Ordering::Relaxed);
    while let Some(ended) = calling.join_next().await {
        ended.unwrap();
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_new_authority_is_trusted_and_the_old_one_no_more() {
    let server = Server::start(ClientAuth::Required, Proxies::default()).await;
    let names = ["URI:spiffe://entente.test/gateway"];
    let old = server.authority.issue("old", &names);
    let folder = tempfile::tempdir().unwrap();
    let next = Authority::new(folder.path(), "next");
    let new = next.issue("new", &names);
    assert_eq!(server.who(Some(&old), None).await.unwrap(), "gateway");
    assert!(server.who(Some(&new), None).await.is_err());
    // A client that looks at its files, too.
    let own = server.authority.issue("own", &names);
    let first = server.folder.path().join("first.crt");
    std::fs::copy(server.authority.certificate(), &first).unwrap();
    let looking = crate::support::client(Some(&own), first);
    tokio::spawn(looking.clone().watch());
    let ask_looking = async || {
        let security = entente_rpc::link::Security { tls: looking.clone(), expected: [].into() };
        who(entente_rpc::link::secured(&server.url, None, security).unwrap()).await
    };
    assert_eq!(ask_looking().await.unwrap(), "gateway");

    // Both, as while callers change over; clients trust the server's authority by a copy of its own.
    let read = |path| std::fs::read(path).unwrap();
    let mine = server.folder.path().join("mine.crt");
    let first = read(server.authority.certificate());
    std::fs::write(&mine, &first).unwrap();
    let trusted = server.authority.certificate();
    let ask = async |pair| {
        let tls = crate::support::client(Some(pair), mine.clone());
        let security = entente_rpc::link::Security { tls, expected: [].into() };
        who(entente_rpc::link::secured(&server.url, None, security).unwrap()).await
    };
    replace(&[first, read(next.certificate())].concat(), &trusted);
    eventually("the new authority is trusted", async || ask(&new).await.ok()).await;
    assert_eq!(ask(&old).await.unwrap(), "gateway");
    replace(&read(next.certificate()), &trusted);
    eventually("the old one is not", async || ask(&old).await.err()).await;
    assert_eq!(ask(&new).await.unwrap(), "gateway");
    assert!(ask_looking().await.is_err());
    new.replace(&own);
    eventually("the client shows its new certificate", async || ask_looking().await.ok()).await;
}
