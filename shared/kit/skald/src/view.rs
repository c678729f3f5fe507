//! Views: rows that are folds of streams, the port to their storage, and keeping them up to date.
//!
//! A [`Projection`] turns a stream into one row. [`catch_up`] brings the row up to date even if
//! messages were duplicated, reordered or lost. A [`ViewStore`] stores rows.

mod catch_up;
mod projection;
mod store;

pub use catch_up::{CatchUpError, CatchUpFailure, CaughtUp, MAX_REASON, catch_up, park, redrive};
pub use projection::{Inapplicable, Projection, project};
pub use store::{
    InvalidRow, ListEntry, ListPage, Listing, MAX_LIST_GROUP_BYTES, MAX_LIST_SORT_BYTES,
    MAX_ROW_BYTES, MalformedRow, Parked, Put, Rows, ViewRow, ViewStore,
};
