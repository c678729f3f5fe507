//! A payment gateway and a carrier to try things with: what they do is said by what they are asked,
//! so it is the same every time.
//!
//! This is their whole behaviour, as functions from what their ledger has under a key, and a call,
//! to what it has then and the answer. An adapter stores entries and nothing else; each call must
//! be one step, so it stores an entry only if the one it read is still there, and else begins
//! again. [`memory`] holds ledgers in memory.

mod carrier;
mod gateway;
pub mod memory;
mod stored;

pub use carrier::{CarrierEntry, ask_carrier};
pub use gateway::{GatewayEntry, ask_gateway};
pub use stored::StoredSandbox;
