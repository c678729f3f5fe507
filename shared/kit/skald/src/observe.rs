//! What the kit reports while it works, for logs and metrics.
//!
//! A report is an event of the [`tracing`] facade with the target [`TARGET`]. Each kind of report
//! has a name (the name in the event's metadata) and a stable set of fields. Normal reports have
//! the level DEBUG. Reports that need attention if they persist have the level WARN.
//!
//! | name | level | fields | reported once for |
//! |---|---|---|---|
//! | [`CONFLICT`] | DEBUG | `stream` | each stream whose head had moved when a commit was to be appended |
//! | [`CONTENTION`] | DEBUG | `streams` | each append that another transaction prevented |
//! | [`RETRY`] | DEBUG | `attempt` | each pause before a command is decided, or its append tried, again; `attempt` is the number of failed attempts, from 1 |
//! | [`PAGE_READ`] | DEBUG | `stream`, `commits`, `limit` | each page of a stream: the number of its commits, and the limit of the read |
//! | [`SNAPSHOT_OMITTED`] | WARN | `stream`, `category`, `why` | each commit that is stored without the snapshot that was due |
//! | [`ROW_PARKED`] | WARN | `stream`, `version` | each row of a view that is parked, and its version |
//! | [`ROW_REPAIRED`] | DEBUG | `stream`, `from`, `to`, `by` | each row that is updated from the event store, not from a message: `by` is `catch_up` or `redrive` |
//! | [`LATE_ENTRY`] | WARN | `entry` | each index entry that appears after later ones were delivered |
//! | [`MALFORMED_ENTRY`] | WARN | `key`, `fault` | each index entry that no store wrote |
//! | [`SWEPT`] | DEBUG | `watched`, `parked`, `started`, `resumed`, `overdue`, `unreadable`, `oldest_s` | each sweep of `skald-saga`'s sweeper: numbers of sagas, and the age of the oldest in seconds |
//!
//! A report contains keys of streams, versions and numbers. It contains no values of events and no
//! personal data, unless an application puts personal data into a stream's id.
//!
//! An error that is returned to the caller is not reported as well: the caller knows its meaning.
//!
//! The facade brings no runtime, no clock and no random source. A program without a subscriber pays
//! one comparison for each report. To receive reports, install a subscriber: `skald-lambda` has one
//! that logs them and counts them as metrics, and `skald-testkit` has one for tests.
//!
//! # Examples
//!
//! ```
//! use skald::handle::Handler;
//! use skald::memory::InMemoryEventStore;
//! use skald::observe::RETRY;
//! use skald_testkit::NoPause;
//! use skald_testkit::faulty::{Fault, Faulty, Plan};
//! use skald_testkit::reports::Reports;
//! use skald_testkit::sample::{Account, AccountCommand, account};
//!
//! # #[tokio::main(flavor = "current_thread")]
//! # async fn main() -> Result<(), Box<dyn std::error::Error>> {
//! # use skald::prelude::*;
//! # let id = CommitId::of(uuid::Uuid::nil(), "deposit");
//! # let request = Request::new(id, Timestamp::EPOCH, "example", Actor::new("c-1")?);
//! let reports = Reports::receive();
//! let store = InMemoryEventStore::default();
//! let contended = Faulty::new(&store, Plan::script([Some(Fault::Contended)]));
//! let deposit = AccountCommand::Deposit(5);
//! Handler::new(&contended, NoPause).handle::<Account>(&account("1"), &deposit, &request).await?;
//! let retries = reports.take_named(RETRY);
//! assert_eq!(retries[0].fields["attempt"], "1");
//! # Ok(())
//! # }
//! ```

use std::fmt;

use crate::stream::{StreamId, Version};

/// The target of all reports.
pub const TARGET: &str = "skald";

/// The head of a stream had moved when a commit was to be appended.
pub const CONFLICT: &str = "conflict";
/// Another transaction prevented an append.
pub const CONTENTION: &str = "contention";
/// A command is decided again, or its append is tried again.
pub const RETRY: &str = "retry";
/// A page of a stream was read.
pub const PAGE_READ: &str = "page_read";
/// A commit was stored without the snapshot that was due.
pub const SNAPSHOT_OMITTED: &str = "snapshot_omitted";
/// A row of a view was parked.
pub const ROW_PARKED: &str = "row_parked";
/// A row of a view was updated from the event store.
pub const ROW_REPAIRED: &str = "row_repaired";
/// An entry of the index appeared after later ones were delivered.
pub const LATE_ENTRY: &str = "late_entry";
/// An entry of the index was not written by a store.
pub const MALFORMED_ENTRY: &str = "malformed_entry";
/// All sagas were swept.
pub const SWEPT: &str = "swept";

pub(crate) fn conflict(stream: &StreamId) {
    tracing::event!(
        name: CONFLICT,
        target: TARGET,
        tracing::Level::DEBUG,
        stream = %stream.key(),
        "another commit came first"
    );
}

pub(crate) fn contention<'a>(streams: impl Iterator<Item = &'a StreamId> + Clone) {
    tracing::event!(
        name: CONTENTION,
        target: TARGET,
        tracing::Level::DEBUG,
        streams = %Keys(streams),
        "another transaction prevented the append"
    );
}

pub(crate) fn retry(attempt: u32) {
    tracing::event!(name: RETRY, target: TARGET, tracing::Level::DEBUG, attempt, "trying again");
}

pub(crate) fn page_read(stream: &StreamId, commits: usize, limit: u32) {
    tracing::event!(
        name: PAGE_READ,
        target: TARGET,
        tracing::Level::DEBUG,
        stream = %stream.key(),
        commits,
        limit,
        "read a page"
    );
}

pub(crate) fn snapshot_omitted(stream: &StreamId, why: impl fmt::Display) {
    tracing::event!(
        name: SNAPSHOT_OMITTED,
        target: TARGET,
        tracing::Level::WARN,
        stream = %stream.key(),
        category = stream.category(),
        %why,
        "a commit was stored without the snapshot that was due"
    );
}

pub(crate) fn row_parked(stream: &StreamId, version: Version) {
    tracing::event!(
        name: ROW_PARKED,
        target: TARGET,
        tracing::Level::WARN,
        stream = %stream.key(),
        %version,
        "parked a row"
    );
}

pub(crate) fn row_repaired(stream: &StreamId, from: Version, to: Version, by: &'static str) {
    tracing::event!(
        name: ROW_REPAIRED,
        target: TARGET,
        tracing::Level::DEBUG,
        stream = %stream.key(),
        %from,
        %to,
        by,
        "updated a row from the event store"
    );
}

pub(crate) fn late_entry(key: &str) {
    tracing::event!(
        name: LATE_ENTRY,
        target: TARGET,
        tracing::Level::WARN,
        entry = key,
        "an index entry appeared after later ones were delivered"
    );
}

pub(crate) fn malformed_entry(key: &str, fault: &str) {
    tracing::event!(
        name: MALFORMED_ENTRY,
        target: TARGET,
        tracing::Level::WARN,
        key,
        fault,
        "an index entry is malformed"
    );
}

/// The keys of streams, separated by spaces.
struct Keys<I>(I);

impl<'a, I: Iterator<Item = &'a StreamId> + Clone> fmt::Display for Keys<I> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for (index, stream) in self.0.clone().enumerate() {
            let space = if index == 0 { "" } else { " " };
            write!(f, "{space}{}", stream.key())?;
        }
        Ok(())
    }
}
