//! Verifying an events table: every stream is complete and can be read, and the index shows what
//! the table has.
//!
//! All streams are verified by one parallel scan of the table and one pass through the index; both
//! are read once if there are no faults. A scan promises no order, so it only finds streams that
//! may have a fault. Those streams are then read one by one, by strongly consistent queries, and
//! the faults that are found are reported. Index and table are compared by one sum for each part of
//! each slice. Only parts whose sums differ are compared entry by entry, by one further scan at
//! most. So commits that are appended meanwhile are not faults.

mod fault;
mod index;
mod sums;
mod table;
mod verifier;
mod walk;

pub use fault::{Defect, Fault, Finding, Verified};
pub use verifier::{SETTLED_MS, Verifier};
