//! The domain of the order system: its rules and its read models.
//!
//! The modules are layers. From the bottom up, each uses only those above it in this list, and no
//! two files use each other:
//!
//! 1. [`values`]: the values that commands are made of. [`streams`]: the names of all streams.
//!    [`ports`]: the payment gateway and the carrier, and their promises; [`sandbox`] simulates
//!    both.
//! 2. The aggregates, a file each, always in the order state, commands, rejections, decide, evolve:
//!    [`stock`], [`customer`], [`product`], [`order`], [`payment`], [`shipment`], and [`receipt`]
//!    and [`reservation`], which are written together with stock.
//! 3. [`requests`]: validates the JSON that callers send, and returns a request or the list of all
//!    its faults.
//! 4. [`placing`]: turns a requested order, with current names and prices, into a command.
//!    [`dispatching`]: a parcel leaves with its goods, and arrives.
//! 5. [`saga`]: the steps that complete an order, their compensations, and which step is next.
//! 6. [`steps`]: the implementation of each step.
//! 7. [`views`]: the rows that queries read.
//!
//! This crate is pure: it uses no clock, no randomness, no input and no output.

pub mod customer;
pub mod dispatching;
pub mod order;
pub mod payment;
pub mod placing;
pub mod ports;
pub mod product;
pub mod receipt;
pub mod requests;
pub mod reservation;
pub mod saga;
pub mod sandbox;
pub mod shipment;
pub mod steps;
pub mod stock;
pub mod streams;
pub mod values;
pub mod views;
