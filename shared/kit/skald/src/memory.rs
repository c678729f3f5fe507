//! Stores in memory, for tests, examples and simulations. They pass the same contracts as the
//! stores on DynamoDB.

mod event_store;
mod index;
mod lock;
mod person_keys;
mod view_store;

pub use event_store::{InMemoryEventStore, InMemoryHead};
pub use index::InMemoryCommitIndex;
pub use person_keys::InMemoryPersonKeys;
pub use view_store::InMemoryViewStore;
