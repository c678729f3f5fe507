//! A local cloud with the whole system in it, deployed from the template.

use std::io::{BufRead, BufReader};
use std::ops::Deref;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::sync::{Arc, Weak};

use aws_config::{BehaviorVersion, Region, SdkConfig};
use aws_sdk_dynamodb::config::{Credentials, SharedCredentialsProvider};
use serde::Deserialize;
use tokio::sync::Mutex;

use crate::Api;
use crate::resources::Resources;

/// How many clouds this process has started.
static STARTED: AtomicUsize = AtomicUsize::new(0);

/// The cloud that the tests of this process share, as long as a test uses it.
static SHARED: Mutex<Weak<LocalCloud>> = Mutex::const_new(Weak::new());

/// A running local cloud. It stops when this value is dropped, or when the process that owns it
/// ends for any reason.
#[derive(Debug)]
pub struct LocalCloud {
    launcher: Child,
    ready: Ready,
    log: PathBuf,
    /// Whether a test that shares this cloud has failed.
    failed: AtomicBool,
}

/// A cloud that several tests share. It stops when the last of them ends.
#[derive(Debug)]
pub struct SharedCloud(Arc<LocalCloud>);

impl Deref for SharedCloud {
    type Target = LocalCloud;

    fn deref(&self) -> &LocalCloud {
        &self.0
    }
}

impl Drop for SharedCloud {
    fn drop(&mut self) {
        if std::thread::panicking() {
            self.0.failed.store(true, Ordering::Relaxed);
        }
    }
}

/// What the launcher prints when the cloud is ready.
#[derive(Debug, Deserialize)]
struct Ready {
    api_url: String,
    endpoint: String,
    region: String,
    resources: Resources,
}

impl LocalCloud {
    /// Starts a cloud on a free port and deploys the template with these parameters.
    ///
    /// # Panics
    /// If it does not start. The launcher's messages are printed above the panic.
    #[must_use]
    pub fn start(parameters: &[(&str, &str)]) -> Self {
        let root = root();
        let number = STARTED.fetch_add(1, Ordering::Relaxed);
        let log = root.join(format!("target/local-logs/{}-{number}.log", std::process::id()));
        std::fs::create_dir_all(root.join("target/local-logs")).expect("target/ can be written");
        let mut command = Command::new(root.join("target/venv/bin/python"));
        command.arg(root.join("infra/local/cloud.py")).arg("--until-eof").arg("--log").arg(&log);
        for (name, value) in parameters {
            command.arg("--parameter").arg(format!("{name}={value}"));
        }
        let mut launcher = command.stdin(Stdio::piped()).stdout(Stdio::piped()).spawn().expect(
            "the local cloud is installed and built by `make test`; \
                 run the system tests through it",
        );
        let mut line = String::new();
        let stdout = launcher.stdout.take().expect("its standard output is piped");
        BufReader::new(stdout).read_line(&mut line).expect("the launcher writes text");
        let ready = serde_json::from_str(&line).expect("the launcher prints that it is ready");
        Self { launcher, ready, log, failed: AtomicBool::new(false) }
    }

    /// The cloud that the tests of this process share. The first test starts it and calls `set_up`,
    /// and the others wait for that. Each test must not depend on what the others write.
    ///
    /// # Panics
    /// If it does not start.
    pub async fn shared(set_up: impl AsyncFnOnce(&Self)) -> SharedCloud {
        let mut shared = SHARED.lock().await;
        if let Some(cloud) = shared.upgrade() {
            return SharedCloud(cloud);
        }
        let cloud = Arc::new(Self::start(&[]));
        set_up(&cloud).await;
        *shared = Arc::downgrade(&cloud);
        SharedCloud(cloud)
    }

    /// A client of the system's HTTP API.
    #[must_use]
    pub fn api(&self) -> Api {
        Api::new(&self.ready.api_url)
    }

    /// The resources of the deployed stack.
    pub(crate) fn stack(&self) -> &Resources {
        &self.ready.resources
    }

    /// The endpoint of the cloud's services.
    #[must_use]
    pub fn endpoint(&self) -> &str {
        &self.ready.endpoint
    }

    /// The region of the cloud.
    pub(crate) fn region(&self) -> &str {
        &self.ready.region
    }

    /// The log lines of the cloud and the functions so far.
    ///
    /// # Panics
    /// If the log cannot be read.
    #[must_use]
    pub fn log(&self) -> String {
        String::from_utf8_lossy(&std::fs::read(&self.log).expect("the log can be read"))
            .into_owned()
    }

    /// Stops or starts the delivery of a queue's messages to this function. While delivery is
    /// stopped, messages wait in the queue, and none is lost.
    ///
    /// # Panics
    /// If the function has no queue.
    pub async fn deliver(&self, function: &str, enabled: bool) {
        let client = aws_sdk_lambda::Client::new(&self.aws());
        let found = client.list_event_source_mappings().function_name(function).send().await;
        let found = found.expect("the function exists").event_source_mappings.unwrap_or_default();
        let uuid = found
            .first()
            .and_then(|mapping| mapping.uuid())
            .expect("the function has a queue")
            .to_owned();
        let update = client.update_event_source_mapping().uuid(uuid).enabled(enabled);
        update.send().await.expect("the delivery can be stopped and started");
    }

    /// The SDK configuration with which an operator's tools reach this cloud.
    #[must_use]
    pub fn aws(&self) -> SdkConfig {
        SdkConfig::builder()
            .behavior_version(BehaviorVersion::latest())
            .region(Region::new(self.ready.region.clone()))
            .endpoint_url(&self.ready.endpoint)
            .credentials_provider(SharedCredentialsProvider::new(Credentials::new(
                "test", "test", None, None, "tests",
            )))
            .build()
    }
}

impl Drop for LocalCloud {
    fn drop(&mut self) {
        // The launcher ends at the end of its standard input, and stops the cloud before it ends.
        drop(self.launcher.stdin.take());
        if let Err(error) = self.launcher.wait() {
            eprintln!("the local cloud could not be waited for: {error}");
        }
        // Keep the log of a test that fails.
        let failed = std::thread::panicking() || self.failed.load(Ordering::Relaxed);
        if !failed && let Err(error) = std::fs::remove_file(&self.log) {
            eprintln!("{} could not be removed: {error}", self.log.display());
        }
    }
}

fn root() -> PathBuf {
    let manifest = Path::new(env!("CARGO_MANIFEST_DIR"));
    manifest.parent().expect("the workspace is above this crate").to_owned()
}
