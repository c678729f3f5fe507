//! `skald tail`: follows all events.
//!
//! It reads events as stored, without their types: an event of an unknown type is shown like any
//! other, and a commit that cannot be read gets a line with the fault. It keeps no checkpoint: it
//! prints the position at which it ends, which the next `tail` can start from.

use std::error::Error;
use std::time::Duration;

use skald::commit::Commit;
use skald::concurrency::concurrently;
use skald::follow::{Delivery, FollowError, FollowOptions, Follower, Novelty};
use skald::index::{CommitIndex, IndexEntry, Position};
use skald::memory::InMemoryViewStore;
use skald::store::StoreError;
use skald::text::{cut, with_causes};
use skald_dynamodb::DynamoDbCommitIndex;

use crate::arguments::{Since, TailArguments};
use crate::clock::now;
use crate::line;
use crate::system::System;
use crate::terminal::{self, OutputError, Terminal};

/// How far `tail` stays behind the current time. This is short, because a person is waiting:
/// commits that become visible later are found in the overlap.
const MARGIN_MS: u32 = 1_000;
/// The largest delay with which a commit may become visible and still be shown.
const OVERLAP_MS: u32 = 30_000;
/// The largest number of index entries per slice: their commits are in memory together.
const BATCH: u32 = 20;
/// The pause after a poll that finds nothing.
const INTERVAL: Duration = Duration::from_millis(400);
/// The largest number of consecutive failures of the store. Its client has already retried each.
const PATIENCE: u32 = 5;

/// Prints events until the process is ended; with `--once`, until all events up to now are printed.
///
/// # Errors
/// The failure, and what to do about it.
pub(crate) async fn run(arguments: &TailArguments) -> Result<(), Box<dyn Error>> {
    let System { client, table } = System::find(&arguments.place).await?;
    let index = DynamoDbCommitIndex::new(client, table);
    let (started, slices) = (now(), DynamoDbCommitIndex::SLICES);
    let from = match &arguments.since {
        Since::Ago(ms) => Position::before(started.plus_millis(-ms), slices),
        Since::Time(time) => Position::before(*time, slices),
        Since::Position(position) => position.clone(),
    };
    let following = FollowOptions {
        name: "tail".to_owned(),
        run: "tail".to_owned(),
        from,
        margin_ms: MARGIN_MS,
        overlap_ms: OVERLAP_MS,
        batch: BATCH,
    };
    let mut follower =
        Follower::resume(index.clone(), InMemoryViewStore::default(), following).await?;
    let mut printer = Printer { arguments, terminal: Terminal::new(), date: String::new() };
    let mut failures = 0;
    loop {
        let polled_at = now();
        let is_empty = match step(&index, &mut follower, &mut printer).await {
            Ok(is_empty) => is_empty,
            Err(StepError::Output(error)) => return Err(error.into()),
            Err(StepError::Follow(error)) if error.is_transient() && failures < PATIENCE => {
                failures += 1;
                terminal::note(&format!("{}; retrying", with_causes(&error)));
                tokio::time::sleep(INTERVAL * failures).await;
                continue;
            }
            Err(StepError::Follow(error)) => {
                let what = with_causes(&error);
                return Err(format!(
                    "{what}: check that the system is running \
                     and that you may read its events table"
                )
                .into());
            }
        };
        failures = 0;
        if !is_empty {
            continue;
        }
        // All commits recorded before the start are now behind the margin.
        if arguments.once && polled_at >= started.plus_millis(i64::from(MARGIN_MS)) {
            terminal::note(&format!("to continue from here: --since {}", follower.position()));
            return Ok(());
        }
        tokio::time::sleep(INTERVAL).await;
    }
}

enum StepError {
    Follow(FollowError),
    Output(OutputError),
}

/// One poll. It reads a complete batch before it prints any of it, so a failure in between prints
/// nothing twice.
async fn step(
    index: &DynamoDbCommitIndex,
    follower: &mut Follower<DynamoDbCommitIndex, InMemoryViewStore>,
    printer: &mut Printer<'_>,
) -> Result<bool, StepError> {
    let batch = follower.next(now()).await.map_err(StepError::Follow)?;
    let is_empty = batch.is_empty();
    let wanted: Vec<&Delivery> =
        batch.deliveries.iter().filter(|delivery| printer.may_select(&delivery.entry)).collect();
    let read = concurrently(wanted.iter().map(|delivery| index.commit(&delivery.entry.key))).await;
    let mut lines = String::new();
    for (delivery, commit) in wanted.iter().zip(read) {
        match commit {
            Ok(Some(commit)) => printer.print(&commit, delivery.novelty, &mut lines),
            Ok(None) => printer.print_fault(
                &delivery.entry,
                "the index has the commit, but the table does not: run `verify`",
                &mut lines,
            ),
            Err(error @ StoreError::Corrupt { .. }) => {
                printer.print_fault(&delivery.entry, &with_causes(&error), &mut lines)
            }
            Err(error) => return Err(StepError::Follow(error.into())),
        }
    }
    for malformed in &batch.malformed {
        terminal::note(&format!(
            "skipping a malformed index entry, {}: {}",
            cut(&malformed.key),
            malformed.fault
        ));
    }
    for key in &batch.ahead {
        let (stream, first, at) = (line::named(key.stream()), key.first(), key.at());
        terminal::note(&format!(
            "{stream} at version {first} has a time in the future, {at}: \
             the clock of its writer was wrong; it will be shown at that time"
        ));
    }
    terminal::write(&lines).map_err(StepError::Output)?;
    follower.acknowledge();
    Ok(is_empty)
}

/// Selects and formats the events.
struct Printer<'a> {
    arguments: &'a TailArguments,
    terminal: Terminal,
    /// The date of the last printed event.
    date: String,
}

impl Printer<'_> {
    /// Whether the commit may have events that are selected, as far as the index entry tells.
    fn may_select(&self, entry: &IndexEntry) -> bool {
        let TailArguments { category, stream, event_type, .. } = self.arguments;
        category.as_ref().is_none_or(|category| category == entry.key.stream().category())
            && stream.as_ref().is_none_or(|stream| stream == entry.key.stream())
            && event_type
                .as_ref()
                .is_none_or(|wanted| entry.types.is_empty() || entry.types.contains(wanted))
    }

    fn print(&mut self, commit: &Commit, novelty: Novelty, lines: &mut String) {
        let TailArguments { event_type, correlation, json, .. } = self.arguments;
        if correlation
            .as_ref()
            .is_some_and(|wanted| wanted != commit.context.correlation_id.as_str())
        {
            return;
        }
        for (index, event) in commit.events.iter().enumerate() {
            if event_type.as_ref().is_some_and(|wanted| *wanted != event.event_type) {
                continue;
            }
            let line = if *json {
                line::for_machines(commit, index, event, novelty)
            } else {
                self.print_date(&commit.at.to_string(), lines);
                line::for_people(commit, index, event, novelty, self.terminal)
            };
            lines.push_str(&line);
            lines.push('\n');
        }
    }

    fn print_date(&mut self, at: &str, lines: &mut String) {
        let date = at.get(..10).unwrap_or(at);
        if date != self.date {
            date.clone_into(&mut self.date);
            lines.push_str(&self.terminal.faint(&format!("── {date}, UTC ──")));
            lines.push('\n');
        }
    }

    fn print_fault(&self, entry: &IndexEntry, fault: &str, lines: &mut String) {
        let key = &entry.key;
        let line = if self.arguments.json {
            let (stream, version) = (key.stream().name(), key.first());
            serde_json::json!({
                "stream": stream, "version": version, "recorded_at": key.at(), "fault": fault,
            })
            .to_string()
        } else {
            self.terminal.red(&format!(
                "{} {:>3}  cannot be shown: {fault}",
                line::named(key.stream()),
                key.first()
            ))
        };
        lines.push_str(&line);
        lines.push('\n');
    }
}
