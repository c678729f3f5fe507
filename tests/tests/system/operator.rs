//! The operator's command line: `tail` shows every event once, `verify` names every fault, `orders`
//! lists what waits for a person, and `resume` and `cancel` settle it.

use std::collections::{BTreeMap, BTreeSet};
use std::io::{BufRead, BufReader};
use std::process::Stdio;

use aws_sdk_dynamodb::types::AttributeValue;
use serde_json::{Value, json};
use system_tests::{
    Item, LocalCloud, change_body, commit_body, eventually, number, order_body, put_commit, scan,
    skald, text, with_closed_output, with_full_output,
};

/// The identity of an event: stream, version, type.
type Identity = (String, u64, String);

/// Places three orders, one of which is declined, and waits until all have ended. Returns their
/// ids.
async fn orders(cloud: &LocalCloud) -> Vec<String> {
    let api = cloud.api();
    api.set_up("c-1", "MUG-01", 10).await;
    let mut orders = Vec::new();
    for (key, token) in
        [("one", "tok_approved"), ("two", "tok_declined"), ("three", "tok_approved")]
    {
        let mut body = order_body("c-1", "MUG-01", 1);
        body["payment_token"] = token.into();
        let headers = [("idempotency-key", key), ("x-correlation-id", key)];
        let placed =
            api.send("POST", "/orders", &headers, Some(body.to_string())).await.expect(202);
        orders.push(placed.body["order_id"].as_str().expect("an id").to_owned());
    }
    for order in &orders {
        // The last event of an order is also the last event of its saga.
        let _ended = api.ended(order).await;
    }
    orders
}

/// All events in the table, read without the code under test.
async fn stored(cloud: &LocalCloud) -> BTreeSet<Identity> {
    let mut events = BTreeSet::new();
    for item in scan(cloud, "EventsTable").await {
        let stream = text(&item, "pk").trim_start_matches("default/").to_owned();
        let body = commit_body(&item);
        for (version, event) in
            (number(&item, "sk")..).zip(body["events"].as_array().expect("a list"))
        {
            events.insert((
                stream.clone(),
                version,
                event["type"].as_str().expect("text").to_owned(),
            ));
        }
    }
    events
}

/// The identity of the event that a line of JSON shows.
fn identity(line: &str) -> Identity {
    let event: Value = serde_json::from_str(line).unwrap_or_else(|error| panic!("{error}: {line}"));
    let text =
        |name: &str| event[name].as_str().unwrap_or_else(|| panic!("no {name}: {line}")).to_owned();
    (text("stream"), event["version"].as_u64().expect("a version"), text("type"))
}

/// The time at which the event of a line was recorded. `None` if the line marks the event as late.
fn on_time(line: &str) -> Option<String> {
    let event: Value = serde_json::from_str(line).unwrap_or_else(|error| panic!("{error}: {line}"));
    (event["novelty"] != "late").then(|| event["recorded_at"].as_str().expect("a time").to_owned())
}

/// The events that `skald tail` shows with this filter. Asserts that it shows each only once.
fn tail(cloud: &LocalCloud, filter: &[&str]) -> BTreeSet<Identity> {
    let output = cloud.skald(&[&["tail", "--json", "--once", "--since", "1h"], filter].concat());
    assert_eq!(output.status, 0, "{}", output.errors);
    let events: BTreeSet<Identity> = output.lines.iter().map(|line| identity(line)).collect();
    assert_eq!(events.len(), output.lines.len(), "an event is shown twice: {:#?}", output.lines);
    events
}

#[tokio::test(flavor = "multi_thread")]
async fn tail_shows_every_event_once_with_and_without_filters() {
    let cloud = LocalCloud::start(&[]);
    // One process runs while events are written. Each query afterwards starts another one.
    let mut live =
        cloud.skald_command(&["tail", "--json"]).stdout(Stdio::piped()).spawn().expect("it runs");
    let lines = BufReader::new(live.stdout.take().expect("its output is piped")).lines();
    let received = std::sync::Arc::new(std::sync::Mutex::new(Vec::new()));
    let receiver = std::sync::Arc::clone(&received);
    let reader = std::thread::spawn(move || {
        for line in lines.map_while(Result::ok) {
            receiver.lock().expect("no reader panics").push(identity(&line));
        }
    });
    let orders = orders(&cloud).await;
    let stored = stored(&cloud).await;
    assert!(stored.len() > 20, "three orders write more than {} events", stored.len());
    // The process may have started after the first events of the set-up, but it started before
    // the orders were placed.
    let of_orders = |events: &BTreeSet<Identity>| -> BTreeSet<Identity> {
        events
            .iter()
            .filter(|(stream, _, _)| orders.iter().any(|order| stream.ends_with(order)))
            .cloned()
            .collect()
    };
    eventually("tail shows the events of the orders as they happen", || async {
        let received: BTreeSet<Identity> =
            received.lock().expect("no reader panics").iter().cloned().collect();
        (of_orders(&received) == of_orders(&stored)).then_some(())
    })
    .await;
    live.kill().expect("it can be ended");
    live.wait().expect("it ends");
    reader.join().expect("the reader ends");
    let all = received.lock().expect("no reader panics").clone();
    assert_eq!(all.iter().collect::<BTreeSet<_>>().len(), all.len(), "an event is shown twice");

    let only = |wanted: &dyn Fn(&Identity) -> bool| {
        stored.iter().filter(|event| wanted(event)).cloned().collect()
    };
    let expect = |filter: &[&str], expected: BTreeSet<Identity>| {
        assert!(!expected.is_empty(), "no stored event matches {filter:?}");
        assert_eq!(tail(&cloud, filter), expected, "{filter:?}");
    };
    expect(&[], stored.clone());
    expect(&["--category", "order"], only(&|(stream, _, _)| stream.starts_with("order-")));
    let order = format!("order-{}", orders[1]);
    expect(&["--stream", &order], only(&|(stream, _, _)| *stream == order));
    expect(
        &["--type", "order.cancelled"],
        only(&|(_, _, event_type)| event_type == "order.cancelled"),
    );
    expect(
        &["--correlation", "two", "--category", "order"],
        only(&|(stream, _, _)| *stream == order),
    );
    assert!(tail(&cloud, &["--correlation", "unknown"]).is_empty());

    // The text output has no colours when it is piped, and no personal data.
    for arguments in
        [&["tail", "--once", "--since", "1h"][..], &["tail", "--once", "--since", "1h", "--json"]]
    {
        let output = cloud.skald(arguments);
        let text = output.lines.join("\n");
        assert!(text.contains("order.placed") && text.contains("(personal)"), "{text}");
        for personal in ["Jane", "jane@example.com", "Am Ufer", "tok_approved", "\x1b"] {
            assert!(!text.contains(personal), "{personal} is shown: {text}");
        }
    }

    // The command ends immediately if its output cannot be written or is no longer read.
    let since = ["tail", "--since", "1h"];
    for arguments in [
        &since[..],
        &[&since[..], &["--json"]].concat(),
        &[&since[..], &["--once"]].concat(),
        &["verify"],
    ] {
        assert_write_error(with_full_output(cloud.skald_command(arguments)), arguments);
        // `tail` must also notice a closed pipe when it has nothing left to write. `verify` writes
        // a single line, so its reader takes none.
        let lines = usize::from(arguments[0] == "tail");
        let ended = with_closed_output(cloud.skald_command(arguments), lines).await;
        assert_eq!(ended, (Some(0), String::new()), "{arguments:?}");
    }

    // Events are sorted by time, across all slices and batches.
    let first = cloud.skald(&["tail", "--once", "--since", "1h", "--json"]);
    let times: Vec<_> = first.lines.iter().map(|line| on_time(line)).collect();
    assert!(times.len() > 20 && times.is_sorted(), "{times:#?}");

    // A second `tail` continues at the position that the first one printed, and marks only newer
    // events as new.
    let position = first.errors.trim().rsplit(' ').next().expect("a position").to_owned();
    assert!(position.len() < 100, "{} characters: {position}", position.len());
    let _listed = cloud.api().list("NEW-01").await;
    let since = cloud.skald(&["tail", "--once", "--json", "--since", &position]);
    let new_events: Vec<Identity> = since
        .lines
        .iter()
        .filter(|line| line.contains("\"novelty\":\"new\""))
        .map(|line| identity(line))
        .collect();
    assert_eq!(
        new_events,
        [("product-NEW-01".to_owned(), 1, "product.listed".to_owned())],
        "{:#?}",
        since.lines
    );
}

/// A full disk is an error, reported once. A reader that closes the pipe is not an error.
#[tokio::test]
async fn a_failed_write_is_an_error_and_a_closed_pipe_is_not() {
    for arguments in [&["--help"][..], &["--version"], &["tail", "--help"], &["verify", "--help"]] {
        assert_write_error(with_full_output(skald(arguments)), arguments);
        assert_eq!(
            with_closed_output(skald(arguments), 0).await,
            (Some(0), String::new()),
            "{arguments:?}"
        );
    }
}

fn assert_write_error((status, errors): (Option<i32>, String), arguments: &[&str]) {
    assert_eq!(status, Some(1), "{arguments:?}: {errors}");
    assert!(
        errors.starts_with("error: cannot write to standard output: "),
        "{arguments:?}: {errors}"
    );
    assert_eq!(errors.lines().count(), 1, "{arguments:?}: {errors}");
}

/// The messages say what is wrong, where, and what to do.
#[test]
fn without_a_system_the_error_says_what_to_do() {
    for (arguments, expected) in [
        (&["tail", "--system", "/nowhere.json"][..], "make run"),
        (&["verify", "--system", "/nowhere.json"], "--table"),
        (&["tail", "--since", "soon"], "use a duration"),
        (&["tail", "--stream", "Order 1"], "invalid stream"),
        (
            &[
                "verify",
                "--table",
                "events",
                "--region",
                "eu-central-1",
                "--endpoint",
                "http://127.0.0.1:1",
            ],
            "check that the system is running",
        ),
    ] {
        let mut command = skald(arguments);
        command.env("AWS_ACCESS_KEY_ID", "test").env("AWS_SECRET_ACCESS_KEY", "test");
        let output = command.output().expect("`make build` has built it");
        let errors = String::from_utf8_lossy(&output.stderr).into_owned();
        assert!(!output.status.success() && errors.contains(expected), "{arguments:?}: {errors}");
    }
}

/// Asserts that `verify` finds no fault, and that its summary accounts for every commit.
fn assert_sound(cloud: &LocalCloud) {
    let sound = cloud.skald(&["verify"]);
    assert_eq!((sound.status, sound.errors.as_str()), (0, ""), "{:#?}", sound.lines);
    let summary = sound.lines.last().expect("a line");
    assert!(summary.ends_with(": 0 faults"), "{summary}");
    // The summary counts the commits that are not compared.
    let count = |of: &str| {
        let part = summary.split(", ").find(|part| part.contains(of));
        let number =
            part.and_then(|part| part.split(' ').find_map(|word| word.parse::<u64>().ok()));
        number.unwrap_or(0)
    };
    assert_eq!(count("✓"), count("index entries") + count("too recent"), "{summary}");
}

/// The item at another version of its stream.
fn moved(item: &Item, to: u64) -> Item {
    let mut item = item.clone();
    item.insert("sk".to_owned(), AttributeValue::N(to.to_string()));
    item
}

#[tokio::test(flavor = "multi_thread")]
async fn verify_finds_nothing_in_a_sound_system_and_names_each_planted_fault() {
    let cloud = LocalCloud::start(&[]);
    let orders = orders(&cloud).await;
    assert_sound(&cloud);

    let items = scan(&cloud, "EventsTable").await;
    let commits_of = |stream: &str| -> BTreeMap<u64, Item> {
        let key = format!("default/{stream}");
        let found = items.iter().filter(|item| text(item, "pk") == key);
        found.map(|item| (number(item, "sk"), item.clone())).collect()
    };
    let put = |item: Item| put_commit(&cloud, item);

    // A gap: three versions after the end.
    let confirmed = format!("order-{}", orders[0]);
    let (last, item) = commits_of(&confirmed).pop_last().expect("it has commits");
    put(moved(&item, last + 3)).await;
    // An overlap: a commit of two events, with another in its middle.
    let receipt = commits_of("receipt-MUG-01~c-1").pop_last().map(|(_, item)| item);
    let payment = format!("payment-{}", orders[0]);
    let (_, mut double) = commits_of(&payment).pop_last().expect("it has commits");
    let after = commits_of(&payment).keys().last().expect("a version") + 1;
    let first = commit_body(&double)["events"][0].clone();
    change_body(&mut double, |body| body["events"] = json!([first, first]));
    put(moved(&double, after)).await;
    let mut single = moved(&double, after + 1);
    change_body(&mut single, |body| body["events"] = json!([first]));
    put(single).await;
    // An event that no release can decode.
    let mut unknown = commits_of("product-MUG-01").remove(&1).expect("it was listed");
    change_body(&mut unknown, |body| body["events"][0]["type"] = json!("product.unsupported"));
    unknown.insert("types".to_owned(), AttributeValue::S("product.unsupported".to_owned()));
    put(moved(&unknown, 2)).await;
    // An item that is not a commit, and an item that belongs to no stream.
    let mut malformed = receipt.expect("a receipt was booked");
    change_body(&mut malformed, |body| {
        drop(body.as_object_mut().and_then(|fields| fields.remove("commit")))
    });
    put(moved(&malformed, 2)).await;
    let mut foreign = malformed.clone();
    foreign.insert("pk".to_owned(), AttributeValue::S("nonsense".to_owned()));
    put(foreign).await;
    // A commit without an entry in the index, and one whose entry is at the wrong place.
    let shipment = format!("shipment-{}", orders[0]);
    let mut hidden = commits_of(&shipment).remove(&1).expect("it has commits");
    hidden.remove("slice");
    put(hidden).await;
    let reservation = format!("reservation-{}", orders[0]);
    let mut misplaced = commits_of(&reservation).remove(&1).expect("it has commits");
    // A valid time in another form, which sorts differently.
    misplaced
        .insert("at".to_owned(), AttributeValue::S("2020-01-01T00:00:00.000+00:00".to_owned()));
    put(misplaced).await;

    let faulty = cloud.skald(&["verify"]);
    assert_eq!(faulty.status, 1, "{:#?}\n{}", faulty.lines, faulty.errors);
    let expected = [
        format!(
            "default/{confirmed} at version {}: in the table: a gap: version {} should come next",
            last + 3,
            last + 1
        ),
        format!(
            "default/{payment} at version {}: in the table: an overlap: version {} should",
            after + 1,
            after + 2
        ),
        "default/product-MUG-01 at version 2: in the table: unknown event \
         product.unsupported at schema 1"
            .to_owned(),
        "default/receipt-MUG-01~c-1 at version 2: in the table: the item at 2 is \
         malformed"
            .to_owned(),
        "pk \"nonsense\", sk 1: in the table: an item that is not a commit of any stream"
            .to_owned(),
        format!(
            "default/{shipment} at version 1: in the table: `slice`, an attribute of the \
             index"
        ),
        format!(
            "default/{reservation} at version 1: in the table: `at`, an attribute of the \
             index"
        ),
        format!(
            "pk \"default/{reservation}\", sk 1: in the index: `at` is not in the form of a \
             commit's time"
        ),
    ];
    for fault in &expected {
        assert!(
            faulty.lines.iter().any(|line| line.contains(fault)),
            "{fault} is not reported: {:#?}",
            faulty.lines
        );
    }
    let report = faulty.lines.join("\n");
    assert!(!report.contains("Jane") && !report.contains("tok_"), "a value is shown: {report}");

    // One stream alone: only its own fault is reported.
    let one = cloud.skald(&["verify", "--stream", &confirmed]);
    assert_eq!(one.status, 1, "{}", one.errors);
    assert!(one.lines[0].contains(&expected[0]) && one.lines.len() == 2, "{:#?}", one.lines);
    let sound = cloud.skald(&["verify", "--stream", &format!("order-{}", orders[2])]);
    assert_eq!(sound.status, 0, "{:#?}", sound.lines);
    let unknown = cloud.skald(&["verify", "--stream", "order-unknown"]);
    assert!(unknown.status == 1 && unknown.errors.contains("does not exist"), "{}", unknown.errors);

    assert_tail_continues(&cloud);
}

/// Asserts that `tail` shows the events despite the faults.
fn assert_tail_continues(cloud: &LocalCloud) {
    let output = cloud.skald(&["tail", "--once", "--since", "1h"]);
    let shown = output.lines.join("\n");
    assert_eq!(output.status, 0, "{}", output.errors);
    assert!(shown.contains("product.unsupported") && shown.contains("cannot be shown"), "{shown}");
}

/// Parks the order at a step, as its saga does.
async fn park(cloud: &LocalCloud, order_id: &str, step: &str) {
    let key = format!("default/order-{order_id}");
    let items = scan(cloud, "EventsTable").await;
    let placed = items.into_iter().find(|item| text(item, "pk") == key).expect("it was placed");
    let mut parked = moved(&placed, 2);
    let data = json!({ "step": step, "error": "no answer in 30 seconds" });
    change_body(&mut parked, |body| {
        body["commit"] = "00000000-0000-4000-8000-000000000002".into();
        body["events"] = json!([{ "type": "order.parked", "schema": 1, "data": data }]);
    });
    parked.insert("types".to_owned(), AttributeValue::S("order.parked".to_owned()));
    put_commit(cloud, parked).await;
}

/// The orders in the pages of the worklist, each page with one order.
async fn worklist(cloud: &LocalCloud, filter: &str) -> Vec<Value> {
    let (mut orders, mut cursor) = (Vec::new(), String::new());
    loop {
        let page = cloud.api().get(&format!("/orders?{filter}&limit=1{cursor}")).await.expect(200);
        orders.extend(page.body["orders"].as_array().expect("orders").iter().cloned());
        let Some(next) = page.body["next_cursor"].as_str() else { return orders };
        cursor = format!("&cursor={next}");
    }
}

#[tokio::test]
async fn what_waits_for_a_person_is_listed_and_settled() {
    let cloud = LocalCloud::start(&[]);
    let api = cloud.api();
    api.set_up("c-1", "MUG-01", 10).await;
    let listed = cloud.skald_on_api(&["orders"]);
    let none = "No order waits for a person: none is parked, and none is overdue.";
    assert_eq!((listed.status, listed.lines), (0, vec![none.to_owned()]), "{}", listed.errors);

    // No saga starts, so that the orders stay as the test makes them.
    cloud.deliver(cloud.resource("SagaStarter"), false).await;
    let mut orders = Vec::new();
    for key in ["one", "two", "three", "four"] {
        let placed = api.place(key, &order_body("c-1", "MUG-01", 1)).await.expect(202);
        orders.push(placed.body["order_id"].as_str().expect("an id").to_owned());
    }
    let [one, two, three, four] = &orders[..] else { unreachable!("four orders were placed") };
    park(&cloud, one, "authorize_payment").await;
    park(&cloud, two, "authorize_payment").await;
    park(&cloud, three, "create_shipment").await;
    eventually("three orders are parked in the view", || async {
        (worklist(&cloud, "parked=true").await.len() == 3).then_some(())
    })
    .await;
    let ids = |orders: &[Value]| -> BTreeSet<String> {
        orders.iter().filter_map(|order| order["order_id"].as_str().map(str::to_owned)).collect()
    };
    assert_eq!(ids(&worklist(&cloud, "status=pending").await), orders.iter().cloned().collect());
    assert_eq!(ids(&worklist(&cloud, "parked=false").await), BTreeSet::from([four.clone()]));
    assert_eq!(worklist(&cloud, "overdue=true").await, [json!(null); 0]);
    let listed = cloud.skald_on_api(&["orders"]);
    assert_eq!((listed.status, listed.lines.len()), (0, 4), "{:#?}", listed.lines);
    let line = listed.lines.iter().find(|line| line.contains(three.as_str())).expect("a line");
    assert!(line.contains("create_shipment") && line.contains("no answer"), "{line}");
    // The reason is for operators only.
    let shown = api.get(&format!("/orders/{three}")).await.expect(200).body;
    assert_eq!(
        (&shown["parked"]["step"], &shown["parked"]["reason"]),
        (&json!("create_shipment"), &json!(null))
    );

    let unasked = cloud.skald_on_api(&["resume", "--parked-at", "authorize_payment"]);
    assert_eq!(unasked.status, 1, "{:#?}", unasked.lines);
    assert!(unasked.errors.contains("--yes"), "{}", unasked.errors);
    let resumed = cloud.skald_on_api(&["resume", "--parked-at", "authorize_payment", "--yes"]);
    assert_eq!(resumed.status, 0, "{:#?} {}", resumed.lines, resumed.errors);
    assert_eq!(resumed.lines.iter().filter(|line| line.starts_with("resumed")).count(), 2);
    let cancelled = cloud.skald_on_api(&["cancel", three, "--reason", "lost in the warehouse"]);
    assert_eq!(cancelled.status, 0, "{:#?} {}", cancelled.lines, cancelled.errors);

    cloud.deliver(cloud.resource("SagaStarter"), true).await;
    for (order, status) in
        [(one, "confirmed"), (two, "confirmed"), (three, "cancelled"), (four, "confirmed")]
    {
        assert_eq!(api.ended(order).await["status"], status, "{order}");
    }
    eventually("the view has no open order", || async {
        worklist(&cloud, "status=pending").await.is_empty().then_some(())
    })
    .await;
    let confirmed = BTreeSet::from([one.clone(), two.clone(), four.clone()]);
    assert_eq!(ids(&worklist(&cloud, "status=confirmed").await), confirmed);
    let late = cloud.skald_on_api(&["resume", one]);
    assert_eq!(late.status, 1, "{:#?}", late.lines);
    assert!(
        late.lines[0].starts_with("failed") && late.lines[0].contains("409"),
        "{:#?}",
        late.lines
    );
    let listed = cloud.skald_on_api(&["orders"]);
    assert_eq!((listed.status, listed.lines), (0, vec![none.to_owned()]), "{}", listed.errors);
}
