//! Turns a request to place an order into a command, with current names and prices.
//!
//! Prices, names and versions come from the catalogue, never from the caller.

use events::{Money, OrderLine, OrderPlaced};
use skald::stream::Version;
use skald::time::Timestamp;

use crate::customer::CustomerState;
use crate::order::{PlaceOrder, RequestedOrder};
use crate::product::ProductState;
use crate::requests::Fault;

/// Why an order is not accepted. Nothing is stored, so the same request may be tried again.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum PlacingRejection {
    /// The customer does not exist, or some products do not exist or are not on sale.
    #[error("the customer is not registered, or a product is not on sale")]
    Unknown {
        /// Whether the customer does not exist.
        customer: bool,
        /// The items whose products are not on sale, counted from 0.
        items: Vec<usize>,
    },
    /// Not all prices are in one currency.
    #[error("the prices are in several currencies")]
    MixedCurrencies {
        /// The items priced in a different currency than item 0.
        items: Vec<usize>,
    },
    /// The total is larger than [`Money`] can be.
    #[error("the total is too large")]
    TotalOverflow {
        /// The item at which the sum becomes too large.
        item: usize,
    },
    /// The total differs from the one that the customer expects.
    #[error("the total differs from the expected total")]
    PriceChanged {
        /// The expected total of the request.
        expected: Money,
        /// The current total.
        actual: Money,
    },
}

impl PlacingRejection {
    /// Every fault, with the JSON pointer of its place in the request.
    #[must_use]
    pub fn faults(&self) -> Vec<Fault> {
        let fault = |pointer: String, detail: String| Fault { pointer, detail };
        let sku = |item: &usize| format!("/items/{item}/sku");
        match self {
            Self::Unknown { customer, items } => {
                let customer = customer
                    .then(|| fault("/customer_id".into(), "is not a registered customer".into()));
                let items =
                    items.iter().map(|item| fault(sku(item), "is not a product on sale".into()));
                customer.into_iter().chain(items).collect()
            }
            Self::MixedCurrencies { items } => {
                let detail = "is priced in a different currency than /items/0: \
                              place a separate order for it";
                items.iter().map(|item| fault(sku(item), detail.into())).collect()
            }
            Self::TotalOverflow { item } => {
                vec![fault(
                    format!("/items/{item}/quantity"),
                    "makes the total larger than 9007199254740991 minor units: order less".into(),
                )]
            }
            Self::PriceChanged { actual, .. } => {
                let (amount, currency) = (actual.amount_minor(), actual.currency().code());
                vec![fault(
                    "/expected_total".into(),
                    format!("must be the current total: {amount} minor units of {currency}"),
                )]
            }
        }
    }
}

/// The command that places the order, with current names and prices.
///
/// `products` has the product of each item, in the order of the items, and the version of its
/// stream. A missing product counts as unknown. The order is undone if it is not committed
/// `time_limit_ms` after `placed_at`.
///
/// # Errors
/// [`PlacingRejection`] with the first kind of fault that applies, in the order of its variants,
/// and every fault of that kind.
pub fn price(
    request: &RequestedOrder,
    customer: &CustomerState,
    products: &[(ProductState, Version)],
    placed_at: Timestamp,
    time_limit_ms: u32,
) -> Result<PlaceOrder, PlacingRejection> {
    let mut lines = Vec::with_capacity(request.items().len());
    let mut unknown = Vec::new();
    for (index, item) in request.items().iter().enumerate() {
        match products
            .get(index)
            .and_then(|(product, version)| Some((product.on_sale()?, *version)))
        {
            None => unknown.push(index),
            Some((product, product_version)) => lines.push(OrderLine {
                sku: item.sku.clone(),
                name: product.name.clone(),
                product_version,
                quantity: item.quantity,
                unit_price: product.unit_price,
            }),
        }
    }
    let customer = match customer.registered() {
        Some(customer) if unknown.is_empty() => customer,
        registered => {
            return Err(PlacingRejection::Unknown {
                customer: registered.is_none(),
                items: unknown,
            });
        }
    };

    let total = total(&lines)?;
    match request.expected_total() {
        Some(expected) if expected != total => {
            return Err(PlacingRejection::PriceChanged { expected, actual: total });
        }
        Some(_) | None => {}
    }
    let placed = OrderPlaced {
        customer_id: request.customer_id().clone(),
        customer_name: customer.name.clone(),
        lines,
        total,
        payment_token: request.payment_token().clone().map(|token| token.to_string()),
        shipping_address: request.shipping_address().clone(),
        deadline: placed_at.plus_millis(time_limit_ms.into()),
        request_hash: request.hash(),
    };
    Ok(PlaceOrder::priced(request.clone(), placed))
}

/// The total of the lines.
fn total(lines: &[OrderLine]) -> Result<Money, PlacingRejection> {
    let first = lines.first().expect("a request has at least one item").unit_price.currency();
    let others = lines.iter().enumerate().filter(|(_, line)| line.unit_price.currency() != first);
    let items: Vec<usize> = others.map(|(item, _)| item).collect();
    if !items.is_empty() {
        return Err(PlacingRejection::MixedCurrencies { items });
    }
    let zero =
        Money::new(0, first).expect("zero is within the bound, and the currency is a price's");
    lines.iter().enumerate().try_fold(zero, |total, (item, line)| {
        let line_total = line.unit_price.checked_mul(line.quantity.get());
        line_total
            .and_then(|line_total| total.checked_add(&line_total))
            .ok_or(PlacingRejection::TotalOverflow { item })
    })
}
