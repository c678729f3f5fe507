//! What an aggregate and its commands need: `use skald::prelude::*;`.

pub use crate::commit::{Actor, CommitId};
pub use crate::decider::Decider;
pub use crate::event::DomainEvent;
pub use crate::handle::{Handler, Outcome, Request};
pub use crate::store::EventStore;
pub use crate::stream::{StreamId, Tenant, Version};
pub use crate::time::Timestamp;
