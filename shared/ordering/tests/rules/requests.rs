use events::{CancelReason, OrderPlaced, RequestHash};
use ordering::order::{ComparisonError, RequestedOrder};
use ordering::requests::{
    CancelRequest, CustomerRequest, DeliverRequest, DispatchRequest, Fault, ProductRequest,
    ReceiptRequest, ResumeRequest,
};
use serde_json::{Value, json};

use crate::samples::{
    body, customer, placed, placed_at_schema_1, placed_in_form_1, request, time, with,
};

/// The faults of this body, as `pointer: detail`.
fn faults<T>(validated: Result<T, Vec<Fault>>) -> Vec<String> {
    let faults = validated.err().unwrap_or_default();
    faults
        .into_iter()
        .map(Fault::into_parts)
        .map(|(pointer, detail)| format!("{pointer}: {detail}"))
        .collect()
}

/// Asserts that the only fault of an order's body with this value at this pointer is the expected
/// one.
#[track_caller]
fn check(pointer: &str, value: impl Into<Option<Value>>, detail: &str) {
    assert_eq!(
        faults(RequestedOrder::validate(&with(pointer, value))),
        [format!("{pointer}: {detail}")]
    );
}

const FIELDS: &str = "customer_id, items, payment_token, shipping_address, expected_total";
const IDENTIFIER: &str = "must be text of 1 to 64 characters from A-Z a-z 0-9 . _ -";
const QUANTITY: &str = "must be a whole number from 1 to 1000";
const CURRENCY: &str =
    "must be the code of a currency in ISO 4217 that people pay with today, such as EUR";
const LINE: &str = "must be text of 1 to 200 characters, at least one of them visible, \
                    and none that controls or reorders text";

#[test]
fn a_valid_request_is_read_unchanged() {
    let request = request(&body());
    assert_eq!(request.customer_id().as_str(), "c-1001");
    let items: Vec<_> =
        request.items().iter().map(|item| (item.sku.as_str(), item.quantity.get())).collect();
    assert_eq!(items, [("MUG-01", 2), ("TEE-07", 1)]);
    assert_eq!(request.expected_total().unwrap().amount_minor(), 7997);
}

#[test]
fn a_body_that_is_not_an_object_is_rejected() {
    for body in [json!([]), json!("order"), json!(null), json!(17)] {
        assert_eq!(faults(RequestedOrder::validate(&body)), [": must be a JSON object"]);
    }
}

#[test]
fn an_empty_body_gets_a_fault_for_every_missing_field() {
    assert_eq!(
        faults(RequestedOrder::validate(&json!({}))),
        [
            format!("/customer_id: is missing: {IDENTIFIER}"),
            "/items: must be a list of 1 to 50 items".to_owned(),
            "/payment_token: is missing: must be text of 1 to 255 visible ASCII characters"
                .to_owned(),
            "/shipping_address: must be a JSON object".to_owned(),
        ]
    );
}

#[test]
fn all_faults_of_a_body_are_reported_at_once() {
    let body = json!({
        "customer_id": "c 1",
        "items": [{ "sku": "MUG-01", "quantity": 0 }, { "sku": "", "quantity": 1, "price": 1 }],
        "payment_token": 17,
        "shipping_address": {
            "name": "", "line1": "x", "city": 5, "postal_code": "10115", "country": "Germany",
        },
        "expected_total": { "amount_minor": 49.99, "currency": "euro" },
        "coupon/code": true
    });
    assert_eq!(
        faults(RequestedOrder::validate(&body)),
        [
            format!("/coupon~1code: is not a known field: use only {FIELDS}"),
            format!("/customer_id: {IDENTIFIER}"),
            format!("/items/0/quantity: {QUANTITY}"),
            "/items/1/price: is not a known field: use only sku, quantity".to_owned(),
            format!("/items/1/sku: {IDENTIFIER}"),
            "/payment_token: must be text of 1 to 255 visible ASCII characters".to_owned(),
            format!("/shipping_address/name: {LINE}"),
            format!("/shipping_address/city: {LINE}"),
            "/shipping_address/country: must be a country as two upper-case letters, such as DE"
                .to_owned(),
            format!("/expected_total/currency: {CURRENCY}"),
            "/expected_total/amount_minor: must be a whole number from 1 to 9007199254740991"
                .to_owned(),
        ]
    );
}

#[test]
fn a_quantity_is_a_whole_number_from_1_to_1000() {
    for number in [1, 1000] {
        assert!(
            RequestedOrder::validate(&with("/items/0/quantity", json!(number))).is_ok(),
            "{number}"
        );
    }
    for wrong in [
        "0",
        "1001",
        "-1",
        "2.0",
        "1e3",
        "\"2\"",
        "true",
        "[2]",
        "4294967298",
        "99999999999999999999",
    ] {
        check("/items/0/quantity", serde_json::from_str::<Value>(wrong).unwrap(), QUANTITY);
    }
    check("/items/0/quantity", None, &format!("is missing: {QUANTITY}"));
    check("/items/0/quantity", Value::Null, &format!("is missing: {QUANTITY}"));
}

#[test]
fn an_order_has_1_to_50_items() {
    let items = |count: usize| {
        (0..count).map(|n| json!({ "sku": format!("S-{n}"), "quantity": 1 })).collect::<Value>()
    };
    assert!(RequestedOrder::validate(&with("/items", items(50))).is_ok());
    for wrong in [json!([]), items(51), json!({}), json!("MUG-01")] {
        check("/items", wrong, "must be a list of 1 to 50 items");
    }
    check("/items/1", json!("MUG-01"), "must be a JSON object");
}

#[test]
fn no_product_occurs_twice() {
    let items: Value =
        ["A", "B", "A", "A"].into_iter().map(|sku| json!({ "sku": sku, "quantity": 1 })).collect();
    assert_eq!(
        faults(RequestedOrder::validate(&with("/items", items))),
        [2, 3].map(|n| format!(
            "/items/{n}/sku: must differ from the product of /items/0: \
             order more of it there instead"
        ))
    );
}

#[test]
fn an_id_has_only_letters_digits_and_three_punctuation_marks() {
    for wrong in [
        json!(""),
        json!("a b"),
        json!("a/b"),
        json!("a~0"),
        json!("ä"),
        json!("x".repeat(65)),
        json!(7),
    ] {
        check("/customer_id", wrong.clone(), IDENTIFIER);
        check("/items/1/sku", wrong, IDENTIFIER);
    }
}

#[test]
fn a_payment_token_is_visible_ascii() {
    for wrong in
        [json!(""), json!("tok approved"), json!("tök"), json!("t\n"), json!("t".repeat(256))]
    {
        check("/payment_token", wrong, "must be text of 1 to 255 visible ASCII characters");
    }
}

#[test]
fn every_invalid_field_of_an_address_is_rejected() {
    check("/shipping_address/line1", None, LINE);
    check("/shipping_address/line2", json!(""), LINE);
    check("/shipping_address/line1", json!("\u{200b}"), LINE);
    check("/shipping_address/name", json!("Jane \u{202e}eoD"), LINE);
    check("/shipping_address/line2", json!(3), LINE);
    check("/shipping_address/city", json!("x".repeat(201)), LINE);
    let postal_code = "must be text of 1 to 20 characters, at least one of them visible, \
                       and none that controls or reorders text";
    check("/shipping_address/postal_code", json!("\u{2800}"), postal_code);
    check("/shipping_address/postal_code", json!(10115), postal_code);
    check("/shipping_address/postal_code", json!("1".repeat(21)), postal_code);
    check(
        "/shipping_address/street",
        json!("x"),
        "is not a known field: use only name, line1, line2, city, postal_code, country",
    );
    check("/shipping_address", json!("Am Ufer 1, Berlin"), "must be a JSON object");
}

#[test]
fn an_expected_total_is_an_amount_above_zero() {
    let amount = "must be a whole number from 1 to 9007199254740991";
    for wrong in ["0", "-1", "1.0", "\"7997\"", "9007199254740992", "9223372036854775808"] {
        check(
            "/expected_total/amount_minor",
            serde_json::from_str::<Value>(wrong).unwrap(),
            amount,
        );
    }
    // XXX is not a currency, XAU is gold, CLF is a unit of account, and HRK was withdrawn.
    for wrong in ["eur", "XXX", "XTS", "XAU", "CLF", "HRK"] {
        check("/expected_total/currency", json!(wrong), CURRENCY);
    }
    check("/expected_total/currency", None, &format!("is missing: {CURRENCY}"));
    check("/expected_total", json!(7997), "must be a JSON object");
}

#[test]
fn optional_fields_can_be_absent_or_null() {
    assert_eq!(
        request(&with("/expected_total", None)),
        request(&with("/expected_total", Value::Null))
    );
    assert_eq!(request(&with("/shipping_address/line2", Value::Null)), request(&body()));
}

#[test]
fn a_small_invalid_body_does_not_get_a_large_answer() {
    let nonsense: Value = (0..10_000).map(|n| (n.to_string(), json!(0))).collect();
    assert_eq!(faults(RequestedOrder::validate(&nonsense)).len(), 200);
}

#[test]
fn a_fault_never_quotes_what_was_sent() {
    let body = with("/payment_token", json!("tok secret"));
    let details = faults(RequestedOrder::validate(&body)).concat();
    assert!(!details.contains("secret"), "{details}");
}

#[test]
fn no_request_has_personal_data_in_debug_output() {
    let shown = format!("{:?}", request(&body()));
    for text in ["tok_approved", "Jane", "Ufer", "Berlin", "10115"] {
        assert!(!shown.contains(text), "{text} is shown in {shown}");
    }
}

/// If this fails, a request that is repeated across the release is rejected as a different one. The
/// expected hashes were computed independently, from the description of the canonical form.
#[test]
fn the_hash_of_a_request_never_changes_within_a_form() {
    let full = with("/shipping_address/line2", json!("3. OG, Tür Ä"));
    for (body, sha256) in [
        (body(), "e0bc5dbae76e34aa78d0d71e9b321f1916027fbd2f2fb9914f1a75d26616a17e"),
        (full, "bfd98afb52773bb0bc4c880b31b4cf9c90be64e631d834aada1609eda0162b55"),
    ] {
        let in_form_1 = OrderPlaced {
            request_hash: RequestHash { form: 1, sha256: sha256.to_owned() },
            ..placed()
        };
        assert_eq!(request(&body).is_that_of(&in_form_1), Ok(true));
    }
    for (body, sha256) in [
        (body(), "0550c8d870c33444b06a124380218849aa19d60af694e4f43d3b472ed32646d9"),
        (
            with("/expected_total", None),
            "7c7761abe0e5abc23c8932d7e7ac5657ad3b24ffb16f81345fbec72585680d36",
        ),
    ] {
        assert_eq!(request(&body).hash(), RequestHash { form: 2, sha256: sha256.to_owned() });
    }
}

/// The erased values can no longer be compared, and the key identifies the existing order.
#[test]
fn a_repeated_request_is_recognized_after_its_customer_was_erased() {
    let erased: OrderPlaced = {
        let mut json = serde_json::to_value(placed()).unwrap();
        for field in ["customer_name", "payment_token", "shipping_address"] {
            json[field] = json!({ "$person": "c-1001", "erased": true });
        }
        serde_json::from_value(json).unwrap()
    };
    assert_eq!(request(&body()).is_that_of(&erased), Ok(true));
    assert_eq!(request(&with("/items/0/quantity", json!(3))).is_that_of(&erased), Ok(false));
}

#[test]
fn a_request_is_not_compared_with_a_sealed_order() {
    let mut json = serde_json::to_value(placed()).unwrap();
    json["payment_token"] = json!({ "$person": "c-1001", "sealed": "AQID" });
    let sealed = serde_json::from_value(json).unwrap();
    assert_eq!(request(&body()).is_that_of(&sealed), Err(ComparisonError::Sealed));
}

#[test]
fn a_request_matches_only_the_order_that_it_placed() {
    assert_eq!(request(&body()).is_that_of(&placed()), Ok(true));
    assert_eq!(
        request(&with("/shipping_address/city", json!("Potsdam"))).is_that_of(&placed()),
        Ok(false)
    );
}

/// The order was stored before hashes recorded their canonical form.
#[test]
fn a_request_matches_its_order_that_was_placed_at_schema_1() {
    let placed = placed_at_schema_1();
    assert_eq!(request(&body()).is_that_of(&placed), Ok(true));
    assert_eq!(
        request(&with("/shipping_address/city", json!("Potsdam"))).is_that_of(&placed),
        Ok(false)
    );
}

/// Calling it a different request would reject a repetition; calling it a repetition would lose an
/// order.
#[test]
fn a_request_is_not_compared_with_an_order_of_an_unknown_form() {
    let hash = request(&body()).hash();
    for form in [0, hash.form + 1] {
        let newer = OrderPlaced { request_hash: RequestHash { form, ..hash.clone() }, ..placed() };
        assert_eq!(request(&body()).is_that_of(&newer), Err(ComparisonError::UnknownForm(form)));
    }
}

#[test]
fn the_same_request_in_different_json_has_the_same_hash() {
    let reformatted = r#"{ "shipping_address":{"country":"DE","postal_code":"10115",
        "city":"Berlin","line2":null,"line1":"Am Ufer 1","name":"\u004aane Doe"},
        "payment_token":"tok_approved",
        "expected_total": {"currency":"EUR","amount_minor":7997},
        "items":[{"quantity":2,"sku":"MUG-01"},{"quantity":1,"sku":"TEE-07"}],
        "customer_id":"c-1001" }"#;
    assert_eq!(
        request(&serde_json::from_str(reformatted).unwrap()).hash(),
        request(&body()).hash()
    );
}

#[test]
fn a_request_that_differs_in_any_field_is_a_different_one() {
    let others = [
        with("/customer_id", json!("c-1002")),
        with(
            "/items",
            json!([{ "sku": "TEE-07", "quantity": 1 }, { "sku": "MUG-01", "quantity": 2 }]),
        ),
        with("/items", json!([{ "sku": "MUG-01", "quantity": 2 }])),
        with("/items/0/sku", json!("MUG-02")),
        with("/items/0/quantity", json!(3)),
        with("/payment_token", json!("tok_declined")),
        with("/shipping_address/name", json!("Jane Roe")),
        with("/shipping_address/line1", json!("Am Ufer 2")),
        with("/shipping_address/line2", json!("3. OG")),
        with("/shipping_address/city", json!("Potsdam")),
        with("/shipping_address/postal_code", json!("10116")),
        with("/shipping_address/country", json!("AT")),
        with("/expected_total/amount_minor", json!(7998)),
        with("/expected_total/currency", json!("USD")),
        with("/expected_total", None),
        body(),
    ];
    let placed: Vec<OrderPlaced> = [placed(), placed_in_form_1()].into();
    for other in others {
        for placed in &placed {
            let form = placed.request_hash.form;
            assert_eq!(
                request(&other).is_that_of(placed),
                Ok(other == body()),
                "in form {form}: {other}"
            );
        }
    }
}

#[test]
fn text_moved_from_one_field_to_the_next_makes_a_different_request() {
    let items = |first: &str, second: &str| {
        let items = json!([{ "sku": first, "quantity": 1 }, { "sku": second, "quantity": 1 }]);
        request(&with("/items", items)).hash()
    };
    assert_ne!(items("ab", "c"), items("a", "bc"));
    assert_ne!(items("a1", "b"), items("a", "1b"));
}

#[test]
fn a_product_needs_a_name_and_a_price() {
    let price = json!({ "amount_minor": 2499, "currency": "EUR" });
    let request = ProductRequest::validate(
        &json!({ "name": "Mug", "unit_price": price, "stock_shards": 16 }),
    )
    .unwrap();
    assert_eq!((request.name.as_str(), request.unit_price.money().amount_minor()), ("Mug", 2499));
    assert_eq!(request.stock_shards.unwrap().get(), 16);

    let without_shards = ProductRequest::validate(
        &json!({ "name": "Mug", "unit_price": price, "stock_shards": null }),
    );
    assert_eq!(without_shards.unwrap().stock_shards, None);

    assert_eq!(
        faults(ProductRequest::validate(&json!({ "price": 1, "stock_shards": 17 }))),
        [
            "/price: is not a known field: use only name, unit_price, stock_shards".to_owned(),
            format!("/name: is missing: {LINE}"),
            "/unit_price: must be a JSON object".to_owned(),
            "/stock_shards: must be a whole number from 1 to 16".to_owned(),
        ]
    );
}

#[test]
fn a_customer_needs_a_name_and_an_email_address() {
    let request = CustomerRequest::validate(
        &customer(),
        &json!({ "name": "Jane Doe", "email": "jane@example.com" }),
    )
    .unwrap();
    assert_eq!(request.name.reveal().unwrap().as_str(), "Jane Doe");
    assert_eq!(request.email.reveal().unwrap().as_str(), "jane@example.com");
    assert_eq!(
        faults(CustomerRequest::validate(
            &customer(),
            &json!({ "name": "\u{7}", "email": "jane", "age": 7 })
        )),
        [
            "/age: is not a known field: use only name, email".to_owned(),
            format!("/name: {LINE}"),
            "/email: must be an e-mail address of at most 254 characters, such as jane@example.com"
                .to_owned(),
        ]
    );
}

#[test]
fn a_receipt_needs_a_quantity_and_a_reference() {
    let request =
        ReceiptRequest::validate(&json!({ "quantity": 1_000_000_000, "reference": "DN-1" }))
            .unwrap();
    assert_eq!((request.quantity.get(), request.reference.as_str()), (1_000_000_000, "DN-1"));
    assert_eq!(
        faults(ReceiptRequest::validate(&json!({ "quantity": 1_000_000_001, "reference": "" }))),
        [
            "/quantity: must be a whole number from 1 to 1000000000".to_owned(),
            format!("/reference: {IDENTIFIER}"),
        ]
    );
}

#[test]
fn a_request_to_cancel_has_a_readable_reason_and_says_who_asks() {
    let request = CancelRequest::validate(&json!({ "reason": "I ordered twice" })).unwrap();
    assert_eq!(request.note.as_str(), "I ordered twice");
    assert_eq!(request.cancelled_by.reason(), CancelReason::CustomerRequest);
    let by = |by: &str| CancelRequest::validate(&json!({ "reason": "x", "cancelled_by": by }));
    let reasons = ["customer", "operator"].map(|name| by(name).unwrap().cancelled_by.reason());
    assert_eq!(reasons, [CancelReason::CustomerRequest, CancelReason::OperatorRequest]);
    assert_eq!(faults(by("saga")), ["/cancelled_by: must be customer or operator"]);
    let of = |reason: &str| CancelRequest::validate(&json!({ "reason": reason }));
    assert!(of(&"ö".repeat(500)).is_ok());
    for reason in ["", " ", "\u{200b}", &"ö".repeat(501)] {
        assert_eq!(faults(of(reason)).len(), 1, "{reason:?}");
    }
}

#[test]
fn a_request_to_resume_extends_the_deadline_by_up_to_30_days() {
    let of = |extend_by_s: Value| ResumeRequest::validate(&json!({ "extend_by_s": extend_by_s }));
    let at = time("2026-11-21T08:15:30.250Z");
    assert_eq!(ResumeRequest::validate(&json!({})).unwrap().extend_to(at), None);
    assert_eq!(of(json!(90)).unwrap().extend_to(at), Some(time("2026-11-21T08:17:00.250Z")));
    assert_eq!(of(json!(2_592_000)).unwrap().extend_to(at), Some(time("2026-12-21T08:15:30.250Z")));
    for invalid in [json!(0), json!(2_592_001), json!(1.5), json!("90")] {
        let detail = "/extend_by_s: must be a whole number of seconds from 1 to 2592000";
        assert_eq!(faults(of(invalid)), [detail]);
    }
}

#[test]
fn a_request_to_dispatch_may_have_a_tracking_code() {
    let of = |code: Value| DispatchRequest::validate(&json!({ "tracking_code": code }));
    assert_eq!(DispatchRequest::validate(&json!({})).unwrap().tracking_code, None);
    assert_eq!(of(json!("JD-0146")).unwrap().tracking_code.unwrap().as_str(), "JD-0146");
    for invalid in [json!(""), json!("a b"), json!("x".repeat(65)), json!(7)] {
        let detail = "/tracking_code: must be text of 1 to 64 visible ASCII characters";
        assert_eq!(faults(of(invalid)), [detail]);
    }
    assert!(DeliverRequest::validate(&json!({})).is_ok());
    assert_eq!(
        faults(DeliverRequest::validate(&json!({ "tracking_code": "x" }))),
        ["/tracking_code: is not a known field: there are none"]
    );
}
