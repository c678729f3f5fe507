//! What an aggregate and its commands need: `use skald::prelude::*;`. Add a store, such as
//! [`InMemoryEventStore`](crate::memory::InMemoryEventStore).

pub use crate::commit::{Actor, CommitId};
pub use crate::decider::Decider;
pub use crate::domain_event;
pub use crate::handle::{Handler, Outcome, Request};
pub use crate::stream::{StreamId, Tenant};
pub use crate::time::Timestamp;
