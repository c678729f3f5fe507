//! Superseded shapes of events. Each has one file, named like its golden sample and its schema,
//! with the function that converts it to the next shape.
//!
//! These shapes are read but never written, and they never change. An old shape shares the value
//! types that have not changed since. Before a value type changes, copy it here; the test of
//! `schemas/` fails if that was forgotten.

pub mod order_placed_1;
