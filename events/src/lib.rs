//! The event catalogue: everything that happens in the order system, in the shapes that are stored
//! for ever.
//!
//! One file per category. A type and its schema number name one shape exactly, so reading refuses
//! fields it does not know: another shape is another number. Shapes that were written before are in
//! [`old`], each with a function to the next. `golden/` holds one stored sample of every shape that
//! was ever written, `schemas/` the JSON Schema of each.
//!
//! Identifiers and numbers are [`values`] that cannot be built wrong, here and wherever they are
//! read. Names, e-mail addresses and payment tokens are plain text here: the rules for them are the
//! commands', and may change without making history unreadable. Whatever says something about a
//! person is [`Personal`](skald::personal::Personal).
//!
//! Pure: no clock, no randomness, no input or output.

mod customer;
pub mod old;
mod order;
mod payment;
mod product;
mod receipt;
mod reservation;
mod shipment;
mod stock;
pub mod values;

#[cfg(feature = "schema")]
#[doc(hidden)]
pub use schemars;

pub use customer::{
    CustomerEmailChanged, CustomerErased, CustomerEvent, CustomerRegistered, CustomerRenamed,
};
pub use order::{
    CancelReason, OrderCancelled, OrderCommitted, OrderConfirmed, OrderEvent, OrderLine,
    OrderParked, OrderPlaced, OrderResumed, OrderUndoStarted, RequestHash,
};
pub use payment::{
    PaymentAuthorizationRequested, PaymentAuthorized, PaymentCaptureRequested, PaymentCaptured,
    PaymentDeclined, PaymentEvent, PaymentRefundRequested, PaymentRefunded, PaymentVoidRequested,
    PaymentVoided,
};
pub use product::{
    ProductEvent, ProductListed, ProductPriceChanged, ProductRenamed, ProductStockResharded,
    ProductWithdrawn,
};
pub use receipt::{ReceiptBooked, ReceiptEvent, ShardQuantity};
pub use reservation::{
    ReservationAbandoned, ReservationEvent, ReservationMade, ReservationRefused,
    ReservationReleased, ReservationShipped, ReservedLine, ShortLine,
};
pub use shipment::{
    ShipmentCancelRequested, ShipmentCancelled, ShipmentCreated, ShipmentDelivered,
    ShipmentDispatched, ShipmentEvent, ShipmentRefused, ShipmentRequested,
};
pub use stock::{
    StockEvent, StockMovedIn, StockMovedOut, StockReceived, StockReleased, StockReserved,
    StockShipped,
};
pub use values::{
    Address, AddressFields, AttemptKey, AuthorizationId, Caller, Currency, CustomerId,
    IdempotencyKey, InvalidAddress, InvalidValue, Money, OrderId, ParcelId, Quantity,
    ReceiptReference, Sku, StockShards, Validated,
};
