//! A server in place of `DynamoDB` that throttles every request.

use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};

use tokio::net::{TcpListener, TcpStream};
use tokio::task::JoinHandle;

use crate::http::{Request, answer};

/// The answer of `DynamoDB` to a request above the throughput of a table or partition.
const BODY: &str = concat!(
    r#"{"__type":"com.amazonaws.dynamodb.v20120810#ProvisionedThroughputExceededException","#,
    r#""message":"slow down"}"#,
);

/// Answers every request like a `DynamoDB` that throttles, and counts the requests. It stops when
/// this value is dropped.
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
    /// If there is no free port.
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

    /// Its address.
    #[must_use]
    pub fn url(&self) -> String {
        self.url.clone()
    }

    /// How many requests it has received.
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

/// Answers the request of this connection.
async fn answer_one(mut stream: TcpStream, requests: Arc<AtomicUsize>) {
    if Request::read(&mut stream).await.is_some() {
        requests.fetch_add(1, Ordering::SeqCst);
        answer(stream, 400, BODY.as_bytes()).await;
    }
}
