//! An order in an answer of the API.

use serde::Deserialize;
use skald::time::Timestamp;

/// An order as the API shows it to operators.
#[derive(Debug, Clone, Deserialize)]
pub(crate) struct Order {
    pub(crate) order_id: String,
    pub(crate) status: String,
    pub(crate) placed_at: Timestamp,
    pub(crate) updated_at: Timestamp,
    #[serde(default)]
    pub(crate) deadline: Option<Timestamp>,
    #[serde(default)]
    pub(crate) overdue: bool,
    #[serde(default)]
    pub(crate) parked: Option<Parked>,
}

/// Where, why and since when an order is parked.
#[derive(Debug, Clone, Deserialize)]
pub(crate) struct Parked {
    pub(crate) step: String,
    #[serde(default)]
    pub(crate) reason: Option<String>,
    pub(crate) since: Timestamp,
}
