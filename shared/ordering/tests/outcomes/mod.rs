//! The table of outcomes, read. Whoever runs orders has the same one: `outcomes.csv` beside this
//! file.

/// One row: an order, and what becomes of it. `none` and `never` are absent.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Outcome {
    /// What the gateway is to do.
    pub(crate) token: &'static str,
    /// What the carrier is to do.
    pub(crate) postal_code: &'static str,
    /// Whether there is enough of everything.
    pub(crate) enough: bool,
    /// Before which step the customer cancels.
    pub(crate) cancel_before: Option<&'static str>,
    /// `confirmed`, `cancelled`, or `pending` for an order that is parked.
    pub(crate) status: &'static str,
    /// Why it is, or is being, undone.
    pub(crate) cancel_reason: Option<&'static str>,
    /// The step at which it is parked.
    pub(crate) parked: Option<&'static str>,
}

/// All rows.
pub(crate) fn outcomes() -> Vec<Outcome> {
    let rows = include_str!("outcomes.csv").lines().map(str::trim);
    rows.filter(|row| !row.is_empty() && !row.starts_with('#')).map(outcome).collect()
}

fn outcome(row: &'static str) -> Outcome {
    let fields: Vec<&str> = row.split(',').map(str::trim).collect();
    let [token, postal_code, stock, cancel, status, cancel_reason, parked] = fields[..] else {
        panic!("seven columns: {row}")
    };
    let unless = |absent, field| (field != absent).then_some(field);
    Outcome {
        token,
        postal_code,
        enough: match stock {
            "enough" => true,
            "short" => false,
            other => panic!("stock is enough or short, not {other}: {row}"),
        },
        cancel_before: unless("never", cancel).map(|cancel| {
            cancel
                .strip_prefix("before ")
                .unwrap_or_else(|| panic!("never, or before a step: {row}"))
        }),
        status,
        cancel_reason: unless("none", cancel_reason),
        parked: unless("none", parked),
    }
}
