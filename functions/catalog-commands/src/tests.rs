//! Deliveries of a product that is resharded while they are booked.

use events::{ProductEvent, ProductStockResharded, Sku, StockShards};
use ordering::stock::Stock;
use ordering::streams;
use serde_json::{Value, json};
use skald::commit::{Actor, Commit, CommitId, Draft};
use skald::decider::fold;
use skald::event::DomainEvent;
use skald::handle::Request;
use skald::memory::{InMemoryEventStore, InMemoryPersonKeys};
use skald::store::EventStore;
use skald::stream::{Tenant, Version};
use skald::time::Timestamp;
use skald_lambda::clock::new_id;
use skald_lambda::http::answer;
use skald_testkit::faulty::{Fault, Faulty, Plan};

use crate::CatalogCommands;

/// The status of the answer to this call.
async fn call<S: EventStore + Clone>(store: S, method: &str, path: &str, body: &Value) -> u16 {
    let event = json!({
        "rawPath": path, "headers": { "content-type": "application/json" },
        "requestContext": { "http": { "method": method } },
        "body": body.to_string(),
    });
    let commands = CatalogCommands::new(store, InMemoryPersonKeys::default());
    let event = event.to_string();
    answer(event.as_bytes(), Timestamp::EPOCH, async |call| commands.respond(&call).await)
        .await
        .status_code
}

/// The operator reshards the product: each time, it gets one shard more.
fn reshard(commits: &[Commit]) -> Draft {
    let stock_shards = StockShards::new(commits.len() as u64 + 1).unwrap();
    let event = ProductEvent::from(ProductStockResharded { stock_shards });
    let (id, actor) = (CommitId::new(new_id()), Actor::new("tests").unwrap());
    Request::new(id, Timestamp::EPOCH, "tests", actor).draft(vec![event.encode().unwrap()], None)
}

/// Books a delivery of six pieces while the product is resharded this many times. Returns the
/// status of the answer, and what each shard has afterwards.
async fn deliver(resharded: usize) -> (u16, Vec<u64>) {
    let store = InMemoryEventStore::default();
    let product =
        json!({ "name": "Mug", "unit_price": { "amount_minor": 1250, "currency": "EUR" } });
    assert_eq!(call(&store, "PUT", "/products/MUG-01", &product).await, 201);
    let plan = Plan::script(vec![Some(Fault::GuardMoved); resharded]);
    let faulty = Faulty::new(&store, plan).with_rival(reshard);
    let receipt = json!({ "quantity": 6, "reference": "DN-1" });
    let status = call(&faulty, "POST", "/stock/MUG-01/receipts", &receipt).await;
    assert_eq!(faulty.happened().len(), resharded, "the product was not resharded");
    let (tenant, sku) = (Tenant::default(), Sku::new("MUG-01").unwrap());
    let mut shards = Vec::new();
    for shard in 0..4 {
        let stream = streams::stock(&tenant, &sku, shard);
        let commits = store.read(&stream, Version::START).await.unwrap();
        shards.push(fold::<Stock>(&commits).unwrap().state.on_hand);
    }
    (status, shards)
}

#[tokio::test]
async fn a_delivery_is_divided_among_the_shards_that_the_product_has_when_it_is_booked() {
    assert_eq!(deliver(0).await, (201, vec![6, 0, 0, 0]));
    assert_eq!(deliver(1).await, (201, vec![3, 3, 0, 0]));
    assert_eq!(deliver(2).await, (201, vec![2, 2, 2, 0]));
}

#[tokio::test]
async fn a_delivery_whose_product_is_resharded_at_each_attempt_is_answered_with_503() {
    assert_eq!(deliver(3).await, (503, vec![0; 4]));
}
