//! The domain of the order system: its rules, and what is read of it.
//!
//! The modules are layers. From the bottom up, each uses only those above it in this list, and no
//! two files use each other:
//!
//! 1. [`values`]: the values that commands are made of. [`streams`]: the names of all streams.
//!    [`ports`]: the payment gateway and the carrier, and what they promise; [`sandbox`] simulates
//!    both.
//! 2. The aggregates, a file each, always in the order state, commands, rejections, decide, evolve:
//!    [`stock`], [`customer`], [`product`], [`order`], [`payment`], [`shipment`], and [`receipt`]
//!    and [`reservation`], which are written together with stock.
//! 3. [`requests`]: JSON that callers send becomes a valid request, or a list of all its faults.
//! 4. [`placing`]: a requested order, with current names and prices, becomes a command.
//! 5. [`saga`]: the steps that complete an order, how each is undone, and what is to be done next.
//! 6. [`steps`]: what each step does.
//! 7. [`views`]: the rows that queries read.
//!
//! Pure: no clock, no randomness, no input or output.

pub mod customer;
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
