//! `skald`: what operators do with the order system. `skald --help` says how.

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
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;

    use super::*;

    #[test]
    fn the_streams_of_every_category_with_golden_samples_can_be_verified() {
        let golden = concat!(env!("CARGO_MANIFEST_DIR"), "/../../events/golden");
        let samples = std::fs::read_dir(golden).unwrap();
        let category = |name: &str| name.split('.').next().unwrap().to_owned();
        let sampled: BTreeSet<String> =
            samples.map(|file| category(file.unwrap().file_name().to_str().unwrap())).collect();
        let known: BTreeSet<String> = operator().categories().map(str::to_owned).collect();
        assert_eq!(sampled, known);
    }
}
