//! The resources of the deployed stack. Tests find tables, queues and functions here instead of
//! listing them, so the tests automatically include new ones.

use std::collections::BTreeSet;

use crate::LocalCloud;

/// A resource of the stack: `(logical id, physical id)`.
pub type Named<'a> = (&'a str, &'a str);

impl LocalCloud {
    /// The physical id of the resource with this logical id: the name of a table or a function, the
    /// URL of a queue, the ARN of a topic or a state machine.
    ///
    /// # Panics
    /// If the template has no such resource.
    #[must_use]
    #[track_caller]
    pub fn resource(&self, logical_id: &str) -> &str {
        let found = self.stack().get(logical_id);
        &found.unwrap_or_else(|| panic!("the template has no resource {logical_id}")).id
    }

    /// All tables, including those of the sandboxes.
    #[must_use]
    pub fn tables(&self) -> Vec<Named<'_>> {
        self.resources_of("AWS::DynamoDB::Table")
    }

    /// All functions.
    #[must_use]
    pub fn functions(&self) -> Vec<Named<'_>> {
        self.resources_of("AWS::Lambda::Function")
    }

    /// All state machines.
    #[must_use]
    pub fn state_machines(&self) -> Vec<Named<'_>> {
        self.resources_of("AWS::StepFunctions::StateMachine")
    }

    /// The queues from which a function takes messages.
    ///
    /// # Panics
    /// If the functions cannot be listed.
    pub async fn consumed_queues(&self) -> Vec<Named<'_>> {
        let consumed = self.event_sources().await;
        self.queues(|name| consumed.contains(name))
    }

    /// The queues from which no function takes messages. They are for messages that could not be
    /// processed.
    ///
    /// # Panics
    /// If the functions cannot be listed.
    pub async fn dead_letter_queues(&self) -> Vec<Named<'_>> {
        let consumed = self.event_sources().await;
        self.queues(|name| !consumed.contains(name))
    }

    /// The queues with the names that `wanted` selects.
    fn queues(&self, wanted: impl Fn(&str) -> bool) -> Vec<Named<'_>> {
        let name = |url: &str| url.rsplit('/').next().is_some_and(&wanted);
        let queues = self.resources_of("AWS::SQS::Queue");
        queues.into_iter().filter(|(_, url)| name(url)).collect()
    }

    /// The names of all queues that are the event source of a function.
    async fn event_sources(&self) -> BTreeSet<String> {
        let client = aws_sdk_lambda::Client::new(&self.aws());
        let mut mappings = client.list_event_source_mappings().into_paginator().items().send();
        let mut names = BTreeSet::new();
        while let Some(mapping) = mappings.next().await {
            let mapping = mapping.expect("the event source mappings can be listed");
            let arn = mapping.event_source_arn.unwrap_or_default();
            if arn.contains(":sqs:") {
                names.extend(arn.rsplit(':').next().map(str::to_owned));
            }
        }
        assert!(!names.is_empty(), "no function takes messages from a queue");
        names
    }

    fn resources_of(&self, kind: &str) -> Vec<Named<'_>> {
        let found: Vec<Named<'_>> = self
            .stack()
            .iter()
            .filter(|(_, resource)| resource.kind == kind)
            .map(|(logical_id, resource)| (logical_id.as_str(), resource.id.as_str()))
            .collect();
        assert!(!found.is_empty(), "the stack has no {kind}");
        found
    }
}

/// Whether this table belongs to a sandbox. The sandboxes represent the payment gateway and the
/// carrier, which are external systems.
#[must_use]
pub fn is_sandbox(logical_id: &str) -> bool {
    logical_id.starts_with("Sandbox")
}
