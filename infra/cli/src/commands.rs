//! The commands on orders.

use std::error::Error;

use clap::Subcommand;
use skald_cli::{SystemCommands, terminal};

use crate::api::Api;
use crate::arguments::{CancelArguments, OrdersArguments, ResumeArguments};
use crate::{cancel, orders, resume};

/// The commands on orders. They call the HTTP API, so each rule of the API applies to them.
#[derive(Debug, Subcommand)]
pub(crate) enum OrderCommands {
    /// List orders; without a filter those that wait for a person: parked or overdue ones.
    Orders(OrdersArguments),
    /// Resume orders, by their ids or all of a kind.
    Resume(ResumeArguments),
    /// Cancel an order.
    Cancel(CancelArguments),
}

impl SystemCommands for OrderCommands {
    async fn run(self) -> Result<bool, Box<dyn Error>> {
        let now = skald_cli::now();
        let mut print = |text: &str| terminal::write(text).map_err(Into::into);
        match self {
            Self::Orders(arguments) => {
                let api = Api::find(&arguments.place)?;
                orders::run(&api, &arguments, now, &mut print).await.map(|()| true)
            }
            Self::Resume(arguments) => {
                let api = Api::find(&arguments.place)?;
                resume::run(&api, &arguments, now, &mut print, resume::confirmed).await
            }
            Self::Cancel(arguments) => {
                let api = Api::find(&arguments.place)?;
                cancel::run(&api, &arguments, &mut print).await
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use clap::{CommandFactory, Parser};

    use super::*;
    use crate::arguments::seconds;

    #[derive(Debug, Parser)]
    struct Line {
        #[command(subcommand)]
        command: OrderCommands,
    }

    #[test]
    fn the_arguments_are_well_formed() {
        Line::command().debug_assert();
    }

    #[test]
    fn orders_are_resumed_by_id_or_by_kind_and_never_all_by_mistake() {
        for (line, is_valid) in [
            ("skald resume", false),
            ("skald resume 1 2", true),
            ("skald resume --parked-at capture_payment --extend 2h", true),
            ("skald resume --overdue", true),
            ("skald resume 1 --overdue", false),
            ("skald resume --parked-at capture_payment --overdue", false),
            ("skald resume 1 --extend 0s", false),
            ("skald resume 1 --extend 1.5h", false),
            ("skald cancel 1", false),
            ("skald cancel 1 --reason found", true),
        ] {
            assert_eq!(Line::try_parse_from(line.split(' ')).is_ok(), is_valid, "{line}");
        }
        assert_eq!(seconds("30m"), Ok(1_800));
    }
}
