//! The contract of event stores detects broken stores. Each of them is a correct store in memory
//! with one mutation. (`skald-dynamodb` tests the faults between a store and its service.)

mod broken;

use skald_testkit::event_store::{EventStoreFixture, every_store};

use broken::{Broken, Mutation};

struct Fixture {
    store: Broken,
    foreign: Broken,
}

impl Fixture {
    fn new(mutation: Mutation) -> Self {
        let store = || Broken::new(mutation);
        Self { store: store(), foreign: store() }
    }
}

impl EventStoreFixture for Fixture {
    type Store = Broken;

    fn store(&self) -> &Broken {
        &self.store
    }

    fn foreign(&self) -> &Broken {
        &self.foreign
    }
}

/// The most specific rules that each mutation breaks. The list contains every rule about faults.
const BROKEN: &[(Mutation, &[&str])] = &[
    (
        Mutation::AppendsAtEnd,
        &[
            "an_append_behind_the_head_is_a_conflict",
            "a_command_is_written_once_despite_any_fault",
            "an_append_that_was_in_conflict_or_contended_wrote_nothing",
            "a_late_request_is_written_at_its_own_version_or_not_at_all",
            "a_command_in_doubt_changes_nothing_behind_a_snapshot_if_the_state_shows_it",
            "appends_are_written_once_despite_faults",
            "commands_are_done_once_despite_faults",
        ],
    ),
    (
        Mutation::ConflictIsSuccess,
        &[
            "an_append_behind_the_head_is_a_conflict",
            "eight_writers_have_one_winner_per_version",
            "a_command_is_written_once_despite_any_fault",
            "appends_are_written_once_despite_faults",
            "commands_are_done_once_despite_faults",
        ],
    ),
    (
        Mutation::LostWrite,
        &[
            "a_commit_is_readable_immediately",
            "a_command_is_written_once_despite_any_fault",
            "appends_are_written_once_despite_faults",
            "commands_are_done_once_despite_faults",
        ],
    ),
    (
        Mutation::ContendedAlthoughWritten,
        &[
            "concurrent_commands_all_count",
            "appends_are_written_once_despite_faults",
            "commands_are_done_once_despite_faults",
        ],
    ),
    (
        Mutation::ConflictAlthoughWritten,
        &[
            "concurrent_commands_all_count",
            "appends_are_written_once_despite_faults",
            "commands_are_done_once_despite_faults",
        ],
    ),
    (
        Mutation::RepeatIsConflict,
        &["a_repeated_commit_gives_the_first_answer", "appends_are_written_once_despite_faults"],
    ),
    (
        Mutation::RepeatIsConflictAndReadsFromSnapshot,
        &["a_repeat_that_the_store_recognised_is_not_done_again_behind_a_snapshot"],
    ),
    (
        Mutation::RepeatBehindOthersIsConflict,
        &[
            "a_repeated_commit_is_recognised_after_others",
            "appends_are_written_once_despite_faults",
        ],
    ),
    (Mutation::RepeatAnywhere, &["a_commit_away_from_the_head_is_not_a_repeat"]),
    (
        Mutation::RepeatInPartIsConflict,
        &[
            "a_repeat_with_another_stream_writes_nothing",
            "a_repeat_at_a_later_head_of_one_stream_writes_nothing",
            "a_command_that_is_found_in_only_some_streams_is_not_done_again",
        ],
    ),
    (
        Mutation::NotAtomic,
        &[
            "two_streams_are_appended_together_or_not_at_all",
            "a_command_about_several_streams_is_written_once_despite_any_fault",
            "an_append_that_was_in_conflict_or_contended_wrote_nothing",
            "a_late_request_to_several_streams_is_written_to_all_or_none",
            "a_late_request_with_another_decision_writes_nothing",
            "a_command_in_doubt_is_found_behind_a_snapshot_by_a_stream_of_its_own",
            "transfers_preserve_the_total_despite_faults",
            "deliveries_are_booked_once_behind_snapshots_despite_faults",
        ],
    ),
    (
        Mutation::HalfTheBatch,
        &[
            "two_streams_are_appended_at_once",
            "a_repeat_at_a_later_head_of_one_stream_writes_nothing",
            "a_command_about_several_streams_is_written_once_despite_any_fault",
            "a_late_request_to_several_streams_is_written_to_all_or_none",
            "transfers_preserve_the_total_despite_faults",
            "deliveries_are_booked_once_behind_snapshots_despite_faults",
        ],
    ),
    (
        Mutation::FirstPageOnly,
        &["a_stream_over_one_megabyte_is_read_whole", "reading_after_a_version_gives_the_rest"],
    ),
    (
        Mutation::IgnoresGuards,
        &[
            "a_guarded_stream_that_moved_is_a_conflict",
            "a_guard_of_an_empty_stream_fails_once_it_has_events",
            "commands_that_guard_each_other_do_not_both_succeed",
            "a_guarded_command_is_written_once_despite_any_fault",
            "a_command_whose_guard_moved_is_decided_over_the_new_events",
            "guarded_withdrawals_stay_covered_despite_faults",
        ],
    ),
    (Mutation::AnySnapshot, &["a_snapshot_with_another_schema_is_ignored"]),
    (
        Mutation::AppendReturnsAnotherForm,
        &[
            "an_append_returns_the_commit_that_is_read",
            "an_append_to_several_streams_returns_the_commits_that_are_read",
        ],
    ),
    (
        Mutation::TimesNeverDecrease,
        &[
            "recorded_times_do_not_decrease_while_clocks_are_close",
            "a_clock_far_ahead_does_not_change_later_times",
            "the_state_as_of_a_time_includes_all_earlier_commits",
        ],
    ),
];

async fn broken_by(mutation: Mutation) -> Vec<&'static str> {
    let mut broken = Vec::new();
    for rule in every_store::<Fixture>() {
        if rule.broken_by(&Fixture::new(mutation)).await.is_some() {
            broken.push(rule.name);
        }
    }
    broken
}

#[tokio::test]
async fn a_sound_store_breaks_no_rule() {
    assert_eq!(broken_by(Mutation::None).await, [""; 0]);
}

#[tokio::test]
async fn each_mutation_is_detected_by_the_rules_it_breaks() {
    for (mutation, expected) in BROKEN {
        let broken = broken_by(*mutation).await;
        for rule in *expected {
            assert!(broken.contains(rule), "{mutation:?} passes {rule}; it breaks {broken:?}");
        }
    }
}

#[test]
fn each_rule_about_faults_can_be_broken() {
    let rules: Vec<&str> = every_store::<Fixture>().iter().map(|rule| rule.name).collect();
    let first =
        rules.iter().position(|rule| *rule == "a_command_is_written_once_despite_any_fault");
    for rule in &rules[first.expect("the rules about faults come last")..] {
        assert!(BROKEN.iter().any(|(_, broken)| broken.contains(rule)), "nothing breaks {rule}");
    }
}
