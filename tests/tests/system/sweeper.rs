//! Orders end even if every message about them is lost, their executions are stopped, or the payment
//! gateway cannot be reached for a while.

use aws_sdk_sfn::types::ExecutionStatus;
use serde_json::{Value, json};
use system_tests::{Ledgers, LocalCloud, ThrottlingServer, eventually, order_body};

/// Places this many orders of one mug each. Returns their ids.
async fn placed(cloud: &LocalCloud, name: &str, number: usize) -> Vec<String> {
    let mut orders = Vec::new();
    for order in 0..number {
        let body = order_body("c-1", "MUG-01", 1);
        let placed = cloud.api().place(&format!("{name}-{order}"), &body).await.expect(202);
        orders.push(placed.body["order_id"].as_str().expect("an id").to_owned());
    }
    orders
}

async fn saga(cloud: &LocalCloud, order_id: &str) -> Value {
    cloud.api().get(&format!("/orders/{order_id}/saga")).await.expect(200).body
}

async fn assert_confirmed(cloud: &LocalCloud, orders: &[String]) {
    for id in orders {
        assert_eq!(cloud.api().ended(id).await["status"], "confirmed", "{id}");
    }
}

#[tokio::test]
async fn orders_end_without_messages_executions_or_help() {
    let cloud = LocalCloud::start(&[("SweeperDelaySeconds", "1")]);
    cloud.api().set_up("c-1", "MUG-01", 100).await;
    let payments = cloud.resource("PaymentSteps");

    // The gateway cannot be reached. The executions keep trying, and some of them are stopped.
    let outage = ThrottlingServer::start().await;
    cloud.set_variable(payments, "AWS_ENDPOINT_URL_DYNAMODB", &outage.url()).await;
    let waiting = placed(&cloud, "waiting", 10).await;
    let (stopped, left) = waiting.split_at(5);
    for id in stopped {
        eventually(&format!("{id} is at its payment"), || async {
            let states = cloud.saga().execution(&format!("{id}.1")).await?.states;
            (states.last()? == "Authorize payment").then_some(())
        })
        .await;
        cloud.saga().stop(&format!("{id}.1")).await;
        let first = cloud.saga().ended(&format!("{id}.1")).await;
        assert_eq!(first.status, ExecutionStatus::Aborted);
    }
    for id in stopped {
        eventually(&format!("{id} has another execution"), || async {
            let execution = cloud.saga().execution(&format!("{id}.2")).await?;
            (execution.status == ExecutionStatus::Running).then_some(())
        })
        .await;
    }
    cloud.set_variable(payments, "AWS_ENDPOINT_URL_DYNAMODB", cloud.endpoint()).await;
    assert_confirmed(&cloud, &waiting).await;
    for id in left {
        assert_eq!(saga(&cloud, id).await["attempt"], json!(1), "{id} needs no other attempt");
    }

    // Every message to the starter is lost.
    cloud.deliver(cloud.resource("SagaStarter"), false).await;
    let unheard = placed(&cloud, "unheard", 10).await;
    assert_confirmed(&cloud, &unheard).await;
    Ledgers::read(&cloud).await.assert_equal();
}
