//! A proxy between functions and the cloud's `DynamoDB`. It counts requests and their cost, and it
//! can hold writes.
//!
//! The SDK repeats a call that is not answered in time. That happens to some calls on a busy
//! machine, and to every call that is held. All attempts of a call have the same id in a header.
//! The proxy counts calls, not attempts.

use std::collections::BTreeSet;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use reqwest::header::{AUTHORIZATION, CONTENT_LENGTH, HeaderValue};
use serde_json::{Value, json};
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::watch;
use tokio::task::JoinHandle;

use crate::charge::{self, Charge};
use crate::http::{Request, answer};
use crate::{LocalCloud, eventually};

/// A proxy for functions' calls to `DynamoDB`. It stops when this value is dropped.
#[derive(Debug)]
pub struct Proxy {
    shared: Arc<Shared>,
    serving: Vec<JoinHandle<()>>,
}

/// The state that the connections share.
#[derive(Debug)]
struct Shared {
    client: reqwest::Client,
    /// The endpoint of the cloud's `DynamoDB`, called the engine here.
    engine: String,
    /// How many more writes pass before all further writes are held. `None` if none is held.
    writes_left: watch::Sender<Option<usize>>,
    /// How many writes are held, before or after they were performed.
    held: AtomicUsize,
    record: Mutex<Record>,
}

/// The requests that the engine has answered.
#[derive(Debug, Default)]
struct Record {
    /// The charges for the first attempt of each call, in the order of the engine's answers.
    charges: Vec<Charge>,
    /// The ids of all calls.
    calls: BTreeSet<String>,
    /// The ids of the calls that wrote something.
    writes: BTreeSet<String>,
}

impl Proxy {
    /// Starts a proxy on a free port for each of the functions with these logical ids. From now on
    /// all their `DynamoDB` calls go through it. The port tells which function calls.
    ///
    /// # Panics
    /// If there is no free port, or no such function.
    pub async fn before(cloud: &LocalCloud, functions: &[&str]) -> Self {
        let shared = Arc::new(Shared {
            client: reqwest::Client::new(),
            engine: cloud.endpoint().to_owned(),
            writes_left: watch::Sender::new(None),
            held: AtomicUsize::new(0),
            record: Mutex::default(),
        });
        let mut serving = Vec::new();
        for function in functions {
            let listener = TcpListener::bind("127.0.0.1:0").await.expect("there is a free port");
            let url = format!("http://{}", listener.local_addr().expect("it is bound"));
            serving.push(tokio::spawn(Arc::clone(&shared).accept(listener, Arc::from(*function))));
            cloud.set_variable(cloud.resource(function), "AWS_ENDPOINT_URL_DYNAMODB", &url).await;
        }
        Self { shared, serving }
    }

    /// Lets this many more writes pass. The answer to the last of them is held, and so is every
    /// later write, until [`release`](Self::release). Reads pass.
    pub fn hold_after(&self, writes: usize) {
        self.shared.writes_left.send_replace(Some(writes));
    }

    /// Waits until this many writes are held, before or after they were performed. An attempt that
    /// its caller has given up is no longer held.
    pub async fn holds(&self, writes: usize) {
        eventually(&format!("the proxy holds {writes} writes"), || async {
            (self.shared.held.load(Ordering::SeqCst) >= writes).then_some(())
        })
        .await;
    }

    /// Lets all writes pass again, including those that are held.
    pub fn release(&self) {
        self.shared.writes_left.send_replace(None);
    }

    /// The charges so far, in the order of the engine's answers. Repeated attempts of a call are
    /// not counted: their number depends on how busy the machine is.
    #[must_use]
    pub fn charges(&self) -> Vec<Charge> {
        self.shared.record().charges.clone()
    }

    /// How many calls have written something so far.
    #[must_use]
    pub fn writes(&self) -> usize {
        self.shared.record().writes.len()
    }
}

impl Drop for Proxy {
    fn drop(&mut self) {
        self.serving.iter().for_each(JoinHandle::abort);
    }
}

impl Shared {
    /// Serves the connections of `caller`.
    async fn accept(self: Arc<Self>, listener: TcpListener, caller: Arc<str>) {
        while let Ok((stream, _)) = listener.accept().await {
            let (shared, caller) = (Arc::clone(&self), Arc::clone(&caller));
            tokio::spawn(async move { shared.serve(&caller, stream).await });
        }
    }

    /// Serves the request of this connection of `caller`.
    async fn serve(&self, caller: &str, mut stream: TcpStream) {
        let Some(request) = Request::read(&mut stream).await else { return };
        let operation =
            request.header("x-amz-target").rsplit('.').next().unwrap_or_default().to_owned();
        if self.pass(&operation, &stream).await == Passed::HungUp {
            return; // The caller died, or has given up.
        }
        match self.forward(caller, &operation, request).await {
            Ok((status, body)) => {
                if self.pass(&operation, &stream).await == Passed::Through {
                    answer(stream, status, &body).await;
                }
            }
            Err(error) => eprintln!("the cloud does not answer: {error}"),
        }
    }

    /// Waits while the operation is a write and writes are held, or until the caller hangs up.
    async fn pass(&self, operation: &str, stream: &TcpStream) -> Passed {
        let mut left = self.writes_left.subscribe();
        if charge::is_write(operation) && *left.borrow_and_update() == Some(0) {
            self.held.fetch_add(1, Ordering::SeqCst);
            tokio::select! {
                biased;
                () = hung_up(stream) => {}
                released = left.wait_for(|left| *left != Some(0)) => {
                    released.map(drop).expect("this value owns the sender");
                }
            }
            self.held.fetch_sub(1, Ordering::SeqCst);
        }
        // If the caller hung up at the moment of the release, the request must not pass.
        tokio::select! {
            biased;
            () = hung_up(stream) => Passed::HungUp,
            () = std::future::ready(()) => Passed::Through,
        }
    }

    fn record(&self) -> MutexGuard<'_, Record> {
        self.record.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Sends the request to the engine. Returns the status and the body of its answer.
    async fn forward(
        &self,
        caller: &str,
        operation: &str,
        request: Request,
    ) -> Result<(u16, Vec<u8>), reqwest::Error> {
        let mut sent: Value =
            serde_json::from_slice(&request.body).expect("a request to DynamoDB is JSON");
        sent["ReturnConsumedCapacity"] = json!("INDEXES");

        let mut headers = request.headers.clone();
        headers.insert(AUTHORIZATION, as_the_account(request.header("authorization")));
        headers.remove(CONTENT_LENGTH);
        let response =
            self.client.post(&self.engine).headers(headers).body(sent.to_string()).send().await?;
        let (status, body) = (response.status().as_u16(), response.bytes().await?.to_vec());
        let charges = Charge::of(
            caller,
            operation,
            &sent,
            status,
            &serde_json::from_slice(&body).unwrap_or_default(),
        );
        let call = request.header("amz-sdk-invocation-id").to_owned();
        assert!(!call.is_empty(), "a call of the SDK without an id: {:?}", request.headers);
        let mut record = self.record();
        let has_written = charges.iter().any(|charge| charge.is_write() && !charge.failed);
        if has_written && record.writes.insert(call.clone()) {
            self.writes_left.send_modify(|left| *left = left.map(|left| left.saturating_sub(1)));
        }
        if record.calls.insert(call) {
            record.charges.extend(charges);
        }
        drop(record);
        Ok((status, body))
    }
}

/// The authorization of the account itself, whose key needs no valid signature. The function's own
/// signature would not match, because the proxy changes the request. (Every other test shows that
/// the functions' roles suffice.)
fn as_the_account(signature: &str) -> HeaderValue {
    let (algorithm, scope) = signature.split_once("Credential=").expect("the request is signed");
    let (_key, scope) = scope.split_once('/').expect("a key has a scope");
    format!("{algorithm}Credential=test/{scope}").parse().expect("it was a header before")
}

/// Whether a request may pass, or its caller has hung up.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Passed {
    Through,
    HungUp,
}

/// Returns when the caller closes the connection. (A caller sends nothing else before its request
/// is answered.)
async fn hung_up(stream: &TcpStream) {
    if let Ok(1..) = stream.peek(&mut [0]).await {
        std::future::pending::<()>().await;
    }
}
