//! The system as its operators see it: `skald`, the command line.

use std::process::{Command, Output, Stdio};

use crate::LocalCloud;

/// What a command of `skald` ended with.
#[derive(Debug)]
pub struct Told {
    /// Its exit status.
    pub status: i32,
    /// The lines of its standard output.
    pub lines: Vec<String>,
    /// Its standard error.
    pub errors: String,
}

impl Told {
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
    /// If it is not there.
    #[must_use]
    pub fn skald(&self, arguments: &[&str]) -> Told {
        Told::of(&self.skald_command(arguments).output().expect("`make build` has built it"))
    }

    /// `skald` with these arguments on this cloud, to be run.
    #[must_use]
    pub fn skald_command(&self, arguments: &[&str]) -> Command {
        let mut command = skald(arguments);
        command.args(["--table", self.output("EventsTableName"), "--endpoint", self.endpoint()]);
        command.args(["--region", "eu-central-1"]);
        command.env("AWS_ACCESS_KEY_ID", "test").env("AWS_SECRET_ACCESS_KEY", "test");
        command
    }
}

/// `skald` with these arguments, to be run. It has no input, and nothing of the environment's but
/// where programs are.
#[must_use]
pub fn skald(arguments: &[&str]) -> Command {
    let mut command = Command::new(concat!(env!("CARGO_MANIFEST_DIR"), "/../target/bin/skald"));
    command.env_clear().stdin(Stdio::null()).args(arguments);
    command
}
