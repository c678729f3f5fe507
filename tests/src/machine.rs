//! The saga's state machine, as an operator sees it: its definition, its executions and their histories.

use aws_sdk_sfn::Client;
use aws_sdk_sfn::types::{ExecutionStatus, HistoryEvent};
use serde_json::Value;

use crate::LocalCloud;

/// The deployed state machine.
#[derive(Debug, Clone)]
pub struct StateMachine {
    client: Client,
    arn: String,
    definition: Value,
}

impl StateMachine {
    /// The one that completes orders.
    ///
    /// # Panics
    /// If it is not there.
    pub async fn of(cloud: &LocalCloud) -> Self {
        let client = Client::new(&cloud.aws());
        let arn = cloud.output("OrderSagaArn").to_owned();
        let found = client.describe_state_machine().state_machine_arn(&arn).send().await.expect("it is deployed");
        let definition = serde_json::from_str(found.definition()).expect("a definition is JSON");
        Self { client, arn, definition }
    }

    /// The steps of an order to which nothing happens, each with the function that takes it.
    #[must_use]
    pub fn way_forward(&self) -> Vec<(String, String)> {
        let states = &self.definition["States"];
        let first = self.definition["StartAt"].as_str();
        let names = std::iter::successors(first, |name| states[*name]["Next"].as_str());
        let told = |value: &Value| value.as_str().expect("a task has a step and a function").to_owned();
        names.map(|name| (told(&states[name]["Arguments"]["step"]), told(&states[name]["Resource"]))).collect()
    }

    /// Starts an execution.
    ///
    /// # Panics
    /// If it cannot be started.
    pub async fn start(&self, name: &str, input: &Value) {
        let start = self.client.start_execution().state_machine_arn(&self.arn).name(name).input(input.to_string());
        start.send().await.expect("the execution starts");
    }

    /// What has become of the execution of this name; none if there is none.
    pub async fn status(&self, name: &str) -> Option<ExecutionStatus> {
        let described = self.client.describe_execution().execution_arn(self.execution(name)).send().await;
        described.ok().map(|execution| execution.status)
    }

    /// All that happened in the execution of this name, in order.
    ///
    /// # Panics
    /// If there is no such execution.
    pub async fn history(&self, name: &str) -> Vec<HistoryEvent> {
        let mut pages = self.client.get_execution_history().execution_arn(self.execution(name)).into_paginator().send();
        let mut events = Vec::new();
        while let Some(page) = pages.next().await {
            events.extend(page.expect("the execution has a history").events);
        }
        events
    }

    /// The states that the execution of this name has entered, in order: what AWS charges for.
    pub async fn entered(&self, name: &str) -> Vec<String> {
        let history = self.history(name).await;
        let entered = history.into_iter().filter_map(|event| event.state_entered_event_details);
        entered.map(|details| details.name).collect()
    }

    fn execution(&self, name: &str) -> String {
        format!("{}:{name}", self.arn.replacen(":stateMachine:", ":execution:", 1))
    }
}
