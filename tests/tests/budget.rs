//! What an order costs on its way, counted: write units, read units, state transitions and deliveries of queues. The
//! budget is a promise of the design.

use std::io::Write;

use aws_sdk_lambda::primitives::Blob;
use aws_sdk_sqs::types::QueueAttributeName::{
    ApproximateNumberOfMessages as Waiting, ApproximateNumberOfMessagesNotVisible as UnderWay,
};
use system_tests::{Charge, LocalCloud, Proxy, eventually, order_body, scan};

/// Write units of all tables and indexes but the sandboxes', which stand for systems of others.
const MOST_WRITE_UNITS: u64 = 45;
/// What they are to come down to.
const AIMED_AT: u64 = 30;
/// States that an execution enters.
const MOST_TRANSITIONS: usize = 10;
/// Messages that queues deliver to functions.
const MOST_DELIVERIES: u64 = 10;

/// Every function that has to do with an order and a table, but for those that only answer questions. (The relay reads the
/// table's stream, which is not paid for in units.)
const FUNCTIONS: [&str; 8] = [
    "OrderCommandsName",
    "SagaStarterName",
    "ReservationStepsName",
    "PaymentStepsName",
    "ShipmentStepsName",
    "OrderStepsName",
    "OrderViewName",
    "StockViewName",
];

/// Who takes messages from which queue.
const READERS: [(&str, &str); 3] = [
    ("OrderViewName", "OrderViewQueueUrl"),
    ("StockViewName", "StockViewQueueUrl"),
    ("SagaStarterName", "SagaStarterQueueUrl"),
];

/// How many messages were delivered to functions so far: they log it.
async fn deliveries(cloud: &LocalCloud) -> u64 {
    let client = aws_sdk_lambda::Client::new(&cloud.aws());
    for (function, _) in READERS {
        // A line that was late in the local cloud's log comes with the function's next invocation. This one delivers none.
        let nothing = Blob::new(r#"{"Records":[]}"#);
        client.invoke().function_name(cloud.output(function)).payload(nothing).send().await.expect("it can be invoked");
    }
    let log = cloud.log();
    let batches = log.lines().filter_map(|line| line.split_once("settled a batch received=")).map(|(_, batch)| batch);
    batches.map(|batch| batch.split(' ').next().and_then(|count| count.parse::<u64>().ok()).expect("a number")).sum()
}

/// Waits until no queue has a message, neither waiting nor under way.
async fn until_all_is_delivered(cloud: &LocalCloud) {
    let client = aws_sdk_sqs::Client::new(&cloud.aws());
    for (_, queue) in READERS {
        eventually(&format!("nothing is left in {queue}"), || async {
            let asked = client.get_queue_attributes().queue_url(cloud.output(queue));
            let found = asked.attribute_names(Waiting).attribute_names(UnderWay).send().await;
            let found = found.expect("the queue answers").attributes.unwrap_or_default();
            (found[&Waiting] == "0" && found[&UnderWay] == "0").then_some(())
        })
        .await;
    }
}

/// How many commits there are.
async fn commits(cloud: &LocalCloud) -> u64 {
    scan(cloud, "EventsTableName").await.len() as u64
}

/// Units of the charges that are meant.
fn units(charges: &[Charge], meant: impl Fn(&Charge) -> bool) -> u64 {
    let halves: u64 = charges.iter().filter(|charge| meant(charge)).map(|charge| charge.halves).sum();
    halves.div_ceil(2)
}

#[tokio::test]
async fn an_order_stays_within_its_budget() {
    let cloud = LocalCloud::start(&[]);
    let api = cloud.api();
    api.set_up("c-1", "MUG-01", 10).await;
    let receipt = eventually("the receipt is delivered to the stock view", || async {
        let delivered = deliveries(&cloud).await;
        (delivered > 0).then_some(delivered)
    });
    let (delivered_before, written_before) = (receipt.await, commits(&cloud).await);

    let proxy = Proxy::before(&cloud, &FUNCTIONS).await;
    let placed = api.place("key-1", &order_body("c-1", "MUG-01", 1)).await.expect(202);
    let order_id = placed.body["order_id"].as_str().expect("an id");
    let execution = cloud.saga().ended(&format!("{order_id}.1")).await;
    assert_eq!(execution.errors, [] as [&str; 0], "nothing was tried again");
    let order = api.in_view("c-1", order_id, 3).await;
    assert_eq!(order["status"], "confirmed", "{order:#}");
    until_all_is_delivered(&cloud).await;
    // Three commits of the order for its view, two of the stock for its own, the first of the order for the saga.
    let delivered = eventually("all is in the log", || async {
        let delivered = deliveries(&cloud).await - delivered_before;
        (delivered >= 6).then_some(delivered)
    });
    let (delivered, transitions) = (delivered.await, execution.states.len());

    let charges = proxy.charges();
    let refused: Vec<&Charge> = charges.iter().filter(|charge| charge.refused).collect();
    assert!(refused.is_empty(), "what they cost is not known: {refused:?}");
    let in_table = |charge: &Charge, table: &str| charge.table == cloud.output(table);
    let is_sandbox =
        |charge: &Charge| in_table(charge, "SandboxGatewayTableName") || in_table(charge, "SandboxCarrierTableName");
    let of_commits = |charge: &Charge| charge.is_write() && in_table(charge, "EventsTableName");
    let table = units(&charges, |charge| of_commits(charge) && charge.index.is_none());
    let index = units(&charges, |charge| of_commits(charge) && charge.index.is_some());
    let sandboxes = units(&charges, |charge| charge.is_write() && is_sandbox(charge));
    let written_units = units(&charges, |charge| charge.is_write() && !is_sandbox(charge));
    let views = written_units - table - index;
    let read = units(&charges, |charge| !charge.is_write() && !is_sandbox(charge));
    let read_sandboxes = units(&charges, |charge| !charge.is_write() && is_sandbox(charge));
    // Each commit is an entry of the index, which is a unit: nobody wrote past the meter.
    assert_eq!(index, commits(&cloud).await - written_before);
    assert!(views > 0 && sandboxes > 0 && read > 0);

    let report = format!(
        "
one order of one line, confirmed        used  budget
write units                           {written_units:>6}  {MOST_WRITE_UNITS:>6}  (aim: {AIMED_AT})
  of commits                          {table:>6}
  of their index                      {index:>6}
  of views and their index            {views:>6}
read units, strongly consistent       {read:>6}
state transitions                     {transitions:>6}  {MOST_TRANSITIONS:>6}
deliveries of queues                  {delivered:>6}  {MOST_DELIVERIES:>6}
apart: sandboxes, write and read units{sandboxes:>6} +{read_sandboxes:>5}
"
    );
    // Past the test harness, which shows what is printed only if the test fails.
    write!(std::io::stderr(), "{report}").expect("standard error takes it");
    assert!(written_units <= MOST_WRITE_UNITS, "{report}");
    assert!(transitions <= MOST_TRANSITIONS, "{report}");
    assert!(delivered <= MOST_DELIVERIES, "{report}");
}
