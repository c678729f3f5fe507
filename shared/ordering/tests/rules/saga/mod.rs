//! The saga: its state machine, its steps, and the outcome of orders under every incident.

mod acting;
mod bounded;
mod deadline;
mod hot_stock;
mod machine;
mod many_shards;
#[path = "../../outcomes/mod.rs"]
mod outcomes;
mod races;
mod refusals;
mod steps;
mod table;
mod upgrade;
mod view;
#[expect(dead_code, reason = "the slow tests use the rest")]
mod world;
