//! The port to the event store, which is the only way to write, and the failures of all stores.
//!
//! An implementation of a port also needs [`implementing`](crate::implementing).

mod append;
pub(crate) mod error;
pub(crate) mod event_store;

pub use append::{
    AppendError, Appended, Found, Head, InvalidAppend, Loaded, MAX_COMMIT_BYTES, MAX_STREAMS,
    MAX_TRANSACTION_BYTES, Moved,
};
pub use error::{Corruption, StoreError};
pub use event_store::EventStore;
