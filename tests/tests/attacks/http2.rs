//! Frames of HTTP/2 without end, on the gRPC listener. (Streams that are opened and reset are `limits`'.)

use std::time::Duration;

use entente_tests::Suite;
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::TcpStream;
use tokio::time::timeout;

use crate::Scene;

checks!(headers_that_never_end_end_the_connection, frames_that_want_answers_are_bounded);

const PREFACE: &[u8] = b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n";
const HEADERS: u8 = 1;
const SETTINGS: u8 = 4;
const PING: u8 = 6;
const CONTINUATION: u8 = 9;
/// What a process may hold on to, in bytes.
const KEPT: f64 = 64.0 * 1024.0 * 1024.0;

fn frame(kind: u8, flags: u8, stream: u32, payload: &[u8]) -> Vec<u8> {
    let length = u32::try_from(payload.len()).unwrap().to_be_bytes();
    [&length[1..], &[kind, flags], &stream.to_be_bytes(), payload].concat()
}

async fn connect(suite: &Suite) -> TcpStream {
    let address = suite.grpc_url.trim_start_matches("http://");
    let mut socket = TcpStream::connect(address).await.unwrap();
    socket.write_all(PREFACE).await.unwrap();
    socket.write_all(&frame(SETTINGS, 0, 0, &[])).await.unwrap();
    socket
}

/// Writes a frame over and over, reads nothing unless `reads`, and says after how many it was over.
async fn flood(mut socket: TcpStream, frame: &[u8], most: usize) -> usize {
    for count in 0..most {
        match timeout(Duration::from_secs(5), socket.write_all(frame)).await {
            Ok(Ok(())) => {}
            // Closed, or not read any more.
            Ok(Err(_)) | Err(_) => return count,
        }
    }
    let mut rest = Vec::new();
    match timeout(Duration::from_secs(5), socket.read_to_end(&mut rest)).await {
        Ok(_) => most,
        Err(_) => usize::MAX,
    }
}

/// CVE-2024-27316 and its like: HEADERS, and then CONTINUATION without an end.
async fn headers_that_never_end_end_the_connection(suite: &Suite) {
    let scene = Scene::of(suite).await;
    let before = suite.metric("process_resident_memory_bytes").await;
    // A header that is not to be indexed: a name of one character, a value of 100.
    let field = [&[0, 1, b'x', 100][..], &[b'y'; 100]].concat();
    let block = field.repeat(100);
    for _ in 0..5 {
        let mut socket = connect(suite).await;
        socket.write_all(&frame(HEADERS, 0, 1, &block)).await.unwrap();
        // 100 MiB, if anybody took them.
        let taken = flood(socket, &frame(CONTINUATION, 0, 1, &block), 10_000).await;
        assert!(taken < 10_000, "{taken} frames were taken");
    }
    let kept = suite.metric("process_resident_memory_bytes").await - before;
    assert!(kept < KEPT, "{kept} bytes");
    scene.is_unharmed(suite).await;
}

/// CVE-2019-9512 and 9515: each wants an answer that nobody reads.
async fn frames_that_want_answers_are_bounded(suite: &Suite) {
    let scene = Scene::of(suite).await;
    let before = suite.metric("process_resident_memory_bytes").await;
    for (kind, payload) in [(PING, &[0; 8][..]), (SETTINGS, &[])] {
        flood(connect(suite).await, &frame(kind, 0, 0, payload).repeat(1_000), 2_000).await;
    }
    let kept = suite.metric("process_resident_memory_bytes").await - before;
    assert!(kept < KEPT, "{kept} bytes");
    scene.is_unharmed(suite).await;
}
