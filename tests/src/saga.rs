//! The order saga's state machine and its executions.

use aws_sdk_sfn::Client;
use aws_sdk_sfn::types::ExecutionStatus;
use serde_json::Value;

use crate::{LocalCloud, eventually};

/// The order saga's state machine.
#[derive(Debug, Clone)]
pub struct Saga {
    client: Client,
    machine: String,
}

/// The state of an execution.
#[derive(Debug, Clone)]
pub struct Execution {
    /// Whether it is running, or how it ended.
    pub status: ExecutionStatus,
    /// The states that it has entered, in order: `Reserve stock`.
    pub states: Vec<String>,
    /// The errors of its tasks, in order: `Runtime.ExitError`.
    pub errors: Vec<String>,
}

impl LocalCloud {
    /// The order saga's state machine.
    #[must_use]
    pub fn saga(&self) -> Saga {
        Saga { client: Client::new(&self.aws()), machine: self.resource("OrderSaga").to_owned() }
    }
}

impl Saga {
    /// The steps of an order that is confirmed without an error, each with the function that
    /// performs it, read from the deployed state machine.
    ///
    /// # Panics
    /// If the state machine does not exist, or one of these states is not a task.
    pub async fn forward_steps(&self) -> Vec<(String, String)> {
        let found =
            self.client.describe_state_machine().state_machine_arn(&self.machine).send().await;
        let found: Value =
            serde_json::from_str(found.expect("it is deployed").definition()).expect("JSON");
        let states = &found["States"];
        let names =
            std::iter::successors(found["StartAt"].as_str(), |name| states[*name]["Next"].as_str());
        let text =
            |value: &Value| value.as_str().expect("a task has a step and a function").to_owned();
        names
            .map(|name| (text(&states[name]["Arguments"]["step"]), text(&states[name]["Resource"])))
            .collect()
    }

    /// Starts an execution.
    ///
    /// # Panics
    /// If it cannot be started.
    pub async fn start(&self, name: &str, input: &Value) {
        let start = self
            .client
            .start_execution()
            .state_machine_arn(&self.machine)
            .name(name)
            .input(input.to_string());
        start.send().await.expect("the execution can be started");
    }

    /// Stops an execution, as an operator can. No event records that it was stopped.
    ///
    /// # Panics
    /// If the execution is not running.
    pub async fn stop(&self, name: &str) {
        let stop = self.client.stop_execution().execution_arn(self.arn(name));
        stop.send().await.expect("the execution can be stopped");
    }

    fn arn(&self, name: &str) -> String {
        format!("{}:{name}", self.machine.replacen(":stateMachine:", ":execution:", 1))
    }

    /// The execution with this name. `None` if it does not exist yet.
    ///
    /// # Panics
    /// If its history cannot be read.
    pub async fn execution(&self, name: &str) -> Option<Execution> {
        let arn = self.arn(name);
        // Read the status first: a history that is read after the end is complete.
        let status = self.client.describe_execution().execution_arn(&arn).send().await.ok()?.status;
        let (mut states, mut errors) = (Vec::new(), Vec::new());
        let mut pages =
            self.client.get_execution_history().execution_arn(&arn).into_paginator().send();
        while let Some(page) = pages.next().await {
            for event in page.expect("the history can be read").events {
                states.extend(event.state_entered_event_details.map(|entered| entered.name));
                errors.extend(event.task_failed_event_details.and_then(|failed| failed.error));
            }
        }
        Some(Execution { status, states, errors })
    }

    /// Waits until the execution with this name has ended, and returns it.
    pub async fn ended(&self, name: &str) -> Execution {
        eventually(&format!("the execution {name} ends"), || async {
            self.execution(name)
                .await
                .filter(|execution| execution.status != ExecutionStatus::Running)
        })
        .await
    }
}
