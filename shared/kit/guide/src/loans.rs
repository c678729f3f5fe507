//! The view of loans: one row per loan, listed under its reader.

use serde::{Deserialize, Serialize};
use skald::commit::Envelope;
use skald::prelude::*;
use skald::view::{Inapplicable, Listing, Projection};

use crate::loan::{Loan, LoanEvent};

/// The view.
#[derive(Debug)]
pub struct Loans;

/// One loan, as a client sees it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct LoanRow {
    /// The book's id.
    pub book: String,
    /// The reader's id.
    pub reader: String,
    /// When the book was lent.
    pub lent_at: Timestamp,
    /// When it must be back.
    pub due: Option<Timestamp>,
    /// When it came back.
    pub returned_at: Option<Timestamp>,
}

impl Projection for Loans {
    const CATEGORY: &'static str = Loan::CATEGORY;
    type Event = LoanEvent;
    type Row = LoanRow;

    fn apply(row: Option<LoanRow>, event: &Envelope<LoanEvent>) -> Result<LoanRow, Inapplicable> {
        match (row, &event.data) {
            (None, LoanEvent::Opened(opened)) => Ok(LoanRow {
                book: opened.book.clone(),
                reader: opened.reader.clone(),
                lent_at: event.recorded_at,
                due: opened.due,
                returned_at: None,
            }),
            (Some(row), LoanEvent::Closed(_)) => {
                Ok(LoanRow { returned_at: Some(event.recorded_at), ..row })
            }
            (None, LoanEvent::Closed(_)) => Err(inapplicable(event, "the loan was never opened")),
            (Some(_), LoanEvent::Opened(_)) => Err(inapplicable(event, "the loan is open")),
        }
    }

    fn listing(row: &LoanRow, stream: &StreamId) -> Option<Listing> {
        let group = list_of(stream.tenant(), &row.reader);
        Some(Listing { group, sort: format!("{}/{}", row.lent_at, stream.id()) })
    }
}

/// The name of the list of a reader's loans.
#[must_use]
pub fn list_of(tenant: &Tenant, reader: &str) -> String {
    format!("{tenant}/{reader}")
}

fn inapplicable(event: &Envelope<LoanEvent>, reason: &'static str) -> Inapplicable {
    Inapplicable { event_type: event.event_type.clone(), version: event.version, reason }
}
