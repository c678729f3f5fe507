//! Code that several test files use.

use std::collections::BTreeMap;

use skald::commit::{Actor, Context, CorrelationId};

/// A context for tests in which its content does not matter.
pub(crate) fn context() -> Context {
    Context {
        source: "test".to_owned(),
        correlation_id: CorrelationId::new("call-1").expect("a correlation id"),
        causation_id: None,
        actor: Actor::new("test").expect("an actor"),
        metadata: BTreeMap::new(),
    }
}
