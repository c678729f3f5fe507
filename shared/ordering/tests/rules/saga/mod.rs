//! The saga: its state machine, its steps, and what becomes of orders under everything that can
//! happen to them.

mod acting;
mod bounded;
mod deadline;
mod erased;
mod interleaving;
mod machine;
mod next;
#[path = "../../outcomes/mod.rs"]
mod outcomes;
mod scattered;
mod table;
mod view;
mod world;
