//! An address that posts as fast as it is answered.

use tokio::sync::watch;

use super::super::BenchError;
use super::super::flood::{Count, Flood};
use super::super::post::Connection;

/// Connections of the flooder.
const AT_ONCE: usize = 256;
/// Any envelope will do: nobody has the key.
const BODY: &[u8] = b"{}";
/// An address for documentation (RFC 5737).
const FROM: &str = "X-Forwarded-For: 198.51.100.66\r\n";

pub(super) fn start(url: &str) -> Flood {
    Flood::start(AT_ONCE, |stop| post(url.to_owned(), stop))
}

async fn post(url: String, stop: watch::Receiver<bool>) -> Result<Count, BenchError> {
    let mut connection = Connection::open(&url).await?;
    let request = connection.request(FROM, BODY);
    let mut count = Count::default();
    while !*stop.borrow() {
        match connection.send(&request).await? {
            Some(429) => count.refused += 1,
            Some(_) => count.taken += 1,
            None => {}
        }
    }
    Ok(count)
}
