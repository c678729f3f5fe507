//! `skald tail`: follows all events.
//!
//! It reads events as they are stored, without the catalogue: an event that no build knows yet is
//! shown like any other, and what cannot be read is a line that says so. It keeps no checkpoint;
//! where it ended is a position that it can be given.

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
use crate::terminal::{self, Terminal, Unwritten};

/// How far it stays behind now. Short, because somebody waits for it: what takes longer is found by
/// the overlap.
const MARGIN_MS: u32 = 1_000;
/// How late an entry may show behind others and be told all the same.
const OVERLAP_MS: u32 = 30_000;
/// Entries of a slice at once: their commits are in memory together.
const BATCH: u32 = 20;
/// How long between two looks that find nothing.
const INTERVAL: Duration = Duration::from_millis(400);
/// How often in a row the store may fail, which its client has tried several times each.
const PATIENCE: u32 = 5;

/// Tells events until somebody ends it; with `--once`, until it has told all there are.
///
/// # Errors
/// What went wrong, and what to do.
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
    let mut teller = Teller { arguments, terminal: Terminal::new(), date: String::new() };
    let mut failures = 0;
    loop {
        let looked = now();
        let is_empty = match step(&index, &mut follower, &mut teller).await {
            Ok(is_empty) => is_empty,
            Err(StepError::Unwritten(error)) => return Err(error.into()),
            Err(StepError::Follow(error)) if error.is_transient() && failures < PATIENCE => {
                failures += 1;
                terminal::note(&format!("{} (trying again)", with_causes(&error)));
                tokio::time::sleep(INTERVAL * failures).await;
                continue;
            }
            Err(StepError::Follow(error)) => {
                let what = with_causes(&error);
                return Err(format!(
                    "{what}; does the system still run, and may you read its events table?"
                )
                .into());
            }
        };
        failures = 0;
        if !is_empty {
            continue;
        }
        // All that was recorded before it started lies behind the margin now.
        if arguments.once && looked >= started.plus_millis(i64::from(MARGIN_MS)) {
            terminal::note(&format!("to go on from here: --since {}", follower.position()));
            return Ok(());
        }
        tokio::time::sleep(INTERVAL).await;
    }
}

enum StepError {
    Follow(FollowError),
    Unwritten(Unwritten),
}

/// One look: everything of a batch is read before any of it is told, so a failure in between tells
/// nothing twice.
async fn step(
    index: &DynamoDbCommitIndex,
    follower: &mut Follower<DynamoDbCommitIndex, InMemoryViewStore>,
    teller: &mut Teller<'_>,
) -> Result<bool, StepError> {
    let batch = follower.next(now()).await.map_err(StepError::Follow)?;
    let is_empty = batch.is_empty();
    let wanted: Vec<&Delivery> =
        batch.deliveries.iter().filter(|heard| teller.may_want(&heard.entry)).collect();
    let read = concurrently(wanted.iter().map(|heard| index.commit(&heard.entry.key))).await;
    let mut lines = String::new();
    for (heard, commit) in wanted.iter().zip(read) {
        match commit {
            Ok(Some(commit)) => teller.tell(&commit, heard.novelty, &mut lines),
            Ok(None) => {
                teller.tell_fault(&heard.entry, "is in the index, but not in the table", &mut lines)
            }
            Err(error @ StoreError::Corrupt { .. }) => {
                teller.tell_fault(&heard.entry, &with_causes(&error), &mut lines)
            }
            Err(error) => return Err(StepError::Follow(error.into())),
        }
    }
    for malformed in &batch.malformed {
        terminal::note(&format!(
            "an index entry belongs to no commit, {}: {}",
            cut(&malformed.key),
            malformed.fault
        ));
    }
    for key in &batch.ahead {
        let (stream, first, at) = (line::named(key.stream()), key.first(), key.at());
        terminal::note(&format!(
            "{stream} at version {first} is recorded in the future, at {at}: a clock was wrong; it is shown at that time"
        ));
    }
    terminal::write(&lines).map_err(StepError::Unwritten)?;
    follower.acknowledge();
    Ok(is_empty)
}

/// Knows what is wanted, and how it is told.
struct Teller<'a> {
    arguments: &'a TailArguments,
    terminal: Terminal,
    /// The date that was told last.
    date: String,
}

impl Teller<'_> {
    /// Whether the commit may have events that are wanted, as far as the index knows.
    fn may_want(&self, entry: &IndexEntry) -> bool {
        let TailArguments { category, stream, event_type, .. } = self.arguments;
        category.as_ref().is_none_or(|category| category == entry.key.stream().category())
            && stream.as_ref().is_none_or(|stream| stream == entry.key.stream())
            && event_type
                .as_ref()
                .is_none_or(|wanted| entry.types.is_empty() || entry.types.contains(wanted))
    }

    fn tell(&mut self, commit: &Commit, novelty: Novelty, lines: &mut String) {
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
                self.tell_date(&commit.at.to_string(), lines);
                line::for_people(commit, index, event, novelty, self.terminal)
            };
            lines.push_str(&line);
            lines.push('\n');
        }
    }

    fn tell_date(&mut self, at: &str, lines: &mut String) {
        let date = at.get(..10).unwrap_or(at);
        if date != self.date {
            date.clone_into(&mut self.date);
            lines.push_str(&self.terminal.faint(&format!("── {date}, UTC ──")));
            lines.push('\n');
        }
    }

    fn tell_fault(&self, entry: &IndexEntry, fault: &str, lines: &mut String) {
        let key = &entry.key;
        let line = if self.arguments.json {
            serde_json::json!({ "stream": key.stream().name(), "version": key.first(), "recorded_at": key.at(), "fault": fault })
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
