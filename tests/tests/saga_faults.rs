//! An order ends once and the ledgers agree, even if a step function dies after any of its writes,
//! or several executions work on one order.

use aws_sdk_sfn::types::ExecutionStatus;
use serde_json::{Value, json};
use system_tests::{Account, Api, Execution, Ledgers, LocalCloud, Proxy, eventually, order_body};

/// The state machine's error name for a function that died.
const DIED: &str = "Runtime.ExitError";

/// The errors of a step that are final. Every other error of a task is retried, and occurs on a
/// busy machine.
const FINAL: [&str; 4] = ["Refused", "Undone", "Settled", "Permanent"];

/// The errors of an execution that were not retried.
fn final_errors(execution: &Execution) -> Vec<&str> {
    execution.errors.iter().map(String::as_str).filter(|error| FINAL.contains(error)).collect()
}

/// Whether a function died and its step was retried.
fn has_died(execution: &Execution) -> bool {
    execution.errors.iter().any(|error| error == DIED)
}

/// A cloud with goods for all orders, and a proxy between one step function and `DynamoDB`.
struct Shop<'a> {
    cloud: &'a LocalCloud,
    api: Api,
    function: &'static str,
    proxy: Proxy,
}

impl<'a> Shop<'a> {
    /// Starts one shop for each of these functions, whose calls go through its proxy from now on.
    async fn open(
        cloud: &'a LocalCloud,
        functions: impl IntoIterator<Item = &'static str>,
    ) -> Vec<Self> {
        let api = cloud.api();
        api.set_up("c-1", "MUG-01", 1000).await;
        let mut shops = Vec::new();
        for function in functions {
            shops.push(Self {
                cloud,
                api: api.clone(),
                function,
                proxy: Proxy::before(cloud, &[function]).await,
            });
        }
        shops
    }

    /// Places an order of its own; gives its id.
    async fn place(&self, key: &str, body: &Value) -> String {
        let placed = self.api.place(&format!("{}-{key}", self.function), body).await.expect(202);
        placed.body["order_id"].as_str().expect("an id").to_owned()
    }

    /// Requests the cancellation of the order. Returns whether it was accepted.
    async fn cancel(&self, order_id: &str) -> bool {
        let reason = json!({ "reason": "changed my mind" });
        let answer = self.api.post(&format!("/orders/{order_id}/cancel"), &reason).await;
        assert!([202, 409].contains(&answer.status), "{:#}", answer.body);
        answer.status == 202
    }

    /// Kills the function while its write is held: the write is performed, and its answer is lost.
    async fn kill(&self) {
        self.cloud.kill(self.cloud.resource(self.function)).await;
        self.proxy.release();
    }

    /// The order's own execution, once it has ended.
    async fn ended(&self, order_id: &str) -> Execution {
        self.cloud.saga().ended(&format!("{order_id}.1")).await
    }
}

/// An order that is confirmed.
fn happy() -> Value {
    order_body("c-1", "MUG-01", 2)
}

/// An order that the carrier refuses, when goods and money are held for it.
fn refused() -> Value {
    let mut body = happy();
    body["shipping_address"]["postal_code"] = json!("00000");
    body
}

/// An order that the gateway refuses.
fn declined() -> Value {
    let mut body = happy();
    body["payment_token"] = json!("tok_declined");
    body
}

/// Each function dies at each of its writes, each time for another order. The only difference is
/// that a step is retried: the order ends as it does without a death, and nothing is written twice.
async fn die_at_each_write(
    body: &Value,
    functions: &[(&'static str, usize)],
    ended_well: fn(&Account) -> bool,
) {
    let cloud = LocalCloud::start(&[]);
    let shops = Shop::open(&cloud, functions.iter().map(|(function, _)| *function)).await;
    let undisturbed = shops[0].ended(&shops[0].place("undisturbed", body).await).await;
    assert_eq!(undisturbed.status, ExecutionStatus::Succeeded, "{undisturbed:?}");
    for (shop, &(function, writes)) in shops.iter().zip(functions) {
        assert_eq!(shop.proxy.writes(), writes, "writes of {function} for an undisturbed order");
    }
    for (shop, &(function, writes)) in shops.iter().zip(functions) {
        for write in 1..=writes {
            let before = shop.proxy.writes();
            shop.proxy.hold_after(write);
            let order_id = shop.place(&write.to_string(), body).await;
            shop.proxy.holds(1).await;
            shop.kill().await;

            let execution = shop.ended(&order_id).await;
            let what = format!("{function} died at write {write} of {order_id}: {execution:?}");
            assert_eq!(execution.status, ExecutionStatus::Succeeded, "{what}");
            assert_eq!(execution.states, undisturbed.states, "{what}");
            assert!(has_died(&execution), "{what}");
            assert_eq!(final_errors(&execution), final_errors(&undisturbed), "{what}");
            assert_eq!(shop.proxy.writes() - before, writes, "{what}");
            let ledgers = Ledgers::read(&cloud).await;
            assert!(ended_well(ledgers.order(&order_id)), "{what}\n{:?}", ledgers.order(&order_id));
            ledgers.assert_equal();
        }
    }
}

// A call to the gateway or the carrier is three writes: the request event, the sandbox's own row,
// and the event with the answer.

#[tokio::test]
async fn an_order_is_confirmed_once_whichever_step_function_dies_at_whichever_write() {
    let writes = [
        ("PaymentSteps", 6),     // authorizes; captures
        ("ReservationSteps", 2), // reserves; ships
        ("ShipmentSteps", 3),    // creates
        ("OrderSteps", 2),       // commits; confirms
    ];
    die_at_each_write(&happy(), &writes, Account::is_confirmed).await;
}

#[tokio::test]
async fn an_order_is_undone_once_whichever_step_function_dies_at_whichever_write() {
    let writes = [
        ("PaymentSteps", 6),     // authorizes; voids
        ("ReservationSteps", 2), // reserves; releases
        ("ShipmentSteps", 3),    // is refused
        ("OrderSteps", 2),       // starts to undo; cancels
    ];
    die_at_each_write(&refused(), &writes, Account::is_cancelled).await;
}

/// The customer cancels before the step is retried, so nothing has recorded how far the dead
/// function came. What it did is undone nevertheless.
#[tokio::test]
async fn what_a_dead_function_did_is_undone_if_the_customer_cancels_meanwhile() {
    let cloud = LocalCloud::start(&[]);
    let functions = [("ReservationSteps", 1), ("PaymentSteps", 3), ("ShipmentSteps", 3)];
    let shops = Shop::open(&cloud, functions.map(|(function, _)| function)).await;
    for (shop, (function, writes)) in shops.iter().zip(functions) {
        for write in 1..=writes {
            shop.proxy.hold_after(write);
            let order_id = shop.place(&write.to_string(), &happy()).await;
            shop.proxy.holds(1).await;
            assert!(
                shop.cancel(&order_id).await,
                "{function} at write {write}: nothing is committed yet"
            );
            shop.kill().await;

            let execution = shop.ended(&order_id).await;
            let what = format!("{function} died at write {write} of {order_id}: {execution:?}");
            assert_eq!(execution.status, ExecutionStatus::Succeeded, "{what}");
            assert!(has_died(&execution), "{what}");
            assert_eq!(final_errors(&execution), ["Undone"], "{what}");
            // Cancelling has begun an attempt of its own.
            let second = cloud.saga().ended(&format!("{order_id}.2")).await;
            assert_eq!(second.status, ExecutionStatus::Succeeded, "{what}, {second:?}");
            let ledgers = Ledgers::read(&cloud).await;
            assert!(
                ledgers.order(&order_id).is_cancelled(),
                "{what}\n{:?}",
                ledgers.order(&order_id)
            );
            ledgers.assert_equal();
        }
    }
}

/// Three executions of an order, and in some cases the customer, have read it and decided what to
/// write at the same moment. All but one get a conflict.
#[tokio::test]
async fn three_executions_of_an_order_end_it_once() {
    let cloud = LocalCloud::start(&[]);
    // The states in which they meet: one of that function for an order that is confirmed, and one
    // for an order that is declined.
    let meetings = [
        ("ReservationSteps", "Reserve stock", "Reserve stock"),
        ("PaymentSteps", "Authorize payment", "Authorize payment"),
        ("ShipmentSteps", "Create shipment", "Cancel shipment"),
        ("OrderSteps", "Commit order", "Start undo"),
    ];
    let shops = Shop::open(&cloud, meetings.map(|(function, ..)| function)).await;
    let customer = Proxy::before(&cloud, &["OrderCommands"]).await;
    for (shop, (_, on_the_way, on_the_way_back)) in shops.iter().zip(meetings) {
        let orders = [
            ("happy", happy(), on_the_way, false),
            ("declined", declined(), on_the_way_back, false),
            ("cancelled", happy(), on_the_way, true),
        ];
        for (kind, body, meeting, cancels) in orders {
            shop.proxy.hold_after(0);
            let order_id = shop.place(kind, &body).await;
            let saga = cloud.saga();
            let names =
                ["1", "1-again", "1-and-again"].map(|attempt| format!("{order_id}.{attempt}"));
            // The first is started by the order itself, at about this moment.
            let input = json!({
                "order_id": order_id, "tenant": "default", "attempt": 1,
                "correlation_id": "by-hand",
            });
            tokio::join!(saga.start(&names[1], &input), saga.start(&names[2], &input));
            for name in &names {
                eventually(&format!("{name} comes to {meeting}"), || async {
                    saga.execution(name)
                        .await?
                        .states
                        .last()
                        .is_some_and(|state| state == meeting)
                        .then_some(())
                })
                .await;
            }
            shop.proxy.holds(names.len()).await;
            let all_at_once = async {
                if cancels {
                    customer.hold_after(0);
                    customer.holds(1).await;
                }
                shop.proxy.release();
                customer.release();
            };
            let cancelling = async { cancels && shop.cancel(&order_id).await };
            let ((), cancelled) = tokio::join!(all_at_once, cancelling);

            let what = format!("three executions of a {kind} order {order_id} met at {meeting}");
            for name in &names {
                let execution = saga.ended(name).await;
                assert_eq!(
                    execution.status,
                    ExecutionStatus::Succeeded,
                    "{what}: {name}: {execution:?}"
                );
            }
            if cancelled {
                let _second = saga.ended(&format!("{order_id}.2")).await;
            }
            let ledgers = Ledgers::read(&cloud).await;
            let account = ledgers.order(&order_id);
            let to_be_confirmed = kind != "declined" && !cancelled;
            assert_eq!(account.is_confirmed(), to_be_confirmed, "{what}: {account:?}");
            ledgers.assert_equal();
        }
    }
}
