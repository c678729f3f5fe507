//! A check reports a snapshot that differs from the fold of the events, and no other snapshot.

#![expect(clippy::unwrap_used, reason = "a test fails by panicking")]

use serde::{Deserialize, Serialize};
use skald::check::{FoldCheck, SnapshotFault, StreamCheck};
use skald::decider::Decider;
use skald::event::{DomainEvent, EventData};
use skald::personal::{PersonId, Personal};
use skald::snapshot::{Snapshot, Snapshots};

#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
struct Counted {
    number: u64,
    by: Personal<String>,
}

skald::domain_event! {
    enum CountEvent {
        Counted(Counted) = "count.counted" @ 1,
    }
}

#[derive(Debug)]
struct Count;

#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
struct CountState {
    sum: u64,
    last: Option<Personal<String>>,
}

impl Decider for Count {
    const CATEGORY: &'static str = "count";
    type State = CountState;
    type Command = ();
    type Event = CountEvent;
    type Rejection = std::convert::Infallible;
    const SNAPSHOTS: Option<Snapshots<CountState>> = Some(Snapshots::new(2, 7));

    fn decide(_: &CountState, (): &()) -> Result<Vec<CountEvent>, Self::Rejection> {
        Ok(vec![])
    }

    fn evolve(
        state: CountState,
        CountEvent::Counted(Counted { number, by }): &CountEvent,
    ) -> CountState {
        CountState { sum: state.sum + number, last: Some(by.clone()) }
    }
}

/// Three sealed values. No key opens them, but they are as long as a sealed text.
const FIRST: &str = "AQEBAQEBAQEBAQEBAQEBAQEBAQEBAQEBAQEBAQEBAQEBAQEB";
const SECOND: &str = "AQICAgICAgICAgICAgICAgICAgICAgICAgICAgICAgICAgIC";
const THIRD: &str = "AQMDAwMDAwMDAwMDAwMDAwMDAwMDAwMDAwMDAwMDAwMDAwMD";

fn counted(number: u64, sealed: &str) -> EventData {
    let data = format!(r#"{{"number":{number},"by":{{"$person":"jane-1","sealed":"{sealed}"}}}}"#)
        .into_bytes();
    EventData { event_type: "count.counted".to_owned(), schema: 1, data }
}

fn snapshot(schema: u32, state: &str) -> Snapshot {
    Snapshot { schema, state: state.as_bytes().to_vec() }
}

/// The check after two events whose sum is 5.
fn check() -> FoldCheck<Count> {
    let mut check = FoldCheck::default();
    for event in [counted(2, FIRST), counted(3, SECOND)] {
        check.event(&event).unwrap();
    }
    check
}

#[test]
fn an_equal_state_is_no_fault_in_any_json_layout() {
    for state in [
        format!(r#"{{"sum":5,"last":{{"$person":"jane-1","sealed":"{SECOND}"}}}}"#),
        format!(r#"{{"last": {{"sealed": "{SECOND}", "$person": "jane-1"}}, "sum": 5}}"#),
    ] {
        assert_eq!(check().snapshot(&snapshot(7, &state)), Ok(()), "{state}");
    }
}

/// A value is sealed for its place: the same value is sealed differently in a snapshot and in an
/// event.
#[test]
fn another_seal_of_a_value_is_no_fault_but_another_person_is() {
    let state = |sealed, of| {
        snapshot(7, &format!(r#"{{"sum":5,"last":{{"$person":"{of}","sealed":"{sealed}"}}}}"#))
    };
    assert_eq!(check().snapshot(&state(THIRD, "jane-1")), Ok(()));
    assert_eq!(check().snapshot(&state(SECOND, "joe-2")), Err(SnapshotFault::Differs));
}

#[test]
fn another_state_and_an_unreadable_state_are_faults() {
    let last = format!(r#""last":{{"$person":"jane-1","sealed":"{SECOND}"}}"#);
    assert_eq!(
        check().snapshot(&snapshot(7, &format!("{{\"sum\":6,{last}}}"))),
        Err(SnapshotFault::Differs)
    );
    assert_eq!(
        check().snapshot(&snapshot(7, r#"{"sum":5,"last":null}"#)),
        Err(SnapshotFault::Differs)
    );
    assert_eq!(check().snapshot(&snapshot(7, "{}")), Err(SnapshotFault::Unreadable));
    assert_eq!(check().snapshot(&snapshot(7, "no JSON")), Err(SnapshotFault::Unreadable));
}

#[test]
fn a_snapshot_with_another_schema_is_ignored() {
    assert_eq!(check().snapshot(&snapshot(6, "no JSON")), Ok(()));
}

#[test]
fn after_a_gap_the_next_snapshot_is_trusted_and_later_ones_are_compared() {
    let state = |sum: u64| {
        snapshot(
            7,
            &format!(r#"{{"sum":{sum},"last":{{"$person":"jane-1","sealed":"{SECOND}"}}}}"#),
        )
    };
    let mut after_a_gap = check();
    after_a_gap.gap();
    let mut after_an_unknown_event = check();
    let unknown = EventData { event_type: "count.doubled".to_owned(), ..counted(1, FIRST) };
    assert!(after_an_unknown_event.event(&unknown).unwrap_err().is_transient());
    for mut check in [after_a_gap, after_an_unknown_event] {
        check.event(&counted(1, FIRST)).unwrap();
        assert_eq!(check.snapshot(&state(40)), Ok(()));
        check.event(&counted(2, FIRST)).unwrap();
        assert_eq!(check.snapshot(&state(40)), Err(SnapshotFault::Differs));
        assert_eq!(check.snapshot(&state(42)), Ok(()));
    }
}

/// Plain values, as in tests and in stores that do not seal, are compared by their content.
#[test]
fn plain_values_are_compared() {
    let mut check = FoldCheck::<Count>::default();
    let jane = PersonId::new("jane-1").unwrap();
    let event: CountEvent = Counted { number: 5, by: Personal::of(jane, "Jane".to_owned()) }.into();
    check.event(&event.encode().unwrap()).unwrap();
    let state = |name| {
        snapshot(7, &format!(r#"{{"sum":5,"last":{{"$person":"jane-1","plain":"{name}"}}}}"#))
    };
    assert_eq!(check.snapshot(&state("Jane")), Ok(()));
    assert_eq!(check.snapshot(&state("Joan")), Err(SnapshotFault::Differs));
}

/// A verifier of streams of several categories boxes its checks.
#[test]
fn a_boxed_check_finds_faults() {
    let state = |sum: u64| {
        snapshot(7, &format!(r#"{{"sum":{sum},"last":{{"$person":"jane-1","sealed":"BAUG"}}}}"#))
    };
    let mut boxed: Box<dyn StreamCheck> = Box::new(FoldCheck::<Count>::default());
    let event = counted(5, "BAUG");
    assert!(boxed.event(&EventData { schema: 2, ..event.clone() }).is_err());
    boxed = Box::new(FoldCheck::<Count>::default());
    let check: &mut dyn StreamCheck = &mut boxed;
    check.event(&event).unwrap();
    assert_eq!(check.snapshot(&state(6)), Err(SnapshotFault::Differs));
    check.gap();
    assert_eq!(check.snapshot(&state(6)), Ok(()));
}
