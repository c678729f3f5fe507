use events::values::LARGEST_EXACT;
use events::{Currency, Money, ProductWithdrawn};
use ordering::customer::CustomerState;
use ordering::placing::{PlacingRejection, price};
use ordering::product::{Product, ProductState};
use ordering::requests::Fault;
use serde_json::{Value, json};
use skald::decider::Decider;
use skald::stream::Version;

use crate::samples::{
    TIME_LIMIT_MS, body, eur, jane, place, product, products, request, time, with,
};

/// The faults of this body when it is priced with these products.
#[track_caller]
fn rejected(
    body: &Value,
    customer: &CustomerState,
    products: &[(ProductState, Version)],
) -> PlacingRejection {
    price(&request(body), customer, products, time("2026-11-21T08:15:30Z"), TIME_LIMIT_MS)
        .unwrap_err()
}

/// Two products that differ only in price.
fn priced(mug: Money, shirt: Money) -> Vec<(ProductState, Version)> {
    [mug, shirt].map(|unit_price| (product("Thing", unit_price), Version::new(1))).to_vec()
}

fn pointers(rejection: &PlacingRejection) -> Vec<String> {
    rejection.faults().into_iter().map(|Fault { pointer, .. }| pointer).collect()
}

#[test]
fn names_prices_and_versions_are_those_of_the_catalogue() {
    let order = place(&body());
    let lines: Vec<_> = order
        .placed()
        .lines
        .iter()
        .map(|line| {
            (
                line.sku.as_str(),
                line.name.as_str(),
                line.unit_price,
                line.product_version.get(),
                line.quantity.get(),
            )
        })
        .collect();
    assert_eq!(lines, [("MUG-01", "Mug", eur(2499), 3, 2), ("TEE-07", "T-shirt", eur(2999), 1, 1)]);
    assert_eq!(order.placed().total, eur(7997));
}

#[test]
fn a_placed_order_contains_customer_address_and_deadline() {
    let order = place(&body());
    let placed = order.placed();
    assert_eq!(placed.customer_id.as_str(), "c-1001");
    assert_eq!(placed.customer_name.reveal().unwrap(), "Jane Doe");
    assert_eq!(placed.payment_token.reveal().unwrap(), "tok_approved");
    assert_eq!(placed.shipping_address.reveal().unwrap().fields().line1, "Am Ufer 1");
    assert_eq!(placed.deadline, time("2026-11-21T08:30:30.250Z"));
    assert_eq!(placed.request_hash, request(&body()).hash());
}

#[test]
fn an_order_without_an_expected_total_is_placed_at_the_current_total() {
    assert_eq!(place(&with("/expected_total", None)).placed().total, eur(7997));
}

#[test]
fn a_total_other_than_the_expected_one_is_rejected() {
    let body = with("/expected_total/amount_minor", json!(7996));
    let rejection = rejected(&body, &jane(), &products());
    assert_eq!(
        rejection,
        PlacingRejection::PriceChanged { expected: eur(7996), actual: eur(7997) }
    );
    assert_eq!(
        rejection.faults(),
        [Fault {
            pointer: "/expected_total".into(),
            detail: "must be the current total: 7997 minor units of EUR".into()
        }]
    );
}

#[test]
fn the_same_amount_in_another_currency_is_a_different_total() {
    let body = with("/expected_total/currency", json!("USD"));
    let expected = Money::new(7997, Currency::USD).unwrap();
    assert_eq!(
        rejected(&body, &jane(), &products()),
        PlacingRejection::PriceChanged { expected, actual: eur(7997) }
    );
}

#[test]
fn an_unknown_customer_and_every_unknown_product_are_reported_at_once() {
    let unknown = (ProductState::default(), Version::START);
    let rejection = rejected(&body(), &CustomerState::default(), &[products()[0].clone(), unknown]);
    assert_eq!(rejection, PlacingRejection::Unknown { customer: true, items: vec![1] });
    assert_eq!(pointers(&rejection), ["/customer_id", "/items/1/sku"]);
}

#[test]
fn only_the_customer_is_reported_if_every_product_is_known() {
    let rejection = rejected(&body(), &CustomerState::default(), &products());
    assert_eq!(pointers(&rejection), ["/customer_id"]);
}

#[test]
fn a_withdrawn_product_cannot_be_ordered() {
    let mut products = products();
    products[0].0 = Product::evolve(products[0].0.clone(), &ProductWithdrawn {}.into());
    let rejection = rejected(&body(), &jane(), &products);
    assert_eq!(rejection, PlacingRejection::Unknown { customer: false, items: vec![0] });
    assert_eq!(pointers(&rejection), ["/items/0/sku"]);
}

#[test]
fn a_product_that_was_not_read_is_unknown() {
    let rejection = rejected(&body(), &jane(), &products()[..1]);
    assert_eq!(rejection, PlacingRejection::Unknown { customer: false, items: vec![1] });
}

#[test]
fn prices_in_several_currencies_are_rejected() {
    let rejection =
        rejected(&body(), &jane(), &priced(eur(2499), Money::new(2999, Currency::USD).unwrap()));
    assert_eq!(rejection, PlacingRejection::MixedCurrencies { items: vec![1] });
    assert_eq!(pointers(&rejection), ["/items/1/sku"]);
}

#[test]
fn a_line_above_the_largest_amount_is_rejected() {
    let rejection = rejected(&body(), &jane(), &priced(eur(LARGEST_EXACT / 2 + 1), eur(1)));
    assert_eq!(rejection, PlacingRejection::TotalOverflow { item: 0 });
    assert_eq!(pointers(&rejection), ["/items/0/quantity"]);
}

#[test]
fn a_total_above_the_largest_amount_is_rejected_at_the_line_that_exceeds_it() {
    let rejection = rejected(&body(), &jane(), &priced(eur(LARGEST_EXACT / 2), eur(2)));
    assert_eq!(rejection, PlacingRejection::TotalOverflow { item: 1 });
}

#[test]
fn the_largest_amount_is_accepted_as_a_total() {
    let products = priced(eur(LARGEST_EXACT / 2), eur(1));
    let request = request(&with("/expected_total", None));
    let order =
        price(&request, &jane(), &products, time("2026-11-21T08:15:30Z"), TIME_LIMIT_MS).unwrap();
    assert_eq!(order.placed().total, eur(LARGEST_EXACT));
}
