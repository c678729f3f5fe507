//! The contract detects a broken event store. The stores are broken from outside: a proxy changes
//! their requests and the service's answers. (`skald-testkit` tests stores that are broken inside.)

#![expect(clippy::unwrap_used, reason = "a test that cannot go on stops")]

use std::sync::Arc;
use std::sync::atomic::{AtomicU32, Ordering};

use serde_json::{Value, json};
use skald_testkit::event_store;

use crate::support::Events;
use crate::support::broken::{
    AlwaysWell, ConflictWithoutItem, NoCondition, NoOldItem, Nothing, OnePage, broken_of, named,
};
use crate::support::change_body;
use crate::support::proxy::{Fate, Meddler, error_body};

/// Drops the checks of guarded streams.
#[derive(Clone)]
struct NoGuards;

impl Meddler for NoGuards {
    fn request(&self, operation: &str, body: &mut Value) -> Fate {
        if operation == "TransactWriteItems" {
            let items = body["TransactItems"].as_array_mut().unwrap();
            items.retain(|item| item["ConditionCheck"].is_null());
        }
        Fate::Pass
    }
}

/// Writes only the first half of a transaction.
#[derive(Clone)]
struct HalfTheBatch;

impl Meddler for HalfTheBatch {
    fn request(&self, operation: &str, body: &mut Value) -> Fate {
        if operation == "TransactWriteItems" {
            let items = body["TransactItems"].as_array_mut().unwrap();
            items.truncate(items.len().div_ceil(2));
        }
        Fate::Pass
    }
}

/// Changes the events of each commit before it is written.
#[derive(Clone)]
struct OtherEvents;

impl Meddler for OtherEvents {
    fn request(&self, operation: &str, body: &mut Value) -> Fate {
        if operation == "PutItem" {
            change_body(&mut body["Item"], |body| body["events"].as_array_mut().unwrap().reverse());
        }
        Fate::Pass
    }
}

/// Treats every snapshot as one of the wanted shape.
#[derive(Clone)]
struct EveryShape;

impl Meddler for EveryShape {
    fn answer(&self, operation: &str, _: &mut u16, body: &mut Value) {
        if operation == "Query" {
            for item in body["Items"].as_array_mut().unwrap() {
                change_body(item, |body| {
                    if let Some(schema) = body.pointer_mut("/snapshot/schema") {
                        *schema = json!(2);
                    }
                });
            }
        }
    }
}

/// Stores no snapshots.
#[derive(Clone)]
struct NoSnapshots;

impl Meddler for NoSnapshots {
    fn request(&self, operation: &str, body: &mut Value) -> Fate {
        if operation == "PutItem" {
            change_body(&mut body["Item"], |body| {
                drop(body.as_object_mut().unwrap().remove("snapshot"))
            });
        }
        Fate::Pass
    }
}

/// Writes every commit one position after that of its head.
#[derive(Clone)]
struct AheadOfHead;

impl Meddler for AheadOfHead {
    fn request(&self, operation: &str, body: &mut Value) -> Fate {
        if operation == "PutItem" {
            let place: u64 = body["Item"]["sk"]["N"].as_str().unwrap().parse().unwrap();
            body["Item"]["sk"]["N"] = json!((place + 1).to_string());
        }
        Fate::Pass
    }
}

/// Applies this fate to every third put, after which the result is unknown to the caller.
#[derive(Clone)]
struct EveryThird {
    executed: bool,
    status: u16,
    answer: Value,
    puts: Arc<AtomicU32>,
}

impl EveryThird {
    fn new(executed: bool, status: u16, answer: Value) -> Self {
        Self { executed, status, answer, puts: Arc::default() }
    }

    fn is_third(&self) -> bool {
        self.puts.load(Ordering::Relaxed).is_multiple_of(3)
    }
}

impl Meddler for EveryThird {
    fn request(&self, operation: &str, _: &mut Value) -> Fate {
        let put = operation == "PutItem" && self.puts.fetch_add(1, Ordering::Relaxed) % 3 == 2;
        if put && !self.executed {
            Fate::Answer(self.status, self.answer.clone())
        } else {
            Fate::Pass
        }
    }

    fn answer(&self, operation: &str, status: &mut u16, body: &mut Value) {
        if operation == "PutItem" && *status == 200 && self.executed && self.is_third() {
            (*status, *body) = (self.status, self.answer.clone());
        }
    }
}

/// The names of the rules among `wanted` that an event store behind this meddler breaks.
async fn broken_events(meddler: impl Meddler + Clone, wanted: &[&str]) -> Vec<&'static str> {
    let rules = named(event_store::every_store::<Events>(), wanted);
    broken_of(rules, || Events::spoiled(meddler.clone())).await
}

/// The rules that an event store without guards breaks.
const OF_GUARDS: &[&str] = &[
    "a_guarded_stream_that_moved_is_a_conflict",
    "a_guard_of_an_empty_stream_fails_once_it_has_events",
    "commands_that_guard_each_other_do_not_both_succeed",
    "a_guarded_command_past_any_fault_is_written_once",
    "a_command_whose_guard_moved_is_decided_over_the_new_events",
    "guarded_withdrawals_past_faults_stay_covered",
];

/// The rules that an event store without conditions breaks.
const OF_CONDITIONS: &[&str] = &[
    "an_append_behind_the_head_is_a_conflict",
    "the_start_of_a_stream_with_events_is_a_conflict",
    "two_events_are_appended_at_once_or_not_at_all",
    "two_streams_are_appended_together_or_not_at_all",
    "a_conflict_names_every_stream_that_moved",
    "append_all_accepts_a_single_stream",
    "a_repeated_commit_gives_the_first_answer",
    "a_repeated_commit_is_recognised_after_others",
    "another_command_at_the_same_head_is_not_a_repeat",
    "repeated_commits_to_several_streams_give_the_first_answer",
    "repeated_commits_are_recognised_after_others",
    "a_repeat_with_another_stream_writes_nothing",
    "a_repeat_at_a_later_head_of_one_stream_writes_nothing",
    "eight_writers_have_one_winner_per_version",
    "writers_of_two_streams_keep_them_in_step",
    "concurrent_commands_all_count",
    "the_same_command_sent_concurrently_is_written_once",
    "a_conflict_is_decided_again",
    "concurrent_transfers_preserve_the_total",
];
const OF_PAGES: &[&str] =
    &["a_stream_over_one_megabyte_is_read_whole", "reading_after_a_version_gives_the_rest"];
const OF_SEVERAL: &[&str] = &[
    "two_streams_are_appended_at_once",
    "a_hundred_streams_are_appended_at_once",
    "writers_of_two_streams_keep_them_in_step",
];
const OF_REPEATS: &[&str] = &[
    "a_repeated_commit_gives_the_first_answer",
    "a_repeated_commit_is_recognised_after_others",
    "repeated_commits_to_several_streams_give_the_first_answer",
    "repeated_commits_are_recognised_after_others",
];
const OF_SHAPES: &[&str] = &["a_snapshot_with_another_schema_is_ignored"];
const OF_SNAPSHOTS: &[&str] = &[
    "commits_are_read_exactly_as_written",
    "a_load_goes_back_to_the_last_snapshot",
    "a_snapshot_at_the_end_is_loaded_alone_with_its_head",
    "the_state_is_the_same_with_snapshots_and_without",
    "a_long_stream_is_loaded_from_its_last_snapshot",
    "a_snapshot_that_cannot_be_read_is_passed_over",
    "a_snapshot_that_does_not_fit_is_omitted",
];
const OF_PLACES: &[&str] = &[
    "a_commit_at_the_start_makes_a_stream",
    "a_commit_at_the_head_continues_the_stream",
    "a_commit_is_readable_immediately",
    "a_command_past_any_fault_is_written_once",
];
/// The rules about faults on the way to the store.
const OF_FAULTS: &[&str] = &[
    "a_command_past_any_fault_is_written_once",
    "a_command_about_several_streams_past_any_fault_is_written_once",
    "an_append_that_was_in_conflict_or_contended_wrote_nothing",
    "a_late_request_is_written_at_its_own_version_or_not_at_all",
    "a_late_request_to_several_streams_is_written_to_all_or_none",
    "a_late_request_with_another_decision_writes_nothing",
    "appends_past_faults_are_written_once",
    "commands_past_faults_are_done_once",
    "transfers_past_faults_preserve_the_total",
];
const OF_TRUE_ANSWERS: &[&str] =
    &["appends_past_faults_are_written_once", "commands_past_faults_are_done_once"];
const OF_EVENTS: &[&str] =
    &["commits_are_read_exactly_as_written", "a_stream_over_one_megabyte_is_read_whole"];

#[tokio::test]
async fn a_proxy_alone_breaks_no_event_store() {
    for wanted in
        [OF_CONDITIONS, OF_PAGES, OF_SEVERAL, OF_SHAPES, OF_SNAPSHOTS, OF_PLACES, OF_TRUE_ANSWERS]
    {
        assert_eq!(broken_events(Nothing, wanted).await, [""; 0]);
    }
}

#[tokio::test]
async fn an_event_store_without_its_condition_is_detected() {
    assert_eq!(broken_events(NoCondition, OF_CONDITIONS).await, OF_CONDITIONS);
}

#[tokio::test]
async fn an_event_store_whose_query_is_not_paged_is_detected() {
    assert_eq!(broken_events(OnePage, OF_PAGES).await, OF_PAGES);
}

#[tokio::test]
async fn an_event_store_without_its_guards_is_detected() {
    assert_eq!(broken_events(Nothing, OF_GUARDS).await, [""; 0]);
    assert_eq!(broken_events(NoGuards, OF_GUARDS).await, OF_GUARDS);
}

#[tokio::test]
async fn an_event_store_that_writes_half_a_batch_is_detected() {
    assert_eq!(broken_events(HalfTheBatch, OF_SEVERAL).await, OF_SEVERAL);
}

#[tokio::test]
async fn an_event_store_that_treats_a_conflict_as_success_is_detected() {
    assert_eq!(broken_events(AlwaysWell, OF_CONDITIONS).await, OF_CONDITIONS);
}

#[tokio::test]
async fn an_event_store_that_does_not_recognise_its_own_commits_is_detected() {
    assert_eq!(broken_events(NoOldItem, OF_REPEATS).await, OF_REPEATS);
}

#[tokio::test]
async fn an_event_store_that_stores_other_events_is_detected() {
    assert_eq!(broken_events(OtherEvents, OF_EVENTS).await, OF_EVENTS);
}

#[tokio::test]
async fn an_event_store_that_uses_snapshots_of_another_shape_is_detected() {
    assert_eq!(broken_events(EveryShape, OF_SHAPES).await, OF_SHAPES);
}

#[tokio::test]
async fn an_event_store_that_keeps_no_snapshots_is_detected() {
    assert_eq!(broken_events(NoSnapshots, OF_SNAPSHOTS).await, OF_SNAPSHOTS);
}

/// This is not a fault: the service need not return the item that prevented a write.
#[tokio::test]
async fn an_event_store_reads_an_item_that_a_failed_condition_does_not_return() {
    for wanted in [OF_CONDITIONS, OF_REPEATS] {
        assert_eq!(broken_events(ConflictWithoutItem, wanted).await, [""; 0]);
    }
}

#[tokio::test]
async fn an_event_store_that_writes_ahead_of_the_head_is_detected() {
    assert_eq!(broken_events(AheadOfHead, OF_PLACES).await, OF_PLACES);
}

#[tokio::test]
async fn an_event_store_without_its_condition_is_detected_past_faults_too() {
    assert_eq!(broken_events(NoCondition, OF_FAULTS).await, OF_FAULTS);
}

#[tokio::test]
async fn an_event_store_that_reports_a_write_which_was_lost_is_detected() {
    let lost = EveryThird::new(false, 200, json!({}));
    assert_eq!(broken_events(lost, OF_TRUE_ANSWERS).await, OF_TRUE_ANSWERS);
}

#[tokio::test]
async fn an_event_store_that_reports_another_transaction_although_it_wrote_is_detected() {
    let written = EveryThird::new(true, 400, error_body("TransactionConflictException"));
    assert_eq!(broken_events(written, OF_TRUE_ANSWERS).await, OF_TRUE_ANSWERS);
}
