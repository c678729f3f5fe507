//! Orders whose parcel leaves and arrives, and orders that are undone before it does.

use serde_json::{Value, json};
use system_tests::{Ledgers, LocalCloud, order_body};

/// Places an order of one mug and waits until it is confirmed. Returns its id.
async fn confirmed(cloud: &LocalCloud, key: &str) -> String {
    let placed = cloud.api().place(key, &order_body("c-1", "MUG-01", 1)).await.expect(202);
    let id = placed.body["order_id"].as_str().expect("an id").to_owned();
    assert_eq!(cloud.api().ended(&id).await["status"], "confirmed");
    id
}

/// The row of this order in the view, at the version of this answer.
async fn in_view(cloud: &LocalCloud, id: &str, answer: &Value) -> Value {
    let version = answer["version"].as_u64().expect("a version");
    cloud.api().in_view("c-1", id, version).await
}

#[tokio::test]
async fn a_confirmed_order_is_dispatched_and_delivered_or_cancelled_and_paid_back() {
    let cloud = LocalCloud::start(&[]);
    let api = cloud.api();
    api.set_up("c-1", "MUG-01", 10).await;

    let id = confirmed(&cloud, "dispatched").await;
    let (deliver, cancel) = (format!("/shipments/{id}/deliver"), format!("/orders/{id}/cancel"));
    let _early = api.send("POST", &deliver, &[], None).await.expect(409);
    let left = api.dispatch(&id).await.expect(202);
    assert_eq!(left.body["status"], "dispatched");
    let repeated = api.dispatch(&id).await.expect(202);
    assert_eq!(repeated.body, left.body, "a repeated request changes nothing");
    assert_eq!(in_view(&cloud, &id, &left.body).await["status"], "dispatched");
    let late = api.post(&cancel, &json!({ "reason": "too late" })).await.expect(409);
    assert!(late.body["detail"].to_string().contains("the parcel has left"), "{:#}", late.body);
    let arrived = api.send("POST", &deliver, &[], None).await.expect(202);
    assert_eq!(in_view(&cloud, &id, &arrived.body).await["status"], "delivered");

    let id = confirmed(&cloud, "cancelled").await;
    let reason = json!({ "reason": "Jane Doe called", "cancelled_by": "operator" });
    let cancelled = api.post(&format!("/orders/{id}/cancel"), &reason).await.expect(202);
    assert_eq!(cancelled.body["status"], "cancelling");
    let undone = api.dispatch(&id).await.expect(409);
    assert!(undone.body["detail"].to_string().contains("being undone"), "{:#}", undone.body);
    let order = api.ended(&id).await;
    assert_eq!(
        (&order["status"], &order["cancel_reason"]),
        (&json!("cancelled"), &json!("operator_request"))
    );
    let unknown = "/shipments/00000000-0000-4000-8000-000000000000/dispatch";
    let _unknown = api.post(unknown, &json!({})).await.expect(404);

    let ledgers = Ledgers::read(&cloud).await;
    ledgers.assert_equal();
    assert_eq!(ledgers.on_hand("MUG-01"), 9, "the goods of one order left");
}
