//! Runs each row of the table of outcomes through the deployed state machine.
//!
//! `ordering` runs the same table in process, through `next`. Here each row is an order that is
//! placed over HTTP, for products that no other row uses, and executed by Step Functions. In the
//! end the ledgers must agree.

use aws_sdk_lambda::primitives::Blob;
use aws_sdk_sfn::types::ExecutionStatus;
use serde_json::{Value, json};
use system_tests::{Api, Ledgers, LocalCloud, eventually, order_body};
use tokio::task::JoinSet;

#[path = "../../../shared/ordering/tests/outcomes/mod.rs"]
mod table;

use table::{AT_THE_END, Outcome, outcomes};

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

/// Runs the steps before the cancellation one at a time, like the state machine, and then cancels
/// the order. `forward_steps` are the steps of a confirmed order, each with its function.
async fn run_steps_and_cancel(cloud: &LocalCloud, forward_steps: &[(String, String)], case: &Case) {
    let Some(before) = case.row.cancel_before else { return };
    let functions = aws_sdk_lambda::Client::new(&cloud.aws());
    let steps_before = match before {
        AT_THE_END => forward_steps.len(),
        before => forward_steps
            .iter()
            .position(|(step, _)| step == before)
            .unwrap_or_else(|| panic!("{before} is not a forward step")),
    };
    for (step, function) in &forward_steps[..steps_before] {
        let input = json!({
            "step": step, "id": case.order_id, "tenant": "default", "attempt": 1,
            "correlation_id": "by-hand",
        });
        let invoke =
            functions.invoke().function_name(function).payload(Blob::new(input.to_string()));
        let answer = invoke.send().await.expect("the function answers");
        // A step may fail before the cancellation, but its function must not die.
        let payload = answer.payload.map(Blob::into_inner).unwrap_or_default();
        let payload: Value = serde_json::from_slice(&payload).expect("JSON");
        let error = payload["errorType"].as_str();
        let step_errors = ["Undone", "Transient", "Permanent"];
        assert!(
            error.is_none_or(|error| step_errors.contains(&error)),
            "{step} of row {}: {payload}",
            case.number
        );
    }
    let reason = json!({ "reason": "I have changed my mind" });
    let answer = cloud.api().post(&format!("/orders/{}/cancel", case.order_id), &reason).await;
    assert_eq!(answer.status, 202, "{case:?}: {:#}", answer.body);
}

/// The order's status, cancel reason and parked step in the order view.
fn outcome(order: &Value) -> (Option<&str>, Option<&str>, Option<&str>) {
    (order["status"].as_str(), order["cancel_reason"].as_str(), order["parked"]["step"].as_str())
}

/// Asserts that the order's execution ended as the row says.
async fn assert_executed(cloud: &LocalCloud, case: &Case) {
    // An order that the customer cancelled has a second attempt.
    let saga = cloud.api().get(&format!("/orders/{}/saga", case.order_id)).await.expect(200).body;
    let execution = cloud.saga().ended(&format!("{}.{}", case.order_id, saga["attempt"])).await;
    let last_state = if case.row.status == "confirmed" { "Confirm order" } else { "Cancel order" };
    let expected = (ExecutionStatus::Succeeded, last_state);
    let last = execution.states.last().map(String::as_str).unwrap_or_default();
    assert_eq!((execution.status, last), expected, "{case:?}: {:?}", execution.states);
}

/// Waits until the order is being undone for the reason of its row, and its execution keeps trying
/// the step at which it would be parked after a day.
async fn assert_unanswered(cloud: &LocalCloud, case: &Case) {
    let step = case.row.parked.expect("the row has a step that is never answered");
    let what = format!("{case:?} is being undone and tries {step}");
    eventually(&what, || async {
        let order = cloud.api().get(&format!("/orders/{}", case.order_id)).await;
        let saga = cloud.api().get(&format!("/orders/{}/saga", case.order_id)).await;
        if (order.status, saga.status) != (200, 200) {
            return None;
        }
        let name = format!("{}.{}", case.order_id, saga.body["attempt"]);
        let execution = cloud.saga().execution(&name).await?;
        let last = execution.states.last()?.to_lowercase().replace(' ', "_");
        let is_trying = execution.status == ExecutionStatus::Running && last == step;
        let expected = (Some(case.row.status), case.row.cancel_reason, None);
        (is_trying && outcome(&order.body) == expected).then_some(())
    })
    .await;
}

/// Asserts that the goods on hand add up. For an order that is not ended, also asserts that its
/// goods are still reserved, that nothing is captured, and that the carrier has no parcel.
fn assert_holdings(ledgers: &Ledgers, case: &Case) {
    let received = if case.row.enough { 10 } else { 0 };
    let on_hand = |name: &str| ledgers.on_hand(&format!("{name}-{}", case.number));
    assert_eq!((on_hand("MUG"), on_hand("TEE")), (10, received), "{case:?}");
    if case.row.parked.is_none() {
        return;
    }
    let account = ledgers.order(&case.order_id);
    assert_eq!(account.holdings.reserved, account.ordered, "{case:?}");
    let holdings = (account.holdings.captured.len(), account.holdings.parcels);
    assert_eq!(holdings, (0, 0), "{case:?}");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn the_deployed_state_machine_ends_each_order_as_its_row_says() {
    let cloud = LocalCloud::start(&[]);
    let forward_steps = cloud.saga().forward_steps().await;
    let (cancelled, not_cancelled): (Vec<_>, Vec<_>) =
        outcomes().into_iter().enumerate().partition(|(_, row)| row.cancel_before.is_some());
    assert!(cancelled.len() >= 20 && not_cancelled.len() >= 20, "the table has too few rows");

    // The cancelled orders are cancelled before a certain step, so their sagas start later.
    cloud.deliver(cloud.resource("SagaStarter"), false).await;
    let mut cases = placed(&cloud.api(), cancelled).await;
    for case in &cases {
        run_steps_and_cancel(&cloud, &forward_steps, case).await;
    }
    cloud.deliver(cloud.resource("SagaStarter"), true).await;
    let (unanswered, answered): (Vec<_>, Vec<_>) =
        not_cancelled.into_iter().partition(|(_, row)| row.parked.is_some());
    cases.extend(placed(&cloud.api(), answered).await);
    // These orders are undone when their deadline passes.
    let commands = cloud.resource("OrderCommands");
    cloud.set_variable(commands, "ORDER_DEADLINE_SECONDS", "10").await;
    cases.extend(placed(&cloud.api(), unanswered).await);

    let api = cloud.api();
    let (unanswered, ended): (Vec<_>, Vec<_>) =
        cases.iter().partition(|case| case.row.parked.is_some());
    for case in unanswered {
        assert_unanswered(&cloud, case).await;
    }
    for case in ended {
        let order = api.ended(&case.order_id).await;
        let expected = (Some(case.row.status), case.row.cancel_reason, case.row.parked);
        assert_eq!(outcome(&order), expected, "{case:?}: {order:#}");
        assert_executed(&cloud, case).await;
    }
    let ledgers = Ledgers::read(&cloud).await;
    let open =
        cases.iter().filter(|case| case.row.parked.is_some()).map(|case| case.order_id.as_str());
    ledgers.assert_equal_except_open(&open.collect::<Vec<_>>());
    for case in &cases {
        assert_holdings(&ledgers, case);
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
