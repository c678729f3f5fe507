//! The durable lists of sagas that are not settled: a row for each, listed by its next check.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};
use skald::store::StoreError;
use skald::stream::{StreamId, Version};
use skald::time::Timestamp;
use skald::view::{ListEntry, Listing, Put, ViewRow, ViewStore};

/// The number of entries in one page of a list.
const PAGE: u32 = 1_000;

/// A list.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum List {
    /// Sagas that need an execution.
    Watched,
    /// Sagas that wait for an operator.
    Parked,
}

impl List {
    const ALL: [Self; 2] = [Self::Watched, Self::Parked];

    const fn name(self) -> &'static str {
        match self {
            Self::Watched => "watched",
            Self::Parked => "parked",
        }
    }
}

/// The sagas on both lists, and when each is to be checked.
pub(super) type Listed = BTreeMap<StreamId, (List, Timestamp)>;

/// A place on a list.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Place {
    pub(super) list: List,
    /// When the saga is checked next.
    pub(super) due: Timestamp,
}

/// The row of a saga.
#[derive(Debug)]
pub(super) struct Row {
    revision: Version,
    /// `None` if the saga is on no list.
    pub(super) place: Option<Place>,
    /// How many checks in a row found the saga running.
    pub(super) checks: u32,
}

/// The content of a row.
#[derive(Debug, Default, Serialize, Deserialize)]
struct Body {
    checks: u32,
}

/// The lists of a sweeper. The version of a row counts its changes.
#[derive(Debug)]
pub(super) struct WatchList<'a, V> {
    pub(super) rows: &'a V,
    pub(super) name: &'a str,
}

impl<V: ViewStore> WatchList<'_, V> {
    fn group(&self, list: List) -> String {
        format!("{} {}", self.name, list.name())
    }

    /// Every saga on a list. Recent changes may be missing.
    pub(super) async fn all(&self) -> Result<Listed, StoreError> {
        let mut listed = Listed::new();
        for list in List::ALL {
            let group = self.group(list);
            let mut before: Option<ListEntry> = None;
            loop {
                let page = self.rows.list(&group, before.as_ref(), PAGE).await?;
                let is_last = page.entries.len() < PAGE as usize;
                for malformed in page.malformed {
                    tracing::error!(key = malformed.key, fault = malformed.fault, "malformed row");
                }
                before = page.entries.last().cloned();
                for ListEntry { stream, sort } in page.entries {
                    // A time that cannot be read is past: the check writes a good one.
                    let due = sort.parse().unwrap_or(Timestamp::EPOCH);
                    listed.insert(stream, (list, due));
                }
                if is_last {
                    break;
                }
            }
        }
        Ok(listed)
    }

    /// The row of this saga, as of now.
    pub(super) async fn row(&self, arbiter: &StreamId) -> Result<Row, StoreError> {
        let Some(row) = self.rows.get(arbiter).await? else {
            return Ok(Row { revision: Version::START, place: None, checks: 0 });
        };
        let body: Option<Body> =
            row.body.as_deref().and_then(|body| serde_json::from_str(body).ok());
        let place = row.listing.and_then(|Listing { group, sort }| {
            let list = List::ALL.into_iter().find(|list| self.group(*list) == group)?;
            Some(Place { list, due: sort.parse().unwrap_or(Timestamp::EPOCH) })
        });
        let checks = body.unwrap_or_default().checks;
        Ok(Row { revision: row.version, place, checks })
    }

    /// Moves a saga to a place, or off the lists. Returns `false` if another sweep has moved it
    /// since the row was read.
    pub(super) async fn put(
        &self,
        arbiter: &StreamId,
        row: &Row,
        place: Option<Place>,
        checks: u32,
        at: Timestamp,
    ) -> Result<bool, StoreError> {
        let stored = ViewRow {
            version: row.revision.next(),
            at,
            // The body consists of a number, so writing it cannot fail.
            body: Some(serde_json::to_string(&Body { checks }).unwrap_or_default()),
            listing: place.map(|Place { list, due }| Listing {
                group: self.group(list),
                sort: due.to_string(),
            }),
            worklist: None,
            parked: None,
        };
        Ok(self.rows.put(arbiter, row.revision, &stored).await? == Put::Stored)
    }
}
