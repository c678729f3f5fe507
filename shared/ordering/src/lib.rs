//! The domain of the order system: by which rules things happen, and what can be read of them.
//!
//! - A file per aggregate ([`order`], [`product`], [`customer`], [`stock`], [`receipt`],
//!   [`reservation`], [`payment`], [`shipment`]), each in the same order: state, commands,
//!   rejections, decide, evolve.
//! - [`requests`]: from the loose JSON of a caller to a request that cannot be wrong, or to
//!   everything that is wrong with it.
//! - [`placing`]: from a request to place an order, and what is true now, to the command.
//! - [`saga`]: which steps an order is completed by, and how it is undone. [`steps`]: what each
//!   step does.
//! - [`ports`]: the payment gateway and the carrier, and what they promise. [`sandbox`]: both, to
//!   try things with.
//! - [`views`]: from streams to the rows that are read.
//! - [`streams`]: what the streams of all these are called.
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
