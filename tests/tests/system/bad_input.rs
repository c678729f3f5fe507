//! The API answers each invalid call with the documented problem and writes nothing. So the tests
//! can share one cloud.

use std::collections::{BTreeMap, BTreeSet};
use std::path::Path;

use serde_json::{Value, json};
use system_tests::{Api, Borrowed, LocalCloud, SharedCloud, order_body, scan};

/// The largest whole number that every JSON client reads exactly.
const LARGEST_EXACT: i64 = 9_007_199_254_740_991;

/// The cloud of these tests alone, because they count what is written.
static CLOUD: SharedCloud = SharedCloud::new();

/// A cloud with products on sale, a withdrawn product, and a customer.
async fn shop() -> Borrowed<'static> {
    CLOUD
        .set_up(async |cloud| {
            let api = cloud.api();
            api.set_up("c-1", "MUG-01", 10).await;
            api.set_up("c-1", "TEE-07", 10).await;
            let yen = json!({ "amount_minor": 500, "currency": "JPY" });
            let _yen = api
                .put("/products/YEN-01", &json!({ "name": "In yen", "unit_price": yen }))
                .await
                .expect(201);
            let largest = json!({ "amount_minor": LARGEST_EXACT, "currency": "EUR" });
            let _largest = api
                .put("/products/MAX-01", &json!({ "name": "Largest price", "unit_price": largest }))
                .await
                .expect(201);
            let _withdrawn = api.send("DELETE", "/products/TEE-07", &[], None).await.expect(204);
        })
        .await
}

/// The number of commits in the store.
async fn commits(cloud: &LocalCloud) -> usize {
    scan(cloud, "EventsTable").await.len()
}

/// An order in which the member at `pointer` is replaced, or removed if `value` is null.
fn with(pointer: &str, value: Value) -> Value {
    let mut body = order_body("c-1", "MUG-01", 1);
    let (parent, name) = pointer.rsplit_once('/').expect("a pointer");
    let parent = body.pointer_mut(parent).expect("the order has the parent");
    match (parent, value) {
        (Value::Object(fields), Value::Null) => drop(fields.remove(name)),
        (parent, value) => parent[name] = value,
    }
    body
}

/// Places the order and asserts that it is rejected with this status and these pointers.
async fn assert_rejected(api: &Api, body: &Value, status: u16, pointers: &[&str]) {
    let answer = api.place("key-bad", body).await;
    assert_eq!(answer.status, status, "{body:#}\n{:#}", answer.body);
    assert_eq!(answer.pointers(), pointers, "{body:#}\n{:#}", answer.body);
    assert_eq!(answer.body["status"], status);
    for member in ["type", "title", "detail"] {
        assert!(answer.body[member].is_string(), "{member}: {:#}", answer.body);
    }
}

#[tokio::test]
async fn an_invalid_order_is_rejected_with_pointers_and_nothing_is_written() {
    let cloud = shop().await;
    let api = cloud.api();
    let before = commits(&cloud).await;

    let quantity = "/items/0/quantity";
    for invalid in [
        json!(0),
        json!(-1),
        json!(1001),
        json!("2"),
        json!(2.0),
        json!(1e3),
        json!(true),
        json!(u64::MAX),
        json!([]),
    ] {
        assert_rejected(&api, &with(quantity, invalid), 400, &[quantity]).await;
    }
    let line = |sku: &str| json!({ "sku": sku, "quantity": 1 });
    let many: Vec<Value> = (0..51).map(|n| line(&format!("SKU-{n}"))).collect();
    assert_rejected(&api, &with("/items", json!([])), 400, &["/items"]).await;
    assert_rejected(&api, &with("/items", json!(many)), 400, &["/items"]).await;
    assert_rejected(
        &api,
        &with("/items", json!([line("MUG-01"), line("MUG-01")])),
        400,
        &["/items/1/sku"],
    )
    .await;
    assert_rejected(
        &api,
        &with("/items", json!([line("MUG-01"), line("YEN-01")])),
        400,
        &["/items/1/sku"],
    )
    .await;
    assert_rejected(
        &api,
        &with("/items", json!([{ "sku": "MAX-01", "quantity": 2 }])),
        400,
        &["/items/0/quantity"],
    )
    .await;
    assert_rejected(&api, &with("/items/0/sku", json!("a b")), 400, &["/items/0/sku"]).await;
    assert_rejected(&api, &with("/items/0/sku", json!("NONE")), 422, &["/items/0/sku"]).await;
    assert_rejected(&api, &with("/items/0/sku", json!("TEE-07")), 422, &["/items/0/sku"]).await;
    assert_rejected(&api, &with("/customer_id", json!("unknown")), 422, &["/customer_id"]).await;
    assert_rejected(&api, &with("/customer_id", Value::Null), 400, &["/customer_id"]).await;
    assert_rejected(&api, &with("/payment_token", json!("")), 400, &["/payment_token"]).await;
    assert_rejected(
        &api,
        &with("/shipping_address/country", json!("Germany")),
        400,
        &["/shipping_address/country"],
    )
    .await;
    assert_rejected(
        &api,
        &with("/shipping_address/city", Value::Null),
        400,
        &["/shipping_address/city"],
    )
    .await;
    assert_rejected(&api, &with("/colour", json!("red")), 400, &["/colour"]).await;
    let cheaper = json!({ "amount_minor": 1, "currency": "EUR" });
    let mut cheap = order_body("c-1", "MUG-01", 1);
    cheap["expected_total"] = cheaper;
    assert_rejected(&api, &cheap, 409, &["/expected_total"]).await;
    assert_rejected(&api, &json!([]), 400, &[""]).await;
    assert_rejected(
        &api,
        &json!({ "items": 7, "payment_token": 7 }),
        400,
        &["/customer_id", "/items", "/payment_token", "/shipping_address"],
    )
    .await;

    assert_eq!(commits(&cloud).await, before, "nothing was written");
}

#[tokio::test]
async fn a_malformed_call_is_answered_with_a_problem_that_names_the_error() {
    let cloud = shop().await;
    let api = cloud.api();
    let before = commits(&cloud).await;
    let body = order_body("c-1", "MUG-01", 1).to_string();

    let key = ("idempotency-key", "key-1");
    let long = "k".repeat(256);
    for headers in [
        &[][..],
        &[("idempotency-key", "")],
        &[("idempotency-key", "a b")],
        &[("idempotency-key", long.as_str())],
    ] {
        let answer = api.send("POST", "/orders", headers, Some(body.clone())).await;
        assert_eq!(answer.status, 400, "{headers:?}: {:#}", answer.body);
        assert!(
            answer.body["detail"].as_str().is_some_and(|text| text.contains("Idempotency-Key")),
            "{:#}",
            answer.body
        );
    }
    for text in ["", "{", "{\"items\": [}", "not json", "\u{feff}{}"] {
        let answer = api.send("POST", "/orders", &[key], Some(text.to_owned())).await;
        assert_eq!(answer.status, 400, "{text:?}: {:#}", answer.body);
    }
    let xml = api
        .send("POST", "/orders", &[key, ("content-type", "application/xml")], Some(body.clone()))
        .await;
    assert_eq!(xml.status, 415, "{:#}", xml.body);
    let large =
        api.send("POST", "/orders", &[key], Some(format!("{body}{}", " ".repeat(64 * 1024)))).await;
    assert_eq!(large.status, 413, "{:#}", large.body);

    let price = json!({ "amount_minor": 1250, "currency": "EUR" });
    let product = |name: Value, price: &Value, shards: Value| {
        json!({
            "name": name, "unit_price": price, "stock_shards": shards,
        })
    };
    for (path, body, pointer) in [
        ("/products/MUG-02", product(json!(""), &price, json!(1)), "/name"),
        (
            "/products/MUG-02",
            product(json!("Mug"), &json!({ "amount_minor": 0, "currency": "EUR" }), json!(1)),
            "/unit_price/amount_minor",
        ),
        (
            "/products/MUG-02",
            product(json!("Mug"), &json!({ "amount_minor": 12.5, "currency": "EUR" }), json!(1)),
            "/unit_price/amount_minor",
        ),
        (
            "/products/MUG-02",
            product(json!("Mug"), &json!({ "amount_minor": 1, "currency": "XYZ" }), json!(1)),
            "/unit_price/currency",
        ),
        (
            "/products/MUG-02",
            product(json!("Mug"), &json!({ "amount_minor": 1, "currency": "XXX" }), json!(1)),
            "/unit_price/currency",
        ),
        (
            "/products/MUG-02",
            product(
                json!("Mug"),
                &json!({ "amount_minor": LARGEST_EXACT + 1, "currency": "EUR" }),
                json!(1),
            ),
            "/unit_price/amount_minor",
        ),
        ("/products/MUG-02", product(json!("\u{200b}"), &price, json!(1)), "/name"),
        ("/customers/c-2", json!({ "name": "\u{200b}", "email": "jane@example.com" }), "/name"),
        ("/products/MUG-02", product(json!("Mug"), &price, json!(0)), "/stock_shards"),
        ("/products/MUG-02", product(json!("Mug"), &price, json!(17)), "/stock_shards"),
        ("/customers/c-2", json!({ "name": "Jane", "email": "nowhere" }), "/email"),
        ("/customers/c-2", json!({ "email": "jane@example.com" }), "/name"),
    ] {
        let answer = api.put(path, &body).await;
        assert_eq!(answer.status, 400, "{path} {body:#}: {:#}", answer.body);
        assert_eq!(answer.pointers(), [pointer], "{path} {body:#}");
    }
    for (body, pointer) in [
        (json!({ "quantity": 0, "reference": "r-1" }), "/quantity"),
        (json!({ "quantity": 1, "reference": "a b" }), "/reference"),
        (json!({ "quantity": 1 }), "/reference"),
    ] {
        let answer = api.post("/stock/MUG-01/receipts", &body).await.expect(400);
        assert_eq!(answer.pointers(), [pointer]);
    }
    let receipt = json!({ "quantity": 1, "reference": "r-1" }).to_string();
    let key_too_long = [("idempotency-key", long.as_str())];
    let _rejected =
        api.send("POST", "/stock/MUG-01/receipts", &key_too_long, Some(receipt)).await.expect(400);

    assert_eq!(commits(&cloud).await, before, "nothing was written");
}

#[tokio::test]
async fn an_unknown_path_or_method_is_answered_with_a_problem() {
    let cloud = shop().await;
    let api = cloud.api();
    assert_eq!(api.get("/health").await.expect(200).body["status"], "ok");
    for path in ["/", "/nothing", "/orders/1/2/3/4"] {
        let _unknown = api.get(path).await.expect(404);
    }
    // Call every route of the template with a method that the route does not have.
    for (path, methods) in routes() {
        let answer = api.send("PATCH", &path.replace(['{', '}'], "x"), &[], None).await;
        assert_eq!(answer.status, 405, "{path}: {:#}", answer.body);
        let allowed: BTreeSet<String> =
            answer.header("allow").split(", ").map(str::to_owned).collect();
        let head = methods.contains("GET").then(|| "HEAD".to_owned());
        assert_eq!(allowed, methods.into_iter().chain(head).collect(), "{path}");
    }
}

#[tokio::test]
async fn calls_that_no_client_library_sends_are_answered_like_all_others() {
    let cloud = shop().await;
    let api = cloud.api();
    let before = commits(&cloud).await;
    // `send_raw` asserts that errors are problem documents and answers have a correlation id.
    for (target, status) in [
        ("/health?x=<b>", 400),
        ("/health?x=\"{|}^`", 400),
        ("/health?%ff", 400),
        ("/health?a=%zz", 400),
        ("/customers/c-1/orders?limit=1&limit=2", 400),
        ("/orders?limit=101", 400),
        ("/orders?status=done", 400),
        ("/orders?parked=yes", 400),
        ("/orders?overdue=true&overdue=true", 400),
        ("/orders?since=yesterday", 400),
        ("/orders?cursor=djE", 400),
        ("/orders?customer=c-1", 400),
        ("/orders?parked=true&overdue=false&since=2026-11-21T08:15:30Z", 200),
        ("/orders/<b>", 404),
        ("/orders/\"", 404),
        ("/orders/%00", 404),
        ("/orders/%ff%fe", 404),
        ("/orders/a%2Fb", 404),
        ("/stock/MUG%2d01", 200),
        ("/stock/MUG%252d01", 404),
        ("//health//", 200),
    ] {
        let _answer = api.send_raw("GET", target, &[], b"").await.expect(status);
    }
    for header in [
        "x-forwarded-proto: no scheme",
        "x-forwarded-port: -1",
        "x-forwarded-for: <>",
        "cookie: \"",
        "accept: ü",
    ] {
        let _answer = api.send_raw("GET", "/health", &[header], b"").await.expect(200);
    }
    assert_eq!(
        api.send_raw("BREW", "/health", &[], b"").await.expect(405).header("allow"),
        "GET, HEAD"
    );
    let (get, head) =
        (api.get("/health").await, api.send("HEAD", "/health", &[], None).await.expect(200));
    assert_eq!(
        (&head.body, head.header("content-length")),
        (&Value::Null, get.header("content-length"))
    );

    let (json, key) = ("content-type: application/json", "idempotency-key: key-1");
    let order = order_body("c-1", "MUG-01", 1).to_string();
    let two_keys = api
        .send_raw("POST", "/orders", &[json, key, "idempotency-key: key-2"], order.as_bytes())
        .await
        .expect(400);
    assert!(
        two_keys.body["detail"].as_str().is_some_and(|detail| detail.contains("comma")),
        "{:#}",
        two_keys.body
    );
    let joined_keys = api
        .send_raw("POST", "/orders", &[json, "idempotency-key: key-1,key-2"], order.as_bytes())
        .await;
    assert_eq!(joined_keys.status, 400, "keys joined without a space: {:#}", joined_keys.body);
    let two_types = api.send_raw("POST", "/orders", &[json, json, key], order.as_bytes()).await;
    assert_eq!(two_types.status, 415, "{:#}", two_types.body);
    let city = order.replace("Berlin", "B\u{0}rlin").into_bytes();
    for invalid in [&b"\xff"[..], b"\xe2\x82", b"\xf0\x9f\x98", b"\xc0\xaf", b"\xed\xa0\x80"] {
        let body: Vec<u8> = city.split(|byte| *byte == 0).collect::<Vec<_>>().join(invalid);
        let answer = api.send_raw("POST", "/orders", &[json, key], &body).await;
        assert_eq!(answer.status, 400, "{invalid:x?}: {:#}", answer.body);
    }
    let repeated = order.replace("\"quantity\":1", "\"quantity\":1,\"quantity\":100");
    assert_ne!(repeated, order);
    let answer =
        api.send_raw("POST", "/orders", &[json, key], repeated.as_bytes()).await.expect(400);
    assert_eq!(answer.pointers(), ["/items/0/quantity"]);
    assert_eq!(commits(&cloud).await, before, "nothing was written");
}

/// The methods of each path in the template's routes.
fn routes() -> BTreeMap<String, BTreeSet<String>> {
    let template = Path::new(env!("CARGO_MANIFEST_DIR")).join("../infra/template.yaml");
    let template = std::fs::read_to_string(template).expect("the template can be read");
    let mut routes = BTreeMap::<String, BTreeSet<String>>::new();
    for key in template.lines().filter_map(|line| line.split_once("RouteKey:")).map(|(_, key)| key)
    {
        let key = key.split('"').nth(1).unwrap_or_default();
        if let Some((method, path)) = key.split_once(' ') {
            routes.entry(path.to_owned()).or_default().insert(method.to_owned());
        }
    }
    assert!(routes.len() > 5, "only these routes were found: {routes:?}");
    routes
}
