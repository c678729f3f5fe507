//! The event by which `EventBridge` reports that an execution has ended.

use serde::Deserialize;
use skald_saga::{ExecutionInput, Instance};

/// An execution that has ended: the `detail` of an event "Step Functions Execution Status Change"
/// (AWS Step Functions guide, "Automating Step Functions event delivery with `EventBridge`").
///
/// # Examples
///
/// ```
/// use skald_stepfunctions::EndedExecution;
///
/// let detail = serde_json::json!({
///     "name": "b-17.2",
///     "status": "ABORTED",
///     "input": r#"{"tenant":"default","id":"b-17","attempt":2,"correlation_id":"call-1"}"#,
/// });
/// let ended: EndedExecution = serde_json::from_value(detail)?;
/// assert_eq!(ended.instance()?.id, "b-17");
/// # Ok::<_, Box<dyn std::error::Error>>(())
/// ```
#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
pub struct EndedExecution {
    /// The name of the execution.
    pub name: String,
    /// How it ended, such as `FAILED`.
    pub status: String,
    /// Its input. The service leaves out an input that is too large for an event, which that of a
    /// saga is not.
    input: Option<String>,
}

/// The execution's input is not that of a saga.
#[derive(Debug, thiserror::Error)]
#[error("the input of the execution {name} is not that of a saga")]
pub struct NotAnExecution {
    name: String,
    source: serde_json::Error,
}

impl EndedExecution {
    /// The saga that the execution worked on.
    ///
    /// # Errors
    /// [`NotAnExecution`] if someone started it with another input.
    pub fn instance(&self) -> Result<Instance, NotAnExecution> {
        let input = self.input.as_deref().unwrap_or_default();
        let read: Result<ExecutionInput, _> = serde_json::from_str(input);
        read.map(|input| input.instance)
            .map_err(|source| NotAnExecution { name: self.name.clone(), source })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_execution_that_someone_started_by_hand_is_an_error() {
        for input in [None, Some(""), Some("{}"), Some(r#"{"tenant":"default"}"#)] {
            let ended = EndedExecution {
                name: "by-hand".to_owned(),
                status: "FAILED".to_owned(),
                input: input.map(str::to_owned),
            };
            assert!(ended.instance().is_err(), "{input:?}");
        }
    }

    /// Executions of earlier releases name the order.
    #[test]
    fn the_input_of_an_earlier_release_is_read() {
        let input = r#"{"order_id":"o-1","tenant":"default","attempt":1,"correlation_id":"c"}"#;
        let ended = EndedExecution {
            name: "o-1.1".to_owned(),
            status: "ABORTED".to_owned(),
            input: Some(input.to_owned()),
        };
        assert_eq!(ended.instance().map(|instance| instance.id).ok().as_deref(), Some("o-1"));
    }
}
