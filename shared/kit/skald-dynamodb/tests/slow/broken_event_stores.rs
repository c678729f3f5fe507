//! The contract detects a broken event store. The stores are broken from outside: a proxy changes
//! their requests and the service's answers. (`skald-testkit` tests stores that are broken inside.)

#![expect(clippy::unwrap_used, reason = "a test that cannot go on stops")]

use std::sync::Arc;
use std::sync::atomic::{AtomicU32, Ordering};

use serde_json::{Value, json};
use skald_testkit::event_store;

use crate::support::Events;
use crate::support::broken::{
    AlwaysSucceeds, ConflictWithoutItem, NoCondition, NoStoredItem, OnePage, PassThrough,
    broken_rules, rules_named,
};
use crate::support::change_body;
use crate::support::proxy::{Fate, Interceptor, error_body};

/// Drops the checks of guarded streams.
#[derive(Clone)]
struct NoGuards;

impl Interceptor for NoGuards {
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

impl Interceptor for HalfTheBatch {
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

impl Interceptor for OtherEvents {
    fn request(&self, operation: &str, body: &mut Value) -> Fate {
        if operation == "PutItem" {
            change_body(&mut body["Item"], |body| body["events"].as_array_mut().unwrap().reverse());
        }
        Fate::Pass
    }
}

/// Changes the schema of every snapshot to the requested one.
#[derive(Clone)]
struct EverySnapshotSchema;

impl Interceptor for EverySnapshotSchema {
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

impl Interceptor for NoSnapshots {
    fn request(&self, operation: &str, body: &mut Value) -> Fate {
        if operation == "PutItem" {
            change_body(&mut body["Item"], |body| {
                drop(body.as_object_mut().unwrap().remove("snapshot"))
            });
        }
        Fate::Pass
    }
}

/// Leaves one position free between the head and the commit.
#[derive(Clone)]
struct SkipsAPosition;

impl Interceptor for SkipsAPosition {
    fn request(&self, operation: &str, body: &mut Value) -> Fate {
        if operation == "PutItem" {
            let place: u64 = body["Item"]["sk"]["N"].as_str().unwrap().parse().unwrap();
            body["Item"]["sk"]["N"] = json!((place + 1).to_string());
        }
        Fate::Pass
    }
}

/// Returns this answer to every third put, whether or not the put is executed.
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

impl Interceptor for EveryThird {
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

/// The names of the rules among `wanted` that an event store behind this interceptor breaks.
async fn broken_events(
    interceptor: impl Interceptor + Clone,
    wanted: &[&str],
) -> Vec<&'static str> {
    let rules = rules_named(event_store::every_store::<Events>(), wanted);
    broken_rules(rules, || Events::intercepted(interceptor.clone())).await
}

/// The rules that an event store without guards breaks.
const GUARD_RULES: &[&str] = &[
    "a_guarded_stream_that_moved_is_a_conflict",
    "a_guard_of_an_empty_stream_fails_once_it_has_events",
    "commands_that_guard_each_other_do_not_both_succeed",
    "a_guarded_command_is_written_once_despite_any_fault",
    "a_command_whose_guard_moved_is_decided_over_the_new_events",
    "guarded_withdrawals_stay_covered_despite_faults",
];

/// The rules that an event store without conditions breaks.
const CONDITION_RULES: &[&str] = &[
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
const PAGING_RULES: &[&str] =
    &["a_stream_over_one_megabyte_is_read_whole", "reading_after_a_version_gives_the_rest"];
const MULTI_STREAM_RULES: &[&str] = &[
    "two_streams_are_appended_at_once",
    "a_hundred_streams_are_appended_at_once",
    "writers_of_two_streams_keep_them_in_step",
];
const REPEAT_RULES: &[&str] = &[
    "a_repeated_commit_gives_the_first_answer",
    "a_repeated_commit_is_recognised_after_others",
    "repeated_commits_to_several_streams_give_the_first_answer",
    "repeated_commits_are_recognised_after_others",
];
const SNAPSHOT_SCHEMA_RULES: &[&str] = &["a_snapshot_with_another_schema_is_ignored"];
const SNAPSHOT_RULES: &[&str] = &[
    "commits_are_read_exactly_as_written",
    "a_load_goes_back_to_the_last_snapshot",
    "a_snapshot_at_the_end_is_loaded_alone_with_its_head",
    "the_state_is_the_same_with_snapshots_and_without",
    "a_long_stream_is_loaded_from_its_last_snapshot",
    "a_snapshot_that_cannot_be_read_is_passed_over",
    "a_snapshot_that_does_not_fit_is_omitted",
];
const POSITION_RULES: &[&str] = &[
    "a_commit_at_the_start_makes_a_stream",
    "a_commit_at_the_head_continues_the_stream",
    "a_commit_is_readable_immediately",
    "a_command_is_written_once_despite_any_fault",
];
/// The rules about faults on the way to the store.
const FAULT_RULES: &[&str] = &[
    "a_command_is_written_once_despite_any_fault",
    "a_command_about_several_streams_is_written_once_despite_any_fault",
    "an_append_that_was_in_conflict_or_contended_wrote_nothing",
    "a_late_request_is_written_at_its_own_version_or_not_at_all",
    "a_late_request_to_several_streams_is_written_to_all_or_none",
    "a_late_request_with_another_decision_writes_nothing",
    "appends_are_written_once_despite_faults",
    "commands_are_done_once_despite_faults",
    "transfers_preserve_the_total_despite_faults",
];
const ANSWER_RULES: &[&str] =
    &["appends_are_written_once_despite_faults", "commands_are_done_once_despite_faults"];
const EVENT_RULES: &[&str] =
    &["commits_are_read_exactly_as_written", "a_stream_over_one_megabyte_is_read_whole"];

#[tokio::test]
async fn a_proxy_alone_breaks_no_event_store() {
    for wanted in [
        CONDITION_RULES,
        PAGING_RULES,
        MULTI_STREAM_RULES,
        SNAPSHOT_SCHEMA_RULES,
        SNAPSHOT_RULES,
        POSITION_RULES,
        ANSWER_RULES,
    ] {
        assert_eq!(broken_events(PassThrough, wanted).await, [""; 0]);
    }
}

#[tokio::test]
async fn an_event_store_without_its_condition_is_detected() {
    assert_eq!(broken_events(NoCondition, CONDITION_RULES).await, CONDITION_RULES);
}

#[tokio::test]
async fn an_event_store_whose_query_is_not_paged_is_detected() {
    assert_eq!(broken_events(OnePage, PAGING_RULES).await, PAGING_RULES);
}

#[tokio::test]
async fn an_event_store_that_ignores_guards_is_detected() {
    assert_eq!(broken_events(PassThrough, GUARD_RULES).await, [""; 0]);
    assert_eq!(broken_events(NoGuards, GUARD_RULES).await, GUARD_RULES);
}

#[tokio::test]
async fn an_event_store_that_writes_half_a_batch_is_detected() {
    assert_eq!(broken_events(HalfTheBatch, MULTI_STREAM_RULES).await, MULTI_STREAM_RULES);
}

#[tokio::test]
async fn an_event_store_that_treats_a_conflict_as_success_is_detected() {
    assert_eq!(broken_events(AlwaysSucceeds, CONDITION_RULES).await, CONDITION_RULES);
}

#[tokio::test]
async fn an_event_store_that_does_not_recognise_its_own_commits_is_detected() {
    assert_eq!(broken_events(NoStoredItem, REPEAT_RULES).await, REPEAT_RULES);
}

#[tokio::test]
async fn an_event_store_that_stores_other_events_is_detected() {
    assert_eq!(broken_events(OtherEvents, EVENT_RULES).await, EVENT_RULES);
}

#[tokio::test]
async fn an_event_store_that_uses_snapshots_with_another_schema_is_detected() {
    assert_eq!(
        broken_events(EverySnapshotSchema, SNAPSHOT_SCHEMA_RULES).await,
        SNAPSHOT_SCHEMA_RULES
    );
}

#[tokio::test]
async fn an_event_store_that_keeps_no_snapshots_is_detected() {
    assert_eq!(broken_events(NoSnapshots, SNAPSHOT_RULES).await, SNAPSHOT_RULES);
}

/// This is not a fault: the service need not return the item that prevented a write.
#[tokio::test]
async fn an_event_store_reads_an_item_that_a_failed_condition_does_not_return() {
    for wanted in [CONDITION_RULES, REPEAT_RULES] {
        assert_eq!(broken_events(ConflictWithoutItem, wanted).await, [""; 0]);
    }
}

#[tokio::test]
async fn an_event_store_that_writes_ahead_of_the_head_is_detected() {
    assert_eq!(broken_events(SkipsAPosition, POSITION_RULES).await, POSITION_RULES);
}

#[tokio::test]
async fn the_rules_about_faults_detect_an_event_store_without_its_condition() {
    assert_eq!(broken_events(NoCondition, FAULT_RULES).await, FAULT_RULES);
}

#[tokio::test]
async fn an_event_store_that_reports_a_lost_write_as_success_is_detected() {
    let lost = EveryThird::new(false, 200, json!({}));
    assert_eq!(broken_events(lost, ANSWER_RULES).await, ANSWER_RULES);
}

#[tokio::test]
async fn an_event_store_that_reports_contention_for_a_completed_write_is_detected() {
    let written = EveryThird::new(true, 400, error_body("TransactionConflictException"));
    assert_eq!(broken_events(written, ANSWER_RULES).await, ANSWER_RULES);
}
