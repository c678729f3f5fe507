//! The arguments of the command line.

use std::path::PathBuf;
use std::str::FromStr;

use clap::{Args, Parser, Subcommand};
use skald::index::Position;
use skald::stream::{StreamId, Tenant};
use skald::time::Timestamp;

/// Tools for the operators of a system.
#[derive(Debug, Parser)]
#[command(disable_help_subcommand = true)]
pub(crate) struct Arguments {
    #[command(subcommand)]
    pub(crate) command: Command,
}

#[derive(Debug, Subcommand)]
pub(crate) enum Command {
    /// Follow all events as they happen, one line each.
    Tail(TailArguments),
    /// Verify the event store, and exit with status 1 if it has faults.
    Verify(VerifyArguments),
}

#[derive(Debug, Args)]
pub(crate) struct TailArguments {
    #[command(flatten)]
    pub(crate) place: Place,
    /// Only streams of this category, such as `order`.
    #[arg(long)]
    pub(crate) category: Option<String>,
    /// Only this stream, such as `order-0198…`.
    #[arg(long, value_parser = stream)]
    pub(crate) stream: Option<StreamId>,
    /// Only events of this type, such as `order.placed`.
    #[arg(long = "type", value_name = "TYPE")]
    pub(crate) event_type: Option<String>,
    /// Only events that resulted from the call with this correlation id.
    #[arg(long)]
    pub(crate) correlation: Option<String>,
    /// Where to start: `30s`, `10m`, `2h` or `1d` ago, a time such as 2026-11-21T08:15:30Z, or a
    /// position that an earlier `tail` printed.
    #[arg(long, default_value = "0s")]
    pub(crate) since: Since,
    /// Print all events up to now and the position after them, then exit.
    #[arg(long)]
    pub(crate) once: bool,
    /// Print one JSON object per line, for programs.
    #[arg(long)]
    pub(crate) json: bool,
}

#[derive(Debug, Args)]
pub(crate) struct VerifyArguments {
    #[command(flatten)]
    pub(crate) place: Place,
    /// Only this stream, such as `order-0198…`.
    #[arg(long, value_parser = stream)]
    pub(crate) stream: Option<StreamId>,
    /// The number of table segments that are read concurrently.
    #[arg(long, default_value = "8", value_parser = clap::value_parser!(u16).range(1..=256))]
    pub(crate) parallel: u16,
}

/// The event store. Without `--table`, it is the one on this machine that `make run` started.
#[derive(Debug, Args)]
pub(crate) struct Place {
    /// The events table. Region and credentials come from your AWS profile unless you set others.
    #[arg(long)]
    pub(crate) table: Option<String>,
    /// The endpoint of the services, if it is not AWS's.
    #[arg(long, requires = "table")]
    pub(crate) endpoint: Option<String>,
    /// The region of the table.
    #[arg(long, requires = "table")]
    pub(crate) region: Option<String>,
    /// The AWS profile to use.
    #[arg(long, requires = "table")]
    pub(crate) profile: Option<String>,
    /// The file in which `make run` describes the running system.
    #[arg(long, default_value = "target/local/system.json")]
    pub(crate) system: PathBuf,
}

/// A stream: its name in the default tenant, or its key.
fn stream(text: &str) -> Result<StreamId, skald::stream::InvalidName> {
    if text.contains('/') { text.parse() } else { StreamId::named(&Tenant::default(), text) }
}

/// The time or position to start at.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Since {
    /// This many milliseconds ago.
    Ago(i64),
    /// This time.
    Time(Timestamp),
    /// The position at which an earlier `tail` ended.
    Position(Position),
}

impl FromStr for Since {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        let ago = |unit_ms: i64, number: &str| {
            number.parse::<u32>().ok().and_then(|n| unit_ms.checked_mul(n.into()))
        };
        let units = [("s", 1_000), ("m", 60_000), ("h", 3_600_000), ("d", 86_400_000)];
        let duration = units.iter().find_map(|(unit, ms)| ago(*ms, text.strip_suffix(unit)?));
        if let Some(ms) = duration {
            return Ok(Self::Ago(ms));
        }
        if let Ok(time) = text.parse() {
            return Ok(Self::Time(time));
        }
        let how = "use a duration (30s, 10m, 2h, 1d), a time (2026-11-21T08:15:30Z), \
                   or a position that tail printed";
        text.parse()
            .map(Self::Position)
            .map_err(|error: skald::index::InvalidPosition| format!("{error}; {how}"))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_arguments_are_well_formed() {
        use clap::CommandFactory;
        Arguments::command().debug_assert();
    }

    #[test]
    fn since_is_a_duration_a_time_or_a_position() {
        let time: Timestamp = "2026-11-21T08:15:30Z".parse().unwrap();
        let position = Position::before(time, 16);
        assert_eq!("10m".parse(), Ok(Since::Ago(600_000)));
        assert_eq!("1d".parse(), Ok(Since::Ago(86_400_000)));
        assert_eq!("2026-11-21T08:15:30Z".parse(), Ok(Since::Time(time)));
        assert_eq!(position.to_string().parse(), Ok(Since::Position(position)));
        for text in ["", "m", "-1m", "10", "10 m", "yesterday", "99999999999d"] {
            let error = text.parse::<Since>().unwrap_err();
            assert!(error.contains("use a duration"), "{text}: {error}");
        }
    }
}
