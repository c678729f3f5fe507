//! The order view: one row per order, with the fields of `GET /orders/{id}`, listed under its
//! customer, newest first, and in the operators' worklist.

use events::{
    CancelReason, CustomerId, Money, OrderEvent, OrderId, OrderParked, OrderPlaced,
    OrderUndoStarted, Quantity, Sku,
};
use serde::{Deserialize, Serialize};
use skald::commit::Envelope;
use skald::decider::Decider;
use skald::personal::Personal;
use skald::stream::{Category, StreamId, Tenant, Version};
use skald::time::Timestamp;
use skald::view::{Inapplicable, Listing, Projection};

use super::inapplicable;
use super::worklist::Worklist;
use crate::order::{Order, Phase};
use crate::streams;

/// The projection of category `order`.
#[derive(Debug, Clone, Copy)]
pub struct OrderView;

/// The row of an order.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct OrderRow {
    /// The order.
    pub order_id: OrderId,
    /// The customer who placed it.
    pub customer_id: CustomerId,
    /// The customer's name when the order was placed.
    pub customer_name: Personal<String>,
    /// The order's status.
    pub status: OrderStatus,
    /// The version of the last event in this row.
    pub version: Version,
    /// The ordered products.
    pub items: Vec<OrderItem>,
    /// The sum of all items.
    pub total: Money,
    /// When the order was placed.
    pub placed_at: Timestamp,
    /// When the order's last event was recorded.
    pub updated_at: Timestamp,
    /// The deadline. `None` only in a row that an earlier release wrote.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub deadline: Option<Timestamp>,
    /// Why the order is being, or was, undone.
    pub cancel_reason: Option<CancelReason>,
    /// The step at which the order is parked; absent while it is not parked.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub parked: Option<ParkedOrder>,
}

/// The status of an order.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum OrderStatus {
    /// The order is being completed.
    Pending,
    /// The money is captured, and the parcel is ready to leave.
    Confirmed,
    /// The order is being undone.
    Cancelling,
    /// The order is undone.
    Cancelled,
    /// The parcel left.
    Dispatched,
    /// The parcel arrived.
    Delivered,
}

impl OrderStatus {
    /// The status of an order in this phase.
    #[must_use]
    pub const fn of(phase: Phase) -> Self {
        match phase {
            Phase::Open | Phase::Committed => Self::Pending,
            Phase::Confirmed => Self::Confirmed,
            Phase::Undoing(_) => Self::Cancelling,
            Phase::Cancelled(_) => Self::Cancelled,
            Phase::Dispatched => Self::Dispatched,
            Phase::Delivered => Self::Delivered,
        }
    }
}

/// One product of an order, with its name and price when it was placed.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct OrderItem {
    /// The product.
    pub sku: Sku,
    /// The product's name when the order was placed.
    pub name: String,
    /// The quantity.
    pub quantity: Quantity,
    /// The price of one piece.
    pub unit_price: Money,
    /// The price of all pieces.
    pub line_total: Money,
}

/// Where an order is parked.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct ParkedOrder {
    /// The step of the saga that failed.
    pub step: String,
    /// When it was parked.
    pub since: Timestamp,
    /// The error, for operators. `None` only in a row that an earlier release wrote.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub reason: Option<String>,
}

/// The list of this customer's orders.
#[must_use]
pub fn orders_of(tenant: &Tenant, customer: &CustomerId) -> String {
    format!("{}/{}", tenant, streams::customer(tenant, customer).name())
}

impl Projection for OrderView {
    const CATEGORY: &'static Category = Order::CATEGORY;
    type Event = OrderEvent;
    type Row = OrderRow;

    fn apply(
        row: Option<OrderRow>,
        event: &Envelope<OrderEvent>,
    ) -> Result<OrderRow, Inapplicable> {
        let row = match (row, &event.data) {
            (None, OrderEvent::Placed(placed)) => return OrderRow::placed(placed, event),
            (Some(row), _) => {
                OrderRow { version: event.version, updated_at: event.recorded_at, ..row }
            }
            (None, _) => return Err(inapplicable(event, "the order was not placed")),
        };
        row.moved(event)
    }

    fn listing(row: &OrderRow, stream: &StreamId) -> Option<Listing> {
        let sort = format!("{}/{}", row.placed_at, row.order_id);
        Some(Listing { group: orders_of(stream.tenant(), &row.customer_id), sort })
    }

    fn worklist(row: &OrderRow, stream: &StreamId) -> Option<Listing> {
        Some(row.worklist().place(stream.tenant(), row.order_id, row.due_at()))
    }
}

impl OrderStatus {
    /// The lists of the worklist that orders of this status are in.
    #[must_use]
    pub const fn worklists(self) -> &'static [Worklist] {
        match self {
            Self::Pending | Self::Cancelling => &[Worklist::Open, Worklist::Parked],
            Self::Confirmed => &[Worklist::Confirmed],
            Self::Cancelled => &[Worklist::Cancelled],
            Self::Dispatched | Self::Delivered => &[Worklist::Dispatched],
        }
    }
}

impl OrderRow {
    /// The list of the worklist that the order is in.
    #[must_use]
    pub const fn worklist(&self) -> Worklist {
        match self.status {
            OrderStatus::Pending | OrderStatus::Cancelling if self.parked.is_some() => {
                Worklist::Parked
            }
            OrderStatus::Pending | OrderStatus::Cancelling => Worklist::Open,
            OrderStatus::Confirmed => Worklist::Confirmed,
            OrderStatus::Cancelled => Worklist::Cancelled,
            OrderStatus::Dispatched | OrderStatus::Delivered => Worklist::Dispatched,
        }
    }

    /// Whether the order is neither completed nor undone although its deadline has passed.
    #[must_use]
    pub fn is_overdue(&self, now: Timestamp) -> bool {
        match self.worklist() {
            Worklist::Open | Worklist::Parked => {
                self.deadline.is_some_and(|deadline| deadline < now)
            }
            Worklist::Confirmed | Worklist::Cancelled | Worklist::Dispatched => false,
        }
    }

    /// The time by which the order sorts in its list: its deadline. A row that an earlier release
    /// wrote has none, and sorts by the time of its placing.
    fn due_at(&self) -> Timestamp {
        self.deadline.unwrap_or(self.placed_at)
    }

    fn placed(placed: &OrderPlaced, event: &Envelope<OrderEvent>) -> Result<Self, Inapplicable> {
        let order_id = streams::order_of(&event.stream)
            .ok_or_else(|| inapplicable(event, "the stream's name contains no order id"))?;
        let items = placed.lines.iter().map(|line| {
            Some(OrderItem {
                sku: line.sku.clone(),
                name: line.name.clone(),
                quantity: line.quantity,
                unit_price: line.unit_price,
                line_total: line.unit_price.checked_mul(line.quantity.get())?,
            })
        });
        Ok(Self {
            order_id,
            customer_id: placed.customer_id.clone(),
            customer_name: placed.customer_name.clone(),
            status: OrderStatus::Pending,
            version: event.version,
            items: items
                .collect::<Option<_>>()
                .ok_or_else(|| inapplicable(event, "a line's total is too large"))?,
            total: placed.total,
            placed_at: event.recorded_at,
            updated_at: event.recorded_at,
            deadline: Some(placed.deadline),
            cancel_reason: None,
            parked: None,
        })
    }

    /// The row after another event.
    fn moved(self, event: &Envelope<OrderEvent>) -> Result<Self, Inapplicable> {
        // A row that an earlier release wrote is pending while its order is being undone, but it
        // has a reason to cancel.
        let is_undoing = self.status == OrderStatus::Pending && self.cancel_reason.is_some();
        let status = if is_undoing { OrderStatus::Cancelling } else { self.status };
        let is_running = matches!(status, OrderStatus::Pending | OrderStatus::Cancelling);
        match &event.data {
            OrderEvent::Committed(_) if status == OrderStatus::Pending => Ok(self),
            OrderEvent::Confirmed(_) if status == OrderStatus::Pending => {
                Ok(Self { status: OrderStatus::Confirmed, parked: None, ..self })
            }
            OrderEvent::Dispatched(_) if status == OrderStatus::Confirmed => {
                Ok(Self { status: OrderStatus::Dispatched, ..self })
            }
            OrderEvent::Delivered(_) if status == OrderStatus::Dispatched => {
                Ok(Self { status: OrderStatus::Delivered, ..self })
            }
            OrderEvent::UndoStarted(OrderUndoStarted { reason, .. })
                if matches!(status, OrderStatus::Pending | OrderStatus::Confirmed) =>
            {
                let cancel_reason = Some(*reason);
                Ok(Self { status: OrderStatus::Cancelling, cancel_reason, ..self })
            }
            OrderEvent::Cancelled(_) if status == OrderStatus::Cancelling => {
                Ok(Self { status: OrderStatus::Cancelled, parked: None, ..self })
            }
            OrderEvent::Parked(OrderParked { step, error }) if is_running => {
                let (step, reason) = (step.clone(), Some(error.clone()));
                let parked = ParkedOrder { step, since: event.recorded_at, reason };
                Ok(Self { parked: Some(parked), ..self })
            }
            OrderEvent::Resumed(resumed) if is_running => {
                let deadline = resumed.deadline.or(self.deadline);
                Ok(Self { parked: None, deadline, ..self })
            }
            OrderEvent::Placed(_)
            | OrderEvent::Committed(_)
            | OrderEvent::Confirmed(_)
            | OrderEvent::Dispatched(_)
            | OrderEvent::Delivered(_)
            | OrderEvent::UndoStarted(_)
            | OrderEvent::Cancelled(_)
            | OrderEvent::Parked(_)
            | OrderEvent::Resumed(_) => Err(inapplicable(event, why_not(status))),
        }
    }
}

/// Why an event does not follow on an order with this status.
const fn why_not(status: OrderStatus) -> &'static str {
    match status {
        OrderStatus::Pending => "the order is neither confirmed nor being undone",
        OrderStatus::Confirmed => "the order is confirmed",
        OrderStatus::Cancelling => "the order is being undone",
        OrderStatus::Cancelled => "the order is cancelled",
        OrderStatus::Dispatched => "the parcel has left",
        OrderStatus::Delivered => "the parcel has arrived",
    }
}
