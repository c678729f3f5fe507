use events::{
    ProductEvent, ProductListed, ProductPriceChanged, ProductRenamed, ProductStockResharded,
    ProductWithdrawn, StockShards,
};
use ordering::product::{Product, ProductCommand, ProductRejection, ProductState};
use ordering::requests::ProductRequest;
use ordering::values::{Name, Price};
use serde_json::json;
use skald::decider::{Decider, decide_in_turn};
use skald_testkit::given;

use crate::samples::{eur, shards};

fn list(name: &str, amount_minor: i64, stock_shards: Option<StockShards>) -> ProductCommand {
    ProductCommand::List {
        name: Name::new(name).unwrap(),
        unit_price: price(amount_minor),
        stock_shards,
    }
}

fn price(amount_minor: i64) -> Price {
    Price::new(eur(amount_minor)).unwrap()
}

fn rename(name: &str) -> ProductCommand {
    ProductCommand::Rename { name: Name::new(name).unwrap() }
}

fn listed(name: &str, amount_minor: i64, number: u64) -> ProductEvent {
    ProductListed { name: name.into(), unit_price: eur(amount_minor), stock_shards: shards(number) }
        .into()
}

fn mug() -> Vec<ProductEvent> {
    vec![listed("Mug", 2499, 4)]
}

fn withdrawn() -> Vec<ProductEvent> {
    [mug(), vec![ProductWithdrawn {}.into()]].concat()
}

/// Every command that changes a product on sale.
fn changes() -> Vec<ProductCommand> {
    vec![
        rename("Cup"),
        ProductCommand::ChangePrice { unit_price: price(2999) },
        ProductCommand::Reshard { stock_shards: shards(8) },
    ]
}

#[test]
fn a_product_is_listed_with_one_shard_by_default() {
    given::<Product>([]).when(list("Mug", 2499, None)).then([listed("Mug", 2499, 1)]);
    given::<Product>([]).when(list("Mug", 2499, Some(shards(4)))).then([listed("Mug", 2499, 4)]);
}

#[test]
fn listing_a_product_on_sale_changes_nothing() {
    given::<Product>(mug()).when(list("Mug", 2499, Some(shards(4)))).then_nothing();
    given::<Product>(mug()).when(list("Cup", 1, Some(shards(1)))).then_nothing();
}

#[test]
fn listing_a_withdrawn_product_puts_it_on_sale_with_its_earlier_shards() {
    given::<Product>(withdrawn()).when(list("Cup", 2999, None)).then([listed("Cup", 2999, 4)]);
    given::<Product>(withdrawn())
        .when(list("Mug", 2499, Some(shards(2))))
        .then([listed("Mug", 2499, 2)]);
}

#[test]
fn a_product_can_be_renamed() {
    given::<Product>(mug())
        .when(rename("Cup"))
        .then([ProductRenamed { name: "Cup".into() }.into()]);
    given::<Product>(mug()).when(rename("Mug")).then_nothing();
}

#[test]
fn a_price_can_be_changed() {
    let change = |amount_minor| ProductCommand::ChangePrice { unit_price: price(amount_minor) };
    given::<Product>(mug())
        .when(change(2999))
        .then([ProductPriceChanged { unit_price: eur(2999) }.into()]);
    given::<Product>(mug()).when(change(2499)).then_nothing();
}

#[test]
fn the_number_of_shards_can_be_changed() {
    let reshard = |number| ProductCommand::Reshard { stock_shards: shards(number) };
    given::<Product>(mug())
        .when(reshard(8))
        .then([ProductStockResharded { stock_shards: shards(8) }.into()]);
    given::<Product>(mug()).when(reshard(4)).then_nothing();
}

#[test]
fn a_product_can_be_withdrawn_once() {
    given::<Product>(mug()).when(ProductCommand::Withdraw).then([ProductWithdrawn {}.into()]);
    given::<Product>(withdrawn()).when(ProductCommand::Withdraw).then_nothing();
}

#[test]
fn a_product_that_was_never_listed_cannot_be_changed_or_withdrawn() {
    for command in changes().into_iter().chain([ProductCommand::Withdraw]) {
        given::<Product>([]).when(command).then_rejected(ProductRejection::NotListed);
    }
}

#[test]
fn a_withdrawn_product_cannot_be_changed() {
    for command in changes() {
        given::<Product>(withdrawn()).when(command).then_rejected(ProductRejection::Withdrawn);
    }
}

#[test]
fn a_product_remembers_how_many_shards_may_hold_stock() {
    let resharded =
        |number| ProductEvent::from(ProductStockResharded { stock_shards: shards(number) });
    let past = [
        mug(),
        vec![resharded(8), resharded(2), ProductWithdrawn {}.into(), listed("Mug", 2499, 3)],
    ]
    .concat();
    let state = past.iter().fold(ProductState::default(), Product::evolve);
    let product = state.on_sale().unwrap();
    assert_eq!((product.stock_shards, product.max_stock_shards), (shards(3), shards(8)));

    let past = [mug(), vec![resharded(8), resharded(2)]].concat();
    let state = past.iter().fold(ProductState::default(), Product::evolve);
    let product = state.on_sale().unwrap();
    assert_eq!((product.stock_shards, product.max_stock_shards), (shards(2), shards(8)));
}

#[test]
fn a_product_is_sold_with_its_changed_name_and_price() {
    let changed = vec![
        ProductRenamed { name: "Cup".into() }.into(),
        ProductPriceChanged { unit_price: eur(1) }.into(),
    ];
    let state = [mug(), changed].concat().iter().fold(ProductState::default(), Product::evolve);
    let product = state.on_sale().unwrap();
    assert_eq!((product.name.as_str(), product.unit_price), ("Cup", eur(1)));
}

#[test]
fn a_withdrawn_product_is_known_but_not_on_sale() {
    let state = withdrawn().iter().fold(ProductState::default(), Product::evolve);
    assert!(state.listed().is_some() && state.on_sale().is_none());
}

/// The events that `PUT /products/{sku}` adds to this history.
fn put(past: &[ProductEvent], body: &serde_json::Value) -> Vec<ProductEvent> {
    let state = past.iter().fold(ProductState::default(), Product::evolve);
    decide_in_turn::<Product>(&state, &ProductRequest::validate(body).unwrap().commands()).unwrap()
}

#[test]
fn putting_a_product_gives_the_requested_state_from_any_state() {
    let body = json!({ "name": "Cup", "unit_price": eur(2999), "stock_shards": 2 });
    assert_eq!(put(&[], &body), [listed("Cup", 2999, 2)]);
    assert_eq!(put(&withdrawn(), &body), [listed("Cup", 2999, 2)]);
    assert_eq!(
        put(&mug(), &body),
        [
            ProductRenamed { name: "Cup".into() }.into(),
            ProductPriceChanged { unit_price: eur(2999) }.into(),
            ProductStockResharded { stock_shards: shards(2) }.into(),
        ]
    );
}

#[test]
fn putting_a_product_again_changes_nothing() {
    assert_eq!(
        put(&mug(), &json!({ "name": "Mug", "unit_price": eur(2499), "stock_shards": 4 })),
        []
    );
    assert_eq!(put(&mug(), &json!({ "name": "Mug", "unit_price": eur(2499) })), []);
}
