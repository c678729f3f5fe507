//! The sweeper, against stores in memory and a state machine that the test controls: whatever
//! messages, executions and sweeps are lost, every saga is started again, and nothing else is.

#![expect(clippy::unwrap_used, reason = "a test fails by panicking")]

mod costs;
mod faults;
mod finding;
mod job;
mod waiting;
mod world;
