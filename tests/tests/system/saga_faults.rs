//! An order ends once and the ledgers agree, even if a step function dies after any of its writes,
//! or several executions work on one order.

use aws_sdk_sfn::types::ExecutionStatus;
use serde_json::{Value, json};
use system_tests::{Account, Api, Execution, Ledgers, LocalCloud, Proxy, eventually, order_body};

/// The state machine's error name for a function that died.
const DIED: &str = "Runtime.ExitError";

/// The terminal errors of a step. The state machine retries every other error, and some of those
/// occur on a busy machine.
const TERMINAL: [&str; 3] = ["Undone", "Settled", "Permanent"];

/// The errors of an execution that were not retried.
fn terminal_errors(execution: &Execution) -> Vec<&str> {
    execution.errors.iter().map(String::as_str).filter(|error| TERMINAL.contains(error)).collect()
}

/// Whether a function died and its step was retried.
fn has_died(execution: &Execution) -> bool {
    execution.errors.iter().any(|error| error == DIED)
}

/// One step function, and a proxy between it and `DynamoDB`. The cloud has stock for all orders.
struct Fixture<'a> {
    cloud: &'a LocalCloud,
    api: Api,
    function: &'static str,
    proxy: Proxy,
}

impl<'a> Fixture<'a> {
    /// Makes one fixture for each of these functions. From now on the function's calls to
    /// `DynamoDB` go through the fixture's proxy.
    async fn start(
        cloud: &'a LocalCloud,
        functions: impl IntoIterator<Item = &'static str>,
    ) -> Vec<Self> {
        let api = cloud.api();
        api.set_up("c-1", "MUG-01", 1000).await;
        let mut fixtures = Vec::new();
        for function in functions {
            fixtures.push(Self {
                cloud,
                api: api.clone(),
                function,
                proxy: Proxy::before(cloud, &[function]).await,
            });
        }
        fixtures
    }

    /// Places an order under a key that no other fixture uses. Returns the order's id.
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

    /// Waits until the order's first execution has ended, and returns it.
    async fn ended(&self, order_id: &str) -> Execution {
        self.cloud.saga().ended(&format!("{order_id}.1")).await
    }
}

/// An order that is confirmed.
fn confirmable() -> Value {
    order_body("c-1", "MUG-01", 2)
}

/// An order whose address the carrier does not serve. It is undone after its goods are reserved and
/// its payment is authorized.
fn unserved() -> Value {
    let mut body = confirmable();
    body["shipping_address"]["postal_code"] = json!("00000");
    body
}

/// An order whose payment the gateway declines.
fn declined() -> Value {
    let mut body = confirmable();
    body["payment_token"] = json!("tok_declined");
    body
}

/// Kills each function at each of its writes, each time with a new order. Asserts that the only
/// effect is a retried step: the order ends like an undisturbed one, and nothing is written twice.
async fn kill_at_each_write(
    body: &Value,
    functions: &[(&'static str, usize)],
    has_expected_end: fn(&Account) -> bool,
) {
    let cloud = LocalCloud::start(&[]);
    let fixtures = Fixture::start(&cloud, functions.iter().map(|(function, _)| *function)).await;
    let undisturbed = fixtures[0].ended(&fixtures[0].place("undisturbed", body).await).await;
    assert_eq!(undisturbed.status, ExecutionStatus::Succeeded, "{undisturbed:?}");
    for (fixture, &(function, writes)) in fixtures.iter().zip(functions) {
        assert_eq!(fixture.proxy.writes(), writes, "writes of {function} for an undisturbed order");
    }
    for (fixture, &(function, writes)) in fixtures.iter().zip(functions) {
        for write in 1..=writes {
            let before = fixture.proxy.writes();
            fixture.proxy.hold_after(write);
            let order_id = fixture.place(&write.to_string(), body).await;
            fixture.proxy.holds(1).await;
            fixture.kill().await;

            let execution = fixture.ended(&order_id).await;
            let what = format!("{function} died at write {write} of {order_id}: {execution:?}");
            assert_eq!(execution.status, ExecutionStatus::Succeeded, "{what}");
            assert_eq!(execution.states, undisturbed.states, "{what}");
            assert!(has_died(&execution), "{what}");
            assert_eq!(terminal_errors(&execution), terminal_errors(&undisturbed), "{what}");
            assert_eq!(fixture.proxy.writes() - before, writes, "{what}");
            let ledgers = Ledgers::read(&cloud).await;
            assert!(
                has_expected_end(ledgers.order(&order_id)),
                "{what}\n{:?}",
                ledgers.order(&order_id)
            );
            ledgers.assert_equal();
        }
    }
}

// A call to the gateway or the carrier takes three writes: the event that requests it, the
// sandbox's own row, and the event with the answer.

#[tokio::test]
async fn an_order_is_confirmed_once_even_if_any_step_function_dies_at_any_write() {
    let writes = [
        ("PaymentSteps", 6),     // authorizes; captures
        ("ReservationSteps", 1), // reserves
        ("ShipmentSteps", 3),    // creates
        ("OrderSteps", 2),       // commits; confirms
    ];
    kill_at_each_write(&confirmable(), &writes, Account::is_confirmed).await;
}

#[tokio::test]
async fn an_order_is_undone_once_even_if_any_step_function_dies_at_any_write() {
    let writes = [
        ("PaymentSteps", 6),     // authorizes; voids
        ("ReservationSteps", 2), // reserves; releases
        ("ShipmentSteps", 4),    // requests; the carrier refuses; starts undoing
        ("OrderSteps", 1),       // cancels
    ];
    kill_at_each_write(&unserved(), &writes, Account::is_cancelled).await;
}

/// The customer cancels before the step is retried, so no event records how far the dead function
/// got. Its effects are undone nevertheless.
#[tokio::test]
async fn the_effects_of_a_dead_function_are_undone_if_the_customer_cancels_before_the_retry() {
    let cloud = LocalCloud::start(&[]);
    let functions = [("ReservationSteps", 1), ("PaymentSteps", 3), ("ShipmentSteps", 3)];
    let fixtures = Fixture::start(&cloud, functions.map(|(function, _)| function)).await;
    for (fixture, (function, writes)) in fixtures.iter().zip(functions) {
        for write in 1..=writes {
            fixture.proxy.hold_after(write);
            let order_id = fixture.place(&write.to_string(), &confirmable()).await;
            fixture.proxy.holds(1).await;
            assert!(
                fixture.cancel(&order_id).await,
                "{function} at write {write}: nothing is committed yet"
            );
            fixture.kill().await;

            let execution = fixture.ended(&order_id).await;
            let what = format!("{function} died at write {write} of {order_id}: {execution:?}");
            assert_eq!(execution.status, ExecutionStatus::Succeeded, "{what}");
            assert!(has_died(&execution), "{what}");
            assert_eq!(terminal_errors(&execution), ["Undone"], "{what}");
            // The cancellation has started a second attempt.
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

/// Three executions, and in some cases the customer's cancellation, decide on the same version of
/// an order. Only one of them can write, and the others get a conflict.
#[tokio::test]
async fn three_concurrent_executions_end_an_order_once() {
    let cloud = LocalCloud::start(&[]);
    // The state in which the executions compete for a write: of an order that is confirmed, and of
    // one that is declined.
    let contended_states = [
        ("ReservationSteps", "Reserve stock", "Reserve stock"),
        ("PaymentSteps", "Authorize payment", "Authorize payment"),
        ("ShipmentSteps", "Create shipment", "Cancel shipment"),
        ("OrderSteps", "Commit order", "Cancel order"),
    ];
    let fixtures = Fixture::start(&cloud, contended_states.map(|(function, ..)| function)).await;
    let customer = Proxy::before(&cloud, &["OrderCommands"]).await;
    for (fixture, (_, forward, backward)) in fixtures.iter().zip(contended_states) {
        let orders = [
            ("confirmable", confirmable(), forward, false),
            ("declined", declined(), backward, false),
            ("cancelled", confirmable(), forward, true),
        ];
        for (kind, body, contended, cancels) in orders {
            fixture.proxy.hold_after(0);
            let order_id = fixture.place(kind, &body).await;
            let saga = cloud.saga();
            let names =
                ["1", "1-again", "1-and-again"].map(|attempt| format!("{order_id}.{attempt}"));
            // The saga starter starts the first execution at about this moment.
            let input = json!({
                "id": order_id, "tenant": "default", "attempt": 1,
                "correlation_id": "by-hand",
            });
            tokio::join!(saga.start(&names[1], &input), saga.start(&names[2], &input));
            for name in &names {
                eventually(&format!("{name} reaches {contended}"), || async {
                    saga.execution(name)
                        .await?
                        .states
                        .last()
                        .is_some_and(|state| state == contended)
                        .then_some(())
                })
                .await;
            }
            fixture.proxy.holds(names.len()).await;
            let release_all = async {
                if cancels {
                    customer.hold_after(0);
                    customer.holds(1).await;
                }
                fixture.proxy.release();
                customer.release();
            };
            let cancelling = async { cancels && fixture.cancel(&order_id).await };
            let ((), cancelled) = tokio::join!(release_all, cancelling);

            let what =
                format!("three executions of {kind} order {order_id} competed in {contended}");
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
            let is_confirmed = kind != "declined" && !cancelled;
            assert_eq!(account.is_confirmed(), is_confirmed, "{what}: {account:?}");
            ledgers.assert_equal();
        }
    }
}
