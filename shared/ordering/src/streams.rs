//! The names of the streams, and the order or the stock that a stream belongs to.

use events::{
    CategoryEvent, CustomerEvent, CustomerId, OrderEvent, OrderId, PaymentEvent, ProductEvent,
    ReceiptEvent, ReceiptReference, ReservationEvent, ShipmentEvent, Sku, StockEvent,
};
use skald::stream::{Category, StreamId, Tenant};

/// `order-<uuid>`
#[must_use]
pub fn order(tenant: &Tenant, id: OrderId) -> StreamId {
    stream(tenant, OrderEvent::CATEGORY, &id.to_string())
}

/// `reservation-<uuid of the order>`
#[must_use]
pub fn reservation(tenant: &Tenant, id: OrderId) -> StreamId {
    stream(tenant, ReservationEvent::CATEGORY, &id.to_string())
}

/// `payment-<uuid of the order>`
#[must_use]
pub fn payment(tenant: &Tenant, id: OrderId) -> StreamId {
    stream(tenant, PaymentEvent::CATEGORY, &id.to_string())
}

/// `shipment-<uuid of the order>`
#[must_use]
pub fn shipment(tenant: &Tenant, id: OrderId) -> StreamId {
    stream(tenant, ShipmentEvent::CATEGORY, &id.to_string())
}

/// `product-<sku>`
#[must_use]
pub fn product(tenant: &Tenant, sku: &Sku) -> StreamId {
    stream(tenant, ProductEvent::CATEGORY, sku.as_str())
}

/// `customer-<id>`
#[must_use]
pub fn customer(tenant: &Tenant, id: &CustomerId) -> StreamId {
    stream(tenant, CustomerEvent::CATEGORY, id.as_str())
}

/// `stock-<sku>~<shard>`; shards count from 0.
#[must_use]
pub fn stock(tenant: &Tenant, sku: &Sku, shard: u16) -> StreamId {
    stream(tenant, StockEvent::CATEGORY, &format!("{sku}~{shard}"))
}

/// `receipt-<sku>~<reference>`, because a delivery note may list many products. Neither part
/// contains a `~`.
#[must_use]
pub fn receipt(tenant: &Tenant, sku: &Sku, reference: &ReceiptReference) -> StreamId {
    stream(tenant, ReceiptEvent::CATEGORY, &format!("{sku}~{reference}"))
}

/// The order that this stream belongs to; `None` for streams of other categories.
#[must_use]
pub fn order_of(stream: &StreamId) -> Option<OrderId> {
    let id = stream.id().parse().ok()?;
    (stream.category() == OrderEvent::CATEGORY).then_some(id)
}

/// The product and the shard that this stream belongs to; `None` for streams of other categories.
#[must_use]
pub fn stock_of(stream: &StreamId) -> Option<(Sku, u16)> {
    let (sku, shard) = stream.id().split_once('~')?;
    let (sku, shard) = (Sku::new(sku).ok()?, shard.parse().ok()?);
    (self::stock(stream.tenant(), &sku, shard) == *stream).then_some((sku, shard))
}

/// A stream with this id. Every id here consists of at most two identifiers and a `~`, which a
/// stream's name allows.
fn stream(tenant: &Tenant, category: &Category, id: &str) -> StreamId {
    StreamId::new(tenant, category, id)
        .expect("two identifiers of 64 characters and a separator fit a stream's name")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_longest_ids_fit() {
        let tenant = Tenant::default();
        let longest = "x".repeat(64);
        let sku = Sku::new(&*longest).unwrap();
        assert_eq!(product(&tenant, &sku).id(), longest);
        assert_eq!(customer(&tenant, &CustomerId::new(&*longest).unwrap()).id(), longest);
        let reference = ReceiptReference::new(&*longest).unwrap();
        assert_eq!(receipt(&tenant, &sku, &reference).id(), format!("{longest}~{longest}"));
        assert_eq!(stock(&tenant, &sku, u16::MAX).id(), format!("{longest}~65535"));
    }

    #[test]
    fn a_stream_names_its_order_or_stock() {
        let tenant = Tenant::new("shop").unwrap();
        let id: OrderId = "8c8bb6e7-14ad-5847-9d2c-0d1ecbd64873".parse().unwrap();
        let sku = Sku::new("MUG-01").unwrap();
        assert_eq!(order(&tenant, id).key(), "shop/order-8c8bb6e7-14ad-5847-9d2c-0d1ecbd64873");
        assert_eq!(order_of(&order(&tenant, id)), Some(id));
        for (stream, category) in [
            (reservation(&tenant, id), "reservation"),
            (payment(&tenant, id), "payment"),
            (shipment(&tenant, id), "shipment"),
        ] {
            assert_eq!(stream.key(), format!("shop/{category}-{id}"));
        }
        assert_eq!(stock(&tenant, &sku, 15).key(), "shop/stock-MUG-01~15");
        assert_eq!(stock_of(&stock(&tenant, &sku, 15)), Some((sku, 15)));
    }

    #[test]
    fn a_stream_of_another_category_names_no_order_or_stock() {
        let tenant = Tenant::default();
        for name in ["stock-8c8bb6e7-14ad-5847-9d2c-0d1ecbd64873", "order-17"] {
            assert_eq!(order_of(&StreamId::named(&tenant, name).unwrap()), None, "{name}");
        }
        for name in [
            "product-MUG-01~0",
            "stock-MUG-01",
            "stock-MUG-01~",
            "stock-MUG-01~00",
            "stock-MUG-01~1~2",
        ] {
            assert_eq!(stock_of(&StreamId::named(&tenant, name).unwrap()), None, "{name}");
        }
    }
}
