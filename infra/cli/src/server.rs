//! The commands against a server on this machine that answers as the API does.

use std::collections::BTreeMap;
use std::error::Error;

use serde_json::{Value, json};
use skald::time::Timestamp;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpListener;
use tokio::sync::mpsc::{UnboundedReceiver, unbounded_channel};

use crate::api::Api;
use crate::arguments::{CancelArguments, OrdersArguments, Place, ResumeArguments};
use crate::{cancel, orders, resume};

/// A server that answers each method and path with a status and a body.
struct Server {
    api: Api,
    requests: UnboundedReceiver<Received>,
}

/// A request: its method and path, its idempotency key, and its body.
type Received = (String, String, Value);

impl Server {
    /// Answers these calls. Any other call gets 404.
    async fn start(answers: Vec<(&str, u16, Value)>) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let url = format!("http://{}/base/", listener.local_addr().unwrap());
        let answers: BTreeMap<String, (u16, Value)> = answers
            .into_iter()
            .map(|(call, status, body)| (call.to_owned(), (status, body)))
            .collect();
        let (sender, requests) = unbounded_channel();
        tokio::spawn(async move {
            loop {
                let (mut stream, _) = listener.accept().await.unwrap();
                let (mut text, mut buffer) = (String::new(), [0; 4096]);
                let (head, body) = loop {
                    let read = stream.read(&mut buffer).await.unwrap();
                    text.push_str(str::from_utf8(&buffer[..read]).unwrap());
                    let Some((head, body)) = text.split_once("\r\n\r\n") else { continue };
                    let length = header(head, "content-length").parse().unwrap_or_default();
                    if body.len() >= length {
                        break (head, body);
                    }
                };
                let mut words = head.split(' ');
                let (method, path) = (words.next().unwrap(), words.next().unwrap());
                let call = format!("{method} {}", path.strip_prefix("/base").unwrap());
                let sent = serde_json::from_str(body).unwrap_or_default();
                sender.send((call.clone(), header(head, "idempotency-key"), sent)).unwrap();
                let unknown = (404, json!({ "detail": "No resource exists at this path." }));
                let (status, body) = answers.get(&call).unwrap_or(&unknown);
                let body = body.to_string();
                let answer = format!(
                    "HTTP/1.1 {status} x\r\ncontent-length: {}\r\nconnection: close\r\n\r\n{body}",
                    body.len()
                );
                stream.write_all(answer.as_bytes()).await.unwrap();
            }
        });
        Self { api: Api::find(&place(Some(url))).unwrap(), requests }
    }

    /// The requests since the last call.
    fn received(&mut self) -> Vec<Received> {
        std::iter::from_fn(|| self.requests.try_recv().ok()).collect()
    }

    fn calls(&mut self) -> Vec<String> {
        self.received().into_iter().map(|(call, _, _)| call).collect()
    }
}

fn header(head: &str, name: &str) -> String {
    let fields = head.lines().filter_map(|line| line.split_once(": "));
    let mut values = fields.filter(|(found, _)| found.eq_ignore_ascii_case(name));
    values.next().map_or(String::new(), |(_, value)| value.to_owned())
}

fn place(api: Option<String>) -> Place {
    Place { api, system: "target/none/system.json".into() }
}

fn now() -> Timestamp {
    "2026-11-21T12:00:00Z".parse().unwrap()
}

fn order(id: &str, deadline: &str, parked: Option<(&str, &str)>) -> Value {
    let mut order = json!({
        "order_id": id,
        "status": "pending",
        "placed_at": "2026-11-21T09:00:00.000Z",
        "updated_at": "2026-11-21T09:00:05.000Z",
        "deadline": deadline,
        "overdue": deadline < "2026-11-21T12:00:00.000Z",
    });
    if let Some((step, reason)) = parked {
        let since = "2026-11-21T09:00:05.000Z";
        order["parked"] = json!({ "step": step, "reason": reason, "since": since });
    }
    order
}

const PARKED: &str = "GET /orders?parked=true&limit=100";
const OVERDUE: &str = "GET /orders?overdue=true&limit=100";
const EARLY: &str = "2026-11-21T11:48:00.000Z";
const LATE: &str = "2026-11-21T13:00:00.000Z";

fn orders_arguments() -> OrdersArguments {
    let (status, since) = (None, None);
    let (parked, overdue, limit, json) = (false, false, 1_000, false);
    OrdersArguments { place: place(None), status, parked, overdue, since, limit, json }
}

fn resume_arguments(orders: &[&str], parked_at: Option<&str>) -> ResumeArguments {
    let orders = orders.iter().map(|&order| order.to_owned()).collect();
    let (parked_at, place) = (parked_at.map(str::to_owned), place(None));
    ResumeArguments { place, orders, parked_at, overdue: false, extend: None, yes: false }
}

async fn listed(server: &Server, arguments: &OrdersArguments) -> Result<String, String> {
    let mut text = String::new();
    let mut print = |part: &str| -> Result<(), Box<dyn Error>> {
        text.push_str(part);
        Ok(())
    };
    let listed = orders::run(&server.api, arguments, now(), &mut print).await;
    listed.map(|()| text).map_err(|error| error.to_string())
}

/// Whether all were resumed, and what was printed. `answer` is the answer to the question.
async fn resumed(server: &Server, arguments: &ResumeArguments, answer: bool) -> (bool, String) {
    let (mut text, mut question) = (String::new(), String::new());
    let mut print = |part: &str| -> Result<(), Box<dyn Error>> {
        text.push_str(part);
        Ok(())
    };
    let confirm = |asked: &str| {
        asked.clone_into(&mut question);
        Ok(answer)
    };
    let done = resume::run(&server.api, arguments, now(), &mut print, confirm).await.unwrap();
    (done, format!("{question}\n{text}"))
}

#[tokio::test]
async fn without_a_filter_what_waits_for_a_person_is_listed() {
    let parked = order("a", LATE, Some(("capture_payment", "no\u{1b}[2J answer")));
    let both = order("b", EARLY, Some(("create_shipment", "carrier down")));
    let overdue = order("c", EARLY, None);
    let mut server = Server::start(vec![
        (PARKED, 200, json!({ "orders": [both], "next_cursor": "x/y" })),
        (&format!("{PARKED}&cursor=x%2Fy"), 200, json!({ "orders": [parked] })),
        (OVERDUE, 200, json!({ "orders": [both, overdue] })),
    ])
    .await;
    let table = "\
order  status   waits   step             reason
b      pending  2h 59m  create_shipment  carrier down
c      pending  12m     -                its deadline has passed
a      pending  2h 59m  capture_payment  no [2J answer
";
    assert_eq!(listed(&server, &orders_arguments()).await.unwrap(), table);
    assert_eq!(server.calls().len(), 3);

    let two = OrdersArguments { limit: 2, ..orders_arguments() };
    let first = listed(&server, &two).await.unwrap();
    assert!(first.ends_with("There are more: use --limit, now 2.\n"), "{first}");
    assert_eq!(first.lines().count(), 4, "{first}");
    let json = OrdersArguments { json: true, ..orders_arguments() };
    let lines = listed(&server, &json).await.unwrap();
    assert_eq!(serde_json::from_str::<Value>(lines.lines().next().unwrap()).unwrap(), both);
    assert_eq!(lines.lines().count(), 3);
}

#[tokio::test]
async fn an_empty_list_says_so() {
    let none = json!({ "orders": [] });
    let filtered = "GET /orders?status=a%26b&parked=true&limit=100";
    let mut server = Server::start(vec![
        (PARKED, 200, none.clone()),
        (OVERDUE, 200, none.clone()),
        (filtered, 200, none),
    ])
    .await;
    let text = listed(&server, &orders_arguments()).await.unwrap();
    assert_eq!(text, "No order waits for a person: none is parked, and none is overdue.\n");
    server.calls();
    let status = Some("a&b".to_owned());
    let arguments = OrdersArguments { status, parked: true, ..orders_arguments() };
    assert_eq!(listed(&server, &arguments).await.unwrap(), "There is no such order.\n");
    assert_eq!(server.calls(), [filtered]);
}

#[tokio::test]
async fn a_failed_query_is_an_error_that_says_why() {
    let problem = json!({ "detail": "status must be pending." });
    let server = Server::start(vec![("GET /orders?status=x&limit=100", 400, problem)]).await;
    let arguments = OrdersArguments { status: Some("x".to_owned()), ..orders_arguments() };
    assert_eq!(listed(&server, &arguments).await.unwrap_err(), "400 status must be pending.");

    let closed = TcpListener::bind("127.0.0.1:0").await.unwrap().local_addr().unwrap();
    let api = Api::find(&place(Some(format!("http://{closed}")))).unwrap();
    let error = api.get("/orders").await.unwrap_err().to_string();
    assert!(error.starts_with(&format!("http://{closed} does not answer: ")), "{error}");
    let error = Api::find(&place(None)).unwrap_err().to_string();
    assert!(error.contains("make run") && error.contains("--api"), "{error}");
}

#[tokio::test]
async fn the_orders_parked_at_a_step_are_resumed_and_each_failure_is_reported() {
    let orders = json!({ "orders": [
        order("a", LATE, Some(("capture_payment", "no answer"))),
        order("b", LATE, Some(("create_shipment", "carrier down"))),
        order("c", LATE, Some(("capture_payment", "no answer"))),
    ] });
    let problem = json!({ "detail": "The order can no longer be changed." });
    let mut server = Server::start(vec![
        (PARKED, 200, orders),
        ("POST /orders/a/resume", 409, problem),
        ("POST /orders/c/resume", 202, json!({ "status": "pending" })),
    ])
    .await;
    let arguments =
        ResumeArguments { extend: Some(3_600), ..resume_arguments(&[], Some("capture_payment")) };
    let (done, text) = resumed(&server, &arguments, false).await;
    assert!(!done && text.ends_with("Nothing was resumed.\n"), "{text}");
    assert!(text.starts_with("Resume these 2 orders, with 3600 s more time?\n"), "{text}");
    assert_eq!(server.calls(), [PARKED]);

    let (done, text) = resumed(&server, &arguments, true).await;
    assert!(!done, "one failed");
    let report = "failed   a  409 The order can no longer be changed.\nresumed  c  pending\n\
                  1 of 2 orders were not resumed.\n";
    assert!(text.ends_with(report), "{text}");
    let body = json!({ "extend_by_s": 3_600 });
    let sent = |id: &str| {
        let key = format!("resume-{id}-2026-11-21T09:00:05.000Z");
        (format!("POST /orders/{id}/resume"), key, body.clone())
    };
    assert_eq!(server.received()[1..], [sent("a"), sent("c")]);
}

#[tokio::test]
async fn orders_that_are_named_are_resumed_without_a_question() {
    let mut server = Server::start(vec![
        ("GET /orders/a", 200, order("a", LATE, None)),
        ("POST /orders/a/resume", 202, json!({ "status": "pending" })),
    ])
    .await;
    let (done, text) = resumed(&server, &resume_arguments(&["a"], None), false).await;
    assert!(done, "{text}");
    assert_eq!(text, "\nresumed  a  pending\n");
    assert_eq!(server.received()[1].2, json!({}));

    // An order that does not exist stops the command before any order is resumed.
    let both = resume_arguments(&["a", "no/ne"], None);
    let mut print = |_: &str| Ok(());
    let error = resume::run(&server.api, &both, now(), &mut print, |_| Ok(true)).await.unwrap_err();
    assert_eq!(error.to_string(), "order no/ne: 404 No resource exists at this path.");
    assert_eq!(server.calls(), ["GET /orders/a", "GET /orders/no%2Fne"]);
}

#[tokio::test]
async fn an_order_is_cancelled_with_the_reason() {
    let mut server = Server::start(vec![
        ("POST /orders/a/cancel", 202, json!({ "status": "cancelling" })),
        ("POST /orders/b/cancel", 409, json!({ "detail": "The parcel has left." })),
    ])
    .await;
    for (order, is_success, expected) in [
        ("a", true, "cancelling  a  cancelling\n"),
        ("b", false, "failed      b  409 The parcel has left.\n"),
    ] {
        let (order, reason) = (order.to_owned(), "lost in the warehouse".to_owned());
        let arguments = CancelArguments { place: place(None), order, reason };
        let mut text = String::new();
        let mut print = |part: &str| -> Result<(), Box<dyn Error>> {
            text.push_str(part);
            Ok(())
        };
        let done = cancel::run(&server.api, &arguments, &mut print).await.unwrap();
        assert_eq!((done, text.as_str()), (is_success, expected));
        assert_eq!(server.received()[0].2, json!({ "reason": "lost in the warehouse" }));
    }
}
