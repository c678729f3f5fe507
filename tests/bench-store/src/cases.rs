//! What is compared: which work is done, by whom, how often.

use crate::ledger::Total;
use crate::subjects::{Subject, Subjects};

/// The same work for several subjects.
pub(crate) struct Case<'a> {
    /// What it is called in the report.
    pub(crate) name: &'static str,
    /// The operation that a case measures.
    pub(crate) work: Work,
    /// By whom. The first is what the others are measured by.
    pub(crate) subjects: Vec<&'a dyn Subject>,
    /// How often everybody has a turn.
    pub(crate) rounds: usize,
    /// How often the work is done in a turn.
    pub(crate) times: usize,
}

/// The operation that a case measures.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Work {
    /// Appends this many events to a new stream, together if possible. Reads nothing.
    Append(usize),
    /// Handles a command on a stream of this many events: loads it, decides one more event and
    /// appends it.
    Command(usize),
    /// Loads a stream of this many events.
    Load(usize),
    /// The same for commits of ten events each, in stores that have them.
    LoadTens(usize),
    /// Eight concurrent writers handle five commands each on one new stream. A writer with a
    /// conflict tries again immediately.
    Race,
}

/// Writers in a race.
pub(crate) const WRITERS: u64 = 8;
/// Commands of each writer in a race.
pub(crate) const COMMANDS: u64 = 5;

impl Work {
    /// The number of events that the stream has before, if it exists.
    pub(crate) const fn events_before(self) -> Option<usize> {
        match self {
            Self::Append(_) | Self::Race => None,
            Self::Command(events) | Self::Load(events) | Self::LoadTens(events) => Some(events),
        }
    }

    /// How many events there are in each commit of the stream before.
    pub(crate) const fn concurrently(self) -> usize {
        if matches!(self, Self::LoadTens(_)) { 10 } else { 1 }
    }

    /// Whether the work leaves the stream as it was, so that one is enough for all.
    pub(crate) const fn only_reads(self) -> bool {
        matches!(self, Self::Load(_) | Self::LoadTens(_))
    }

    /// The state afterwards.
    pub(crate) fn total(self) -> Total {
        Total::first(match self {
            Self::Append(events) | Self::Load(events) | Self::LoadTens(events) => events as u64,
            Self::Command(events) => events as u64 + 1,
            Self::Race => WRITERS * COMMANDS,
        })
    }

    /// How many commands there are in it, so that operations of a race are commands.
    pub(crate) const fn operations(self) -> u64 {
        match self {
            Self::Append(_) | Self::Command(_) | Self::Load(_) | Self::LoadTens(_) => 1,
            Self::Race => WRITERS * COMMANDS,
        }
    }
}

/// A commit of one event on a new stream.
pub(crate) const FIRST: &str = "first event";
/// A commit of three events on a new stream.
pub(crate) const THREE: &str = "commit of three";
/// A command without snapshots.
pub(crate) const COMMAND: &str = "command on ten events";
/// Likewise on half as many.
pub(crate) const SHORT_COMMAND: &str = "command on five events";
/// A command with snapshots.
pub(crate) const KEPT_COMMAND: &str = "command on ten events, snapshots";
/// Loads without snapshots, shortest first.
pub(crate) const LOADS: [(&str, usize); 4] =
    [("load 10", 10), ("load 100", 100), ("load 1,000", 1000), ("load 10,000", 10_000)];
/// A load of commits of ten events each.
pub(crate) const TENS: &str = "load 1,000 in commits of ten";
/// Loads with snapshots, shortest first.
pub(crate) const KEPT_LOADS: [(&str, usize); 4] = [
    ("load 10, snapshots", 10),
    ("load 100, snapshots", 100),
    ("load 1,000, snapshots", 1000),
    ("load 10,000, snapshots", 10_000),
];
/// The same halfway between two snapshots: the streams above end with one, which is where the
/// fewest streams stand.
pub(crate) const BETWEEN: &str = "load 10,005, snapshots";
/// Eight writers on one stream.
pub(crate) const RACE: &str = "eight racing writers";

/// All cases.
pub(crate) fn all(subjects: &Subjects) -> Vec<Case<'_>> {
    let bare = || [&subjects.bare];
    let all_bare = || [&subjects.bare, &subjects.bare_indexed, &subjects.bare_same];
    let both_bare = || [&subjects.bare, &subjects.bare_indexed];
    let same_bare = || [&subjects.bare, &subjects.bare_same];
    let last = || [&subjects.bare_last, &subjects.bare_get];
    let kept = || subjects.every_ten.iter().chain(&subjects.every_one);
    let plain = &subjects.plain;
    let mut cases = vec![
        case(
            FIRST,
            Work::Append(1),
            all_bare().into_iter().chain(plain).chain(&subjects.every_one),
            (40, 40),
        ),
        case(
            THREE,
            Work::Append(3),
            all_bare().into_iter().chain(plain).chain(&subjects.every_one),
            (40, 20),
        ),
        case(SHORT_COMMAND, Work::Command(5), both_bare().into_iter().chain(plain), (25, 16)),
        case(COMMAND, Work::Command(10), both_bare().into_iter().chain(plain), (25, 16)),
        case(KEPT_COMMAND, Work::Command(10), bare().into_iter().chain(kept()), (25, 16)),
    ];
    for (name, events) in LOADS {
        cases.push(case(
            name,
            Work::Load(events),
            same_bare().into_iter().chain(plain),
            turns(events),
        ));
    }
    cases.push(case(TENS, Work::LoadTens(1000), same_bare().into_iter().chain(plain), turns(1000)));
    for (name, events) in KEPT_LOADS.into_iter().chain([(BETWEEN, 10_005)]) {
        cases.push(case(name, Work::Load(events), last().into_iter().chain(kept()), (40, 25)));
    }
    cases.push(case(RACE, Work::Race, bare().into_iter().chain(plain), (15, 1)));
    cases
}

/// Rounds, and how often in each, for loading so many events one by one.
const fn turns(events: usize) -> (usize, usize) {
    match events {
        0..100 => (40, 25),
        100..1000 => (30, 10),
        1000..10_000 => (20, 3),
        _ => (10, 1),
    }
}

fn case<'a>(
    name: &'static str,
    work: Work,
    subjects: impl Iterator<Item = &'a Box<dyn Subject>>,
    (rounds, times): (usize, usize),
) -> Case<'a> {
    Case { name, work, subjects: subjects.map(AsRef::as_ref).collect(), rounds, times }
}
