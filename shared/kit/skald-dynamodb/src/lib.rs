//! The event store, its index, the view store and the keys of persons of `skald` on Amazon
//! `DynamoDB`.
//!
//! - [`DynamoDbEventStore`] keeps one item for each commit. An append is one conditional `PutItem`,
//!   appends to several streams are one `TransactWriteItems`, a load is one strongly consistent
//!   `Query`.
//! - [`DynamoDbViewStore`] keeps one item for each row of a view.
//! - [`DynamoDbCommitIndex`] reads the events table's index of all commits.
//! - [`DynamoDbPersonKeys`] keeps one item for each person: their key, wrapped by a [`KeyWrap`](skald::personal::KeyWrap), or
//!   a tombstone.
//! - [`Verifier`] looks for what is wrong with an events table. It is for operators: it scans.
//! - [`read_stream_item`] reads a commit from the table's stream.
//!
//! [`tables`] says how each table is created. No store deletes anything, and the
//! event store updates nothing: its role needs `Query`, `GetItem` and `PutItem`, nothing else. A
//! person is erased by a put.

mod attribute;
mod commit_item;
mod event_store;
mod index;
mod key_item;
mod packing;
mod person_keys;
mod row_item;
pub mod tables;
mod transaction;
mod verify;
mod view_store;

pub use commit_item::{StreamItem, read_stream_item};
pub use event_store::{DynamoDbEventStore, DynamoDbHead};
pub use index::DynamoDbCommitIndex;
pub use person_keys::DynamoDbPersonKeys;
pub use verify::{Defect, Fault, Finding, SETTLED_MS, Verified, Verifier};
pub use view_store::DynamoDbViewStore;
