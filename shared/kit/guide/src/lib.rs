//! A small library (books, readers, loans, rooms): the code of the kit's guide, `shared/kit/README.md`.
//!
//! A test compares each block of code of the guide with these files, so what the guide shows is
//! compiled, linted and run.

pub mod api;
pub mod book;
pub mod booking;
pub mod deposit;
pub mod deposit_steps;
pub mod lending;
pub mod letters;
pub mod loan;
pub mod loans;
pub mod reader;
pub mod refill;
pub mod room;
pub mod room_saga;
pub mod room_steps;
pub mod till;
