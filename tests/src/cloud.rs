//! A local cloud with the whole system in it, deployed from the template.

use std::io::{BufRead, BufReader};
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Condvar, Mutex, PoisonError};

use aws_config::{BehaviorVersion, Region, SdkConfig};
use aws_sdk_dynamodb::config::{Credentials, SharedCredentialsProvider};
use serde::Deserialize;

use crate::Api;
use crate::resources::Resources;

/// How many clouds this process has started.
static STARTED: AtomicUsize = AtomicUsize::new(0);

/// How many clouds a process may run at once. Each needs more than 600 MB of memory, and there are
/// as many tests at once as processors.
const MAX_RUNNING: usize = 4;

/// How many clouds this process runs, and the signal that one has stopped.
static RUNNING: (Mutex<usize>, Condvar) = (Mutex::new(0), Condvar::new());

/// A running local cloud. It stops when this value is dropped, or when the process that owns it
/// ends for any reason.
#[derive(Debug)]
pub struct LocalCloud {
    ready: Ready,
    /// The number of this cloud in the process.
    number: usize,
    // Dropped in this order: another cloud may start when this one has stopped.
    _launcher: Launcher,
    _permit: Permit,
}

/// The process that runs a cloud. It ends at the end of its standard input, and stops the cloud
/// before it ends.
#[derive(Debug)]
struct Launcher(Child);

impl Drop for Launcher {
    fn drop(&mut self) {
        drop(self.0.stdin.take());
        if let Err(error) = self.0.wait() {
            eprintln!("the local cloud could not be waited for: {error}");
        }
    }
}

/// The permission to run one of [`MAX_RUNNING`] clouds.
#[derive(Debug)]
struct Permit(());

impl Permit {
    /// Waits until fewer clouds run than may. A test must not wait for a second cloud while it has
    /// one.
    fn wait() -> Self {
        let (running, stopped) = &RUNNING;
        let running = running.lock().unwrap_or_else(PoisonError::into_inner);
        let mut running = stopped
            .wait_while(running, |running| *running >= MAX_RUNNING)
            .unwrap_or_else(PoisonError::into_inner);
        *running += 1;
        Self(())
    }
}

impl Drop for Permit {
    fn drop(&mut self) {
        let (running, stopped) = &RUNNING;
        *running.lock().unwrap_or_else(PoisonError::into_inner) -= 1;
        stopped.notify_one();
    }
}

/// What the launcher prints when the cloud is ready.
#[derive(Debug, Deserialize)]
struct Ready {
    api_url: String,
    endpoint: String,
    region: String,
    resources: Resources,
    log: PathBuf,
}

impl LocalCloud {
    /// Starts a cloud on a free port and deploys the template with these parameters.
    ///
    /// # Panics
    /// If it does not start. The launcher's messages are printed above the panic.
    #[must_use]
    pub fn start(parameters: &[(&str, &str)]) -> Self {
        let permit = Permit::wait();
        let root = root();
        let number = STARTED.fetch_add(1, Ordering::Relaxed);
        let mut command = Command::new(root.join("target/venv/bin/python"));
        command.arg(root.join("infra/local/cloud.py")).arg("--until-eof");
        for (name, value) in parameters {
            command.arg("--parameter").arg(format!("{name}={value}"));
        }
        let launcher = command.stdin(Stdio::piped()).stdout(Stdio::piped()).spawn();
        let mut launcher = Launcher(launcher.expect(
            "the local cloud is installed and built by `make test`; \
             run the system tests through it",
        ));
        let mut line = String::new();
        let stdout = launcher.0.stdout.take().expect("its standard output is piped");
        BufReader::new(stdout).read_line(&mut line).expect("the launcher writes text");
        let ready = serde_json::from_str(&line).expect("the launcher prints that it is ready");
        Self { ready, number, _launcher: launcher, _permit: permit }
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
        String::from_utf8_lossy(&std::fs::read(&self.ready.log).expect("the log can be read"))
            .into_owned()
    }

    /// Copies the log to `target/local-logs` if the current test has failed, because the cloud
    /// removes its log when it ends.
    pub(crate) fn keep_log_of_failure(&self) {
        if !std::thread::panicking() {
            return;
        }
        let folder = root().join("target/local-logs");
        let kept = folder.join(format!("{}-{}.log", std::process::id(), self.number));
        let copied =
            std::fs::create_dir_all(folder).and_then(|()| std::fs::copy(&self.ready.log, &kept));
        match copied {
            Ok(_) => eprintln!("the log of the local cloud is in {}", kept.display()),
            Err(error) => eprintln!("the log of the local cloud could not be kept: {error}"),
        }
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
        self.keep_log_of_failure();
    }
}

fn root() -> PathBuf {
    let manifest = Path::new(env!("CARGO_MANIFEST_DIR"));
    manifest.parent().expect("the workspace is above this crate").to_owned()
}
