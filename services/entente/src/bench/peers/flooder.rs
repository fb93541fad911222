//! An address that posts as fast as it is answered.

use tokio::io::{AsyncBufReadExt as _, AsyncReadExt as _, AsyncWriteExt as _, BufReader};
use tokio::net::TcpStream;
use tokio::sync::watch;

use super::super::BenchError;
use super::super::flood::{Count, Flood};

/// Connections of the flooder.
const AT_ONCE: usize = 256;
/// Any envelope will do: nobody has the key.
const BODY: &str = "{}";
/// An address for documentation (RFC 5737).
const ADDRESS: &str = "198.51.100.66";

pub(super) fn start(url: &str) -> Flood {
    let address = url.trim_start_matches("http://");
    Flood::start(AT_ONCE, |stop| post(address.to_owned(), stop))
}

async fn post(address: String, stop: watch::Receiver<bool>) -> Result<Count, BenchError> {
    let request = format!(
        "POST / HTTP/1.1\r\nHost: {address}\r\nContent-Type: application/json\r\nX-Forwarded-For: {ADDRESS}\r\n\
         Content-Length: {}\r\n\r\n{BODY}",
        BODY.len()
    );
    let failed = |source| BenchError::Flood { source };
    let mut count = Count::default();
    let mut socket = BufReader::new(TcpStream::connect(&address).await.map_err(failed)?);
    while !*stop.borrow() {
        socket.write_all(request.as_bytes()).await.map_err(failed)?;
        match status(&mut socket).await.map_err(failed)? {
            Some(429) => count.refused += 1,
            Some(_) => count.taken += 1,
            // The agent has closed it.
            None => {
                let stream = TcpStream::connect(&address).await.map_err(failed)?;
                socket = BufReader::new(stream);
            }
        }
    }
    Ok(count)
}

/// The status of an answer, which is read to its end; none where the connection was closed.
async fn status(socket: &mut BufReader<TcpStream>) -> std::io::Result<Option<u16>> {
    let (mut status, mut length) = (None, 0);
    loop {
        let mut line = String::new();
        if socket.read_line(&mut line).await? == 0 {
            return Ok(None);
        }
        let line = line.trim_end().to_ascii_lowercase();
        if line.is_empty() {
            break;
        }
        if let Some(value) = line.strip_prefix("content-length:") {
            length = value.trim().parse().unwrap_or(0);
        }
        if status.is_none() {
            status = line.split(' ').nth(1).and_then(|code| code.parse().ok());
        }
    }
    let mut body = vec![0; length];
    socket.read_exact(&mut body).await?;
    Ok(status)
}
