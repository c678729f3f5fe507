//! The resources of a stack, as the launcher of the local cloud lists them.

use std::collections::BTreeMap;

use serde::Deserialize;

/// The resources of a stack by their logical ids, which are their names in the template.
pub(crate) type Resources = BTreeMap<String, Resource>;

/// A resource of the stack.
#[derive(Debug, Deserialize)]
pub(crate) struct Resource {
    /// `AWS::DynamoDB::Table`.
    #[serde(rename = "type")]
    pub(crate) kind: String,
    /// The physical id.
    pub(crate) id: String,
}
