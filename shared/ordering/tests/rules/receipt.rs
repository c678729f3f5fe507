use events::{ReceiptBooked, ReceiptEvent, ReceiptReference, ShardQuantity, StockReceived};
use ordering::product::ProductState;
use ordering::receipt::{
    BookReceipt, Receipt, ReceiptCommand, ReceiptRejection, ReceiptState, ReceivingRejection,
    ReceivingStates, receive,
};
use ordering::stock::{MAX_ON_HAND, StockRejection, StockState};
use proptest::prelude::*;
use skald::decider::{Decider, Folded};
use skald::handle::Streams;
use skald::stream::{Tenant, Version};
use skald_testkit::given;

use crate::samples::{quantity, sharded, shards, sku};

fn delivery(number: u64, stock_shards: u64) -> BookReceipt {
    BookReceipt {
        reference: ReceiptReference::new("DN-1").unwrap(),
        sku: sku("MUG-01"),
        quantity: quantity(number),
        stock_shards: shards(stock_shards),
    }
}

fn booked(delivery: &BookReceipt) -> ReceiptEvent {
    ReceiptBooked {
        sku: delivery.sku.clone(),
        quantity: delivery.quantity,
        shards: delivery.shards(),
    }
    .into()
}

#[test]
fn a_delivery_is_booked_with_the_quantity_of_each_shard() {
    let event = ReceiptBooked {
        sku: sku("MUG-01"),
        quantity: quantity(7),
        shards: vec![
            ShardQuantity { shard: 0, quantity: quantity(3) },
            ShardQuantity { shard: 1, quantity: quantity(2) },
            ShardQuantity { shard: 2, quantity: quantity(2) },
        ],
    };
    // The bytes of "DN-1" add up to 240: the remaining piece goes to shard 240 mod 3 = 0.
    given::<Receipt>([]).when(ReceiptCommand::Book(delivery(7, 3))).then([event.into()]);
}

#[test]
fn the_reference_determines_which_shards_get_one_more() {
    let shares = |reference: &str| {
        let reference = ReceiptReference::new(reference).unwrap();
        let parts = BookReceipt { reference, ..delivery(8, 3) }.shards();
        parts.iter().map(|part| part.quantity.get()).collect::<Vec<_>>()
    };
    assert_eq!(shares("DN-1"), [3, 3, 2]);
    assert_eq!(shares("DN-2"), [2, 3, 3]);
    assert_eq!(shares("DN-3"), [3, 2, 3]);
}

#[test]
fn the_same_delivery_is_counted_once_even_if_the_number_of_shards_changed() {
    let past = [booked(&delivery(7, 3))];
    given::<Receipt>(&past).when(ReceiptCommand::Book(delivery(7, 3))).then_nothing();
    given::<Receipt>(&past).when(ReceiptCommand::Book(delivery(7, 16))).then_nothing();
}

#[test]
fn a_reference_cannot_be_used_for_another_quantity_of_the_product() {
    let past = [booked(&delivery(7, 3))];
    let rejected = ReceiptRejection::ReferenceReused;
    given::<Receipt>(&past).when(ReceiptCommand::Book(delivery(8, 3))).then_rejected(rejected);
}

#[test]
fn deliveries_of_several_products_may_share_a_reference() {
    let streams = |name| {
        let book = BookReceipt { sku: sku(name), ..delivery(7, 1) };
        book.streams(&Tenant::default()).ids().remove(0).key()
    };
    let keys = ["MUG-01", "TEE-07"].map(streams);
    assert_eq!(keys, ["default/receipt-MUG-01~DN-1", "default/receipt-TEE-07~DN-1"]);
}

/// The states of this receipt and of a product with these quantities in its shards.
fn state(receipt: ReceiptState, stock: &[u64]) -> ReceivingStates {
    let shard =
        |&on_hand| Folded { state: StockState { on_hand, reserved: 0 }, version: Version::START };
    let product = sharded(shards(stock.len() as u64));
    let product = Folded { state: product, version: Version::new(1) };
    let receipt = Folded { state: receipt, version: Version::START };
    (receipt, (product, stock.iter().map(shard).collect()))
}

#[test]
fn a_delivery_is_added_to_the_receipt_and_to_every_shard_it_names() {
    let book = delivery(7, 3);
    let (receipt, ((), stock)) =
        receive(&state(ReceiptState::Unbooked, &[0, 0, 0]), &book).unwrap();
    assert_eq!(receipt, [booked(&book)]);
    let received = |number| {
        vec![StockReceived { reference: book.reference.clone(), quantity: quantity(number) }.into()]
    };
    assert_eq!(stock, [received(3), received(2), received(2)]);
}

#[test]
fn a_delivery_that_was_booked_already_adds_nothing_to_any_shard() {
    let before = Receipt::evolve(ReceiptState::Unbooked, &booked(&delivery(7, 1)));
    let (receipt, ((), stock)) = receive(&state(before, &[0, 0, 0]), &delivery(7, 3)).unwrap();
    assert!(receipt.is_empty());
    assert_eq!(stock, [[], [], []]);
}

#[test]
fn a_delivery_is_rejected_if_one_shard_cannot_count_its_goods() {
    let rejected = receive(&state(ReceiptState::Unbooked, &[0, MAX_ON_HAND, 0]), &delivery(7, 3));
    assert_eq!(rejected, Err(ReceivingRejection::Stock(StockRejection::Uncountable)));
    let before = Receipt::evolve(ReceiptState::Unbooked, &booked(&delivery(8, 1)));
    let rejected = receive(&state(before, &[0, 0, 0]), &delivery(7, 3));
    assert_eq!(rejected, Err(ReceivingRejection::Receipt(ReceiptRejection::ReferenceReused)));
}

/// Goods are added to the shards that the product has at that moment. A delivery that was already
/// booked does not depend on them.
#[test]
fn a_delivery_is_not_divided_among_shards_that_the_product_no_longer_has() {
    let book = delivery(7, 3);
    for number in [2, 4] {
        let states = state(ReceiptState::Unbooked, &vec![0; number]);
        assert_eq!(receive(&states, &book), Err(ReceivingRejection::Changed));
        let booked = Receipt::evolve(ReceiptState::Unbooked, &booked(&book));
        let (receipt, _) = receive(&state(booked, &vec![0; number]), &book).unwrap();
        assert!(receipt.is_empty());
    }
    let (receipt, (mut product, stock)) = state(ReceiptState::Unbooked, &[0, 0, 0]);
    product.state = ProductState::Unlisted;
    let unlisted = receive(&(receipt, (product, stock)), &book);
    assert_eq!(unlisted, Err(ReceivingRejection::Changed));
}

#[test]
fn receiving_decides_over_the_receipt_the_product_and_the_shards_that_get_something() {
    let names: Vec<String> = delivery(2, 3)
        .streams(&Tenant::default())
        .ids()
        .iter()
        .map(|id| id.name().to_owned())
        .collect();
    assert_eq!(
        names,
        ["receipt-MUG-01~DN-1", "product-MUG-01", "stock-MUG-01~0", "stock-MUG-01~1"]
    );
}

#[test]
fn many_small_deliveries_do_not_all_go_to_the_first_shard() {
    let mut counts = [0; 4];
    for number in 0..1000 {
        let reference = ReceiptReference::new(format!("DN-{number:04}")).unwrap();
        for part in (BookReceipt { reference, ..delivery(1, 4) }).shards() {
            counts[usize::from(part.shard)] += 1;
        }
    }
    assert!(counts.iter().all(|&count| count > 150), "{counts:?}");
}

proptest! {
    #[test]
    fn goods_are_spread_evenly_and_completely(
        number in 1..=1_000_000_000_u64,
        small in 1..=40_u64,
        shards in 1..=16_u64,
        reference in "[A-Za-z0-9._-]{1,64}",
    ) {
        for number in [number, small] {
            let reference = ReceiptReference::new(reference.clone()).unwrap();
            let parts = BookReceipt { reference, ..delivery(number, shards) }.shards();
            prop_assert_eq!(parts.iter().map(|part| u64::from(part.quantity)).sum::<u64>(), number);
            prop_assert_eq!(parts.len() as u64, shards.min(number));
            prop_assert!(parts.is_sorted_by(|a, b| a.shard < b.shard));
            prop_assert!(parts.iter().all(|part| u64::from(part.shard) < shards));
            let quantities = || parts.iter().map(|part| u64::from(part.quantity));
            prop_assert!(quantities().max().unwrap() - quantities().min().unwrap() <= 1);
        }
    }
}
