//! The order saga's state machine and its executions, as an operator sees them.

use aws_sdk_sfn::Client;
use aws_sdk_sfn::types::ExecutionStatus;
use serde_json::Value;

use crate::{LocalCloud, eventually};

/// The saga's state machine.
#[derive(Debug, Clone)]
pub struct Saga {
    pub(crate) client: Client,
    pub(crate) machine: String,
}

/// What has become of an execution so far.
#[derive(Debug, Clone)]
pub struct Execution {
    /// Whether it runs, and how it ended.
    pub status: ExecutionStatus,
    /// The states it was in, in order: `Reserve stock`.
    pub states: Vec<String>,
    /// The errors of its tasks, in order: `Runtime.ExitError`.
    pub errors: Vec<String>,
}

impl LocalCloud {
    /// The saga's state machine.
    #[must_use]
    pub fn saga(&self) -> Saga {
        Saga { client: Client::new(&self.aws()), machine: self.output("OrderSagaArn").to_owned() }
    }
}

impl Saga {
    /// The steps of an order to which nothing happens, each with the function that takes it, as
    /// they are deployed.
    ///
    /// # Panics
    /// If the state machine is not there, or has other states than tasks on this way.
    pub async fn way_forward(&self) -> Vec<(String, String)> {
        let found =
            self.client.describe_state_machine().state_machine_arn(&self.machine).send().await;
        let found: Value =
            serde_json::from_str(found.expect("it is deployed").definition()).expect("JSON");
        let states = &found["States"];
        let names =
            std::iter::successors(found["StartAt"].as_str(), |name| states[*name]["Next"].as_str());
        let told =
            |value: &Value| value.as_str().expect("a task has a step and a function").to_owned();
        names
            .map(|name| (told(&states[name]["Arguments"]["step"]), told(&states[name]["Resource"])))
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

    /// Stops an execution, as an operator does by hand. Its order is not told.
    ///
    /// # Panics
    /// If it does not run.
    pub async fn stop(&self, name: &str) {
        let stop = self.client.stop_execution().execution_arn(self.arn(name));
        stop.send().await.expect("the execution can be stopped");
    }

    fn arn(&self, name: &str) -> String {
        format!("{}:{name}", self.machine.replacen(":stateMachine:", ":execution:", 1))
    }

    /// The execution of this name; none if there is none yet.
    ///
    /// # Panics
    /// If its history cannot be read.
    pub async fn execution(&self, name: &str) -> Option<Execution> {
        let arn = self.arn(name);
        // First the status: a history that is read after the end is whole.
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

    /// The execution of this name, once it has ended.
    pub async fn ended(&self, name: &str) -> Execution {
        eventually(&format!("the execution {name} ends"), || async {
            self.execution(name)
                .await
                .filter(|execution| execution.status != ExecutionStatus::Running)
        })
        .await
    }
}
