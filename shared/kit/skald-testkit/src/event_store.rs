//! The contract of an [`EventStore`]: one function for each rule. The function panics if the store
//! breaks the rule.
//!
//! To test a store, write a fixture and one line. The line generates a test for each rule:
//!
//! ```
//! use skald::commit::Commit;
//! use skald::memory::InMemoryEventStore;
//! use skald_testkit::event_store::{EventStoreFixture, PlantCommits};
//!
//! #[derive(Default)]
//! struct Fixture { store: InMemoryEventStore, foreign: InMemoryEventStore }
//!
//! impl EventStoreFixture for Fixture {
//!     type Store = InMemoryEventStore;
//!     fn store(&self) -> &InMemoryEventStore { &self.store }
//!     fn foreign(&self) -> &InMemoryEventStore { &self.foreign }
//! }
//!
//! impl PlantCommits for Fixture {
//!     async fn plant(&self, commit: Commit) { self.store.plant(commit) }
//! }
//!
//! skald_testkit::event_store_contract!(#[tokio::test] Fixture::default(), plants: commits);
//! ```
//!
//! `plants` states what the fixture can write without the store: `nothing`, `commits` (it
//! implements [`PlantCommits`]), or `commits, items` (it also implements [`PlantItems`]).
//!
//! Some rules put faults between the caller and the store ([`faulty`](crate::faulty)): requests and
//! answers that are lost, late or repeated, throttling, other transactions and faster writers. A
//! fast store can also run many [`races`]: `races(Fixture::default, 1..=100).await`.
//!
//! The rules work on any runtime: they poll concurrent futures together and spawn no task.

mod anything;
mod appending;
mod enduring;
mod faults;
mod forms;
mod guarding;
mod handling;
mod in_doubt;
mod planted;
mod racing;
mod reading;
mod repeating;
mod snapshots;
mod together;

use std::future::Future;

use skald::commit::Commit;
use skald::store::EventStore;
use skald::stream::{StreamId, Version};

use crate::rule::Rule;

pub(crate) use anything::assert_rows_are_read_back_or_invalid;
pub use enduring::races;

/// An empty store to test. Each rule gets a fixture of its own.
pub trait EventStoreFixture: Sync {
    /// The kind of store.
    type Store: EventStore;

    /// The store.
    fn store(&self) -> &Self::Store;

    /// Another store of the same kind, whose heads mean nothing to the first. It may keep its data
    /// in the same place.
    fn foreign(&self) -> &Self::Store;
}

/// A fixture that can write commits without the store's checks.
pub trait PlantCommits: EventStoreFixture {
    /// Stores the commit as it is, without any check.
    fn plant(&self, commit: Commit) -> impl Future<Output = ()> + Send;
}

/// A fixture of a store that encodes its commits, so that a stored item can be malformed.
pub trait PlantItems: PlantCommits {
    /// Stores a malformed item in place of a commit whose first event is at `at`.
    fn plant_item(
        &self,
        stream: &StreamId,
        at: Version,
        broken: Broken,
    ) -> impl Future<Output = ()> + Send;
}

/// What is wrong with a planted item.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Broken {
    /// The item names this encoding, which may be that of a newer release.
    Encoding(String),
    /// The item has events, but no commit id.
    NoCommitId,
    /// The item has this text in place of its events.
    Events(String),
}

/// The rules as functions.
pub mod rules {
    pub use super::anything::every_draft_is_read_back_or_fails_permanently;
    pub use super::appending::*;
    pub use super::enduring::{
        appends_are_written_once_despite_faults, commands_are_done_once_despite_faults,
        deliveries_are_booked_once_behind_snapshots_despite_faults,
        guarded_withdrawals_stay_covered_despite_faults,
        transfers_preserve_the_total_despite_faults,
    };
    pub use super::faults::*;
    pub use super::forms::*;
    pub use super::guarding::*;
    pub use super::handling::*;
    pub use super::in_doubt::*;
    pub use super::planted::*;
    pub use super::racing::*;
    pub use super::reading::*;
    pub use super::repeating::*;
    pub use super::snapshots::*;
    pub use super::together::*;
}

/// The rules for every store as values, for tests which show that a broken store breaks a rule.
#[must_use]
pub fn every_store<F: EventStoreFixture>() -> Vec<Rule<F>> {
    crate::__event_store_rules!(__rule_list! event_store)
}

/// Generates a test of each rule for a store. See the [module](crate::event_store).
#[macro_export]
macro_rules! event_store_contract {
    (#[$test:meta] $fixture:expr, plants: nothing) => {
        $crate::__event_store_rules!(__rule_tests! event_store, $test, $fixture);
    };
    (#[$test:meta] $fixture:expr, plants: commits) => {
        $crate::__event_store_rules!(__rule_tests! event_store, $test, $fixture);
        $crate::__planted_commit_rules!(__rule_tests! event_store, $test, $fixture);
    };
    (#[$test:meta] $fixture:expr, plants: commits, items) => {
        $crate::__event_store_rules!(__rule_tests! event_store, $test, $fixture);
        $crate::__planted_commit_rules!(__rule_tests! event_store, $test, $fixture);
        $crate::__planted_item_rules!(__rule_tests! event_store, $test, $fixture);
    };
}

#[doc(hidden)]
#[macro_export]
macro_rules! __event_store_rules {
    ($then:ident! $($arguments:tt)*) => {
        $crate::$then! { [
            a_commit_at_the_start_makes_a_stream
            a_commit_at_the_head_continues_the_stream
            heads_count_events
            an_append_behind_the_head_is_a_conflict
            the_start_of_a_stream_with_events_is_a_conflict
            the_head_of_another_store_is_invalid
            two_events_are_appended_at_once_or_not_at_all
            a_commit_without_events_is_invalid
            a_commit_that_is_too_large_is_invalid
            json_that_cannot_be_read_back_is_invalid
            a_name_that_breaks_the_rules_is_invalid
            valid_json_is_read_as_it_was_written
            every_draft_is_read_back_or_fails_permanently
            the_largest_commits_are_stored
            an_append_returns_the_commit_that_is_read
            an_append_to_several_streams_returns_the_commits_that_are_read
            recorded_times_do_not_decrease_while_clocks_are_close
            a_clock_far_ahead_does_not_change_later_times
            streams_with_similar_names_do_not_mix
            two_streams_are_appended_at_once
            two_streams_are_appended_together_or_not_at_all
            a_conflict_names_every_stream_that_moved
            append_all_accepts_a_single_stream
            a_hundred_streams_are_appended_at_once
            more_than_a_hundred_streams_are_invalid
            the_same_stream_twice_is_invalid
            an_append_without_streams_or_events_is_invalid
            a_foreign_head_among_several_is_invalid
            a_transaction_that_is_too_large_is_invalid
            recorded_times_never_decrease_in_any_of_several
            events_written_at_once_have_different_ids
            a_stream_without_events_is_empty
            a_commit_is_readable_immediately
            commits_are_read_exactly_as_written
            a_stream_over_one_megabyte_is_read_whole
            reading_after_a_version_gives_the_rest
            a_stream_is_read_in_both_directions_from_any_commit
            a_page_holds_at_most_its_limit
            the_state_is_folded_as_of_any_version_or_time
            the_state_as_of_a_time_includes_all_earlier_commits
            a_repeated_commit_gives_the_first_answer
            a_repeated_commit_is_recognised_after_others
            another_command_at_the_same_head_is_not_a_repeat
            repeated_commits_to_several_streams_give_the_first_answer
            repeated_commits_are_recognised_after_others
            a_commit_away_from_the_head_is_not_a_repeat
            a_repeat_with_another_stream_writes_nothing
            a_repeat_at_a_later_head_of_one_stream_writes_nothing
            a_command_that_is_found_in_only_some_streams_is_not_done_again
            eight_writers_have_one_winner_per_version
            writers_of_two_streams_keep_them_in_step
            concurrent_commands_all_count
            a_repeated_command_is_written_once
            the_same_command_sent_concurrently_is_written_once
            a_conflict_is_decided_again
            concurrent_transfers_preserve_the_total
            an_append_succeeds_while_its_guards_hold
            a_guarded_stream_that_moved_is_a_conflict
            a_guard_of_an_empty_stream_fails_once_it_has_events
            a_repeat_is_recognised_after_its_guard_has_moved
            an_append_with_invalid_guards_is_invalid
            a_conflict_returns_the_commit_that_was_found
            commands_that_guard_each_other_do_not_both_succeed
            a_load_goes_back_to_the_last_snapshot
            a_snapshot_with_another_schema_is_ignored
            a_snapshot_at_the_end_is_loaded_alone_with_its_head
            appending_goes_on_after_a_snapshot
            the_state_is_the_same_with_snapshots_and_without
            a_long_stream_is_loaded_from_its_last_snapshot
            a_snapshot_that_cannot_be_read_is_passed_over
            a_snapshot_that_does_not_fit_is_omitted
            a_late_repeat_behind_a_snapshot_is_recognised_by_a_stream_of_its_own
            a_rejected_command_writes_nothing
            a_command_without_events_writes_nothing
            a_command_is_written_once_despite_any_fault
            a_command_about_several_streams_is_written_once_despite_any_fault
            a_guarded_command_is_written_once_despite_any_fault
            a_command_whose_guard_moved_is_decided_over_the_new_events
            an_append_that_was_in_conflict_or_contended_wrote_nothing
            a_late_request_is_written_at_its_own_version_or_not_at_all
            a_late_request_to_several_streams_is_written_to_all_or_none
            a_late_request_with_another_decision_writes_nothing
            a_repeat_that_the_store_recognised_is_not_done_again_behind_a_snapshot
            a_command_in_doubt_is_found_behind_a_snapshot_by_a_stream_of_its_own
            a_command_in_doubt_changes_nothing_behind_a_snapshot_if_the_state_shows_it
            appends_are_written_once_despite_faults
            commands_are_done_once_despite_faults
            transfers_preserve_the_total_despite_faults
            deliveries_are_booked_once_behind_snapshots_despite_faults
            guarded_withdrawals_stay_covered_despite_faults
        ] $($arguments)* }
    };
}

#[doc(hidden)]
#[macro_export]
macro_rules! __planted_commit_rules {
    ($then:ident! $($arguments:tt)*) => {
        $crate::$then! { [
            a_gap_is_reported
            a_missing_start_is_reported
            an_overlap_is_reported
            reading_backwards_reports_the_same_corruption
            an_unknown_event_is_reported_and_may_be_known_later
            an_unknown_schema_is_reported_and_may_be_known_later
            a_malformed_event_is_reported
            a_planted_commit_is_not_overwritten
        ] $($arguments)* }
    };
}

#[doc(hidden)]
#[macro_export]
macro_rules! __planted_item_rules {
    ($then:ident! $($arguments:tt)*) => {
        $crate::$then! { [
            an_unknown_encoding_is_reported_and_may_be_known_later
            an_item_without_a_commit_id_is_reported
            an_item_with_malformed_events_is_reported_without_its_values
            a_broken_item_is_not_overwritten
        ] $($arguments)* }
    };
}
