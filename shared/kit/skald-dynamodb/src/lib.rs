//! The event store, its index, the view store and the keys of persons of `skald` on Amazon
//! `DynamoDB`.
//!
//! - [`DynamoDbEventStore`] stores one item for each commit. An append is one conditional
//!   `PutItem`, an append to several streams is one `TransactWriteItems`, and a load is one
//!   strongly consistent `Query`.
//! - [`DynamoDbViewStore`] stores one item for each row of a view.
//! - [`DynamoDbCommitIndex`] reads the events table's index of all commits.
//! - [`DynamoDbPersonKeys`] stores one item for each person: their key, wrapped by a
//!   [`KeyWrap`](skald::personal::KeyWrap), or a tombstone.
//! - [`Verifier`] finds faults in an events table. It is for operators, because it scans the table.
//! - [`read_stream_item`] reads a commit from the table's stream.
//!
//! [`tables`] defines how each table is created. No store deletes items, and the event store
//! updates none: its role needs only `Query`, `GetItem` and `PutItem`, and `ConditionCheckItem` to
//! guard streams. A person is erased by a put.

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
