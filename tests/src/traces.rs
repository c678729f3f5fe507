//! Everything that a cloud has recorded, as text: unpacked and decoded, but not unsealed. Tests
//! search it for data that must not be there.

use std::collections::BTreeMap;

use aws_sdk_dynamodb::types::AttributeValue;
use aws_sdk_sfn::Client;
use base64::Engine;
use base64::engine::general_purpose::STANDARD as BASE64;
use serde_json::Value;

use crate::tables::{Item, commit_body, indexes, scan, scan_index};
use crate::{LocalCloud, is_sandbox};

/// The recorded text, by place.
#[derive(Debug, Clone, Default)]
pub struct Traces(BTreeMap<String, String>);

impl Traces {
    /// Reads all tables and their indexes, except those of the sandboxes, which represent external
    /// systems; all executions of all state machines; and the log. The name of a place is its
    /// logical id, for an index `Table/index`, and for the log `log`. Messages stay in queues only
    /// for a moment, so a test that receives some [adds](Self::add_message) them.
    ///
    /// # Panics
    /// If one of them cannot be read.
    pub async fn read(cloud: &LocalCloud) -> Self {
        let mut traces = Self::default();
        for (table, _) in cloud.tables().into_iter().filter(|(table, _)| !is_sandbox(table)) {
            traces.add(table, &text_of(scan(cloud, table).await));
            for index in indexes(cloud, table).await {
                let entries = scan_index(cloud, table, &index).await;
                traces.add(&format!("{table}/{index}"), &text_of(entries));
            }
        }
        let client = Client::new(&cloud.aws());
        for (machine, arn) in cloud.state_machines() {
            traces.add(machine, &executions(&client, arn).await.join("\n"));
        }
        traces.add("log", &cloud.log());
        traces
    }

    /// Adds text that was found in another place.
    pub fn add(&mut self, place: &str, text: &str) {
        let traces = self.0.entry(place.to_owned()).or_default();
        traces.push_str(text);
        traces.push('\n');
    }

    /// Adds a message of the topic, with its events decoded.
    ///
    /// # Panics
    /// If it is not a message of the topic.
    pub fn add_message(&mut self, place: &str, body: &str) {
        let message: Value = serde_json::from_str(body).expect("a message is JSON");
        for event in message["commit"]["events"].as_array().into_iter().flatten() {
            let data = BASE64.decode(event["data"].as_str().expect("data")).expect("base64");
            self.add(place, &String::from_utf8_lossy(&data));
        }
        self.add(place, body);
    }

    /// The places that contain this text.
    #[must_use]
    pub fn places_with(&self, text: &str) -> Vec<&str> {
        self.0
            .iter()
            .filter(|(_, recorded)| recorded.contains(text))
            .map(|(place, _)| place.as_str())
            .collect()
    }
}

/// Everything in these items, with compressed commits unpacked.
fn text_of(items: Vec<Item>) -> String {
    let mut text = String::new();
    for item in items {
        if item.contains_key("encoding") {
            text.push_str(&commit_body(&item).to_string());
        }
        push_value(&AttributeValue::M(item), &mut text);
    }
    text
}

fn push_value(value: &AttributeValue, text: &mut String) {
    if let AttributeValue::S(content) | AttributeValue::N(content) = value {
        text.push_str(content);
    } else if let AttributeValue::B(content) = value {
        text.push_str(&String::from_utf8_lossy(content.as_ref()));
    } else if let AttributeValue::Bool(content) = value {
        text.push_str(&content.to_string());
    } else if let AttributeValue::M(fields) = value {
        fields.iter().for_each(|(name, field)| {
            text.push_str(name);
            push_value(field, text);
        });
    } else if let AttributeValue::L(elements) = value {
        elements.iter().for_each(|element| push_value(element, text));
    } else {
        panic!("extend this function to read {value:?}");
    }
    text.push('\n');
}

/// Every input, output, error and cause in the history of every execution of a state machine.
async fn executions(client: &Client, machine: &str) -> Vec<String> {
    let mut texts = Vec::new();
    let list = client.list_executions().state_machine_arn(machine);
    let mut executions = list.into_paginator().items().send();
    while let Some(execution) = executions.next().await {
        let execution = execution.expect("the executions can be listed");
        texts.push(execution.name);
        let history = client.get_execution_history().execution_arn(execution.execution_arn);
        let mut events = history.include_execution_data(true).into_paginator().items().send();
        while let Some(event) = events.next().await {
            let event = event.expect("the history can be read");
            texts.extend(event.execution_started_event_details.and_then(|details| details.input));
            texts
                .extend(event.execution_succeeded_event_details.and_then(|details| details.output));
            texts.extend(event.execution_failed_event_details.and_then(|details| details.cause));
            texts.extend(event.state_entered_event_details.and_then(|details| details.input));
            texts.extend(event.state_exited_event_details.and_then(|details| details.output));
            texts.extend(event.task_scheduled_event_details.map(|details| details.parameters));
            texts.extend(event.task_succeeded_event_details.and_then(|details| details.output));
            texts.extend(event.task_failed_event_details.and_then(|details| details.cause));
        }
    }
    texts
}
