//! The operator's command line, `skald`.

use std::io::{BufRead, BufReader, Read};
use std::process::{Command, Output, Stdio};

use crate::{LocalCloud, eventually};

/// The result of a command of `skald`.
#[derive(Debug)]
pub struct CommandOutput {
    /// Its exit status.
    pub status: i32,
    /// The lines of its standard output.
    pub lines: Vec<String>,
    /// Its standard error.
    pub errors: String,
}

impl CommandOutput {
    fn of(output: &Output) -> Self {
        let text = |bytes: &[u8]| String::from_utf8(bytes.to_vec()).expect("it writes text");
        let lines = text(&output.stdout).lines().map(str::to_owned).collect();
        Self { status: output.status.code().unwrap_or(-1), lines, errors: text(&output.stderr) }
    }
}

impl LocalCloud {
    /// Runs `skald` with these arguments on this cloud until it ends.
    ///
    /// # Panics
    /// If the program does not exist.
    #[must_use]
    pub fn skald(&self, arguments: &[&str]) -> CommandOutput {
        let output = self.skald_command(arguments).output().expect("`make build` has built it");
        CommandOutput::of(&output)
    }

    /// Runs `skald` with these arguments on the API of this cloud until it ends.
    ///
    /// # Panics
    /// If the program does not exist.
    #[must_use]
    pub fn skald_on_api(&self, arguments: &[&str]) -> CommandOutput {
        let mut command = skald(arguments);
        command.args(["--api", self.api().url()]);
        CommandOutput::of(&command.output().expect("`make build` has built it"))
    }

    /// The command `skald` with these arguments on this cloud, not yet started.
    #[must_use]
    pub fn skald_command(&self, arguments: &[&str]) -> Command {
        let mut command = skald(arguments);
        command.args(["--table", self.resource("EventsTable"), "--endpoint", self.endpoint()]);
        command.args(["--region", self.region()]);
        command.env("AWS_ACCESS_KEY_ID", "test").env("AWS_SECRET_ACCESS_KEY", "test");
        command
    }
}

/// The command `skald` with these arguments, not yet started, with no input and an empty
/// environment.
#[must_use]
pub fn skald(arguments: &[&str]) -> Command {
    let mut command = Command::new(concat!(env!("CARGO_MANIFEST_DIR"), "/../target/bin/skald"));
    command.env_clear().stdin(Stdio::null()).args(arguments);
    command
}

/// Runs `skald` with its output to a device that is always full. Returns its status and errors.
///
/// # Panics
/// If it cannot be run.
#[must_use]
pub fn with_full_output(mut command: Command) -> (Option<i32>, String) {
    let full =
        std::fs::File::options().write(true).open("/dev/full").expect("there is such a device");
    let output = command.stdout(full).output().expect("`make build` has built it");
    (output.status.code(), String::from_utf8(output.stderr).expect("it writes text"))
}

/// Runs `skald` with a reader that takes this many lines and then closes the pipe. Returns its
/// status and errors after it has ended by itself.
///
/// # Panics
/// If it cannot be run, or writes fewer lines.
pub async fn with_closed_output(mut command: Command, lines: usize) -> (Option<i32>, String) {
    let mut child = command
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn()
        .expect("`make build` has built it");
    {
        let reader = BufReader::new(child.stdout.take().expect("its output is piped"));
        assert_eq!(reader.lines().take(lines).count(), lines);
    }
    let status = eventually("skald ends without a reader", || {
        let status = child.try_wait().expect("it can be waited for");
        async move { status }
    })
    .await;
    let mut errors = String::new();
    child
        .stderr
        .take()
        .expect("its errors are piped")
        .read_to_string(&mut errors)
        .expect("it writes text");
    (status.code(), errors)
}
