//! Each function answers any event of the gateway in a form that callers can rely on.

#![no_main]

use std::cell::RefCell;

use base64::Engine;
use base64::engine::general_purpose::STANDARD as BASE64;
use catalog_commands::CatalogCommands;
use futures_util::FutureExt;
use libfuzzer_sys::arbitrary::{self, Arbitrary};
use libfuzzer_sys::fuzz_target;
use order_commands::OrderCommands;
use order_queries::{Queries, Views};
use serde_json::{Value, json};
use skald::commit::CorrelationId;
use skald::memory::{InMemoryEventStore, InMemoryPersonKeys, InMemoryViewStore};
use skald::personal::Sealing;
use skald::time::Timestamp;
use skald_fuzz::Edit;
use skald_lambda::http::{Answer, answer, header};

/// The number of inputs after which a new system in memory replaces the old one.
const INPUTS_PER_SYSTEM: usize = 500;
/// The routes of the template, and others.
const ROUTES: [&str; 18] = [
    "GET /health",
    "PUT /products/{sku}",
    "DELETE /products/{sku}",
    "GET /stock/{sku}",
    "POST /stock/{sku}/receipts",
    "PUT /customers/{id}",
    "DELETE /customers/{id}",
    "GET /customers/{id}/orders",
    "POST /orders",
    "GET /orders",
    "GET /orders/{id}",
    "GET /orders/{id}/events",
    "GET /orders/{id}/saga",
    "POST /orders/{id}/cancel",
    "POST /orders/{id}/resume",
    "POST /shipments/{order_id}/dispatch",
    "POST /shipments/{order_id}/deliver",
    "ANY /shop/{proxy+}",
];
const METHODS: [&str; 8] = ["GET", "HEAD", "POST", "PUT", "DELETE", "PATCH", "OPTIONS", "BREW"];
const IDS: [&str; 4] = ["MUG-01", "c-1", "00000000-0000-4000-8000-000000000000", "none"];
const HEADERS: [(&str, &str); 10] = [
    ("content-type", "application/json"),
    ("idempotency-key", "key-1"),
    ("if-match", "\"1\""),
    ("if-none-match", "W/\"1\", \"2\""),
    ("x-correlation-id", "call-1"),
    ("x-forwarded-proto", "https"),
    ("host", "api.example.com"),
    ("cookie", "a=1; b=2"),
    ("accept", "*/*"),
    ("content-length", "2"),
];
const QUERIES: [&str; 9] = [
    "limit=1",
    "cursor=djE",
    "status=pending",
    "min_version=1",
    "as_of_version=1",
    "as_of=2026-11-21T08:15:30.250Z",
    "parked=true",
    "overdue=true",
    "since=2026-11-21T08:15:30.250Z",
];
/// The parts of an event that are replaced with malformed values.
const POINTERS: [&str; 14] = [
    "/version",
    "/routeKey",
    "/rawPath",
    "/rawQueryString",
    "/headers",
    "/cookies",
    "/body",
    "/isBase64Encoded",
    "/pathParameters",
    "/requestContext",
    "/requestContext/http",
    "/requestContext/http/method",
    "/requestContext/http/path",
    "/requestContext/stage",
];

#[derive(Debug, Arbitrary)]
enum Input {
    /// Bytes that are not an event of the gateway.
    Anything(Vec<u8>),
    /// A call, valid or not, and the changes to its event.
    Call { call: Call, changes: Vec<(u8, Malformed)>, edits: Vec<Edit> },
}

#[derive(Debug, Arbitrary)]
struct Call {
    function: u8,
    route: Option<u8>,
    method: Text,
    path: Vec<Text>,
    stage: Option<String>,
    query: Vec<Text>,
    headers: Vec<(Text, Text)>,
    body: Body,
}

#[derive(Debug, Arbitrary)]
enum Text {
    Known(u8),
    Any(String),
}

#[derive(Debug, Arbitrary)]
enum Body {
    Missing,
    Known { which: u8, edits: Vec<Edit>, base64: bool },
    Base64(Vec<u8>),
    Text(String, bool),
}

#[derive(Debug, Arbitrary)]
enum Malformed {
    Removed,
    Null,
    Bool(bool),
    Number(i64),
    Text(String),
    List,
    Object,
}

/// The functions behind the API, over stores in memory.
struct System {
    inputs: usize,
    catalog: CatalogCommands<Sealing<InMemoryEventStore, InMemoryPersonKeys>, InMemoryPersonKeys>,
    orders: OrderCommands<Sealing<InMemoryEventStore, InMemoryPersonKeys>, InMemoryPersonKeys>,
    queries: Queries<InMemoryEventStore, InMemoryViewStore, InMemoryPersonKeys>,
}

thread_local! {
    static SYSTEM: RefCell<System> = RefCell::new(System::new());
}

fuzz_target!(|input: Input| {
    SYSTEM.with_borrow_mut(|system| {
        if system.inputs == INPUTS_PER_SYSTEM {
            *system = System::new();
        }
        system.inputs += 1;
        match input {
            Input::Anything(bytes) => {
                for function in 0..3 {
                    assert_form(&system.answer(function, &bytes));
                }
            }
            Input::Call { call, changes, edits } => {
                let function = call.function;
                let mut event = event(call);
                for (place, malformed) in changes {
                    change(&mut event, POINTERS[usize::from(place) % POINTERS.len()], malformed);
                }
                let answer =
                    system.answer(function, &Edit::all(&edits, event.to_string().into_bytes()));
                assert_form(&answer);
                if edits.is_empty() && event["requestContext"]["http"]["method"] == "HEAD" {
                    assert_eq!(answer.body, None, "HEAD has no body");
                }
            }
        }
    });
});

impl System {
    /// A system with a product, its stock, a customer and an order.
    fn new() -> Self {
        let (events, keys) = (InMemoryEventStore::default(), InMemoryPersonKeys::default());
        let sealing = || Sealing::new(events.clone(), keys.clone());
        let views = Views::<InMemoryViewStore>::default();
        let system = Self {
            inputs: 0,
            catalog: CatalogCommands::new(sealing(), keys.clone()),
            orders: OrderCommands::new(sealing(), keys.clone(), 3_600_000),
            queries: Queries::new(events.clone(), views, keys, "fuzz".to_owned()),
        };
        for (function, method, path, body, status) in [
            (0, "PUT", "/products/MUG-01", 1, 201),
            (0, "POST", "/stock/MUG-01/receipts", 2, 201),
            (0, "PUT", "/customers/c-1", 3, 201),
            (1, "POST", "/orders", 0, 202),
        ] {
            let headers = json!({ "content-type": "application/json", "idempotency-key": "key-0" });
            let event = json!({
                "rawPath": path, "headers": headers,
                "requestContext": { "http": { "method": method } },
                "body": known_body(body),
            });
            let answer = system.answer(function, event.to_string().as_bytes());
            assert_eq!(answer.status_code, status, "{answer:?}");
        }
        system
    }

    /// The answer of one of the functions.
    fn answer(&self, function: u8, event: &[u8]) -> Answer {
        let at = Timestamp::from_millis(1_795_248_930_250).expect("a time");
        let answer = match function % 3 {
            0 => answer(event, at, async |call| self.catalog.respond(&call).await).now_or_never(),
            1 => answer(event, at, async |call| self.orders.respond(&call).await).now_or_never(),
            _ => answer(event, at, async |call| self.queries.respond(&call).await).now_or_never(),
        };
        answer.expect("stores in memory never wait")
    }
}

/// Asserts the properties on which callers rely for any request.
fn assert_form(answer: &Answer) {
    // Stores in memory do not fail, so no request may end in a server error.
    assert!((200..500).contains(&answer.status_code), "{answer:?}");
    for (name, value) in &answer.headers {
        assert_eq!(
            header::HeaderName::from_lowercase(name.as_bytes()).expect("a header's name").as_str(),
            name
        );
        header::HeaderValue::from_str(value).expect("a header's value");
    }
    CorrelationId::new(&answer.headers["x-correlation-id"]).expect("a correlation id");
    let Some(body) = &answer.body else { return };
    let body: Value = serde_json::from_str(body).expect("JSON");
    if answer.status_code < 400 {
        assert_eq!(answer.headers["content-type"], "application/json");
        return;
    }
    assert_eq!(answer.headers["content-type"], "application/problem+json");
    assert_eq!(body["status"], answer.status_code);
    for member in ["type", "title", "detail"] {
        assert!(body[member].is_string(), "{body}");
    }
}

fn event(call: Call) -> Value {
    let route = call.route.map_or("$default", |route| ROUTES[usize::from(route) % ROUTES.len()]);
    let mut path = String::new();
    match call.route {
        Some(_) if call.path.is_empty() => {
            let template = route.split_once(' ').map_or("", |(_, path)| path);
            let path_of = template.replace("{sku}", IDS[0]).replace("{id}", IDS[1]);
            path.push_str(&path_of.replace("{order_id}", IDS[2]));
        }
        _ => {
            call.path.into_iter().for_each(|part| path.push_str(&format!("/{}", text(part, &IDS))))
        }
    }
    let headers = call.headers.into_iter().map(|(name, value)| {
        let known = match &name {
            Text::Known(which) => HEADERS[usize::from(*which) % HEADERS.len()],
            Text::Any(_) => ("", ""),
        };
        (text(name, &[known.0]), Value::from(text(value, &[known.1])))
    });
    let query: Vec<String> =
        call.query.into_iter().map(|parameter| text(parameter, &QUERIES)).collect();
    let mut event = json!({
        "version": "2.0", "routeKey": route, "rawPath": path, "rawQueryString": query.join("&"),
        "headers": headers.collect::<serde_json::Map<_, _>>(),
        "requestContext": {
            "http": { "method": text(call.method, &METHODS), "path": path, "protocol": "HTTP/1.1" },
            "stage": call.stage.unwrap_or_else(|| "$default".to_owned()),
        },
    });
    let (body, base64) = match call.body {
        Body::Missing => return event,
        Body::Known { which, edits, base64 } => {
            let bytes = Edit::all(&edits, known_body(which).into_bytes());
            (
                if base64 {
                    BASE64.encode(bytes)
                } else {
                    String::from_utf8_lossy(&bytes).into_owned()
                },
                base64,
            )
        }
        Body::Base64(bytes) => (BASE64.encode(bytes), true),
        Body::Text(text, base64) => (text, base64),
    };
    event["body"] = body.into();
    event["isBase64Encoded"] = base64.into();
    event
}

fn text(text: Text, known: &[&str]) -> String {
    match text {
        Text::Known(which) => known[usize::from(which) % known.len()].to_owned(),
        Text::Any(text) => text,
    }
}

/// A body that one of the routes accepts.
fn known_body(which: u8) -> String {
    let price = json!({ "amount_minor": 1250, "currency": "EUR" });
    let address = json!({
        "name": "Jane Doe", "line1": "Am Ufer 1", "city": "Berlin", "postal_code": "10115",
        "country": "DE",
    });
    let order = json!({
        "customer_id": "c-1", "items": [{ "sku": "MUG-01", "quantity": 1 }],
        "payment_token": "tok_approved",
        "shipping_address": address,
    });
    let body = match which % 5 {
        0 => order,
        1 => json!({ "name": "Mug", "unit_price": price, "stock_shards": 2 }),
        2 => json!({ "quantity": 10, "reference": "note-1" }),
        3 => json!({ "name": "Jane Doe", "email": "jane@example.com" }),
        _ => json!({ "reason": "changed my mind" }),
    };
    body.to_string()
}

fn change(event: &mut Value, pointer: &str, malformed: Malformed) {
    let Some((parent, name)) = pointer.rsplit_once('/') else { return };
    let Some(fields) = event.pointer_mut(parent).and_then(Value::as_object_mut) else { return };
    let value = match malformed {
        Malformed::Removed => {
            fields.remove(name);
            return;
        }
        Malformed::Null => Value::Null,
        Malformed::Bool(yes) => yes.into(),
        Malformed::Number(number) => number.into(),
        Malformed::Text(text) => text.into(),
        Malformed::List => json!([1, "two"]),
        Malformed::Object => json!({ "a": {} }),
    };
    fields.insert(name.to_owned(), value);
}
