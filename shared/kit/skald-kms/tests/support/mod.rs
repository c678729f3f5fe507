//! A KMS in this process with the operations that wrapping needs. It records requests, and tests
//! can set its answers.

#![expect(unreachable_pub, reason = "a module of a test")]
#![expect(clippy::unwrap_used, reason = "a test that cannot go on stops")]

use std::sync::{Arc, Mutex};

use aws_sdk_kms::Client;
use aws_sdk_kms::config::retry::RetryConfig;
use aws_sdk_kms::config::{BehaviorVersion, Config, Credentials, Region};
use base64::Engine;
use base64::engine::general_purpose::STANDARD as BASE64;
use serde_json::{Value, json};
use skald_kms::KmsKeyWrap;
use tokio::io::{AsyncBufReadExt, AsyncReadExt, AsyncWriteExt, BufReader};
use tokio::net::{TcpListener, TcpStream};

pub const KEY: &str = "arn:aws:kms:eu-central-1:123456789012:key/0f3c";

/// The status and the body of an answer. `None` if the connection breaks instead.
pub type Answer = Option<(u16, Value)>;

/// The service.
#[derive(Clone, Default)]
pub struct Kms(Arc<Mutex<State>>);

#[derive(Default)]
struct State {
    /// For each wrapped key: its wrapped form, its context, and the key itself.
    wrapped: Vec<(Value, Value, Value)>,
    calls: Vec<(String, Value)>,
    always: Option<Answer>,
}

impl Kms {
    /// A service that always returns this answer.
    pub fn that_answers(answer: Answer) -> Self {
        let kms = Self::default();
        kms.0.lock().unwrap().always = Some(answer);
        kms
    }

    /// The requests so far, in order.
    pub fn calls(&self) -> Vec<(String, Value)> {
        self.0.lock().unwrap().calls.clone()
    }

    /// A key wrap that uses this service.
    pub async fn wrap(&self) -> KmsKeyWrap {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let endpoint = format!("http://{}", listener.local_addr().unwrap());
        let kms = self.clone();
        tokio::spawn(async move {
            while let Ok((connection, _)) = listener.accept().await {
                tokio::spawn(kms.clone().serve(connection));
            }
        });
        let config = Config::builder()
            .behavior_version(BehaviorVersion::latest())
            .region(Region::new("eu-central-1"))
            .credentials_provider(Credentials::new("test", "test", None, None, "test"))
            .endpoint_url(endpoint)
            .retry_config(RetryConfig::disabled());
        KmsKeyWrap::new(Client::from_conf(config.build()), KEY)
    }

    async fn serve(self, connection: TcpStream) {
        let mut connection = BufReader::new(connection);
        while let Some((operation, request)) = read(&mut connection).await {
            let Some((status, body)) = self.answer(operation, request) else { return };
            let body = body.to_string();
            let head = format!(
                "HTTP/1.1 {status} .\r\ncontent-type: application/x-amz-json-1.1\r\n\
                 content-length: {}",
                body.len()
            );
            connection
                .get_mut()
                .write_all(format!("{head}\r\n\r\n{body}").as_bytes())
                .await
                .unwrap();
        }
    }

    fn answer(&self, operation: String, request: Value) -> Answer {
        let mut state = self.0.lock().unwrap();
        state.calls.push((operation.clone(), request.clone()));
        if let Some(always) = &state.always {
            return always.clone();
        }
        let number = u8::try_from(state.wrapped.len()).unwrap();
        let context = request["EncryptionContext"].clone();
        if operation == "GenerateDataKey" {
            let plain = json!(BASE64.encode([number; 32]));
            let wrapped = json!(BASE64.encode(format!("wrapped {number}")));
            state.wrapped.push((wrapped.clone(), context, plain.clone()));
            return Some((
                200,
                json!({ "KeyId": KEY, "Plaintext": plain, "CiphertextBlob": wrapped }),
            ));
        }
        let fits = |(wrapped, bound, _): &&(Value, Value, Value)| {
            *wrapped == request["CiphertextBlob"] && *bound == context
        };
        match state.wrapped.iter().find(fits) {
            Some((_, _, plain)) => Some((200, json!({ "KeyId": KEY, "Plaintext": plain }))),
            None => Some((400, error("InvalidCiphertextException"))),
        }
    }
}

/// The service's error with this code.
pub fn error(code: &str) -> Value {
    json!({ "__type": code, "message": "for a test" })
}

/// Reads the operation and the body of a request. `None` at the end of the connection.
async fn read(connection: &mut BufReader<TcpStream>) -> Option<(String, Value)> {
    let (mut operation, mut length) = (String::new(), 0);
    loop {
        let mut line = String::new();
        if connection.read_line(&mut line).await.ok()? == 0 {
            return None;
        }
        match line.trim_end().split_once(": ") {
            Some((name, value)) if name.eq_ignore_ascii_case("x-amz-target") => {
                operation = value.trim_start_matches("TrentService.").to_owned();
            }
            Some((name, value)) if name.eq_ignore_ascii_case("content-length") => {
                length = value.parse().unwrap()
            }
            Some(_) => {}
            None if line.trim_end().is_empty() => break,
            None => {}
        }
    }
    let mut body = vec![0; length];
    connection.read_exact(&mut body).await.ok()?;
    Some((operation, serde_json::from_slice(&body).unwrap()))
}
