//! Decoding with the event catalogue: whatever a category's own reader would say of a stored event.

use events::{
    CustomerEvent, OrderEvent, PaymentEvent, ProductEvent, ReceiptEvent, ReservationEvent, ShipmentEvent, StockEvent,
};
use skald::{DecodeError, DomainEvent, EventData, StreamId};

/// Decodes an event of this stream.
///
/// # Errors
/// As [`DomainEvent::decode`]; [`DecodeError::Unknown`] also for a category that the catalogue does not have.
pub(crate) fn decode(stream: &StreamId, event: &EventData) -> Result<(), DecodeError> {
    match stream.category() {
        "customer" => CustomerEvent::decode(event).map(drop),
        "order" => OrderEvent::decode(event).map(drop),
        "payment" => PaymentEvent::decode(event).map(drop),
        "product" => ProductEvent::decode(event).map(drop),
        "receipt" => ReceiptEvent::decode(event).map(drop),
        "reservation" => ReservationEvent::decode(event).map(drop),
        "shipment" => ShipmentEvent::decode(event).map(drop),
        "stock" => StockEvent::decode(event).map(drop),
        _ => Err(DecodeError::Unknown { event_type: event.event_type.clone(), schema: event.schema }),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_category_of_the_golden_samples_is_known() {
        let golden = concat!(env!("CARGO_MANIFEST_DIR"), "/../../events/golden");
        let mut seen = 0;
        for file in std::fs::read_dir(golden).unwrap() {
            let path = file.unwrap().path();
            let name = path.file_name().unwrap().to_str().unwrap();
            let [category, event, schema, "json"] = name.split('.').collect::<Vec<_>>()[..] else { continue };
            let data = std::fs::read(&path).unwrap();
            let stored = EventData { event_type: format!("{category}.{event}"), schema: schema.parse().unwrap(), data };
            decode(&format!("default/{category}-1").parse().unwrap(), &stored).unwrap();
            seen += 1;
        }
        assert!(seen > 30, "only {seen} samples");
    }
}
