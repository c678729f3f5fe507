//! Every event decodes to the value that was encoded, and its stored form matches its schema.

#![expect(clippy::unwrap_used, reason = "a test fails by panicking")]

mod catalogue;

use std::collections::BTreeMap;
use std::fmt::Debug;
use std::sync::LazyLock;

use events::values::LARGEST_EXACT;
use events::*;
use jsonschema::{Validator, validator_for};
use proptest::option;
use proptest::prelude::*;
use proptest::sample::select;
use serde_json::json;
use skald::event::DomainEvent;
use skald::personal::Personal;
use skald::stream::Version;
use skald::time::Timestamp;

/// The validator of a shape's schema.
static VALIDATORS: LazyLock<BTreeMap<(String, u32), Validator>> = LazyLock::new(|| {
    let schemas = catalogue::schemas();
    let validators = schemas.shapes().map(|shape| {
        let schema = schemas.get(&shape.event_type, shape.schema).unwrap();
        ((shape.event_type.clone(), shape.schema), validator_for(schema).unwrap())
    });
    validators.collect()
});

/// The events of a category, as generated for the test.
trait Generated: DomainEvent {
    /// Every variant, with any values.
    fn strategy() -> BoxedStrategy<Self>;
}

/// # Errors
/// The test fails if the decoded event differs from the encoded one, or if the stored data does
/// not match its schema.
fn check<E: DomainEvent + Debug + PartialEq>(event: &E) -> Result<(), TestCaseError> {
    let stored = event.encode().unwrap();
    prop_assert_eq!(&E::decode(&stored).unwrap(), event);
    // Encoding the decoded event gives the same bytes: an event has one stored form.
    prop_assert_eq!(&E::decode(&stored).unwrap().encode().unwrap(), &stored);
    let validator = &VALIDATORS[&(stored.event_type.clone(), stored.schema)];
    let data = serde_json::from_slice(&stored.data).unwrap();
    let faults: Vec<_> = validator.iter_errors(&data).map(|fault| fault.to_string()).collect();
    prop_assert_eq!(faults, Vec::<String>::new());
    Ok(())
}

/// Personal data that is plain, sealed or erased.
fn personal() -> impl Strategy<Value = Personal<String>> {
    let content = prop_oneof![
        any::<String>().prop_map(|value| ("plain", json!(value))),
        "[A-Za-z0-9+/]{4,80}".prop_map(|sealed| ("sealed", json!(sealed))),
        Just(("erased", json!(true))),
    ];
    ("[A-Za-z0-9._-]{1,64}", content).prop_map(|(of, (form, content))| {
        serde_json::from_value(json!({ "$person": of, form: content })).unwrap()
    })
}

fn sku() -> impl Strategy<Value = Sku> {
    "[A-Za-z0-9._-]{1,64}".prop_map(|text| Sku::new(text).unwrap())
}

fn quantity() -> impl Strategy<Value = Quantity> {
    (1..=1_000_000_000_u64).prop_map(|number| Quantity::new(number).unwrap())
}

fn money() -> impl Strategy<Value = Money> {
    (-LARGEST_EXACT..=LARGEST_EXACT, select(vec![Currency::EUR, Currency::JPY, Currency::BHD]))
        .prop_map(|(amount_minor, currency)| Money::new(amount_minor, currency).unwrap())
}

fn shards() -> impl Strategy<Value = StockShards> {
    (1..=16_u64).prop_map(|number| StockShards::new(number).unwrap())
}

fn order_id() -> impl Strategy<Value = OrderId> {
    any::<[u8; 16]>().prop_map(|bytes| OrderId::new(uuid::Uuid::from_bytes(bytes)))
}

fn address() -> impl Strategy<Value = Address> {
    let line = || "[A-Za-zÀ-ž一-龥☀-☃][^\\pC\\pZ]{0,99}";
    (line(), line(), option::of(line()), line(), "[0-9A-Z]{1,20}", "[A-Z]{2}").prop_map(
        |(name, line1, line2, city, postal_code, country)| {
            Address::new(AddressFields { name, line1, line2, city, postal_code, country }).unwrap()
        },
    )
}

fn line() -> impl Strategy<Value = OrderLine> {
    (sku(), any::<String>(), any::<u64>(), quantity(), money()).prop_map(
        |(sku, name, version, quantity, unit_price)| OrderLine {
            sku,
            name,
            product_version: Version::new(version),
            quantity,
            unit_price,
        },
    )
}

fn time() -> impl Strategy<Value = Timestamp> {
    (0..=253_402_207_200_000_i64).prop_map(|millis| Timestamp::from_millis(millis).unwrap())
}

fn placed() -> impl Strategy<Value = OrderPlaced> {
    let customer = "[A-Za-z0-9._-]{1,64}".prop_map(|text| CustomerId::new(text).unwrap());
    let deadline = time();
    let lines = proptest::collection::vec(line(), 1..5);
    let request_hash =
        (any::<u32>(), "[0-9a-f]{64}").prop_map(|(form, sha256)| RequestHash { form, sha256 });
    (customer, personal(), lines, money(), personal(), address(), deadline, request_hash).prop_map(
        |(
            customer_id,
            customer_name,
            lines,
            total,
            payment_token,
            address,
            deadline,
            request_hash,
        )| OrderPlaced {
            shipping_address: Personal::of(customer_id.person(), address),
            customer_id,
            customer_name,
            lines,
            total,
            payment_token,
            deadline,
            request_hash,
        },
    )
}

fn reason() -> impl Strategy<Value = CancelReason> {
    select(vec![
        CancelReason::StockUnavailable,
        CancelReason::PaymentDeclined,
        CancelReason::ShipmentRefused,
        CancelReason::CustomerRequest,
        CancelReason::OperatorRequest,
        CancelReason::CustomerErased,
        CancelReason::Expired,
        CancelReason::CaptureFailed,
    ])
}

impl Generated for OrderEvent {
    fn strategy() -> BoxedStrategy<Self> {
        prop_oneof![
            placed().prop_map(Into::into),
            Just(OrderCommitted {}.into()),
            Just(OrderConfirmed {}.into()),
            Just(OrderDispatched {}.into()),
            Just(OrderDelivered {}.into()),
            (reason(), option::of(personal())).prop_map(|(reason, note)| OrderUndoStarted {
                reason,
                note
            }
            .into()),
            reason().prop_map(|reason| OrderCancelled { reason }.into()),
            any::<(String, String)>().prop_map(|(step, error)| OrderParked { step, error }.into()),
            (any::<u32>(), option::of(time())).prop_map(|(attempt, deadline)| OrderResumed {
                attempt,
                deadline
            }
            .into()),
        ]
        .boxed()
    }
}

impl Generated for ProductEvent {
    fn strategy() -> BoxedStrategy<Self> {
        prop_oneof![
            (any::<String>(), money(), shards()).prop_map(|(name, unit_price, stock_shards)| {
                ProductListed { name, unit_price, stock_shards }.into()
            }),
            any::<String>().prop_map(|name| ProductRenamed { name }.into()),
            money().prop_map(|unit_price| ProductPriceChanged { unit_price }.into()),
            shards().prop_map(|stock_shards| ProductStockResharded { stock_shards }.into()),
            Just(ProductWithdrawn {}.into()),
        ]
        .boxed()
    }
}

impl Generated for CustomerEvent {
    fn strategy() -> BoxedStrategy<Self> {
        prop_oneof![
            (personal(), personal())
                .prop_map(|(name, email)| CustomerRegistered { name, email }.into()),
            personal().prop_map(|name| CustomerRenamed { name }.into()),
            personal().prop_map(|email| CustomerEmailChanged { email }.into()),
            Just(CustomerErased {}.into()),
        ]
        .boxed()
    }
}

impl Generated for StockEvent {
    fn strategy() -> BoxedStrategy<Self> {
        let reference =
            "[A-Za-z0-9._-]{1,64}".prop_map(|text| ReceiptReference::new(text).unwrap());
        prop_oneof![
            (reference, quantity()).prop_map(|(reference, quantity)| StockReceived {
                reference,
                quantity
            }
            .into()),
            (order_id(), quantity()).prop_map(|(order_id, quantity)| StockReserved {
                order_id,
                quantity
            }
            .into()),
            (order_id(), quantity()).prop_map(|(order_id, quantity)| StockReleased {
                order_id,
                quantity
            }
            .into()),
            (order_id(), quantity()).prop_map(|(order_id, quantity)| StockShipped {
                order_id,
                quantity
            }
            .into()),
            (order_id(), quantity()).prop_map(|(order_id, quantity)| StockReturned {
                order_id,
                quantity
            }
            .into()),
            (order_id(), any::<u16>(), quantity()).prop_map(|(order_id, to_shard, quantity)| {
                StockMovedOut { order_id, to_shard, quantity }.into()
            }),
            (order_id(), proptest::collection::vec(shard_quantity(), 0..16))
                .prop_map(|(order_id, from)| StockMovedIn { order_id, from }.into()),
        ]
        .boxed()
    }
}

fn shard_quantity() -> impl Strategy<Value = ShardQuantity> {
    (any::<u16>(), quantity()).prop_map(|(shard, quantity)| ShardQuantity { shard, quantity })
}

impl Generated for ReceiptEvent {
    fn strategy() -> BoxedStrategy<Self> {
        (sku(), quantity(), proptest::collection::vec(shard_quantity(), 0..16))
            .prop_map(|(sku, quantity, shards)| ReceiptBooked { sku, quantity, shards }.into())
            .boxed()
    }
}

fn visible() -> impl Strategy<Value = String> {
    "[!-~]{1,255}"
}

impl Generated for ReservationEvent {
    fn strategy() -> BoxedStrategy<Self> {
        let line = (sku(), any::<u16>(), quantity())
            .prop_map(|(sku, shard, quantity)| ReservedLine { sku, shard, quantity });
        let short = (sku(), quantity(), any::<u64>())
            .prop_map(|(sku, wanted, available)| ShortLine { sku, wanted, available });
        prop_oneof![
            proptest::collection::vec(line, 0..16)
                .prop_map(|lines| ReservationMade { lines }.into()),
            proptest::collection::vec(short, 0..16)
                .prop_map(|short| ReservationRefused { short }.into()),
            Just(ReservationReleased {}.into()),
            Just(ReservationShipped {}.into()),
            Just(ReservationReturned {}.into()),
            Just(ReservationAbandoned {}.into()),
        ]
        .boxed()
    }
}

impl Generated for PaymentEvent {
    fn strategy() -> BoxedStrategy<Self> {
        let requested = (visible(), money()).prop_map(|(key, amount)| {
            PaymentAuthorizationRequested { attempt_key: AttemptKey::new(key).unwrap(), amount }
                .into()
        });
        prop_oneof![
            requested,
            visible().prop_map(|id| PaymentAuthorized {
                authorization: AuthorizationId::new(id).unwrap()
            }
            .into()),
            any::<String>().prop_map(|reason| PaymentDeclined { reason }.into()),
            Just(PaymentCaptureRequested {}.into()),
            Just(PaymentCaptured {}.into()),
            any::<String>().prop_map(|reason| PaymentCaptureRefused { reason }.into()),
            Just(PaymentVoidRequested {}.into()),
            Just(PaymentVoided {}.into()),
            Just(PaymentRefundRequested {}.into()),
            Just(PaymentRefunded {}.into()),
        ]
        .boxed()
    }
}

fn tracking_code() -> impl Strategy<Value = TrackingCode> {
    "[!-~]{1,64}".prop_map(|code| TrackingCode::new(code).unwrap())
}

impl Generated for ShipmentEvent {
    fn strategy() -> BoxedStrategy<Self> {
        prop_oneof![
            visible()
                .prop_map(
                    |key| ShipmentRequested { attempt_key: AttemptKey::new(key).unwrap() }.into()
                ),
            visible().prop_map(|id| ShipmentCreated { parcel: ParcelId::new(id).unwrap() }.into()),
            any::<String>().prop_map(|reason| ShipmentRefused { reason }.into()),
            Just(ShipmentCancelRequested {}.into()),
            Just(ShipmentCancelled {}.into()),
            option::of(tracking_code())
                .prop_map(|tracking_code| ShipmentDispatched { tracking_code }.into()),
            Just(ShipmentDelivered {}.into()),
        ]
        .boxed()
    }
}

#[test]
fn every_event_survives_a_round_trip() {
    fn check_category<E: Generated + Debug + PartialEq>() {
        proptest!(|(event in E::strategy())| check(&event)?);
    }
    for_each_category!(|E| check_category::<E>());
}
