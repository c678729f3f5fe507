//! What an order costs on its way, counted: write units, read units, state transitions and
//! deliveries of queues. The budget is a promise of the design.

use std::io::Write;

use aws_sdk_sqs::types::QueueAttributeName::{
    ApproximateNumberOfMessages as Waiting, ApproximateNumberOfMessagesNotVisible as UnderWay,
    FifoQueue, Policy, QueueArn,
};
use serde_json::json;
use system_tests::{Charge, LocalCloud, Proxy, eventually, order_body, scan};

/// Write units of all tables and indexes but the sandboxes', which stand for systems of others.
const MOST_WRITE_UNITS: u64 = 45;
/// What they are to come down to.
const AIMED_AT: u64 = 30;
/// States that an execution enters.
const MOST_TRANSITIONS: usize = 10;
/// Messages that queues deliver to functions.
const MOST_DELIVERIES: u64 = 10;

/// Every function that has to do with an order and a table, but for those that only answer
/// questions. (The relay reads the table's stream, which is not paid for in units.)
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

/// The queues that functions read.
const QUEUES: [&str; 3] = ["OrderViewQueueUrl", "StockViewQueueUrl", "SagaStarterQueueUrl"];

/// Counts what the topic delivers to the functions' queues, by queues beside them that are
/// subscribed with the same filters. (How often a function takes a message says how busy the
/// machine is, and what the functions log is no measure.)
struct Deliveries {
    sqs: aws_sdk_sqs::Client,
    /// The queues beside the functions' own.
    queues: Vec<String>,
}

impl Deliveries {
    /// From now on.
    async fn count(cloud: &LocalCloud) -> Self {
        let (sns, sqs) =
            (aws_sdk_sns::Client::new(&cloud.aws()), aws_sdk_sqs::Client::new(&cloud.aws()));
        let topic = cloud.output("EventsTopicArn");
        let mut queues = Vec::new();
        for queue in QUEUES {
            let arn = arn(&sqs, cloud.output(queue)).await;
            let (name, _) = cloud.output(queue).rsplit_once(".fifo").expect("the queue is FIFO");
            let (_, name) = name.rsplit_once('/').expect("a queue's URL ends with its name");
            let beside = sqs
                .create_queue()
                .queue_name(format!("{name}-beside.fifo"))
                .attributes(FifoQueue, "true");
            let beside = beside
                .send()
                .await
                .expect("a queue can be made")
                .queue_url
                .expect("a queue has a URL");

            let found = sns.list_subscriptions_by_topic().topic_arn(topic).send().await;
            let found = found.expect("the topic answers").subscriptions.unwrap_or_default();
            let of_queue = found
                .into_iter()
                .find(|each| each.endpoint() == Some(&arn))
                .expect("the queue is subscribed");
            let of_queue = of_queue.subscription_arn.expect("a subscription has an ARN");
            let asked = sns.get_subscription_attributes().subscription_arn(of_queue).send().await;
            let asked = asked.expect("the subscription answers").attributes.unwrap_or_default();
            let mut subscribe = sns.subscribe().topic_arn(topic).protocol("sqs");
            let arn = self::arn(&sqs, &beside).await;
            let letting_in = json!({ "Version": "2012-10-17", "Statement": [{
                "Effect": "Allow", "Principal": { "Service": "sns.amazonaws.com" }, "Action": "sqs:SendMessage",
                "Resource": arn, "Condition": { "ArnEquals": { "aws:SourceArn": topic } },
            }] });
            let let_in = sqs
                .set_queue_attributes()
                .queue_url(&beside)
                .attributes(Policy, letting_in.to_string());
            let_in.send().await.expect("the queue takes a policy");
            subscribe = subscribe.endpoint(arn);
            for name in ["RawMessageDelivery", "FilterPolicyScope", "FilterPolicy"] {
                subscribe = subscribe.attributes(name, &asked[name]);
            }
            subscribe.send().await.expect("a queue can be subscribed");
            queues.push(beside);
        }
        Self { sqs, queues }
    }

    /// How many messages there were so far.
    async fn so_far(&self) -> u64 {
        let mut all = 0;
        for queue in &self.queues {
            let asked = self
                .sqs
                .get_queue_attributes()
                .queue_url(queue)
                .attribute_names(Waiting)
                .send()
                .await;
            let waiting = asked.expect("the queue answers").attributes.expect("it has attributes");
            all += waiting[&Waiting].parse::<u64>().expect("a number");
        }
        all
    }
}

async fn arn(sqs: &aws_sdk_sqs::Client, queue: &str) -> String {
    let asked = sqs.get_queue_attributes().queue_url(queue).attribute_names(QueueArn).send().await;
    asked.expect("the queue answers").attributes.expect("it has attributes")[&QueueArn].clone()
}

/// Waits until no queue has a message, neither waiting nor under way.
async fn until_all_is_delivered(cloud: &LocalCloud) {
    let client = aws_sdk_sqs::Client::new(&cloud.aws());
    for queue in QUEUES {
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
    let halves: u64 =
        charges.iter().filter(|charge| meant(charge)).map(|charge| charge.halves).sum();
    halves.div_ceil(2)
}

#[tokio::test]
async fn an_order_stays_within_its_budget() {
    let cloud = LocalCloud::start(&[]);
    let api = cloud.api();
    api.set_up("c-1", "MUG-01", 10).await;
    eventually("the receipt is in the stock view", || async {
        let stock = api.get("/stock/MUG-01").await;
        (stock.status == 200 && stock.body["on_hand"] == 10).then_some(())
    })
    .await;
    until_all_is_delivered(&cloud).await;
    let (deliveries, written_before) = (Deliveries::count(&cloud).await, commits(&cloud).await);

    let proxy = Proxy::before(&cloud, &FUNCTIONS).await;
    let placed = api.place("key-1", &order_body("c-1", "MUG-01", 1)).await.expect(202);
    let order_id = placed.body["order_id"].as_str().expect("an id");
    let execution = cloud.saga().ended(&format!("{order_id}.1")).await;
    assert_eq!(execution.errors, [] as [&str; 0], "nothing was tried again");
    let order = api.in_view("c-1", order_id, 3).await;
    assert_eq!(order["status"], "confirmed", "{order:#}");
    until_all_is_delivered(&cloud).await;
    // Three commits of the order for its view, two of the stock for its own, the first of the order
    // for the saga.
    let delivered = eventually("all is delivered", || async {
        let delivered = deliveries.so_far().await;
        (delivered >= 6).then_some(delivered)
    });
    let (delivered, transitions) = (delivered.await, execution.states.len());

    let charges = proxy.charges();
    let refused: Vec<&Charge> = charges.iter().filter(|charge| charge.refused).collect();
    assert!(refused.is_empty(), "what they cost is not known: {refused:?}");
    let in_table = |charge: &Charge, table: &str| charge.table == cloud.output(table);
    let is_sandbox = |charge: &Charge| {
        in_table(charge, "SandboxGatewayTableName") || in_table(charge, "SandboxCarrierTableName")
    };
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
