//! Counts what an order costs: write units, read units and requests of each function, state
//! transitions and deliveries of queues.

use std::collections::BTreeMap;
use std::fmt::Write as _;
use std::io::Write;

use aws_sdk_sqs::types::QueueAttributeName::{
    ApproximateNumberOfMessages as Waiting, ApproximateNumberOfMessagesNotVisible as InFlight,
    FifoQueue, Policy, QueueArn,
};
use serde_json::json;
use system_tests::{Charge, LocalCloud, Proxy, eventually, is_sandbox, order_body, scan};

/// The budget of an order until it is confirmed. The design aims for 30 write units; the index of
/// the operators' worklist costs three.
const UNTIL_CONFIRMED: Budget = Budget { written: 32, requests: 30, read: 30, deliveries: 8 };
/// The budget of an order until its parcel has left. The transaction over order, shipment,
/// reservation and stock costs twice the units of four puts.
const UNTIL_DISPATCHED: Budget = Budget { written: 48, requests: 35, read: 35, deliveries: 10 };
/// The budget of states that an execution enters.
const MAX_TRANSITIONS: usize = 7;
/// The functions whose reads are not part of an order's cost: the one that answers this test's
/// reads, and the one that looks for lost orders every minute.
const NOT_COUNTED: [&str; 2] = ["OrderQueries", "SagaSweeper"];

/// What an order uses, or may use. The sandboxes' tables are not included: they represent external
/// systems.
#[derive(Debug, Clone, Copy)]
struct Budget {
    /// Write units of all tables and indexes.
    written: u64,
    /// Requests that read a table.
    requests: u64,
    /// Read units of these requests.
    read: u64,
    /// Messages that queues deliver to functions.
    deliveries: u64,
}

impl Budget {
    /// What these requests used.
    fn used(charges: &[Charge], is_sandbox: impl Fn(&Charge) -> bool, deliveries: u64) -> Self {
        let reads = |charge: &Charge| !charge.is_write() && !is_sandbox(charge);
        Self {
            written: units(charges, |charge| charge.is_write() && !is_sandbox(charge)),
            requests: charges.iter().filter(|charge| reads(charge)).count() as u64,
            read: units(charges, reads),
            deliveries,
        }
    }

    fn is_within(self, budget: Self) -> bool {
        self.written <= budget.written
            && self.requests <= budget.requests
            && self.read <= budget.read
            && self.deliveries <= budget.deliveries
    }
}

/// Counts the messages that the topic delivers to the functions' queues. It counts them in parallel
/// queues that are subscribed with the same filters, because a busy machine delivers some messages
/// to a function twice.
struct Deliveries {
    sqs: aws_sdk_sqs::Client,
    /// The URLs of the parallel queues.
    queues: Vec<String>,
}

impl Deliveries {
    /// Starts counting.
    async fn count(cloud: &LocalCloud) -> Self {
        let (sns, sqs) =
            (aws_sdk_sns::Client::new(&cloud.aws()), aws_sdk_sqs::Client::new(&cloud.aws()));
        let topic = cloud.resource("EventsTopic");
        let mut queues = Vec::new();
        for (_, queue) in cloud.consumed_queues().await {
            let arn = arn(&sqs, queue).await;
            let (name, _) = queue.rsplit_once(".fifo").expect("the queue is FIFO");
            let (_, name) = name.rsplit_once('/').expect("a queue's URL ends with its name");
            let parallel = sqs
                .create_queue()
                .queue_name(format!("{name}-parallel.fifo"))
                .attributes(FifoQueue, "true");
            let parallel = parallel
                .send()
                .await
                .expect("a queue can be created")
                .queue_url
                .expect("a queue has a URL");

            let found = sns.list_subscriptions_by_topic().topic_arn(topic).send().await;
            let found = found.expect("the topic answers").subscriptions.unwrap_or_default();
            let of_queue = found
                .into_iter()
                .find(|each| each.endpoint() == Some(&arn))
                .expect("the queue is subscribed");
            let of_queue = of_queue.subscription_arn.expect("a subscription has an ARN");
            let subscription =
                sns.get_subscription_attributes().subscription_arn(of_queue).send().await;
            let subscription =
                subscription.expect("the subscription answers").attributes.unwrap_or_default();
            let mut subscribe = sns.subscribe().topic_arn(topic).protocol("sqs");
            let arn = self::arn(&sqs, &parallel).await;
            let policy = json!({ "Version": "2012-10-17", "Statement": [{
                "Effect": "Allow", "Principal": { "Service": "sns.amazonaws.com" },
                "Action": "sqs:SendMessage",
                "Resource": arn, "Condition": { "ArnEquals": { "aws:SourceArn": topic } },
            }] });
            let allow = sqs
                .set_queue_attributes()
                .queue_url(&parallel)
                .attributes(Policy, policy.to_string());
            allow.send().await.expect("the queue's policy can be set");
            subscribe = subscribe.endpoint(arn);
            for name in ["RawMessageDelivery", "FilterPolicyScope", "FilterPolicy"] {
                subscribe = subscribe.attributes(name, &subscription[name]);
            }
            subscribe.send().await.expect("a queue can be subscribed");
            queues.push(parallel);
        }
        Self { sqs, queues }
    }

    /// The number of messages delivered so far.
    async fn delivered(&self) -> u64 {
        let mut all = 0;
        for queue in &self.queues {
            let response = self
                .sqs
                .get_queue_attributes()
                .queue_url(queue)
                .attribute_names(Waiting)
                .send()
                .await;
            let waiting =
                response.expect("the queue answers").attributes.expect("it has attributes");
            all += waiting[&Waiting].parse::<u64>().expect("a number");
        }
        all
    }
}

async fn arn(sqs: &aws_sdk_sqs::Client, queue: &str) -> String {
    let response =
        sqs.get_queue_attributes().queue_url(queue).attribute_names(QueueArn).send().await;
    response.expect("the queue answers").attributes.expect("it has attributes")[&QueueArn].clone()
}

/// Waits until every queue is empty and no message is being processed.
async fn until_queues_are_empty(cloud: &LocalCloud) {
    let client = aws_sdk_sqs::Client::new(&cloud.aws());
    for (name, queue) in cloud.consumed_queues().await {
        eventually(&format!("{name} is empty"), || async {
            let request = client.get_queue_attributes().queue_url(queue);
            let found = request.attribute_names(Waiting).attribute_names(InFlight).send().await;
            let found = found.expect("the queue answers").attributes.unwrap_or_default();
            (found[&Waiting] == "0" && found[&InFlight] == "0").then_some(())
        })
        .await;
    }
}

/// The number of commits in the store.
async fn commits(cloud: &LocalCloud) -> u64 {
    scan(cloud, "EventsTable").await.len() as u64
}

/// The units of the selected charges.
fn units(charges: &[Charge], select: impl Fn(&Charge) -> bool) -> u64 {
    let halves: u64 =
        charges.iter().filter(|charge| select(charge)).map(|charge| charge.halves).sum();
    halves.div_ceil(2)
}

/// A line for each function: the requests that read a table, their units, and the units written.
fn by_function(charges: &[Charge], is_sandbox: impl Fn(&Charge) -> bool) -> String {
    let mut callers = BTreeMap::<&str, Vec<Charge>>::new();
    for charge in charges.iter().filter(|charge| !is_sandbox(charge)) {
        callers.entry(&charge.caller).or_default().push(charge.clone());
    }
    let mut lines = String::new();
    for (caller, charges) in callers {
        let requests = charges.iter().filter(|charge| !charge.is_write()).count();
        let read = units(&charges, |charge| !charge.is_write());
        let written = units(&charges, Charge::is_write);
        writeln!(lines, "  {caller:<18}{requests:>8}{read:>10}{written:>13}")
            .expect("a text can be written");
    }
    lines
}

/// Waits until at least this many messages are delivered, and returns how many.
async fn delivered(deliveries: &Deliveries, at_least: u64) -> u64 {
    eventually(&format!("at least {at_least} messages are delivered"), || async {
        let delivered = deliveries.delivered().await;
        (delivered >= at_least).then_some(delivered)
    })
    .await
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
    until_queues_are_empty(&cloud).await;
    let (deliveries, written_before) = (Deliveries::count(&cloud).await, commits(&cloud).await);

    // The relay reads the stream of the events table, which costs no units.
    let functions = cloud.functions().into_iter().map(|(function, _)| function);
    let functions: Vec<&str> =
        functions.filter(|function| !NOT_COUNTED.contains(function)).collect();
    let proxy = Proxy::before(&cloud, &functions).await;
    let placed = api.place("key-1", &order_body("c-1", "MUG-01", 1)).await.expect(202);
    let order_id = placed.body["order_id"].as_str().expect("an id");
    let execution = cloud.saga().ended(&format!("{order_id}.1")).await;
    assert_eq!(execution.errors, [] as [&str; 0], "a step was retried");
    let order = api.in_view("c-1", order_id, 3).await;
    assert_eq!(order["status"], "confirmed", "{order:#}");
    until_queues_are_empty(&cloud).await;
    // The order view gets three commits of the order, the stock view one of the stock, and the saga
    // starter the first of the order.
    let delivered_so_far = delivered(&deliveries, 5).await;
    let sandboxes: Vec<&str> = cloud
        .tables()
        .into_iter()
        .filter(|(logical_id, _)| is_sandbox(logical_id))
        .map(|(_, name)| name)
        .collect();
    let is_sandbox = |charge: &Charge| sandboxes.contains(&charge.table.as_str());
    let confirmed = Budget::used(&proxy.charges(), is_sandbox, delivered_so_far);
    let transitions = execution.states.len();

    // The parcel leaves: two commits more for the views.
    let _left = api.dispatch(order_id).await.expect(202);
    let order = api.in_view("c-1", order_id, 4).await;
    assert_eq!(order["status"], "dispatched", "{order:#}");
    until_queues_are_empty(&cloud).await;
    let delivered = delivered(&deliveries, delivered_so_far + 2).await;

    let charges = proxy.charges();
    let failed: Vec<&Charge> = charges.iter().filter(|charge| charge.failed).collect();
    assert!(failed.is_empty(), "the cost of a failed request is unknown: {failed:?}");
    let dispatched = Budget::used(&charges, is_sandbox, delivered);
    let events = cloud.resource("EventsTable");
    let of_commits = |charge: &Charge| charge.is_write() && charge.table == events;
    let table = units(&charges, |charge| of_commits(charge) && charge.index.is_none());
    let index = units(&charges, |charge| of_commits(charge) && charge.index.is_some());
    let views = dispatched.written - table - index;
    let of_sandboxes = units(&charges, is_sandbox);
    // Each commit writes one entry of the index, which costs one unit. So the proxy has counted
    // every commit.
    assert_eq!(index, commits(&cloud).await - written_before);
    assert!(views > 0 && of_sandboxes > 0 && confirmed.read > 0);

    let mut report =
        String::from("\none order of one line           confirmed  budget  dispatched  budget\n");
    let mut line = |name: &str, of: fn(&Budget) -> u64| {
        let (first, most) = (of(&confirmed), of(&UNTIL_CONFIRMED));
        let (last, at_most) = (of(&dispatched), of(&UNTIL_DISPATCHED));
        writeln!(report, "{name:<28}{first:>12}{most:>8}{last:>12}{at_most:>8}")
            .expect("a text can be written");
    };
    line("write units", |used| used.written);
    line("read requests", |used| used.requests);
    line("read units", |used| used.read);
    line("deliveries of queues", |used| used.deliveries);
    let report = format!(
        "{report}state transitions           {transitions:>12}{MAX_TRANSITIONS:>8}
written: {table} to the events, {index} to their index, {views} to views and their index
not included: {of_sandboxes} units of the sandboxes
"
    );
    let report = format!(
        "{report}
of each function    requests  read units  write units
{}",
        by_function(&charges, is_sandbox)
    );
    // `write!`, because the test harness shows the output of `eprintln!` only if the test fails.
    write!(std::io::stderr(), "{report}").expect("standard error can be written");
    assert!(confirmed.is_within(UNTIL_CONFIRMED), "{report}");
    assert!(dispatched.is_within(UNTIL_DISPATCHED), "{report}");
    assert!(transitions <= MAX_TRANSITIONS, "{report}");
}
