//! Interceptors that break any kind of store from outside, and functions that find the rules which
//! detect a broken store.

use serde_json::{Value, json};
use skald_testkit::Rule;

use super::proxy::{Fate, Interceptor};

/// Passes requests and answers on unchanged.
#[derive(Clone)]
pub struct PassThrough;

impl Interceptor for PassThrough {}

/// Removes the condition of a write.
#[derive(Clone)]
pub struct NoCondition;

impl Interceptor for NoCondition {
    fn request(&self, operation: &str, body: &mut Value) -> Fate {
        match operation {
            "PutItem" => unconditional(body),
            "TransactWriteItems" => puts(body).into_iter().for_each(unconditional),
            _ => {}
        }
        Fate::Pass
    }
}

pub fn puts(body: &mut Value) -> Vec<&mut Value> {
    body["TransactItems"].as_array_mut().unwrap().iter_mut().map(|item| &mut item["Put"]).collect()
}

pub fn unconditional(put: &mut Value) {
    let condition_parameters = [
        "ConditionExpression",
        "ExpressionAttributeNames",
        "ExpressionAttributeValues",
        "ReturnValuesOnConditionCheckFailure",
    ];
    for name in condition_parameters {
        put.as_object_mut().unwrap().remove(name);
    }
}

/// Reports success for a write whose condition failed.
#[derive(Clone)]
pub struct AlwaysSucceeds;

impl Interceptor for AlwaysSucceeds {
    fn answer(&self, _: &str, status: &mut u16, body: &mut Value) {
        if *status == 400 {
            (*status, *body) = (200, json!({}));
        }
    }
}

/// Ends every query after its first page.
#[derive(Clone)]
pub struct OnePage;

impl Interceptor for OnePage {
    fn answer(&self, _: &str, _: &mut u16, body: &mut Value) {
        body.as_object_mut().unwrap().remove("LastEvaluatedKey");
    }
}

/// Omits the item at a taken position from the answer, and from later reads.
#[derive(Clone)]
pub struct NoStoredItem;

impl Interceptor for NoStoredItem {
    fn request(&self, operation: &str, _: &mut Value) -> Fate {
        if operation == "GetItem" { Fate::Answer(200, json!({})) } else { Fate::Pass }
    }

    fn answer(&self, _: &str, _: &mut u16, body: &mut Value) {
        hide_items(body);
    }
}

/// Omits the item at a taken position from the answer; later reads return it.
#[derive(Clone)]
pub struct ConflictWithoutItem;

impl Interceptor for ConflictWithoutItem {
    fn answer(&self, operation: &str, _: &mut u16, body: &mut Value) {
        if operation != "GetItem" {
            hide_items(body);
        }
    }
}

fn hide_items(body: &mut Value) {
    body.as_object_mut().unwrap().remove("Item");
    for reason in body["CancellationReasons"].as_array_mut().into_iter().flatten() {
        reason.as_object_mut().unwrap().remove("Item");
    }
}

/// The rules with the requested names.
pub fn rules_named<F>(rules: Vec<Rule<F>>, wanted: &[&str]) -> Vec<Rule<F>> {
    for name in wanted {
        assert!(rules.iter().any(|rule| rule.name == *name), "there is no rule {name}");
    }
    rules.into_iter().filter(|rule| wanted.contains(&rule.name)).collect()
}

/// The names of the broken rules. Each rule is checked on a fixture of its own.
pub async fn broken_rules<F>(
    rules: Vec<Rule<F>>,
    fixture: impl AsyncFn() -> F,
) -> Vec<&'static str> {
    let mut broken = Vec::new();
    for rule in rules {
        if rule.broken_by(&fixture().await).await.is_some() {
            broken.push(rule.name);
        }
    }
    broken
}
