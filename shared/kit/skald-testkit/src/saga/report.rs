//! What the harness reports: what was run, or the promise that was broken.

use std::collections::BTreeMap;
use std::fmt;

use super::world::{End, Story};

/// What was run, in numbers.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Report {
    /// The number of runs.
    pub runs: usize,
    /// How often each end was reached.
    pub ends: BTreeMap<End, usize>,
    /// How often each fault happened. Faults that differ only in a number are one.
    pub faults: BTreeMap<String, usize>,
    /// How often each command was accepted.
    pub accepted: BTreeMap<String, usize>,
    /// The largest number of state transitions of an execution.
    pub max_transitions: u32,
}

/// A broken promise. Its text is the whole story, with the script that shows it.
#[derive(Clone)]
pub struct Broken {
    /// What is wrong.
    pub what: String,
    /// The seed of the run, if it was random.
    pub seed: Option<u64>,
    /// What happened in the shortest run that was found to break a promise, not necessarily the
    /// same one.
    pub story: Box<Story>,
}

impl fmt::Display for Broken {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        writeln!(f, "{}", self.what)?;
        if let Some(seed) = self.seed {
            writeln!(f, "  replay({seed}), shortened to:")?;
        }
        writeln!(f, "  replay_script(\"{}\")", self.story.script)?;
        write!(f, "{}", self.story)
    }
}

impl fmt::Debug for Broken {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(self, f)
    }
}

impl std::error::Error for Broken {}

impl fmt::Display for Report {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let list = |counts: &BTreeMap<String, usize>| {
            let each: Vec<String> =
                counts.iter().map(|(name, count)| format!("{name} {count}")).collect();
            each.join(", ")
        };
        let ends = self.ends.iter().map(|(end, count)| (end.to_string(), *count)).collect();
        write!(
            f,
            "{} runs: {}; at most {} transitions\n  faults: {}\n  accepted: {}",
            self.runs,
            list(&ends),
            self.max_transitions,
            list(&self.faults),
            list(&self.accepted)
        )
    }
}

impl Report {
    pub(super) fn add(&mut self, story: &Story) {
        self.runs += 1;
        *self.ends.entry(story.end).or_default() += 1;
        for (_, fault) in &story.faults {
            *self.faults.entry(fault.kind()).or_default() += 1;
        }
        for name in &story.accepted {
            *self.accepted.entry(name.clone()).or_default() += 1;
        }
        self.max_transitions = self.max_transitions.max(story.max_transitions);
    }

    pub(super) fn merge(&mut self, other: Self) {
        self.runs += other.runs;
        let adds = [(&mut self.faults, other.faults), (&mut self.accepted, other.accepted)];
        for (counts, more) in adds {
            for (name, count) in more {
                *counts.entry(name).or_default() += count;
            }
        }
        for (end, count) in other.ends {
            *self.ends.entry(end).or_default() += count;
        }
        self.max_transitions = self.max_transitions.max(other.max_transitions);
    }
}
