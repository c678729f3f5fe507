//! HTTP requests that no client library would send.

use reqwest::header::HeaderMap;
use serde_json::Value;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;

use crate::{Answer, Api};

impl Api {
    /// Calls the API with this method, target and headers, sent unchanged.
    ///
    /// # Panics
    /// If there is no answer, or the answer breaks a rule for all answers. See
    /// [`send`](Self::send).
    pub async fn send_raw(
        &self,
        method: &str,
        target: &str,
        headers: &[&str],
        body: &[u8],
    ) -> Answer {
        let (host, base) =
            self.url().trim_start_matches("http://").split_once('/').expect("host and path");
        let mut head =
            format!("{method} /{base}{target} HTTP/1.1\r\nhost: {host}\r\nconnection: close\r\n");
        head.push_str(&format!("content-length: {}\r\n", body.len()));
        for header in headers {
            head.push_str(&format!("{header}\r\n"));
        }
        head.push_str("\r\n");
        let mut stream = TcpStream::connect(host).await.expect("the cloud accepts connections");
        stream.write_all(&[head.as_bytes(), body].concat()).await.expect("the request can be sent");
        let mut received = Vec::new();
        stream.read_to_end(&mut received).await.expect("the cloud answers");
        let received = String::from_utf8(received).expect("the answer is text");
        answer(&received).checked()
    }
}

fn answer(received: &str) -> Answer {
    let (head, body) = received.split_once("\r\n\r\n").expect("an answer has a head");
    let (status, fields) = head.split_once("\r\n").expect("a status line");
    let status = status.split(' ').nth(1).and_then(|status| status.parse().ok()).expect("a status");
    let fields = fields.lines().filter_map(|line| line.split_once(':'));
    let headers: HeaderMap = fields
        .map(|(name, value)| {
            (name.parse().expect("a header"), value.trim().parse().expect("a header's value"))
        })
        .collect();
    Answer {
        status,
        headers,
        body: if body.is_empty() { Value::Null } else { body.parse().expect("JSON") },
    }
}
