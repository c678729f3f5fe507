//! The check of a stream, by the decider of its category: whatever its own readers would say of it.

use ordering::customer::Customer;
use ordering::order::Order;
use ordering::payment::Payment;
use ordering::product::Product;
use ordering::receipt::Receipt;
use ordering::reservation::Reservation;
use ordering::shipment::Shipment;
use ordering::stock::Stock;
use skald::{Decider, FoldCheck, StreamCheck, StreamId};

/// The check of this stream; none for a category that this release does not know.
pub(crate) fn check(stream: &StreamId) -> Option<Box<dyn StreamCheck>> {
    fn of<D: Decider + 'static>() -> Option<Box<dyn StreamCheck>> {
        Some(Box::new(FoldCheck::<D>::default()))
    }
    match stream.category() {
        Customer::CATEGORY => of::<Customer>(),
        Order::CATEGORY => of::<Order>(),
        Payment::CATEGORY => of::<Payment>(),
        Product::CATEGORY => of::<Product>(),
        Receipt::CATEGORY => of::<Receipt>(),
        Reservation::CATEGORY => of::<Reservation>(),
        Shipment::CATEGORY => of::<Shipment>(),
        Stock::CATEGORY => of::<Stock>(),
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use skald::EventData;

    use super::*;

    #[test]
    fn every_category_of_the_golden_samples_is_known() {
        let golden = concat!(env!("CARGO_MANIFEST_DIR"), "/../../events/golden");
        let mut seen = 0;
        for file in std::fs::read_dir(golden).unwrap() {
            let path = file.unwrap().path();
            let name = path.file_name().unwrap().to_str().unwrap();
            let [category, event, schema, "json"] = name.split('.').collect::<Vec<_>>()[..] else {
                continue;
            };
            let data = std::fs::read(&path).unwrap();
            let stored = EventData {
                event_type: format!("{category}.{event}"),
                schema: schema.parse().unwrap(),
                data,
            };
            check(&format!("default/{category}-1").parse().unwrap())
                .unwrap()
                .event(&stored)
                .unwrap();
            seen += 1;
        }
        assert!(seen > 30, "only {seen} samples");
    }
}
