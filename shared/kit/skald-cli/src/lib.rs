//! The commands of an operator as a library: `tail` follows all events, `verify` looks for faults
//! in the event store.
//!
//! The command line of a system is a list of its deciders:
//!
//! ```no_run
//! # use skald::decider::Decider;
//! # use std::process::ExitCode;
//! # async fn main_of<Book: Decider<State: 'static> + 'static>() -> ExitCode {
//! skald_cli::Operator::new("library", env!("CARGO_PKG_VERSION")).decider::<Book>().run().await
//! # }
//! ```

mod arguments;
mod clock;
mod commands;
mod json;
mod line;
mod system;
mod tail;
pub mod terminal;
mod verify;

use std::collections::BTreeMap;
use std::error::Error;
use std::process::ExitCode;

use clap::{ArgMatches, CommandFactory, FromArgMatches};
use skald::check::{FoldCheck, StreamCheck};
use skald::decider::Decider;
use skald::stream::{Category, StreamId};
use skald::text::with_causes;

use arguments::{Arguments, Command};
use commands::{Own, Running};
use terminal::OutputError;

pub use clock::now;
pub use commands::SystemCommands;

/// The exit status for invalid arguments.
const USAGE: u8 = 2;

/// Creates the check of one stream.
type NewCheck = fn() -> Box<dyn StreamCheck>;

/// The commands for the operators of a system, and what they need to know about the system.
///
/// # Examples
///
/// ```
/// use skald_cli::Operator;
/// # use serde::{Deserialize, Serialize};
/// # #[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
/// # pub struct Lent {}
/// # skald::domain_event! { pub enum BookEvent { Lent(Lent) = "book.lent" @ 1 } }
/// # struct Book;
/// # impl skald::decider::Decider for Book {
/// #     const CATEGORY: &'static str = "book";
/// #     type State = ();
/// #     type Command = ();
/// #     type Event = BookEvent;
/// #     type Rejection = std::fmt::Error;
/// #     fn decide(_: &(), _: &()) -> Result<Vec<BookEvent>, std::fmt::Error> { Ok(vec![]) }
/// #     fn evolve(_: (), _: &BookEvent) {}
/// # }
///
/// // `Book` is a decider of the category `book`.
/// let librarian = Operator::new("librarian", "1.0.0").decider::<Book>();
/// assert_eq!(librarian.categories().collect::<Vec<_>>(), ["book"]);
/// ```
#[derive(Debug)]
pub struct Operator {
    name: &'static str,
    version: &'static str,
    checks: BTreeMap<&'static Category, NewCheck>,
    own: Option<Own>,
}

impl Operator {
    /// The commands of the program with this name and version.
    #[must_use]
    pub const fn new(name: &'static str, version: &'static str) -> Self {
        Self { name, version, checks: BTreeMap::new(), own: None }
    }

    /// Makes `verify` fold the streams of this decider's category. Streams of a category without a
    /// decider are reported as unknown.
    #[must_use]
    pub fn decider<D: Decider<State: 'static> + 'static>(mut self) -> Self {
        self.checks.insert(D::CATEGORY, || Box::new(FoldCheck::<D>::default()));
        self
    }

    /// Adds the system's own commands.
    #[must_use]
    pub fn commands<C: SystemCommands + 'static>(mut self) -> Self {
        self.own = Some(Own::of::<C>());
        self
    }

    /// The categories whose streams `verify` can check.
    pub fn categories(&self) -> impl Iterator<Item = &'static Category> {
        self.checks.keys().copied()
    }

    /// Parses the command line, runs the command, and returns the exit status: 0 for success, 1
    /// after a failure, if `verify` found faults or if a command of the system failed, 2 for
    /// invalid arguments.
    pub async fn run(self) -> ExitCode {
        let done = tokio::select! {
            done = self.command() => done,
            () = terminal::closed() => Ok(ExitCode::SUCCESS),
        };
        done.unwrap_or_else(|error| {
            if matches!(error.downcast_ref(), Some(OutputError::Closed)) {
                return ExitCode::SUCCESS;
            }
            terminal::error(&with_causes(&*error));
            ExitCode::FAILURE
        })
    }

    async fn command(&self) -> Result<ExitCode, Box<dyn Error>> {
        let line = Arguments::command().name(self.name).version(self.version);
        let line = self.own.iter().fold(line, |line, own| (own.augment)(line));
        let parsed = line.try_get_matches().and_then(|matches| self.parsed(&matches));
        let running = match parsed {
            Ok(running) => running,
            Err(error) if error.use_stderr() => {
                terminal::note(error.to_string().trim_end());
                return Ok(ExitCode::from(USAGE));
            }
            // The help or the version was requested.
            Err(help) => {
                terminal::write(&help.to_string())?;
                return Ok(ExitCode::SUCCESS);
            }
        };
        let is_success = running.await?;
        Ok(if is_success { ExitCode::SUCCESS } else { ExitCode::FAILURE })
    }

    /// The command of these arguments, ready to run.
    fn parsed<'a>(&'a self, matches: &ArgMatches) -> Result<Running<'a>, clap::Error> {
        let name = matches.subcommand_name().unwrap_or_default();
        if let Some(own) = self.own.as_ref().filter(|own| (own.has)(name)) {
            return (own.run)(matches);
        }
        Ok(match Arguments::from_arg_matches(matches)?.command {
            Command::Tail(arguments) => {
                Box::pin(async move { tail::run(&arguments).await.map(|()| true) })
            }
            Command::Verify(arguments) => {
                Box::pin(async move { verify::run(&arguments, |stream| self.check(stream)).await })
            }
        })
    }

    /// The check of this stream, or `None` if its category has no decider.
    fn check(&self, stream: &StreamId) -> Option<Box<dyn StreamCheck>> {
        self.checks.get(stream.category()).map(|new| new())
    }
}
