//! The minimum of an HTTP server that a client of the SDK needs: one request per connection.

use reqwest::header::{CONTENT_LENGTH, HeaderMap};
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;

/// A complete request.
#[derive(Debug)]
pub(crate) struct Request {
    pub(crate) headers: HeaderMap,
    pub(crate) body: Vec<u8>,
}

impl Request {
    /// Reads the request of this connection. `None` if the connection ends before the request is
    /// complete.
    pub(crate) async fn read(stream: &mut TcpStream) -> Option<Self> {
        let mut received = Vec::new();
        loop {
            match stream.read_buf(&mut received).await {
                Ok(0) | Err(_) => return None,
                Ok(_) => {}
            }
            if let Some(request) = Self::parse(&received) {
                return Some(request);
            }
        }
    }

    /// The request. `None` if it has not been received completely.
    fn parse(received: &[u8]) -> Option<Self> {
        let end = received.windows(4).position(|window| window == b"\r\n\r\n")?;
        let head = std::str::from_utf8(&received[..end]).ok()?;
        let fields = head.lines().skip(1).filter_map(|line| line.split_once(':'));
        let headers: HeaderMap = fields
            .filter_map(|(name, value)| Some((name.parse().ok()?, value.trim().parse().ok()?)))
            .collect();
        let length =
            headers.get(CONTENT_LENGTH).and_then(|length| length.to_str().ok()?.parse().ok());
        let body = received[end + 4..].get(..length.unwrap_or(0))?.to_vec();
        Some(Self { headers, body })
    }

    /// The text of a header, or an empty text if there is no such header.
    pub(crate) fn header(&self, name: &str) -> &str {
        self.headers.get(name).and_then(|value| value.to_str().ok()).unwrap_or_default()
    }
}

/// Answers the request of this connection.
pub(crate) async fn answer(mut stream: TcpStream, status: u16, body: &[u8]) {
    let length = body.len();
    let head = format!(
        "HTTP/1.1 {status} .\r\ncontent-type: application/x-amz-json-1.0\r\n\
         content-length: {length}\r\nconnection: close\r\n\r\n"
    );
    if let Err(error) = stream.write_all(&[head.as_bytes(), body].concat()).await {
        eprintln!("an answer could not be sent: {error}");
    }
}
