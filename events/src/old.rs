//! Shapes that events once had: one file for each, called like its golden sample and its schema,
//! with the function to the next shape.
//!
//! They are read and never written, and they never change. A shape shares what has stayed the same
//! since; a value that is to change is copied here first, and `schemas/` tells if that was
//! forgotten.

pub mod order_placed_1;
