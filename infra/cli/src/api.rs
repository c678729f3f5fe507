//! A client of the HTTP API.

use std::error::Error;
use std::io::ErrorKind;
use std::path::Path;
use std::time::Duration;

use http::{Method, Request, header};
use http_body_util::BodyExt;
use hyper_rustls::HttpsConnectorBuilder;
use hyper_util::client::legacy::Client;
use hyper_util::client::legacy::connect::{Connect, HttpConnector};
use hyper_util::rt::TokioExecutor;
use serde::Deserialize;
use serde_json::Value;

use crate::arguments::Place;

/// The longest wait for an answer. A function of the API takes at most 10 seconds.
const TIMEOUT: Duration = Duration::from_secs(30);

/// The HTTP API at an address.
#[derive(Debug)]
pub(crate) struct Api {
    url: String,
}

/// An answer of the API.
#[derive(Debug)]
pub(crate) struct Answer {
    pub(crate) status: u16,
    pub(crate) body: Value,
}

impl Answer {
    /// Whether the call succeeded.
    pub(crate) const fn is_success(&self) -> bool {
        self.status < 300
    }

    /// Why the call failed: the detail of the problem.
    pub(crate) fn problem(&self) -> String {
        let detail = self.body["detail"].as_str().or(self.body["message"].as_str());
        format!("{} {}", self.status, detail.unwrap_or("without a problem document"))
    }
}

/// The part of the file of `make run` that is needed here.
#[derive(Debug, Deserialize)]
struct Running {
    api_url: String,
}

impl Api {
    /// The API that the arguments name, or the one that `make run` started.
    ///
    /// # Errors
    /// A message that names the missing part and how to provide it.
    pub(crate) fn find(place: &Place) -> Result<Self, Box<dyn Error>> {
        let url = match &place.api {
            Some(url) => url.clone(),
            None => running(&place.system)?,
        };
        Ok(Self { url: url.trim_end_matches('/').to_owned() })
    }

    /// `GET path`.
    ///
    /// # Errors
    /// If there is no answer, or it is not a success.
    pub(crate) async fn get(&self, path: &str) -> Result<Value, Box<dyn Error>> {
        let request = Request::builder().method(Method::GET).uri(format!("{}{path}", self.url));
        let answer = self.answer(request.body(String::new())?).await?;
        if answer.is_success() { Ok(answer.body) } else { Err(answer.problem().into()) }
    }

    /// `POST path` with this body and, if there is one, this idempotency key.
    ///
    /// # Errors
    /// If there is no answer. An answer that is not a success is no error.
    pub(crate) async fn post(
        &self,
        path: &str,
        key: Option<&str>,
        body: &Value,
    ) -> Result<Answer, Box<dyn Error>> {
        let mut request = Request::builder()
            .method(Method::POST)
            .uri(format!("{}{path}", self.url))
            .header(header::CONTENT_TYPE, "application/json");
        if let Some(key) = key {
            request = request.header("idempotency-key", key);
        }
        self.answer(request.body(body.to_string())?).await
    }

    async fn answer(&self, request: Request<String>) -> Result<Answer, Box<dyn Error>> {
        let answer = async {
            if self.url.starts_with("https:") {
                let tls = HttpsConnectorBuilder::new().with_native_roots()?;
                sent(tls.https_only().enable_http1().build(), request).await
            } else {
                sent(HttpConnector::new(), request).await
            }
        };
        let answer = tokio::time::timeout(TIMEOUT, answer).await;
        let answer = answer.map_err(|elapsed| elapsed.to_string().into());
        answer.and_then(|answer| answer).map_err(|error: Box<dyn Error>| {
            let error = skald::text::with_causes(&*error);
            format!("{} does not answer: {error}", self.url).into()
        })
    }
}

async fn sent<C: Connect + Clone + Send + Sync + 'static>(
    connector: C,
    request: Request<String>,
) -> Result<Answer, Box<dyn Error>> {
    let client = Client::builder(TokioExecutor::new()).build(connector);
    let response = client.request(request).await?;
    let status = response.status().as_u16();
    let body = response.into_body().collect().await?.to_bytes();
    // What is not JSON comes from something in front of the API. Its status says enough.
    Ok(Answer { status, body: serde_json::from_slice(&body).unwrap_or_default() })
}

/// The URL of the API that `make run` started.
fn running(system: &Path) -> Result<String, String> {
    let file = system.display();
    let text = std::fs::read_to_string(system).map_err(|error| {
        if error.kind() == ErrorKind::NotFound {
            format!(
                "no system is running ({file} does not exist): start one with `make run` in \
                 another shell and leave it running, or name its API with --api"
            )
        } else {
            format!("cannot read {file}: {error}")
        }
    })?;
    let running: Running = serde_json::from_str(&text).map_err(|error| {
        format!("{file} has an unexpected format ({error}): stop `make run` and start it again")
    })?;
    Ok(running.api_url)
}
