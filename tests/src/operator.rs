//! The operator's command line, `skald`.

use std::process::{Command, Output, Stdio};

use crate::LocalCloud;

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
