//! HTTP that two servers could read in two ways, that does not end, or that names what it has no right to.

use entente_tests::Suite;
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::TcpStream;
use tokio::time::{Duration, timeout};

use crate::Scene;

checks!(
    a_request_has_one_end,
    heads_are_bounded,
    paths_lead_nowhere_else,
    headers_stay_what_they_are,
    connections_that_dawdle_hold_up_nobody,
    connections_that_say_nothing_are_closed,
    a_compressed_body_is_not_unpacked,
    http_2_is_not_spoken_where_it_is_not_offered,
);

fn address(url: &str) -> &str {
    url.trim_start_matches("http://")
}

/// Sends bytes, and gives all that comes back until the connection is closed, or is silent after an answer.
async fn exchange(url: &str, bytes: &[u8]) -> String {
    let mut socket = TcpStream::connect(address(url)).await.unwrap();
    // The connection may be closed before all of it is sent.
    let _ = socket.write_all(bytes).await;
    let (mut answer, mut chunk) = (Vec::new(), vec![0; 64 << 10]);
    let patience = |answered: bool| Duration::from_millis(if answered { 300 } else { 15_000 });
    while let Ok(Ok(count @ 1..)) =
        timeout(patience(!answer.is_empty()), socket.read(&mut chunk)).await
    {
        answer.extend_from_slice(&chunk[..count]);
    }
    String::from_utf8_lossy(&answer).into_owned()
}

/// How many answers are in it.
fn answers(text: &str) -> usize {
    text.matches("HTTP/1.1 ").count()
}

/// The request that nobody shall see: it would be answered by a page of its own.
const HIDDEN: &str = "GET /hidden HTTP/1.1\r\nHost: a\r\n\r\n";

async fn a_request_has_one_end(suite: &Suite) {
    let scene = Scene::of(suite).await;
    let (length, body) = (HIDDEN.len(), HIDDEN);
    let kind = "Host: a\r\nContent-Type: application/json\r\n";
    for (what, request) in [
        (
            "two lengths",
            format!(
                "POST / HTTP/1.1\r\n{kind}Content-Length: 2\r\nContent-Length: {length}\r\n\r\n{{}}{body}"
            ),
        ),
        (
            "two lengths in one",
            format!("POST / HTTP/1.1\r\n{kind}Content-Length: 2, {length}\r\n\r\n{{}}{body}"),
        ),
        (
            "a signed length",
            format!("POST / HTTP/1.1\r\n{kind}Content-Length: +2\r\n\r\n{{}}{body}"),
        ),
        (
            "a hexadecimal length",
            format!("POST / HTTP/1.1\r\n{kind}Content-Length: 0x2\r\n\r\n{{}}{body}"),
        ),
        (
            "an encoding that is none",
            format!(
                "POST / HTTP/1.1\r\n{kind}Transfer-Encoding: chunked, identity\r\n\r\n0\r\n\r\n{body}"
            ),
        ),
        (
            "an encoding that is unknown",
            format!("POST / HTTP/1.1\r\n{kind}Transfer-Encoding: xchunked\r\n\r\n0\r\n\r\n{body}"),
        ),
        (
            "a folded header",
            format!(
                "POST / HTTP/1.1\r\n{kind}X: a\r\n Transfer-Encoding: chunked\r\n\r\n0\r\n\r\n{body}"
            ),
        ),
        (
            "a blank before the colon",
            format!("POST / HTTP/1.1\r\n{kind}Transfer-Encoding : chunked\r\n\r\n0\r\n\r\n{body}"),
        ),
        (
            "a chunk without a length",
            format!("POST / HTTP/1.1\r\n{kind}Transfer-Encoding: chunked\r\n\r\nzz\r\n{body}"),
        ),
        (
            "a chunk of an endless length",
            format!(
                "POST / HTTP/1.1\r\n{kind}Transfer-Encoding: chunked\r\n\r\nfffffffffffffffff\r\n{body}"
            ),
        ),
    ] {
        for url in [&suite.didcomm_url, &suite.admin_url] {
            let answer = exchange(url, request.as_bytes()).await;
            assert!(answers(&answer) <= 1, "{what}: {answer}");
            let refused = answer.is_empty() || answer.starts_with("HTTP/1.1 4");
            assert!(refused, "{what}: {answer}");
        }
    }
    // Where both are there, the length does not count (RFC 9112, 6.3), and the connection ends with it.
    let both = format!(
        "POST / HTTP/1.1\r\n{kind}Content-Length: {}\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n{body}",
        length + 5
    );
    let answer = exchange(&suite.didcomm_url, both.as_bytes()).await;
    assert!(answers(&answer) <= 1, "{answer}");
    scene.is_unharmed(suite).await;
}

async fn heads_are_bounded(suite: &Suite) {
    let scene = Scene::of(suite).await;
    let long = "x".repeat(128 << 10);
    let many: String = (0..2_000).map(|index| format!("X-{index}: y\r\n")).collect();
    for (what, request) in [
        ("a long path", format!("GET /{long} HTTP/1.1\r\nHost: a\r\n\r\n")),
        ("a long header", format!("GET / HTTP/1.1\r\nHost: a\r\nX: {long}\r\n\r\n")),
        ("a long name", format!("GET / HTTP/1.1\r\nHost: a\r\n{long}: x\r\n\r\n")),
        ("many headers", format!("GET / HTTP/1.1\r\nHost: a\r\n{many}\r\n")),
        ("a long method", format!("{long} / HTTP/1.1\r\nHost: a\r\n\r\n")),
    ] {
        for url in [&suite.didcomm_url, &suite.admin_url] {
            let answer = exchange(url, request.as_bytes()).await;
            let refused = answer.is_empty() || answer.starts_with("HTTP/1.1 4");
            assert!(refused, "{what}: {}", &answer[..answer.len().min(300)]);
        }
    }
    scene.is_unharmed(suite).await;
}

async fn paths_lead_nowhere_else(suite: &Suite) {
    let scene = Scene::of(suite).await;
    let key = &suite.api_key;
    for path in [
        "/../../etc/passwd",
        "/%2e%2e/%2e%2e/etc/passwd",
        "/..%2f..%2fetc%2fpasswd",
        "/..%5c..%5cetc%5cpasswd",
        "/connections/../admin-api-key",
        "/connections/%2e%2e%2fadmin-api-key",
        "/connections/..%00",
        "//etc/passwd",
        "/admin-api-key",
        "/master.key",
        "/cloud-agent/../master.key",
    ] {
        let request = format!(
            "GET {path} HTTP/1.1\r\nHost: a\r\nAuthorization: Bearer {key}\r\nConnection: close\r\n\r\n"
        );
        let answer = exchange(&suite.admin_url, request.as_bytes()).await;
        assert!(answer.starts_with("HTTP/1.1 4"), "{path}: {answer}");
        // What peers get at any path is the same page.
        let answer = exchange(&suite.didcomm_url, request.as_bytes()).await;
        assert!(!answer.contains("root:") && !answer.contains(key.as_str()), "{path}: {answer}");
    }
    // Another host's address is no way to it.
    let request = format!(
        "GET http://127.0.0.1:1/connections HTTP/1.1\r\nHost: 127.0.0.1:1\r\nAuthorization: Bearer {key}\r\nConnection: close\r\n\r\n"
    );
    let answer = exchange(&suite.admin_url, request.as_bytes()).await;
    assert!(answer.starts_with("HTTP/1.1 200") && answer.contains("results"), "{answer}");
    scene.is_unharmed(suite).await;
}

async fn headers_stay_what_they_are(suite: &Suite) {
    let scene = Scene::of(suite).await;
    let key = &suite.api_key;
    for (what, lines) in [
        ("a line that ends early", "X-Request-Id: a\nSet-Cookie: b=c\r\n"),
        ("a return alone", "X-Request-Id: a\rSet-Cookie: b=c\r\n"),
        ("a zero", "X-Request-Id: a\0b\r\n"),
        ("two ids", "X-Request-Id: a\r\nX-Request-Id: b\r\n"),
        ("a quoted end", "X-Request-Id: a%0d%0aSet-Cookie:b=c\r\n"),
    ] {
        let request = format!(
            "GET /status HTTP/1.1\r\nHost: a\r\nAuthorization: Bearer {key}\r\n{lines}Connection: close\r\n\r\n"
        );
        let answer = exchange(&suite.admin_url, request.as_bytes()).await;
        let head = answer.split("\r\n\r\n").next().unwrap().to_lowercase();
        assert!(!head.contains("\nset-cookie"), "{what}: {answer}");
    }
    // What a query says comes back in an answer, never in its head.
    let path = "/connections?state=a%0d%0aSet-Cookie:%20b=c";
    let request = format!(
        "GET {path} HTTP/1.1\r\nHost: a\r\nAuthorization: Bearer {key}\r\nConnection: close\r\n\r\n"
    );
    let answer = exchange(&suite.admin_url, request.as_bytes()).await;
    assert!(answer.starts_with("HTTP/1.1 4"), "{answer}");
    let head = answer.split("\r\n\r\n").next().unwrap().to_lowercase();
    assert!(!head.contains("set-cookie"), "{answer}");
    scene.is_unharmed(suite).await;
}

/// Slow loris: heads and bodies that never end.
async fn connections_that_dawdle_hold_up_nobody(suite: &Suite) {
    let scene = Scene::of(suite).await;
    let mut held = Vec::new();
    let body = "POST / HTTP/1.1\r\nHost: a\r\nContent-Type: application/json\r\nContent-Length: 1000\r\n\r\n{";
    for index in 0..600 {
        let url = if index % 3 == 0 { &suite.admin_url } else { &suite.didcomm_url };
        let mut socket = TcpStream::connect(address(url)).await.unwrap();
        let part = if index % 2 == 0 { "POST / HTTP/1.1\r\nX: " } else { body };
        socket.write_all(part.as_bytes()).await.unwrap();
        held.push(socket);
    }
    scene.is_unharmed(suite).await;
    // They go on, a byte at a time, and so do the others.
    for socket in &mut held {
        let _ = socket.write_all(b"x").await;
    }
    scene.friend.hears_nothing(&scene.agent).await;
}

/// What says nothing, or begins like a preface of HTTP/2, is not waited for any longer than a head.
async fn connections_that_say_nothing_are_closed(suite: &Suite) {
    let scene = Scene::of(suite).await;
    let mut held = Vec::new();
    let listeners = [&suite.didcomm_url, &suite.admin_url, &suite.grpc_url];
    for url in listeners.into_iter().chain(&suite.metrics_urls) {
        for beginning in ["", "PRI * HTTP/2.0\r\n\r\nSM", "\r\n", "G"] {
            let mut socket = TcpStream::connect(address(url)).await.unwrap();
            socket.write_all(beginning.as_bytes()).await.unwrap();
            held.push((beginning, socket));
        }
    }
    for (beginning, mut socket) in held {
        let mut answer = Vec::new();
        let closed = timeout(Duration::from_secs(60), socket.read_to_end(&mut answer)).await;
        assert!(closed.is_ok(), "it is still open: {beginning:?}");
    }
    scene.is_unharmed(suite).await;
}

async fn a_compressed_body_is_not_unpacked(suite: &Suite) {
    let scene = Scene::of(suite).await;
    // The head of a gzip file; what follows does not matter, as nobody reads it.
    let bomb = [&[0x1f, 0x8b, 8, 0, 0, 0, 0, 0, 0, 3][..], &[0; 1_000]].concat();
    for (url, key) in [(&suite.didcomm_url, ""), (&suite.admin_url, suite.api_key.as_str())] {
        let post = suite.http.post(format!("{url}/")).bearer_auth(key);
        let post =
            post.header("content-type", "application/json").header("content-encoding", "gzip");
        let status = post.body(bomb.clone()).send().await.unwrap().status();
        assert!(status.is_client_error(), "{status}");
    }
    scene.is_unharmed(suite).await;
}

async fn http_2_is_not_spoken_where_it_is_not_offered(suite: &Suite) {
    let scene = Scene::of(suite).await;
    let preface = b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n\0\0\0\x04\0\0\0\0\0";
    for url in [&suite.didcomm_url, &suite.admin_url] {
        let answer = exchange(url, preface).await;
        assert!(answer.is_empty() || answer.starts_with("HTTP/1.1 4"), "{answer}");
    }
    scene.is_unharmed(suite).await;
}
