//! The check of a stream, item by item.

use skald::check::StreamCheck;
use skald::commit::{Commit, MAX_CLOCK_SKEW_MS};
use skald::event::DecodeError;
use skald::index::IndexEntry;
use skald::personal::has_plain;
use skald::store::Corruption;
use skald::stream::{StreamId, Version};
use skald::time::Timestamp;

use super::{Defect, Fault};
use crate::attribute::{AnyItem, Attribute, Attributes};
use crate::commit_item::{read_commit, slice, types};
use crate::index::read_entry;

/// The check of a stream, item by item.
pub(super) struct Walk<C> {
    pub(super) stream: StreamId,
    /// The check of the events. `None` for an unknown category.
    check: Option<C>,
    /// The expected version of the next item. `None` after an item whose events could not be
    /// counted.
    expected: Option<Version>,
    before: Option<Timestamp>,
    /// A commit that was recorded later than this has the time of a wrong clock.
    latest: Timestamp,
    pub(super) faults: Vec<Fault>,
    /// Whether the items were not contiguous.
    pub(super) is_broken: bool,
}

impl<C: StreamCheck> Walk<C> {
    pub(super) fn new(stream: StreamId, check: Option<C>, now: Timestamp) -> Self {
        let expected = Some(Version::START.next());
        let latest = now.plus_millis(MAX_CLOCK_SKEW_MS);
        Self { stream, check, expected, before: None, latest, faults: Vec::new(), is_broken: false }
    }

    fn fault(&mut self, version: Version, defect: Defect) {
        self.faults.push(Fault { key: self.stream.key(), version: Some(version), defect });
    }

    /// Checks one item, and returns how many of its events were decoded.
    pub(super) fn take(&mut self, first: Version, item: &Attributes) -> u64 {
        let broken = match self.expected {
            Some(expected) if first > expected => Some(Corruption::Gap { expected, found: first }),
            Some(expected) if first < expected => {
                Some(Corruption::Overlap { expected, found: first })
            }
            Some(_) | None => None,
        };
        if let Some(broken) = broken {
            self.is_broken = true;
            self.fault(first, Defect::Corrupt(broken));
            self.gap();
        }
        let indexed = match item.attribute("slice") {
            Some(Attribute::Number(number)) if number == slice(&self.stream.key()).to_string() => {
                Ok(())
            }
            _ => Err("slice"),
        };
        let entry = indexed.and_then(|()| read_entry(item).or(Err("at")));
        let commit = match read_commit(item, &self.stream) {
            Ok(commit) => commit,
            Err(fault) => {
                self.fault(first, Defect::Corrupt(fault));
                self.expected = None;
                self.gap();
                return 0;
            }
        };
        let is_of = |entry: &IndexEntry| entry.types.join(" ") == types(&commit.events);
        let indexed = entry.and_then(|entry| is_of(&entry).then_some(()).ok_or("types"));
        if let Err(attribute) = indexed {
            self.fault(first, Defect::Unindexed(attribute));
        }
        self.go_on(&commit)
    }

    fn gap(&mut self) {
        if let Some(check) = &mut self.check {
            check.gap();
        }
    }

    fn go_on(&mut self, commit: &Commit) -> u64 {
        if commit.at > self.latest {
            self.fault(commit.first, Defect::Ahead { at: commit.at });
        }
        // A previous commit that is ahead of now was itself reported, so it does not count here.
        if let Some(before) =
            self.before.filter(|before| commit.at < *before && *before <= self.latest)
        {
            self.fault(commit.first, Defect::Earlier { at: commit.at, before });
        }
        let mut decoded = 0;
        for (index, event) in commit.events.iter().enumerate() {
            let version = commit.first.plus(index as u64);
            let unknown = || DecodeError::Unknown {
                event_type: event.event_type.clone(),
                schema: event.schema,
            };
            match self.check.as_mut().map_or_else(|| Err(unknown()), |check| check.event(event)) {
                Ok(()) => decoded += 1,
                Err(error) => self.fault(version, Defect::Undecodable(error.to_string())),
            }
            if has_plain(&event.data) {
                self.fault(version, Defect::Plain("event"));
            }
        }
        if let Some(snapshot) = &commit.snapshot {
            if let Some(Err(fault)) = self.check.as_mut().map(|check| check.snapshot(snapshot)) {
                self.fault(commit.last(), Defect::Snapshot(fault));
            }
            if has_plain(&snapshot.state) {
                self.fault(commit.last(), Defect::Plain("snapshot"));
            }
        }
        self.before = Some(commit.at);
        self.expected = Some(self.expected.unwrap_or(commit.first).max(commit.last().next()));
        decoded
    }
}
