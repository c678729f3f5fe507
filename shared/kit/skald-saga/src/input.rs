//! The input of an execution and of a step.

use serde::{Deserialize, Serialize};
use skald::commit::CorrelationId;
use skald::stream::Tenant;
use uuid::Uuid;

/// The longest error message that is stored, in characters.
const MAX_MESSAGE_CHARACTERS: usize = 500;

/// One saga, such as that of one order: the tenant and the id of the arbiter's stream.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
pub struct Instance {
    /// The tenant.
    pub tenant: Tenant,
    /// The id of the arbiter's stream. The streams of most steps have the same id.
    #[serde(alias = "order_id")]
    pub id: String,
}

/// A UUID for this saga, from which the ids of its commits are computed. If the saga's id is a
/// UUID, it is that one.
pub(crate) fn scope(instance: &Instance) -> Uuid {
    let Instance { tenant, id } = instance;
    id.parse()
        .unwrap_or_else(|_| Uuid::new_v5(&Uuid::NAMESPACE_OID, format!("{tenant}/{id}").as_bytes()))
}

/// The input of an execution of a saga: only ids.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct ExecutionInput {
    /// The saga.
    #[serde(flatten)]
    pub instance: Instance,
    /// The number of the attempt to complete or undo the saga, from 1.
    pub attempt: u32,
    /// The call that began this attempt, for correlating logs.
    pub correlation_id: CorrelationId,
}

impl ExecutionInput {
    /// The name of the execution: `<id>.<attempt>`. Starting it repeatedly gives one execution.
    #[must_use]
    pub fn name(&self) -> String {
        format!("{}.{}", self.instance.id, self.attempt)
    }
}

/// The input of a step.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct StepInput<S> {
    /// The step.
    pub step: S,
    /// The execution that the step is part of.
    #[serde(flatten)]
    pub execution: ExecutionInput,
    /// Why the saga is to be parked; only for the step that parks.
    #[serde(default = "Option::default", skip_serializing_if = "Option::is_none")]
    pub failure: Option<Failure<S>>,
}

impl<S> StepInput<S> {
    /// The input of this step in that execution.
    #[must_use]
    pub const fn new(execution: ExecutionInput, step: S) -> Self {
        Self { step, execution, failure: None }
    }

    /// The saga.
    #[must_use]
    pub const fn instance(&self) -> &Instance {
        &self.execution.instance
    }
}

/// A step that failed permanently or too often, as the state machine reports it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Failure<S> {
    /// The step.
    pub step: S,
    /// The error.
    pub error: ErrorOutput,
}

/// An error in the form of Step Functions ("Handling errors in Step Functions workflows").
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "PascalCase")]
pub struct ErrorOutput {
    /// The error's name.
    #[serde(default)]
    pub error: String,
    /// More about the error: for a function's error, the function's answer as JSON.
    #[serde(default)]
    pub cause: String,
}

impl<S> Failure<S> {
    /// The failure as text for the operator: the error's name, and its message if the function
    /// returned one.
    #[must_use]
    pub fn message(&self) -> String {
        let ErrorOutput { error, cause } = &self.error;
        let answer: Option<serde_json::Value> = serde_json::from_str(cause).ok();
        let message = answer
            .as_ref()
            .and_then(|answer| answer.get("errorMessage")?.as_str())
            .unwrap_or(cause);
        let text = if message.is_empty() { error.clone() } else { format!("{error}: {message}") };
        text.chars().take(MAX_MESSAGE_CHARACTERS).collect()
    }
}
