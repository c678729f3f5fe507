//! Views: rows that are folds of streams, the port to their storage, and keeping them up to date.
//!
//! A [`Projection`] turns a stream into one row. [`catch_up`] brings the row up to date even if
//! messages were duplicated, reordered or lost. A [`ViewStore`] stores rows.

mod catch_up;
mod error;
mod projection;
mod row;
mod store;

pub use crate::store::error::{
    InvalidRow, MAX_LIST_GROUP_BYTES, MAX_LIST_SORT_BYTES, MAX_ROW_BYTES,
};
pub use catch_up::{CaughtUp, catch_up, park, redrive};
pub use error::{CatchUpError, CatchUpFailure, Inapplicable};
pub use projection::{Projection, project};
pub use row::{Listing, MAX_REASON, Parked, ViewRow};
pub use store::{ListEntry, ListPage, MalformedRow, Put, Rows, ViewStore};
