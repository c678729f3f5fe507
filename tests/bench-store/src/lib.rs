//! What the benches share: the engine with its client, the meter, and statistics.

pub mod engine;
pub mod meter;
pub mod statistics;
