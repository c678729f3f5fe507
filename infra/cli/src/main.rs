//! `skald`: the operator's command line for the order system. `skald --help` lists the commands.

mod api;
mod arguments;
mod cancel;
mod commands;
mod order;
mod orders;
mod resume;
mod table;

use std::process::ExitCode;

use ordering::customer::Customer;
use ordering::order::Order;
use ordering::payment::Payment;
use ordering::product::Product;
use ordering::receipt::Receipt;
use ordering::reservation::Reservation;
use ordering::shipment::Shipment;
use ordering::stock::Stock;
use skald_cli::Operator;

use commands::OrderCommands;

#[tokio::main(flavor = "current_thread")]
async fn main() -> ExitCode {
    operator().run().await
}

fn operator() -> Operator {
    Operator::new("skald", env!("CARGO_PKG_VERSION"))
        .decider::<Customer>()
        .decider::<Order>()
        .decider::<Payment>()
        .decider::<Product>()
        .decider::<Receipt>()
        .decider::<Reservation>()
        .decider::<Shipment>()
        .decider::<Stock>()
        .commands::<OrderCommands>()
}

#[cfg(test)]
mod server;

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_category_of_events_has_its_decider() {
        assert_eq!(operator().categories().collect::<Vec<_>>(), events::categories());
    }
}
