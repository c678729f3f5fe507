//! Every category, for the example that writes the schemas and the tests that hold them against the
//! code.

use events::{
    CustomerEvent, OrderEvent, PaymentEvent, ProductEvent, ReceiptEvent, ReservationEvent,
    ShipmentEvent, StockEvent,
};
use skald_testkit::schema::Schemas;

/// The JSON Schema of every shape that may be stored, as the code has it.
pub(crate) fn schemas() -> Schemas {
    Schemas::default()
        .with::<CustomerEvent>()
        .with::<OrderEvent>()
        .with::<PaymentEvent>()
        .with::<ProductEvent>()
        .with::<ReceiptEvent>()
        .with::<ReservationEvent>()
        .with::<ShipmentEvent>()
        .with::<StockEvent>()
}
