//! A proxy between a client and the engine that changes requests and answers without the stores'
//! knowledge.

use std::net::SocketAddr;
use std::sync::Arc;
use std::sync::atomic::{AtomicU32, Ordering};

use serde_json::{Value, json};
use tokio::io::{AsyncBufReadExt, AsyncReadExt, AsyncWriteExt, BufReader};
use tokio::net::{TcpListener, TcpStream};

/// The fate of a request.
pub enum Fate {
    /// The request is executed.
    Pass,
    /// The request is not executed. The answer is this status with the error's body.
    Answer(u16, Value),
    /// The request is executed, but the connection breaks before the answer arrives.
    LoseAnswer,
    /// The request is executed, but the answer never arrives.
    NeverAnswer,
}

/// Decides on requests and answers, and may change them.
pub trait Interceptor: Send + Sync + 'static {
    fn request(&self, _operation: &str, _body: &mut Value) -> Fate {
        Fate::Pass
    }

    fn answer(&self, _operation: &str, _status: &mut u16, _body: &mut Value) {}
}

/// Any function of an operation and its request is an interceptor.
impl<F: Fn(&str, &mut Value) -> Fate + Send + Sync + 'static> Interceptor for F {
    fn request(&self, operation: &str, body: &mut Value) -> Fate {
        self(operation, body)
    }
}

/// Answers every request of one operation with the same error; other operations pass.
pub fn always(operation: &'static str, status: u16, body: Value) -> impl Interceptor {
    move |requested: &str, _: &mut Value| {
        if requested == operation { Fate::Answer(status, body.clone()) } else { Fate::Pass }
    }
}

/// Applies this fate to the first request of an operation; others pass.
pub fn once(operation: &'static str, fate: fn() -> Fate) -> impl Interceptor {
    let seen = AtomicU32::new(0);
    move |requested: &str, _: &mut Value| {
        if requested == operation && seen.fetch_add(1, Ordering::Relaxed) == 0 {
            fate()
        } else {
            Fate::Pass
        }
    }
}

/// Executes the first request of this operation, and answers with an internal error of the service.
pub struct FailsAfterwards {
    operation: &'static str,
    answered: AtomicU32,
}

impl FailsAfterwards {
    pub fn new(operation: &'static str) -> Self {
        Self { operation, answered: AtomicU32::new(0) }
    }
}

impl Interceptor for FailsAfterwards {
    fn answer(&self, operation: &str, status: &mut u16, body: &mut Value) {
        if operation == self.operation && self.answered.fetch_add(1, Ordering::Relaxed) == 0 {
            (*status, *body) = (500, error_body("InternalServerError"));
        }
    }
}

/// The service's error with this code.
pub fn error_body(code: &str) -> Value {
    json!({ "__type": format!("com.amazonaws.dynamodb.v20120810#{code}"), "message": "for a test" })
}

pub struct Proxy;

impl Proxy {
    /// Starts a proxy in front of the engine at `engine`, and returns its address.
    pub async fn start(engine: SocketAddr, interceptor: impl Interceptor) -> SocketAddr {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let address = listener.local_addr().unwrap();
        let interceptor: Arc<dyn Interceptor> = Arc::new(interceptor);
        tokio::spawn(async move {
            while let Ok((client, _)) = listener.accept().await {
                tokio::spawn(serve(client, engine, Arc::clone(&interceptor)));
            }
        });
        address
    }
}

/// Serves one connection until either side ends it.
async fn serve(client: TcpStream, engine: SocketAddr, interceptor: Arc<dyn Interceptor>) {
    let mut client = BufReader::new(client);
    while let Some((head, body)) = read_message(&mut client).await {
        let operation =
            header(&head, "x-amz-target").rsplit('.').next().unwrap_or_default().to_owned();
        let mut request: Value = serde_json::from_slice(&body).unwrap();
        let fate = interceptor.request(&operation, &mut request);
        let (mut status, mut answer) = match &fate {
            Fate::Answer(status, answer) => (*status, answer.clone()),
            Fate::Pass | Fate::LoseAnswer | Fate::NeverAnswer => {
                forward(engine, &head, &request).await
            }
        };
        match fate {
            Fate::Pass | Fate::Answer(..) => {}
            Fate::LoseAnswer => return,
            Fate::NeverAnswer => std::future::pending().await,
        }
        interceptor.answer(&operation, &mut status, &mut answer);
        let body = answer.to_string();
        let head = format!(
            "HTTP/1.1 {status} .\r\ncontent-type: application/x-amz-json-1.0\r\n\
             content-length: {}\r\n\r\n",
            body.len()
        );
        client.get_mut().write_all((head + &body).as_bytes()).await.unwrap();
    }
}

/// Sends the request with its headers to the engine, and returns the status and body of the answer.
async fn forward(engine: SocketAddr, head: &[String], request: &Value) -> (u16, Value) {
    let body = request.to_string();
    let kept = head.iter().filter(|line| !line.to_ascii_lowercase().starts_with("content-length:"));
    let head: String = kept.map(|line| format!("{line}\r\n")).collect();
    let mut connection = BufReader::new(TcpStream::connect(engine).await.unwrap());
    let message = format!("{head}content-length: {}\r\n\r\n{body}", body.len());
    connection.get_mut().write_all(message.as_bytes()).await.unwrap();
    let (head, body) = read_message(&mut connection).await.expect("an answer of the engine");
    let status =
        head[0].split(' ').nth(1).and_then(|status| status.parse().ok()).expect("a status");
    (status, serde_json::from_slice(&body).unwrap())
}

/// Reads the lines of a head, and the body. `None` at the end of the connection.
async fn read_message(connection: &mut BufReader<TcpStream>) -> Option<(Vec<String>, Vec<u8>)> {
    let mut head = Vec::new();
    loop {
        let mut line = String::new();
        if connection.read_line(&mut line).await.ok()? == 0 {
            return None;
        }
        match line.trim_end() {
            "" => break,
            line => head.push(line.to_owned()),
        }
    }
    let mut body = vec![0; header(&head, "content-length").parse().unwrap_or(0)];
    connection.read_exact(&mut body).await.ok()?;
    Some((head, body))
}

fn header<'a>(head: &'a [String], name: &str) -> &'a str {
    let value = |line: &'a String| {
        line.split_once(':').filter(|(found, _)| found.eq_ignore_ascii_case(name))
    };
    head.iter().find_map(value).map_or("", |(_, value)| value.trim())
}
