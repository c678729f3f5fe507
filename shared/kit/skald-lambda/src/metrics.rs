//! Counts the kit's [reports](skald::observe) as metrics in `CloudWatch`.
//!
//! [`Counting`] is a layer of the subscriber that [`start_logging`](crate::start_logging) installs.
//! It counts reports regardless of the log level. At the end of each invocation, a [`Counted`]
//! guard writes the counts as one line in the embedded metric format (see "Embedding metrics within
//! logs" in the `CloudWatch` guide), which needs no call and no permission. An invocation without
//! counts writes nothing.
//!
//! | metric | dimension | counts |
//! |---|---|---|
//! | `Conflicts` | `FunctionName` | streams whose head had moved when a commit was to be appended |
//! | `Contentions` | `FunctionName` | appends that another transaction prevented |
//! | `Retries` | `FunctionName` | further attempts to decide or append a command |
//! | `PagesRead` | `FunctionName` | pages of streams |
//! | `RowsParked` | `FunctionName` | rows of views that were parked |
//! | `RowsRepaired` | `FunctionName` | rows that were updated from the event store |
//! | `LateEntries` | `FunctionName` | index entries that appeared after later ones were delivered |
//! | `MalformedEntries` | `FunctionName` | index entries that no store wrote |
//! | `ForeignMessages` | `FunctionName` | messages of a category that the function does not follow |
//! | `SagasStarted` | `FunctionName` | executions that a sweep found missing |
//! | `SagasResumed` | `FunctionName` | executions that a sweep found ended early |
//! | `SagasUnreadable` | `FunctionName` | sagas that a sweep could not read |
//! | `SnapshotsOmitted` | `Category` | commits stored without the snapshot that was due |
//!
//! Each sweep of the sagas also writes what it found, with the dimension `FunctionName`:
//!
//! | metric | unit | value |
//! |---|---|---|
//! | `SagasWatched` | count | sagas that are not settled although they had time |
//! | `SagasParked` | count | sagas that wait for an operator |
//! | `SagasOverdue` | count | sagas that are not settled long after their deadline |
//! | `OldestSaga` | seconds | the age of the oldest saga that was checked and is not settled |
//!
//! All metrics are in the namespace `Skald`. A line has one value for each dimension, so if
//! snapshots of several categories are omitted in one invocation, each further category has a line
//! of its own.

use std::collections::BTreeMap;
use std::fmt;
use std::sync::{Mutex, MutexGuard, PoisonError};

use lambda_runtime::tracing::subscriber::filter::{FilterFn, LevelFilter};
use lambda_runtime::tracing::subscriber::layer::{Context, Layer};
use serde_json::{Value, json};
use skald::message::CommitMessage;
use skald::observe::{
    CONFLICT, CONTENTION, LATE_ENTRY, MALFORMED_ENTRY, PAGE_READ, RETRY, ROW_PARKED, ROW_REPAIRED,
    SNAPSHOT_OMITTED, SWEPT, TARGET,
};
use skald::stream::Category;
use skald::time::Timestamp;
use tracing::field::{Field, Visit};
use tracing::{Event, Metadata, Subscriber};

use crate::clock;

/// The report that a message is of a category that the function does not follow.
pub(crate) const FOREIGN_MESSAGE: &str = "foreign_message";

/// Reports a [`FOREIGN_MESSAGE`].
pub(crate) fn foreign_message(message: &CommitMessage, followed: &Category) {
    tracing::event!(
        name: FOREIGN_MESSAGE,
        target: TARGET,
        tracing::Level::WARN,
        category = message.category(),
        followed,
        "acknowledged a message of a category that this function does not follow"
    );
}

/// The metric, by function, that counts the reports with this name.
fn metric(report: &str) -> Option<&'static str> {
    Some(match report {
        CONFLICT => "Conflicts",
        CONTENTION => "Contentions",
        RETRY => "Retries",
        PAGE_READ => "PagesRead",
        ROW_PARKED => "RowsParked",
        ROW_REPAIRED => "RowsRepaired",
        LATE_ENTRY => "LateEntries",
        MALFORMED_ENTRY => "MalformedEntries",
        FOREIGN_MESSAGE => "ForeignMessages",
        _ => return None,
    })
}

/// The metrics of a sweep, by the fields of its report.
const OF_A_SWEEP: [(&str, &str); 7] = [
    ("watched", "SagasWatched"),
    ("parked", "SagasParked"),
    ("started", "SagasStarted"),
    ("resumed", "SagasResumed"),
    ("overdue", "SagasOverdue"),
    ("unreadable", "SagasUnreadable"),
    ("oldest_s", OLDEST_SAGA),
];

/// The metric that is a time.
const OLDEST_SAGA: &str = "OldestSaga";

/// The counts of the reports since the last line, and the values of the last sweep.
#[derive(Debug, Default)]
struct Counts {
    by_function: BTreeMap<&'static str, u64>,
    omitted_snapshots: BTreeMap<String, u64>,
}

/// Counts reports. An instance of a function serves one invocation at a time, so the counts since
/// the last line belong to the invocation that ends, even if it handles several groups of messages
/// concurrently.
pub(crate) struct Counting {
    function: String,
    write: fn(&Value),
    counts: Mutex<Counts>,
}

impl Counting {
    /// Counts for this function, and passes lines to `write`.
    pub(crate) const fn new(function: String, write: fn(&Value)) -> Self {
        let counts = Counts { by_function: BTreeMap::new(), omitted_snapshots: BTreeMap::new() };
        Self { function, write, counts: Mutex::new(counts) }
    }

    /// Accepts only the reports that are counted: the rest of the log costs nothing here.
    pub(crate) fn filter() -> FilterFn {
        let is_report =
            |metadata: &Metadata<'_>| metadata.is_event() && metadata.target() == TARGET;
        FilterFn::new(is_report as fn(&Metadata<'_>) -> bool)
            .with_max_level_hint(LevelFilter::DEBUG)
    }

    fn counts(&self) -> MutexGuard<'_, Counts> {
        self.counts.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Writes the counts since the last line.
    fn flush(&self) {
        let counts = std::mem::take(&mut *self.counts());
        for line in lines(&counts, &self.function, clock::now()) {
            (self.write)(&line);
        }
    }
}

impl<S: Subscriber> Layer<S> for Counting {
    fn on_event(&self, event: &Event<'_>, _: Context<'_, S>) {
        let name = event.metadata().name();
        if let Some(metric) = metric(name) {
            *self.counts().by_function.entry(metric).or_default() += 1;
        } else if name == SNAPSHOT_OMITTED {
            let mut category = CategoryOf(String::new());
            event.record(&mut category);
            *self.counts().omitted_snapshots.entry(category.0).or_default() += 1;
        } else if name == SWEPT {
            event.record(&mut Sweep(&mut self.counts().by_function));
        }
    }
}

/// The field `category` of a report.
struct CategoryOf(String);

impl Visit for CategoryOf {
    fn record_str(&mut self, field: &Field, value: &str) {
        if field.name() == "category" {
            value.clone_into(&mut self.0);
        }
    }

    fn record_debug(&mut self, _: &Field, _: &dyn fmt::Debug) {}
}

/// The numbers of a sweep.
struct Sweep<'a>(&'a mut BTreeMap<&'static str, u64>);

impl Visit for Sweep<'_> {
    fn record_u64(&mut self, field: &Field, value: u64) {
        if let Some((_, metric)) = OF_A_SWEEP.iter().find(|(name, _)| *name == field.name()) {
            self.0.insert(metric, value);
        }
    }

    fn record_debug(&mut self, _: &Field, _: &dyn fmt::Debug) {}
}

/// An invocation. When it ends, the counts are written, even if it failed or panicked. Nothing is
/// written if the function is stopped for exceeding its time limit.
#[derive(Debug)]
pub(crate) struct Counted(());

/// Begins an invocation.
pub(crate) const fn counted() -> Counted {
    Counted(())
}

impl Drop for Counted {
    fn drop(&mut self) {
        tracing::dispatcher::get_default(|dispatch| {
            if let Some(counting) = dispatch.downcast_ref::<Counting>() {
                counting.flush();
            }
        });
    }
}

/// The lines of an invocation: none if there are no counts, otherwise one, and one more for each
/// further category with omitted snapshots.
fn lines(counts: &Counts, function: &str, now: Timestamp) -> Vec<Value> {
    let mut lines = Vec::new();
    if !counts.by_function.is_empty() {
        let mut line = blank(now);
        add(
            &mut line,
            ("FunctionName", function),
            counts.by_function.iter().map(|(n, c)| (*n, *c)),
        );
        lines.push(line);
    }
    for (index, (category, count)) in counts.omitted_snapshots.iter().enumerate() {
        if index > 0 || lines.is_empty() {
            lines.push(blank(now));
        }
        if let Some(line) = lines.last_mut() {
            add(line, ("Category", category), [("SnapshotsOmitted", *count)]);
        }
    }
    lines
}

fn blank(now: Timestamp) -> Value {
    json!({ "_aws": { "Timestamp": now.as_millis(), "CloudWatchMetrics": [] } })
}

/// Adds counts with a dimension and its value to a line.
fn add(
    line: &mut Value,
    (dimension, value): (&str, &str),
    counts: impl IntoIterator<Item = (&'static str, u64)>,
) {
    let mut metrics = Vec::new();
    for (name, count) in counts {
        let unit = if name == OLDEST_SAGA { "Seconds" } else { "Count" };
        metrics.push(json!({ "Name": name, "Unit": unit }));
        line[name] = json!(count);
    }
    line[dimension] = json!(value);
    if let Some(Value::Array(directives)) = line.pointer_mut("/_aws/CloudWatchMetrics") {
        directives
            .push(json!({ "Namespace": "Skald", "Dimensions": [[dimension]], "Metrics": metrics }));
    }
}

/// Writes a line of metrics to standard output.
#[expect(
    clippy::print_stdout,
    reason = "CloudWatch finds a metric only in a line that holds nothing else"
)]
pub(crate) fn print(line: &Value) {
    println!("{line}");
}

#[cfg(test)]
mod tests;
