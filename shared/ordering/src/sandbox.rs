//! Simulations of a payment gateway and a carrier. The content of a request determines the outcome,
//! so it is always the same.
//!
//! The complete behaviour is in functions from the ledger's entry under a key and a call to the new
//! entry and the answer. An adapter only stores entries. Each call must be atomic: an adapter
//! stores an entry only if the one it read is unchanged, and else starts again. [`memory`] keeps
//! ledgers in memory.

mod carrier;
mod gateway;
pub mod memory;
mod stored;

pub use carrier::{CarrierEntry, ask_carrier};
pub use gateway::{GatewayEntry, ask_gateway};
pub use stored::StoredSandbox;
