//! The commands that only one system has.

use std::error::Error;
use std::pin::Pin;

use clap::{ArgMatches, Command, Subcommand};

/// A running command, which returns whether it succeeded.
pub(crate) type Running<'a> = Pin<Box<dyn Future<Output = Result<bool, Box<dyn Error>>> + 'a>>;

/// The commands that only this system has, next to those of every system.
///
/// # Examples
///
/// ```
/// use std::error::Error;
///
/// use clap::Subcommand;
/// use skald_cli::{Operator, SystemCommands, terminal};
///
/// #[derive(Debug, Subcommand)]
/// enum LibraryCommands {
///     /// List the overdue loans.
///     Overdue {
///         /// Only loans of this reader.
///         #[arg(long)]
///         reader: Option<String>,
///     },
/// }
///
/// impl SystemCommands for LibraryCommands {
///     async fn run(self) -> Result<bool, Box<dyn Error>> {
///         let Self::Overdue { reader } = self;
///         terminal::write(&format!("no loan of {} is overdue\n", reader.unwrap_or_default()))?;
///         Ok(true)
///     }
/// }
///
/// let librarian = Operator::new("librarian", "1.0.0").commands::<LibraryCommands>();
/// ```
pub trait SystemCommands: Subcommand {
    /// Runs the command. Returns whether it succeeded: if not, the program ends with status 1.
    ///
    /// # Errors
    /// What went wrong, and what to do. It is printed to standard error.
    fn run(self) -> impl Future<Output = Result<bool, Box<dyn Error>>>;
}

/// The commands of a system, without their type.
#[derive(Debug)]
pub(crate) struct Own {
    /// Adds the commands to the command line.
    pub(crate) augment: fn(Command) -> Command,
    /// Whether there is a command of this name.
    pub(crate) has: fn(&str) -> bool,
    /// The command of these arguments, ready to run.
    pub(crate) run: fn(&ArgMatches) -> Result<Running<'static>, clap::Error>,
}

impl Own {
    pub(crate) fn of<C: SystemCommands + 'static>() -> Self {
        Self {
            augment: C::augment_subcommands,
            has: C::has_subcommand,
            run: |matches| Ok(Box::pin(C::from_arg_matches(matches)?.run())),
        }
    }
}
