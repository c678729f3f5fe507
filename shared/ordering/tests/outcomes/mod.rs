//! Reads the table of outcomes, `outcomes.csv` beside this file. All tests that run whole orders
//! share it.

/// One row: an order and its outcome. `none` and `never` are `None`.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Outcome {
    /// The token that determines what the gateway does.
    pub(crate) token: &'static str,
    /// The postal code that determines what the carrier does.
    pub(crate) postal_code: &'static str,
    /// Whether enough of everything is in stock.
    pub(crate) enough: bool,
    /// The step before which the customer cancels, or [`AT_THE_END`].
    pub(crate) cancel_before: Option<&'static str>,
    /// `confirmed` or `cancelled`; `pending` or `cancelling` for an order that is parked.
    pub(crate) status: &'static str,
    /// Why the order is being, or was, undone.
    pub(crate) cancel_reason: Option<&'static str>,
    /// The step at which it is parked.
    pub(crate) parked: Option<&'static str>,
}

/// The time of a cancellation after the last step.
pub(crate) const AT_THE_END: &str = "after confirm_order";

/// All rows.
pub(crate) fn outcomes() -> Vec<Outcome> {
    let rows = include_str!("outcomes.csv").lines().map(str::trim);
    rows.filter(|row| !row.is_empty() && !row.starts_with('#')).map(outcome).collect()
}

fn outcome(row: &'static str) -> Outcome {
    let fields: Vec<&str> = row.split(',').map(str::trim).collect();
    let [token, postal_code, stock, cancel, status, cancel_reason, parked] = fields[..] else {
        panic!("a row needs seven columns: {row}")
    };
    let unless = |absent, field| (field != absent).then_some(field);
    Outcome {
        token,
        postal_code,
        enough: match stock {
            "enough" => true,
            "short" => false,
            other => panic!("the stock must be enough or short, not {other}: {row}"),
        },
        cancel_before: unless("never", cancel).map(|cancel| match cancel {
            AT_THE_END => cancel,
            cancel => cancel.strip_prefix("before ").unwrap_or_else(|| {
                panic!("the cancellation must be never, {AT_THE_END} or before a step: {row}")
            }),
        }),
        status,
        cancel_reason: unless("none", cancel_reason),
        parked: unless("none", parked),
    }
}
