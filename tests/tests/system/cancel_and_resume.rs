//! Orders that a customer cancels or an operator resumes.

use aws_sdk_lambda::primitives::Blob;
use serde_json::{Value, json};
use system_tests::{Ledgers, LocalCloud, order_body};

/// The body of a request to cancel.
fn reason() -> Value {
    json!({ "reason": "I have changed my mind" })
}

/// The state of each step in an answer to `GET /orders/{id}/saga`.
fn states(saga: &Value) -> Vec<(&str, &str)> {
    let steps = saga["steps"].as_array().into_iter().flatten();
    steps.filter_map(|step| Some((step["step"].as_str()?, step["state"].as_str()?))).collect()
}

/// Performs a step of this order with its function, as the state machine does.
async fn perform(cloud: &LocalCloud, function: &str, order_id: &str, step: &str, more: Value) {
    let mut input = json!({
        "step": step, "id": order_id, "tenant": "default", "attempt": 1,
        "correlation_id": "by-hand",
    });
    input.as_object_mut().expect("an object").extend(more.as_object().expect("an object").clone());
    let functions = aws_sdk_lambda::Client::new(&cloud.aws());
    let invoke = functions
        .invoke()
        .function_name(cloud.resource(function))
        .payload(Blob::new(input.to_string()));
    let answer = invoke.send().await.expect("the function answers");
    assert_eq!(answer.function_error, None, "{step} of {order_id}");
}

#[tokio::test]
async fn a_parked_order_can_be_resumed_or_cancelled() {
    let cloud = LocalCloud::start(&[]);
    let api = cloud.api();
    api.set_up("c-1", "MUG-01", 10).await;
    cloud.deliver(cloud.resource("SagaStarter"), false).await;
    let mut orders = Vec::new();
    for key in ["resumed", "cancelled"] {
        let placed = api.place(key, &order_body("c-1", "MUG-01", 2)).await.expect(202);
        orders.push(placed.body["order_id"].as_str().expect("an id").to_owned());
    }
    for id in &orders {
        perform(&cloud, "ReservationSteps", id, "reserve_stock", json!({})).await;
        let error = json!({ "Error": "Permanent", "Cause": "the gateway contradicts itself" });
        let failure = json!({ "failure": { "step": "authorize_payment", "error": error } });
        perform(&cloud, "OrderSteps", id, "park_order", failure).await;
    }
    // The message that the order was placed comes late, and starts nothing.
    cloud.deliver(cloud.resource("SagaStarter"), true).await;
    for id in &orders {
        let parked = api.ended(id).await;
        assert_eq!(
            (&parked["status"], &parked["parked"]["step"]),
            (&json!("pending"), &json!("authorize_payment"))
        );
        let saga = api.get(&format!("/orders/{id}/saga")).await.expect(200).body;
        assert_eq!(states(&saga), [("reserve_stock", "done"), ("authorize_payment", "parked")]);
        // The reason is for the operator. The customer does not see the internal error.
        let events = api.get(&format!("/orders/{id}/events")).await.expect(200).body.to_string();
        assert!(events.contains("order.parked") && !events.contains("contradicts"), "{events}");
    }

    let [resumed, cancelled] = &orders[..] else { unreachable!("two orders were placed") };
    let answer =
        api.send("POST", &format!("/orders/{resumed}/resume"), &[], None).await.expect(202);
    assert_eq!((answer.header("etag"), &answer.body["status"]), ("\"3\"", &json!("pending")));
    let answer = api.post(&format!("/orders/{cancelled}/cancel"), &reason()).await.expect(202);
    assert_eq!(
        (answer.header("etag"), &answer.body["status"]),
        ("\"4\"", &json!("cancelling")),
        "undo has started, and the order is resumed"
    );

    for (id, status) in [(resumed, "confirmed"), (cancelled, "cancelled")] {
        assert_eq!(api.ended(id).await["status"], status);
        let saga = api.get(&format!("/orders/{id}/saga")).await.expect(200).body;
        assert_eq!((&saga["status"], &saga["attempt"]), (&json!(status), &json!(2)));
        assert!(
            states(&saga).iter().all(|(_, state)| ["done", "undone"].contains(state)),
            "{saga:#}"
        );
        let _execution = cloud.saga().ended(&format!("{id}.2")).await;
    }
    Ledgers::read(&cloud).await.assert_equal();
}

#[tokio::test]
async fn a_final_order_cannot_change_and_an_invalid_call_changes_nothing() {
    let cloud = LocalCloud::start(&[]);
    let api = cloud.api();
    api.set_up("c-1", "MUG-01", 10).await;
    // Stop the saga starter, so that only the test changes the order.
    cloud.deliver(cloud.resource("SagaStarter"), false).await;
    let placed = api.place("key-1", &order_body("c-1", "MUG-01", 1)).await.expect(202);
    let id = placed.body["order_id"].as_str().expect("an id").to_owned();
    let cancel = format!("/orders/{id}/cancel");
    let body = |body: &Value| Some(body.to_string());

    for invalid in [json!({}), json!({ "reason": "" }), json!({ "reason": 7 }), json!([])] {
        let rejected = api.post(&cancel, &invalid).await.expect(400);
        assert!(!rejected.pointers().is_empty(), "{invalid}: {:#}", rejected.body);
    }
    let extra_field =
        api.post(&cancel, &json!({ "reason": "x", "refund": true })).await.expect(400);
    assert_eq!(extra_field.pointers(), ["/refund"]);
    let _unknown = api
        .post("/orders/00000000-0000-4000-8000-000000000000/cancel", &reason())
        .await
        .expect(404);
    let _invalid_id = api.post("/orders/17/cancel", &reason()).await.expect(404);
    let _unknown = api
        .send("POST", "/orders/00000000-0000-4000-8000-000000000000/resume", &[], None)
        .await
        .expect(404);
    let _unknown = api.get("/orders/00000000-0000-4000-8000-000000000000/saga").await.expect(404);
    let stale =
        api.send("POST", &cancel, &[("if-match", "\"7\"")], body(&reason())).await.expect(412);
    assert!(
        stale.body["detail"].as_str().is_some_and(|detail| detail.contains("version 1")),
        "{:#}",
        stale.body
    );
    let saga = api.get(&format!("/orders/{id}/saga")).await.expect(200).body;
    assert_eq!((states(&saga), &saga["attempt"]), (vec![("reserve_stock", "running")], &json!(1)));

    let accepted =
        api.send("POST", &cancel, &[("if-match", "\"1\"")], body(&reason())).await.expect(202);
    assert_eq!(accepted.body, json!({ "order_id": id, "status": "cancelling", "version": 3 }));
    let repeated = api.post(&cancel, &reason()).await.expect(202);
    assert_eq!(repeated.body, accepted.body, "a repeated request changes nothing");

    cloud.deliver(cloud.resource("SagaStarter"), true).await;
    let cancelled = api.ended(&id).await;
    assert_eq!(
        (&cancelled["status"], &cancelled["cancel_reason"]),
        (&json!("cancelled"), &json!("customer_request"))
    );
    let repeated = api.post(&cancel, &reason()).await.expect(202);
    assert_eq!(
        (&repeated.body["status"], &repeated.body["version"]),
        (&json!("cancelled"), &json!(4))
    );
    let _final = api.send("POST", &format!("/orders/{id}/resume"), &[], None).await.expect(409);

    let placed = api.place("key-2", &order_body("c-1", "MUG-01", 1)).await.expect(202);
    let id = placed.body["order_id"].as_str().expect("an id").to_owned();
    assert_eq!(api.ended(&id).await["status"], "confirmed");
    let _settled = api.send("POST", &format!("/orders/{id}/resume"), &[], None).await.expect(409);
    Ledgers::read(&cloud).await.assert_equal();
}
