//! Everything that a cloud keeps of what happened in it, as text, opened as far as anybody can who
//! has no key of a person: to look for what must not be there.

use std::collections::BTreeMap;

use aws_sdk_dynamodb::types::AttributeValue;
use base64::Engine;
use base64::engine::general_purpose::STANDARD as BASE64;
use serde_json::Value;

use crate::tables::{Item, commit_body, scan, scan_index};
use crate::{LocalCloud, Saga};

/// What is kept, by place.
#[derive(Debug, Clone, Default)]
pub struct Traces(BTreeMap<String, String>);

impl Traces {
    /// All tables but the sandboxes', which stand for systems of others; the index of all commits,
    /// every execution of the saga, and all that was logged. Messages are where they are only for a
    /// moment: whoever catches some [adds](Self::add) them.
    ///
    /// # Panics
    /// If something cannot be read.
    pub async fn read(cloud: &LocalCloud) -> Self {
        let mut traces = Self::default();
        for table in
            ["EventsTableName", "PersonKeysTableName", "OrderViewTableName", "StockViewTableName"]
        {
            traces.add(table, &told(scan(cloud, table).await));
        }
        traces.add("index", &told(scan_index(cloud, "EventsTableName", "commits").await));
        traces.add("saga", &cloud.saga().told().await.join("\n"));
        traces.add("log", &cloud.log());
        traces
    }

    /// Adds what was found in another place.
    pub fn add(&mut self, place: &str, text: &str) {
        let traces = self.0.entry(place.to_owned()).or_default();
        traces.push_str(text);
        traces.push('\n');
    }

    /// Adds a message of the topic, with the events in it read.
    ///
    /// # Panics
    /// If it is none.
    pub fn add_message(&mut self, place: &str, body: &str) {
        let message: Value = serde_json::from_str(body).expect("a message is JSON");
        for event in message["commit"]["events"].as_array().into_iter().flatten() {
            let data = BASE64.decode(event["data"].as_str().expect("data")).expect("base64");
            self.add(place, &String::from_utf8_lossy(&data));
        }
        self.add(place, body);
    }

    /// The places where this text is.
    #[must_use]
    pub fn of(&self, text: &str) -> Vec<&str> {
        self.0
            .iter()
            .filter(|(_, kept)| kept.contains(text))
            .map(|(place, _)| place.as_str())
            .collect()
    }
}

/// Everything in these items, compressed commits unpacked.
fn told(items: Vec<Item>) -> String {
    let mut text = String::new();
    for item in items {
        if item.contains_key("encoding") {
            text.push_str(&commit_body(&item).to_string());
        }
        tell(&AttributeValue::M(item), &mut text);
    }
    text
}

fn tell(value: &AttributeValue, text: &mut String) {
    if let AttributeValue::S(content) | AttributeValue::N(content) = value {
        text.push_str(content);
    } else if let AttributeValue::B(content) = value {
        text.push_str(&String::from_utf8_lossy(content.as_ref()));
    } else if let AttributeValue::M(fields) = value {
        fields.iter().for_each(|(name, field)| {
            text.push_str(name);
            tell(field, text);
        });
    } else if let AttributeValue::L(elements) = value {
        elements.iter().for_each(|element| tell(element, text));
    } else {
        panic!("say here how to read {value:?}");
    }
    text.push('\n');
}

impl Saga {
    /// Every input, output, error and cause in the history of every execution.
    ///
    /// # Panics
    /// If one cannot be read.
    pub async fn told(&self) -> Vec<String> {
        let mut told = Vec::new();
        let mut executions = self
            .client
            .list_executions()
            .state_machine_arn(&self.machine)
            .into_paginator()
            .items()
            .send();
        while let Some(execution) = executions.next().await {
            let execution = execution.expect("the executions can be listed");
            told.push(execution.name);
            let history =
                self.client.get_execution_history().execution_arn(execution.execution_arn);
            let mut events = history.include_execution_data(true).into_paginator().items().send();
            while let Some(event) = events.next().await {
                let event = event.expect("the history can be read");
                told.extend(
                    event.execution_started_event_details.and_then(|details| details.input),
                );
                told.extend(
                    event.execution_succeeded_event_details.and_then(|details| details.output),
                );
                told.extend(event.execution_failed_event_details.and_then(|details| details.cause));
                told.extend(event.state_entered_event_details.and_then(|details| details.input));
                told.extend(event.state_exited_event_details.and_then(|details| details.output));
                told.extend(event.task_scheduled_event_details.map(|details| details.parameters));
                told.extend(event.task_succeeded_event_details.and_then(|details| details.output));
                told.extend(event.task_failed_event_details.and_then(|details| details.cause));
            }
        }
        told
    }
}
