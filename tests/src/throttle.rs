//! A store that has too much to do.

use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};

use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::{TcpListener, TcpStream};
use tokio::task::JoinHandle;

/// What DynamoDB answers above a table's or partition's throughput.
const BODY: &str =
    r#"{"__type":"com.amazonaws.dynamodb.v20120810#ProvisionedThroughputExceededException","message":"slow down"}"#;

/// Answers every request as a throttling DynamoDB does, and counts them. It ends with this value.
#[derive(Debug)]
pub struct ThrottlingServer {
    url: String,
    requests: Arc<AtomicUsize>,
    serving: JoinHandle<()>,
}

impl ThrottlingServer {
    /// Starts on a free port.
    ///
    /// # Panics
    /// If there is none.
    pub async fn start() -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").await.expect("there is a free port");
        let url = format!("http://{}", listener.local_addr().expect("it is bound"));
        let requests = Arc::new(AtomicUsize::new(0));
        let counter = Arc::clone(&requests);
        let serving = tokio::spawn(async move {
            while let Ok((stream, _)) = listener.accept().await {
                tokio::spawn(answer_one(stream, Arc::clone(&counter)));
            }
        });
        Self { url, requests, serving }
    }

    /// Where it answers.
    #[must_use]
    pub fn url(&self) -> String {
        self.url.clone()
    }

    /// How many requests came in.
    #[must_use]
    pub fn requests(&self) -> usize {
        self.requests.load(Ordering::SeqCst)
    }
}

impl Drop for ThrottlingServer {
    fn drop(&mut self) {
        self.serving.abort();
    }
}

/// Answers the one request of this connection.
async fn answer_one(mut stream: TcpStream, requests: Arc<AtomicUsize>) {
    let mut received = Vec::new();
    while !is_whole(&received) {
        match stream.read_buf(&mut received).await {
            Ok(0) | Err(_) => return,
            Ok(_) => {}
        }
    }
    requests.fetch_add(1, Ordering::SeqCst);
    let length = BODY.len();
    let head = format!(
        "HTTP/1.1 400 Bad Request\r\ncontent-type: application/x-amz-json-1.0\r\ncontent-length: {length}\r\nconnection: close\r\n\r\n"
    );
    if let Err(error) = stream.write_all(format!("{head}{BODY}").as_bytes()).await {
        eprintln!("the throttled caller is gone: {error}");
    }
}

/// Whether head and body of a request are there.
fn is_whole(received: &[u8]) -> bool {
    let text = String::from_utf8_lossy(received);
    let Some((head, body)) = text.split_once("\r\n\r\n") else { return false };
    let length =
        head.lines().find_map(|line| line.to_ascii_lowercase().strip_prefix("content-length:")?.trim().parse().ok());
    body.len() >= length.unwrap_or(0_usize)
}
