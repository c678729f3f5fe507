//! The arguments of the commands on orders.

use std::error::Error;
use std::path::PathBuf;

use clap::Args;

#[derive(Debug, Args)]
pub(crate) struct OrdersArguments {
    #[command(flatten)]
    pub(crate) place: Place,
    /// Only orders with this status, such as `pending`.
    #[arg(long)]
    pub(crate) status: Option<String>,
    /// Only parked orders.
    #[arg(long)]
    pub(crate) parked: bool,
    /// Only orders that are not completed or undone although their deadline has passed.
    #[arg(long)]
    pub(crate) overdue: bool,
    /// Only orders that were placed at this time or later, such as 2026-11-21T08:15:30Z.
    #[arg(long)]
    pub(crate) since: Option<String>,
    /// The largest number of orders to list.
    #[arg(long, default_value = "1000")]
    pub(crate) limit: usize,
    /// Print one JSON object per line, for programs.
    #[arg(long)]
    pub(crate) json: bool,
}

#[derive(Debug, Args)]
pub(crate) struct ResumeArguments {
    #[command(flatten)]
    pub(crate) place: Place,
    /// The orders to resume.
    #[arg(required_unless_present_any = ["parked_at", "overdue"])]
    pub(crate) orders: Vec<String>,
    /// All orders that are parked at this step, such as `capture_payment`.
    #[arg(long, value_name = "STEP", conflicts_with_all = ["orders", "overdue"])]
    pub(crate) parked_at: Option<String>,
    /// All overdue orders.
    #[arg(long, conflicts_with = "orders")]
    pub(crate) overdue: bool,
    /// Extend the deadline: `90s`, `30m`, `2h` or `1d` from now.
    #[arg(long, value_name = "DURATION", value_parser = seconds)]
    pub(crate) extend: Option<u64>,
    /// Do not ask before orders of a kind are resumed.
    #[arg(long)]
    pub(crate) yes: bool,
}

#[derive(Debug, Args)]
pub(crate) struct CancelArguments {
    #[command(flatten)]
    pub(crate) place: Place,
    /// The order to cancel.
    pub(crate) order: String,
    /// Why, in words that the customer may read.
    #[arg(long)]
    pub(crate) reason: String,
}

/// The HTTP API. Without `--api`, it is the one on this machine that `make run` started.
#[derive(Debug, Args)]
pub(crate) struct Place {
    /// The URL of the API: the output `ApiUrl` of the stack.
    #[arg(long, value_name = "URL")]
    pub(crate) api: Option<String>,
    /// The file in which `make run` describes the running system.
    #[arg(long, default_value = "target/local/system.json")]
    pub(crate) system: PathBuf,
}

/// Prints text to standard output.
pub(crate) type Print<'a> = &'a mut dyn FnMut(&str) -> Result<(), Box<dyn Error>>;

/// A duration in seconds.
pub(crate) fn seconds(text: &str) -> Result<u64, String> {
    let units = [("s", 1), ("m", 60), ("h", 3_600), ("d", 86_400)];
    let duration = units.iter().find_map(|(unit, seconds)| {
        text.strip_suffix(unit)?.parse::<u32>().ok().map(|number| u64::from(number) * seconds)
    });
    duration.filter(|seconds| *seconds > 0).ok_or_else(|| "use 90s, 30m, 2h or 1d".to_owned())
}
