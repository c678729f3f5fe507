//! From the gateway's event to the answer: the call that a handler gets, and the answer to any
//! event.

use std::cell::RefCell;

use base64::Engine;
use base64::engine::general_purpose::STANDARD as BASE64;
use futures_util::FutureExt;
use http::header::{ETAG, SET_COOKIE};
use serde_json::{Value, json};
use skald::commit::CorrelationId;

use super::call::MAX_BODY_BYTES;
use super::*;

/// The event of a `POST` with this body, as AWS documents it: `$default` stage, one route.
fn event(body: &str) -> Value {
    json!({
        "version": "2.0",
        "routeKey": "POST /orders/{id}/cancel",
        "rawPath": "/orders/o-1/cancel",
        "rawQueryString": "",
        "cookies": ["cookie1", "cookie2"],
        "headers": { "content-type": "application/json",
            "host": "id.execute-api.us-east-1.amazonaws.com" },
        "requestContext": {
            "accountId": "123456789012",
            "apiId": "api-id",
            "authentication": null,
            "authorizer": { "jwt": { "claims": { "claim1": "value1" }, "scopes": ["scope1"] } },
            "domainName": "id.execute-api.us-east-1.amazonaws.com",
            "domainPrefix": "id",
            "http": {
                "method": "POST", "path": "/orders/o-1/cancel", "protocol": "HTTP/1.1",
                "sourceIp": "192.0.2.1", "userAgent": "agent",
            },
            "requestId": "id",
            "routeKey": "POST /orders/{id}/cancel",
            "stage": "$default",
            "time": "12/Mar/2020:19:03:58 +0000",
            "timeEpoch": 1_583_348_638_390_i64,
        },
        "body": body,
        "pathParameters": { "id": "o-1" },
        "isBase64Encoded": false,
        "stageVariables": { "stageVariable1": "value1" },
    })
}

/// The same event with these values changed; a missing place is added.
fn with(mut event: Value, changes: &[(&str, Value)]) -> Value {
    for (pointer, value) in changes {
        let (parent, name) = pointer.rsplit_once('/').unwrap();
        event.pointer_mut(parent).unwrap()[name] = value.clone();
    }
    event
}

/// The answer to these bytes from a handler that returns `reply`.
fn answered(event: &[u8], reply: impl FnOnce(Call) -> Result<Reply, Problem>) -> Answer {
    answer(event, Timestamp::EPOCH, async move |call| reply(call))
        .now_or_never()
        .expect("nothing waits")
}

/// The call that a handler gets for this event.
fn call(event: &Value) -> Call {
    let got = RefCell::new(None);
    let answer = answered(event.to_string().as_bytes(), |call| {
        got.replace(Some(call));
        Ok(Reply::empty(StatusCode::NO_CONTENT))
    });
    got.take().unwrap_or_else(|| panic!("{event:#} is no call: {answer:?}"))
}

fn ok() -> Result<Reply, Problem> {
    Ok(Reply::json(StatusCode::OK, json!({ "a": 1 })).with_header(ETAG, "\"1\""))
}

/// The problem in this answer.
#[track_caller]
fn problem(answer: &Answer, status: u16) -> Value {
    assert_eq!(answer.status_code, status, "{answer:?}");
    assert_eq!(answer.headers["content-type"], "application/problem+json");
    assert!(CorrelationId::new(&answer.headers["x-correlation-id"]).is_ok(), "{answer:?}");
    let body: Value = serde_json::from_str(answer.body.as_ref().unwrap()).unwrap();
    assert_eq!(body["status"], status);
    body
}

#[test]
fn a_call_has_what_the_gateway_documents() {
    let call = call(&event(r#"{"reason":"changed my mind"}"#));
    assert_eq!(
        (call.method.as_str(), call.segments().as_slice()),
        ("POST", &["orders", "o-1", "cancel"][..])
    );
    assert_eq!(call.json().unwrap(), json!({ "reason": "changed my mind" }));
}

#[test]
fn whatever_is_sent_is_answered_by_a_problem_with_a_correlation_id() {
    for bytes in ["", "\u{0}", "null", "7", "[]", "{}", "{\"headers\":", r#"{"rawPath":"\ud800"}"#]
    {
        problem(&answered(bytes.as_bytes(), |_| ok()), 400);
    }
    problem(&answered(b"\xff\xfe", |_| ok()), 400);
    problem(&answered("[".repeat(100_000).as_bytes(), |_| ok()), 400);
    for (pointer, value) in [
        ("/requestContext", json!(null)),
        ("/requestContext/http", json!({})),
        ("/requestContext", json!([])),
    ] {
        let event =
            with(event("{}"), &[(pointer, value), ("/headers/x-correlation-id", json!("call-1"))]);
        let answer = answered(event.to_string().as_bytes(), |_| ok());
        problem(&answer, 400);
        assert_eq!(answer.headers["x-correlation-id"], "call-1", "the caller's, if it can be read");
    }
}

#[test]
fn nothing_that_a_caller_decides_keeps_a_call_from_its_handler() {
    let malformed = [
        "", " ", "<b>", "\"", "%", "%zz", "%ff", "\u{0}", "a b", "\u{fffd}", "ü", "://", "[::1",
        "?#", "\r\nx: y",
    ];
    let places = [
        "/requestContext/http/path",
        "/requestContext/http/protocol",
        "/requestContext/stage",
        "/routeKey",
        "/rawPath",
        "/rawQueryString",
        "/headers/host",
        "/headers/x-forwarded-proto",
        "/headers/x-forwarded-port",
        "/headers/cookie",
        "/headers/<>",
        "/headers/content-length",
        "/body",
    ];
    for place in places {
        let texts = malformed.iter().map(|text| json!(text));
        for value in texts.chain([json!(null), json!(7), json!([]), json!({}), json!(true)]) {
            let event = with(event("{}"), &[(place, value.clone())]);
            let answer = answered(event.to_string().as_bytes(), |_| ok());
            assert_eq!(
                (answer.status_code, answer.body.as_deref()),
                (200, Some("{\"a\":1}")),
                "{place} {value}"
            );
        }
    }
    for method in ["<b>", "get", "BREW", "a b", "\u{0}"] {
        assert_eq!(
            call(&with(event("{}"), &[("/requestContext/http/method", json!(method))])).method,
            method
        );
    }
}

#[test]
fn a_handler_that_panics_is_answered_by_a_problem() {
    let answer = answered(event("{}").to_string().as_bytes(), |call| panic!("with {call:?}"));
    problem(&answer, 500);
}

#[test]
fn a_correlation_id_that_is_not_valid_or_comes_twice_is_replaced() {
    for (sent, kept) in
        [("call-1", true), ("from the caller", false), ("a,b", false), ("", false), ("ü", false)]
    {
        let event = with(event("{}"), &[("/headers/X-Correlation-Id", json!(sent))]);
        let answer =
            answered(event.to_string().as_bytes(), |_| Ok(Reply::empty(StatusCode::NO_CONTENT)));
        assert_eq!(answer.headers["x-correlation-id"] == sent, kept, "{sent:?}");
        assert_eq!((answer.body, answer.headers.get("content-type")), (None, None));
    }
}

/// The path arrives decoded, except for `%25`. This was observed, and the local cloud does the
/// same.
#[test]
fn a_path_is_decoded_once() {
    for (raw_path, segments) in [
        ("/", &[][..]),
        ("//health//", &["health"]),
        ("/products/MUG 01/", &["products", "MUG 01"]),
        // The path was sent as %2F, %2541 and %41. The first cannot be distinguished from a
        // separator, and the second is not a letter.
        ("/products/a/b", &["products", "a", "b"]),
        ("/products/%2541", &["products", "%41"]),
        ("/products/A", &["products", "A"]),
        ("/products/%41", &["products", "%41"]),
        ("/products/100%25", &["products", "100%"]),
        ("/products/100%", &["products", "100%"]),
    ] {
        let event =
            with(event("{}"), &[("/routeKey", json!("$default")), ("/rawPath", json!(raw_path))]);
        assert_eq!(call(&event).segments(), segments, "{raw_path}");
    }
}

#[test]
fn what_stands_in_front_of_the_route_is_no_part_of_the_path() {
    for (route, stage, raw_path, segments) in [
        ("GET /orders/{id}", "$default", "/orders/o-1", &["orders", "o-1"][..]),
        ("GET /orders/{id}", "prod", "/prod/orders/o-1", &["orders", "o-1"]),
        ("GET /orders/{id}", "prod", "/orders/o-1", &["orders", "o-1"]),
        ("GET /orders/{id}", "prod", "/shop/v1/orders/o-1", &["orders", "o-1"]),
        ("GET /orders/{id}", "orders", "/orders/orders/o-1", &["orders", "o-1"]),
        ("GET /orders/{id}", "orders", "/orders/o-1", &["orders", "o-1"]),
        ("POST /orders", "prod", "/prod/orders", &["orders"]),
        ("ANY /{proxy+}", "prod", "/prod/orders/o-1", &["orders", "o-1"]),
        ("ANY /shop/{proxy+}", "prod", "/prod/shop/orders/o-1", &["orders", "o-1"]),
        ("ANY /shop/{proxy+}", "$default", "/shop/orders/o-1", &["orders", "o-1"]),
        ("$default", "prod", "/prod/nothing", &["nothing"]),
        ("$default", "prod", "/prod", &[]),
        ("$default", "prod", "/production/nothing", &["production", "nothing"]),
        ("$default", "$default", "/$default/nothing", &["$default", "nothing"]),
    ] {
        let changes = [
            ("/routeKey", json!(route)),
            ("/requestContext/routeKey", json!(route)),
            ("/rawPath", json!(raw_path)),
            ("/requestContext/http/path", json!(raw_path)),
            ("/requestContext/stage", json!(stage)),
        ];
        assert_eq!(
            call(&with(event("{}"), &changes)).segments(),
            segments,
            "{route} {stage} {raw_path}"
        );
    }
}

#[test]
fn a_head_is_answered_as_a_get_without_its_body() {
    let head = with(event(""), &[("/requestContext/http/method", json!("HEAD"))]);
    assert_eq!(call(&head).method, "GET");
    let get = answered(event("").to_string().as_bytes(), |_| ok());
    let answer = answered(head.to_string().as_bytes(), |_| ok());
    assert_eq!((answer.status_code, &answer.body), (200, &None));
    assert_eq!(answer.headers["content-length"], get.body.unwrap().len().to_string());
    for name in ["etag", "content-type"] {
        assert_eq!(answer.headers[name], get.headers[name]);
    }
    let empty =
        answered(head.to_string().as_bytes(), |_| Ok(Reply::empty(StatusCode::NOT_MODIFIED)));
    assert_eq!(empty.headers.keys().collect::<Vec<_>>(), ["x-correlation-id"]);
}

#[test]
fn a_header_that_must_be_unique_is_rejected_if_it_comes_twice() {
    let headers = json!({
        "if-match": "\"1\",\"2\"", "x-once": "c", "x-twice": "a, b", "x-bytes": "\u{fffd}",
        "X-Case": "d",
    });
    let call = call(&with(event("{}"), &[("/headers", headers)]));
    assert_eq!(call.single_header("X-Once").unwrap(), Some("c"));
    assert_eq!(call.single_header("x-case").unwrap(), Some("d"));
    assert_eq!(call.single_header("X-None").unwrap(), None);
    for name in ["If-Match", "X-Twice", "X-Bytes"] {
        let problem = call.single_header(name).unwrap_err();
        assert_eq!(problem.status, StatusCode::BAD_REQUEST);
        assert!(problem.body["detail"].to_string().contains(name), "{problem:?}");
    }
    assert!(
        call.single_header("X-Twice").unwrap_err().body["detail"].to_string().contains("comma")
    );
    assert_eq!(call.list_header("If-Match").unwrap(), Some(vec!["\"1\"", "\"2\""]));
    assert_eq!(call.list_header("If-None-Match").unwrap(), None);
    assert!(call.list_header("X-Bytes").is_err());
}

#[test]
fn a_query_is_decoded_and_names_each_parameter_once() {
    let query = |raw: &str| call(&with(event("{}"), &[("/rawQueryString", json!(raw))]));
    let sent = query("limit=3&cursor=a%2Bb+c%3D&&status");
    let parameters = sent.query(&["limit", "cursor", "status"]).unwrap();
    let read = ["limit", "cursor", "status", "none"].map(|name| parameters.get(name));
    assert_eq!(read, [Some("3"), Some("a+b c="), Some(""), None]);
    for raw in ["limit=1&limit=2", "limit=1&limi%74=1", "x=<b>", "limit=%ff", "%ff=1"] {
        let problem = query(raw).query(&["limit"]).unwrap_err();
        assert_eq!(problem.status, StatusCode::BAD_REQUEST, "{raw}");
    }
}

/// The status of the answer when the handler reads this body as JSON.
fn body_status(changes: &[(&str, Value)]) -> u16 {
    call(&with(event("{}"), changes)).json().map_or_else(|problem| problem.status.as_u16(), |_| 200)
}

#[test]
fn a_body_must_be_called_json_be_json_and_be_small() {
    let typed = |media_type: &str| body_status(&[("/headers/content-type", json!(media_type))]);
    assert_eq!(["application/json", "Application/JSON ; charset=utf-8"].map(typed), [200, 200]);
    let others = [
        "text/plain",
        "",
        "application/json,application/json",
        "application/json;a=b, text/plain",
        "\u{fffd}",
    ];
    assert_eq!(others.map(typed), [415; 5]);
    let sent = |body: &str| body_status(&[("/body", json!(body))]);
    assert_eq!(["{\"a\": ", "", "\u{feff}{}", "{} {}", "{\"a\":\"\u{fffd}\"}"].map(sent), [400; 5]);
    assert_eq!(sent(&format!("{}{}", "[".repeat(100), "]".repeat(100))), 400);
    assert_eq!(sent(&format!("\"{}\"", "x".repeat(MAX_BODY_BYTES - 2))), 200);
    assert_eq!(sent(&format!("\"{}\"", "x".repeat(MAX_BODY_BYTES - 1))), 413);
    for body in [json!(null), json!(7), json!({})] {
        assert_eq!(body_status(&[("/body", body)]), 400);
    }
}

#[test]
fn a_body_in_base64_is_decoded_and_its_bytes_are_counted() {
    let encoded =
        |bytes: &[u8]| [("/body", json!(BASE64.encode(bytes))), ("/isBase64Encoded", json!(true))];
    let name = "{\"name\":\"Zoë\"}";
    assert_eq!(
        call(&with(event(""), &encoded(name.as_bytes()))).json().unwrap(),
        json!({ "name": "Zoë" })
    );
    assert_eq!(body_status(&encoded(b"{\"name\":\"\xff\"}")), 400, "not UTF-8");
    assert_eq!(body_status(&encoded(b"{\"name\":\"\xf0\x9f\x98\"}")), 400, "cut");
    assert_eq!(
        body_status(&[("/body", json!("{}")), ("/isBase64Encoded", json!(true))]),
        400,
        "no base64"
    );
    assert_eq!(
        body_status(&encoded(format!("\"{}\"", "x".repeat(MAX_BODY_BYTES - 2)).as_bytes())),
        200
    );
    assert_eq!(
        body_status(&encoded(format!("\"{}\"", "x".repeat(MAX_BODY_BYTES - 1)).as_bytes())),
        413
    );
}

#[test]
fn a_member_that_is_named_twice_is_pointed_at() {
    let problem = call(&event(r#"{"items":[{"quantity":1,"quantity":100}]}"#)).json().unwrap_err();
    assert_eq!(problem.status, StatusCode::BAD_REQUEST);
    assert_eq!(
        problem.body["errors"],
        json!([{ "pointer": "/items/0/quantity", "detail": "is named twice" }])
    );
}

#[test]
fn a_header_of_several_values_and_cookies_reach_the_caller() {
    let reply =
        Reply::empty(StatusCode::OK).with_header(header::VARY, "a").with_header(header::VARY, "b");
    let reply =
        reply.with_header(SET_COOKIE, "a=1").with_header(SET_COOKIE, "b=2").with_header(ETAG, "\n");
    let answer = answered(event("").to_string().as_bytes(), |_| Ok(reply));
    assert_eq!(
        (answer.headers["vary"].as_str(), answer.cookies.as_slice()),
        ("a, b", &["a=1".to_owned(), "b=2".to_owned()][..])
    );
    assert_eq!(answer.headers.get("etag"), None, "an invalid header value is omitted");
    let given = serde_json::to_value(&answer).unwrap();
    assert_eq!((&given["statusCode"], &given["cookies"]), (&json!(200), &json!(["a=1", "b=2"])));
}

#[test]
fn a_problem_is_one_of_rfc_9457() {
    let found = Problem::invalid("Two things are wrong.")
        .with_errors([("/items/0/quantity".to_owned(), "must be at least 1".to_owned())]);
    let answer = answered(event("").to_string().as_bytes(), |_| Err(found));
    assert_eq!(
        problem(&answer, 400),
        json!({
            "type": "urn:skald:problem:invalid-request", "title": "The request is malformed",
            "status": 400,
            "detail": "Two things are wrong.",
            "errors": [{ "pointer": "/items/0/quantity", "detail": "must be at least 1" }],
        })
    );
}

#[test]
fn a_throttled_store_is_a_503_that_says_when_to_come_back() {
    let throttled =
        skald::store::StoreError::Throttled { operation: "PutItem", source: "slow down".into() };
    let answer = answered(event("").to_string().as_bytes(), |_| Err(throttled.into()));
    problem(&answer, 503);
    assert_eq!(answer.headers["retry-after"], "1");
}

#[test]
fn a_call_in_the_log_shows_identifiers_only() {
    let event = with(event("{}"), &[("/rawPath", json!("/customers/jane@example.com/orders"))]);
    assert_eq!(shown_path(&call(&event).path), "/customers/…/orders");
    assert_eq!(["GET", "Jane Doe"].map(shown), ["GET", "…"]);
}
