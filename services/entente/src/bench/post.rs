//! A connection to an agent's DIDComm listener.

use tokio::io::{AsyncBufReadExt as _, AsyncReadExt as _, AsyncWriteExt as _, BufReader};
use tokio::net::TcpStream;

use super::BenchError;

/// A connection that stays open for one POST after the other.
pub(super) struct Connection {
    address: String,
    socket: BufReader<TcpStream>,
}

impl Connection {
    /// To the listener at a URL.
    pub(super) async fn open(url: &str) -> Result<Self, BenchError> {
        let address = url.trim_start_matches("http://").to_owned();
        let socket = connect(&address).await?;
        Ok(Self { address, socket })
    }

    /// A POST of JSON with this body.
    pub(super) fn request(&self, headers: &str, body: &[u8]) -> Vec<u8> {
        let mut request = format!(
            "POST / HTTP/1.1\r\nHost: {}\r\nContent-Type: application/json\r\n{headers}Content-Length: {}\r\n\r\n",
            self.address,
            body.len()
        )
        .into_bytes();
        request.extend_from_slice(body);
        request
    }

    /// The status of the answer to a request, which is read to its end; none where the agent closed the connection, and
    /// there is another one now.
    pub(super) async fn send(&mut self, request: &[u8]) -> Result<Option<u16>, BenchError> {
        let failed = |source| BenchError::Post { source };
        self.socket.write_all(request).await.map_err(failed)?;
        let status = status(&mut self.socket).await.map_err(failed)?;
        if status.is_none() {
            self.socket = connect(&self.address).await?;
        }
        Ok(status)
    }
}

async fn connect(address: &str) -> Result<BufReader<TcpStream>, BenchError> {
    let failed = |source| BenchError::Post { source };
    let stream = TcpStream::connect(address).await.map_err(failed)?;
    stream.set_nodelay(true).map_err(failed)?;
    Ok(BufReader::new(stream))
}

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
