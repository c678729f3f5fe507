//! A way to the cloud's `DynamoDB` that a test has in its hand: it knows what passes and what that
//! costs, and can hold writes.
//!
//! The SDK tries a call again that is not answered in time, which on a busy machine is any call,
//! and on every machine one that is held. All attempts of a call have one id in a header; what is
//! counted here is calls, not attempts.

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

/// Stands between functions and `DynamoDB`. It ends with this value.
#[derive(Debug)]
pub struct Proxy {
    way: Arc<Way>,
    serving: JoinHandle<()>,
}

/// What the connections share.
#[derive(Debug)]
struct Way {
    client: reqwest::Client,
    engine: String,
    /// How many writes are still carried out before all others wait; if it is not said, none waits.
    writes_left: watch::Sender<Option<usize>>,
    /// How many wait: to be carried out, or for their answer.
    held: AtomicUsize,
    carried_out: Mutex<CarriedOut>,
}

/// What the engine was asked so far.
#[derive(Debug, Default)]
struct CarriedOut {
    /// What the first attempts of all calls cost that came to the engine, in the order of its
    /// answers.
    charges: Vec<Charge>,
    /// The calls that came to the engine.
    calls: BTreeSet<String>,
    /// The calls that wrote something.
    writes: BTreeSet<String>,
}

impl Proxy {
    /// Starts on a free port; from now on these functions (named by outputs of the template) have
    /// no other way.
    ///
    /// # Panics
    /// If there is no port, or no such function.
    pub async fn before(cloud: &LocalCloud, functions: &[&str]) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").await.expect("there is a free port");
        let url = format!("http://{}", listener.local_addr().expect("it is bound"));
        let way = Arc::new(Way {
            client: reqwest::Client::new(),
            engine: cloud.endpoint().to_owned(),
            writes_left: watch::Sender::new(None),
            held: AtomicUsize::new(0),
            carried_out: Mutex::default(),
        });
        let shared = Arc::clone(&way);
        let serving = tokio::spawn(async move {
            while let Ok((stream, _)) = listener.accept().await {
                let way = Arc::clone(&shared);
                tokio::spawn(async move { way.serve(stream).await });
            }
        });
        for function in functions {
            cloud.set_variable(cloud.output(function), "AWS_ENDPOINT_URL_DYNAMODB", &url).await;
        }
        Self { way, serving }
    }

    /// Lets so many more writes be carried out. The answer to the last of them is kept back, and
    /// whatever is to be written after it waits, until [`release`](Self::release). Reads pass.
    pub fn hold_after(&self, writes: usize) {
        self.way.writes_left.send_replace(Some(writes));
    }

    /// Waits until so many writes are held: carried out and not answered, or not yet carried out.
    /// An attempt that its caller has given up is held no more.
    pub async fn holds(&self, writes: usize) {
        eventually("the proxy holds what is to be written", || async {
            (self.way.held.load(Ordering::SeqCst) >= writes).then_some(())
        })
        .await;
    }

    /// Lets everything pass again, also what was held.
    pub fn release(&self) {
        self.way.writes_left.send_replace(None);
    }

    /// What was carried out so far, in the order in which the engine answered. What a further
    /// attempt of the same call costs is left out: how many there are says how busy the machine is.
    #[must_use]
    pub fn charges(&self) -> Vec<Charge> {
        self.way.carried_out().charges.clone()
    }

    /// How many calls have written something so far.
    #[must_use]
    pub fn writes(&self) -> usize {
        self.way.carried_out().writes.len()
    }
}

impl Drop for Proxy {
    fn drop(&mut self) {
        self.serving.abort();
    }
}

impl Way {
    /// Serves the one request of this connection.
    async fn serve(&self, mut stream: TcpStream) {
        let Some(request) = Request::read(&mut stream).await else { return };
        let operation =
            request.header("x-amz-target").rsplit('.').next().unwrap_or_default().to_owned();
        if self.pass(&operation, &stream).await == Passed::HungUp {
            return; // Whoever asked did not live, or wait, to see it done.
        }
        match self.forward(&operation, request).await {
            Ok((status, body)) => {
                if self.pass(&operation, &stream).await == Passed::On {
                    answer(stream, status, &body).await;
                }
            }
            Err(error) => eprintln!("the cloud does not answer: {error}"),
        }
    }

    /// Waits, if it is a write and writes are held, until they are not, or until the other end
    /// hangs up.
    async fn pass(&self, operation: &str, stream: &TcpStream) -> Passed {
        let mut left = self.writes_left.subscribe();
        if charge::is_write(operation) && *left.borrow_and_update() == Some(0) {
            self.held.fetch_add(1, Ordering::SeqCst);
            tokio::select! {
                biased;
                () = hung_up(stream) => {}
                released = left.wait_for(|left| *left != Some(0)) => {
                    released.map(drop).expect("the sender is this value's own");
                }
            }
            self.held.fetch_sub(1, Ordering::SeqCst);
        }
        // A release and a death may come together: it is the death that counts.
        tokio::select! {
            biased;
            () = hung_up(stream) => Passed::HungUp,
            () = std::future::ready(()) => Passed::On,
        }
    }

    fn carried_out(&self) -> MutexGuard<'_, CarriedOut> {
        self.carried_out.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Has the engine carry the request out: status and body of its answer.
    async fn forward(
        &self,
        operation: &str,
        request: Request,
    ) -> Result<(u16, Vec<u8>), reqwest::Error> {
        let mut asked: Value =
            serde_json::from_slice(&request.body).expect("DynamoDB is asked in JSON");
        asked["ReturnConsumedCapacity"] = json!("INDEXES");

        let mut headers = request.headers.clone();
        headers.insert(AUTHORIZATION, as_the_account(request.header("authorization")));
        headers.remove(CONTENT_LENGTH);
        let response =
            self.client.post(&self.engine).headers(headers).body(asked.to_string()).send().await?;
        let (status, body) = (response.status().as_u16(), response.bytes().await?.to_vec());
        let charges = Charge::of(
            operation,
            &asked,
            status,
            &serde_json::from_slice(&body).unwrap_or_default(),
        );
        let call = request.header("amz-sdk-invocation-id").to_owned();
        assert!(!call.is_empty(), "the SDK names its calls: {:?}", request.headers);
        let mut carried_out = self.carried_out();
        let has_written = charges.iter().any(|charge| charge.is_write() && !charge.refused);
        if has_written && carried_out.writes.insert(call.clone()) {
            self.writes_left.send_modify(|left| *left = left.map(|left| left.saturating_sub(1)));
        }
        if carried_out.calls.insert(call) {
            carried_out.charges.extend(charges);
        }
        drop(carried_out);
        Ok((status, body))
    }
}

/// The engine holds a function's signature against the request, and this one was changed. So it
/// goes on in the name of the account itself, whose key needs no signature. (That the functions'
/// roles suffice is for every other test to show.)
fn as_the_account(signature: &str) -> HeaderValue {
    let (algorithm, scope) = signature.split_once("Credential=").expect("the request is signed");
    let (_key, scope) = scope.split_once('/').expect("a key has a scope");
    format!("{algorithm}Credential=test/{scope}").parse().expect("it was a header before")
}

/// Whether a request passed, or its caller has gone.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Passed {
    On,
    HungUp,
}

/// Ends once the other end of the connection is closed. (Nothing more is sent on it before its one
/// request is answered.)
async fn hung_up(stream: &TcpStream) {
    if let Ok(1..) = stream.peek(&mut [0]).await {
        std::future::pending::<()>().await;
    }
}
