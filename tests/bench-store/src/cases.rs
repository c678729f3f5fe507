//! The cases: the work, the subjects that do it, and the number of repetitions.

use crate::ledger::Total;
use crate::subjects::{Subject, Subjects};

/// The same work for several subjects.
pub(crate) struct Case<'a> {
    /// The name in the report.
    pub(crate) name: &'static str,
    /// The operation that a case measures.
    pub(crate) work: Work,
    /// The subjects. The others are compared with the first.
    pub(crate) subjects: Vec<&'a dyn Subject>,
    /// The number of turns of each subject.
    pub(crate) rounds: usize,
    /// The number of repetitions of the work in each turn.
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
    /// The number of events in the stream before the work. `None` if the stream is new.
    pub(crate) const fn events_before(self) -> Option<usize> {
        match self {
            Self::Append(_) | Self::Race => None,
            Self::Command(events) | Self::Load(events) | Self::LoadTens(events) => Some(events),
        }
    }

    /// The number of events in each commit that the stream has before the work.
    pub(crate) const fn events_per_commit(self) -> usize {
        if matches!(self, Self::LoadTens(_)) { 10 } else { 1 }
    }

    /// Whether the work does not change the stream, so that all repetitions can share one.
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

    /// The number of operations in the work. Each command of a race is one operation.
    pub(crate) const fn operations(self) -> u64 {
        match self {
            Self::Append(_) | Self::Command(_) | Self::Load(_) | Self::LoadTens(_) => 1,
            Self::Race => WRITERS * COMMANDS,
        }
    }
}

/// A commit of one event on a new stream.
pub(crate) const FIRST_EVENT: &str = "first event";
/// A commit of three events on a new stream.
pub(crate) const COMMIT_OF_THREE: &str = "commit of three";
/// A command without snapshots.
pub(crate) const COMMAND: &str = "command on ten events";
/// A command without snapshots on half as many events.
pub(crate) const SHORT_COMMAND: &str = "command on five events";
/// A command with snapshots.
pub(crate) const SNAPSHOT_COMMAND: &str = "command on ten events, snapshots";
/// Loads without snapshots, shortest first.
pub(crate) const LOADS: [(&str, usize); 4] =
    [("load 10", 10), ("load 100", 100), ("load 1,000", 1000), ("load 10,000", 10_000)];
/// A load of commits of ten events each.
pub(crate) const LOAD_TENS: &str = "load 1,000 in commits of ten";
/// Loads with snapshots, shortest first.
pub(crate) const SNAPSHOT_LOADS: [(&str, usize); 4] = [
    ("load 10, snapshots", 10),
    ("load 100, snapshots", 100),
    ("load 1,000, snapshots", 1000),
    ("load 10,000, snapshots", 10_000),
];
/// A load from halfway between two snapshots. The streams of [`SNAPSHOT_LOADS`] end with a
/// snapshot, as few real streams do.
pub(crate) const LOAD_BETWEEN_SNAPSHOTS: &str = "load 10,005, snapshots";
/// Eight writers on one stream.
pub(crate) const RACE: &str = "eight racing writers";

/// All cases.
pub(crate) fn all(subjects: &Subjects) -> Vec<Case<'_>> {
    let bare = || [&subjects.bare];
    let bare_variants = || [&subjects.bare, &subjects.bare_indexed, &subjects.bare_same];
    let both_bare = || [&subjects.bare, &subjects.bare_indexed];
    let same_bare = || [&subjects.bare, &subjects.bare_same];
    let last = || [&subjects.bare_last, &subjects.bare_get];
    let with_snapshots = || subjects.every_ten.iter().chain(&subjects.every_one);
    let plain = &subjects.plain;
    let mut cases = vec![
        case(
            FIRST_EVENT,
            Work::Append(1),
            bare_variants().into_iter().chain(plain).chain(&subjects.every_one),
            (40, 40),
        ),
        case(
            COMMIT_OF_THREE,
            Work::Append(3),
            bare_variants().into_iter().chain(plain).chain(&subjects.every_one),
            (40, 20),
        ),
        case(SHORT_COMMAND, Work::Command(5), both_bare().into_iter().chain(plain), (25, 16)),
        case(COMMAND, Work::Command(10), both_bare().into_iter().chain(plain), (25, 16)),
        case(
            SNAPSHOT_COMMAND,
            Work::Command(10),
            bare().into_iter().chain(with_snapshots()),
            (25, 16),
        ),
    ];
    for (name, events) in LOADS {
        cases.push(case(
            name,
            Work::Load(events),
            same_bare().into_iter().chain(plain),
            turns(events),
        ));
    }
    cases.push(case(
        LOAD_TENS,
        Work::LoadTens(1000),
        same_bare().into_iter().chain(plain),
        turns(1000),
    ));
    for (name, events) in SNAPSHOT_LOADS.into_iter().chain([(LOAD_BETWEEN_SNAPSHOTS, 10_005)]) {
        cases.push(case(
            name,
            Work::Load(events),
            last().into_iter().chain(with_snapshots()),
            (40, 25),
        ));
    }
    cases.push(case(RACE, Work::Race, bare().into_iter().chain(plain), (15, 1)));
    cases
}

/// The rounds, and the loads in each round, for streams of this many events.
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
