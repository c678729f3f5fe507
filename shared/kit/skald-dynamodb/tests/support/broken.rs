//! What breaks stores of every kind from outside, and which rules are to find it out.

use serde_json::{Value, json};
use skald_testkit::Rule;

use super::proxy::{Fate, Meddler};

/// Lets everything pass.
#[derive(Clone)]
pub struct Nothing;

impl Meddler for Nothing {}

/// Removes what makes a write conditional.
#[derive(Clone)]
pub struct NoCondition;

impl Meddler for NoCondition {
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
    let of_condition = [
        "ConditionExpression",
        "ExpressionAttributeNames",
        "ExpressionAttributeValues",
        "ReturnValuesOnConditionCheckFailure",
    ];
    for name in of_condition {
        put.as_object_mut().unwrap().remove(name);
    }
}

/// Tells who was refused that it went well.
#[derive(Clone)]
pub struct AlwaysWell;

impl Meddler for AlwaysWell {
    fn answer(&self, _: &str, status: &mut u16, body: &mut Value) {
        if *status == 400 {
            (*status, *body) = (200, json!({}));
        }
    }
}

/// Ends every query after its first page.
#[derive(Clone)]
pub struct OnePage;

impl Meddler for OnePage {
    fn answer(&self, _: &str, _: &mut u16, body: &mut Value) {
        body.as_object_mut().unwrap().remove("LastEvaluatedKey");
    }
}

/// Hides what stands at a place that is taken, and that it was there at all when it is read back.
#[derive(Clone)]
pub struct NoOldItem;

impl Meddler for NoOldItem {
    fn request(&self, operation: &str, _: &mut Value) -> Fate {
        if operation == "GetItem" { Fate::Answer(200, json!({})) } else { Fate::Pass }
    }

    fn answer(&self, _: &str, _: &mut u16, body: &mut Value) {
        hide_items(body);
    }
}

/// Hides what stands at a place that is taken; reading it back works.
#[derive(Clone)]
pub struct SilentRefusal;

impl Meddler for SilentRefusal {
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

/// Those of the rules that are asked for.
pub fn named<F>(rules: Vec<Rule<F>>, asked: &[&str]) -> Vec<Rule<F>> {
    for name in asked {
        assert!(rules.iter().any(|rule| rule.name == *name), "there is no rule {name}");
    }
    rules.into_iter().filter(|rule| asked.contains(&rule.name)).collect()
}

/// The names of these rules that are broken, each on a fixture of its own.
pub async fn broken_of<F>(rules: Vec<Rule<F>>, fixture: impl AsyncFn() -> F) -> Vec<&'static str> {
    let mut broken = Vec::new();
    for rule in rules {
        if rule.broken_by(&fixture().await).await.is_some() {
            broken.push(rule.name);
        }
    }
    broken
}
