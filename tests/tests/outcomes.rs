//! The table of outcomes, row by row, through the deployed state machine.
//!
//! `ordering` runs the same table in process, through `next`. Here each row places an order over
//! HTTP with products of its own and gets an execution in Step Functions. In the end the ledgers
//! must agree.

use aws_sdk_lambda::primitives::Blob;
use aws_sdk_sfn::types::ExecutionStatus;
use serde_json::{Value, json};
use system_tests::{Api, Ledgers, LocalCloud, order_body};
use tokio::task::JoinSet;

#[path = "../../shared/ordering/tests/outcomes/mod.rs"]
mod table;

use table::{Outcome, outcomes};

/// A row of the table, and the order that must end as the row says.
#[derive(Debug, Clone)]
struct Case {
    number: usize,
    row: Outcome,
    order_id: String,
}

/// The row's order: two of one product and one of another. No other row uses these products.
fn body(number: usize, row: &Outcome) -> Value {
    let mut body = order_body("c-1", &format!("MUG-{number}"), 2);
    body["items"]
        .as_array_mut()
        .expect("items")
        .push(json!({ "sku": format!("TEE-{number}"), "quantity": 1 }));
    body["payment_token"] = json!(row.token);
    body["shipping_address"]["postal_code"] = json!(row.postal_code);
    body
}

/// Lists the row's products, receives their stock, and places the row's order.
async fn place(api: Api, number: usize, row: Outcome) -> Case {
    api.set_up("c-1", &format!("MUG-{number}"), 10).await;
    let tee = format!("TEE-{number}");
    if row.enough {
        api.set_up("c-1", &tee, 10).await;
    } else {
        api.list(&tee).await;
    }
    let placed = api.place(&format!("row-{number}"), &body(number, &row)).await.expect(202);
    Case { number, row, order_id: placed.body["order_id"].as_str().expect("an id").to_owned() }
}

/// Runs the steps before the cancellation one at a time, like the state machine, and then
/// cancels.
async fn walk_and_cancel(cloud: &LocalCloud, way: &[(String, String)], case: &Case) {
    let Some(before) = case.row.cancel_before else { return };
    let functions = aws_sdk_lambda::Client::new(&cloud.aws());
    let walked = way
        .iter()
        .position(|(step, _)| step == before)
        .unwrap_or_else(|| panic!("{before} is not a forward step"));
    for (step, function) in &way[..walked] {
        let input = json!({
            "step": step, "order_id": case.order_id, "tenant": "default", "attempt": 1,
            "correlation_id": "by-hand",
        });
        let invoke =
            functions.invoke().function_name(function).payload(Blob::new(input.to_string()));
        let answer = invoke.send().await.expect("the function answers");
        // A step may fail before the cancellation, but its function must not die.
        let payload = answer.payload.map(Blob::into_inner).unwrap_or_default();
        let payload: Value = serde_json::from_slice(&payload).expect("JSON");
        let error = payload["errorType"].as_str();
        let known = ["Refused", "Undone", "Transient", "Permanent"];
        assert!(
            error.is_none_or(|error| known.contains(&error)),
            "{step} of row {}: {payload}",
            case.number
        );
    }
    let committed = way[..walked].iter().any(|(step, _)| step == "commit_order");
    let reason = json!({ "reason": "I have changed my mind" });
    let answer = cloud.api().post(&format!("/orders/{}/cancel", case.order_id), &reason).await;
    assert_eq!(answer.status, if committed { 409 } else { 202 }, "{case:?}: {:#}", answer.body);
}

/// The order's status, cancel reason and parked step in the order view.
fn shown(order: &Value) -> (Option<&str>, Option<&str>, Option<&str>) {
    (order["status"].as_str(), order["cancel_reason"].as_str(), order["parked"]["step"].as_str())
}

/// Asserts that the order's execution ended as the row says.
async fn assert_executed(cloud: &LocalCloud, case: &Case) {
    // An order that was cancelled from outside has a second attempt.
    let saga = cloud.api().get(&format!("/orders/{}/saga", case.order_id)).await.expect(200).body;
    let execution = cloud.saga().ended(&format!("{}.{}", case.order_id, saga["attempt"])).await;
    let expected = match (case.row.status, case.row.parked) {
        (_, Some(_)) => (ExecutionStatus::Failed, "Order is parked"),
        ("confirmed", _) => (ExecutionStatus::Succeeded, "Confirm order"),
        (_, _) => (ExecutionStatus::Succeeded, "Cancel order"),
    };
    let last = execution.states.last().map(String::as_str).unwrap_or_default();
    assert_eq!((execution.status, last), expected, "{case:?}: {:?}", execution.states);
}

/// Asserts that the ledgers agree on a parked row as far as all answers are recorded. Nothing is
/// captured or shipped for an order that is not committed, its goods are held, and the goods on
/// hand add up.
fn assert_held(ledgers: &Ledgers, case: &Case) {
    let left = i64::from(case.row.status == "confirmed");
    let received = if case.row.enough { 10 } else { 0 };
    let on_hand = |name: &str| ledgers.on_hand(&format!("{name}-{}", case.number));
    assert_eq!((on_hand("MUG"), on_hand("TEE")), (10 - 2 * left, received - left), "{case:?}");
    let Some(parked) = case.row.parked else { return };
    let account = ledgers.order(&case.order_id);
    assert_eq!(
        account.holdings.reserved, account.ordered,
        "goods are held for a parked order: {case:?}"
    );
    let committed = parked == "capture_payment";
    let parcels =
        usize::from(committed || parked == "cancel_shipment" && case.row.postal_code != "99999");
    assert_eq!(
        (account.holdings.captured.len(), account.holdings.parcels),
        (0, parcels),
        "{case:?}"
    );
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn every_row_ends_as_the_table_says_through_the_deployed_state_machine() {
    let cloud = LocalCloud::start(&[]);
    let way = cloud.saga().forward_steps().await;
    let (cancelled, left_alone): (Vec<_>, Vec<_>) =
        outcomes().into_iter().enumerate().partition(|(_, row)| row.cancel_before.is_some());
    assert!(cancelled.len() >= 20 && left_alone.len() >= 20, "the table has been read");

    // The cancelled orders need their cancellation at a certain step, so their sagas start later.
    cloud.deliver(cloud.resource("SagaStarter"), false).await;
    let mut cases = placed(&cloud.api(), cancelled).await;
    for case in &cases {
        walk_and_cancel(&cloud, &way, case).await;
    }
    cloud.deliver(cloud.resource("SagaStarter"), true).await;
    cases.extend(placed(&cloud.api(), left_alone).await);

    let api = cloud.api();
    for case in &cases {
        let order = api.ended(&case.order_id).await;
        let expected = (Some(case.row.status), case.row.cancel_reason, case.row.parked);
        assert_eq!(shown(&order), expected, "{case:?}: {order:#}");
        assert_executed(&cloud, case).await;
    }
    let ledgers = Ledgers::read(&cloud).await;
    let parked =
        cases.iter().filter(|case| case.row.parked.is_some()).map(|case| case.order_id.as_str());
    ledgers.assert_equal_except_parked(&parked.collect::<Vec<_>>());
    for case in &cases {
        assert_held(&ledgers, case);
    }
}

/// Places the orders of these rows, a few at a time.
async fn placed(api: &Api, rows: Vec<(usize, Outcome)>) -> Vec<Case> {
    let mut placing = JoinSet::new();
    for (number, row) in rows {
        placing.spawn(place(api.clone(), number, row));
    }
    let mut cases = placing.join_all().await;
    cases.sort_by_key(|case| case.number);
    cases
}
