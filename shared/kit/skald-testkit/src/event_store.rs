//! The contract of an [`EventStore`]: one function for each rule, which panics if the store breaks
//! it.
//!
//! A store passes by a fixture and one line, which makes a test of each rule:
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
//! `plants` says what the fixture can write behind the store's back: `nothing`, `commits` (it is
//! [`PlantCommits`]), or `commits, items` (it is also [`PlantItems`]).
//!
//! Among the rules are those of what goes wrong on the way to the store: requests and answers that
//! are lost, late or there twice, throttling, other transactions, others who are faster
//! ([`faulty`](crate::faulty)). A store that is quick may also run as many [`races`] as one likes:
//! `races(Fixture::default, 1..=100).await`.
//!
//! The rules need no runtime of their own: all that is concurrent in them is futures polled
//! together.

mod anything;
mod appending;
mod doubtful;
mod enduring;
mod faults;
mod forms;
mod guarding;
mod handling;
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

pub(crate) use anything::assert_any_row_is_kept_or_refused;
pub use enduring::races;

/// A store to be tested, empty: each rule gets a fixture of its own.
pub trait EventStoreFixture: Sync {
    /// The kind of store.
    type Store: EventStore;

    /// The store.
    fn store(&self) -> &Self::Store;

    /// Another store of the same kind, whose heads mean nothing to the first. It may keep its data
    /// in the same place.
    fn foreign(&self) -> &Self::Store;
}

/// A fixture that can write commits behind the store's back.
pub trait PlantCommits: EventStoreFixture {
    /// Stores the commit as it is, checking nothing.
    fn plant(&self, commit: Commit) -> impl Future<Output = ()> + Send;
}

/// A fixture of a store that keeps commits in an encoding, which can be broken.
pub trait PlantItems: PlantCommits {
    /// Stores something broken where a commit's first event would be at `at`.
    fn plant_item(
        &self,
        stream: &StreamId,
        at: Version,
        broken: Broken,
    ) -> impl Future<Output = ()> + Send;
}

/// What is wrong with an item that the store never wrote.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Broken {
    /// Written as a newer release might: the encoding is called so.
    Encoding(String),
    /// Events, but not the id of a command.
    NoCommitId,
    /// This text where the events should be.
    Events(String),
}

/// The rules themselves, to be called by name.
pub mod rules {
    pub use super::anything::whatever_is_accepted_is_read_back_and_all_else_is_refused_by_name;
    pub use super::appending::*;
    pub use super::doubtful::*;
    pub use super::enduring::{
        appends_past_faults_are_written_once, commands_past_faults_are_done_once,
        deliveries_past_faults_are_booked_once_behind_snapshots,
        transfers_past_faults_lose_and_make_no_money,
    };
    pub use super::faults::*;
    pub use super::forms::*;
    pub use super::guarding::*;
    pub use super::handling::*;
    pub use super::planted::*;
    pub use super::racing::*;
    pub use super::reading::*;
    pub use super::repeating::*;
    pub use super::snapshots::*;
    pub use super::together::*;
}

/// The rules for every store, to be run by hand: for a test that a broken store is found out.
#[must_use]
pub fn every_store<F: EventStoreFixture>() -> Vec<Rule<F>> {
    crate::__event_store_rules!(__rule_list! event_store)
}

/// Makes a test of each rule for a store; see the [module](crate::event_store).
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
            behind_the_head_is_a_conflict
            the_start_of_a_stream_with_events_is_a_conflict
            the_head_of_another_store_is_refused
            two_events_are_appended_at_once_or_not_at_all
            a_commit_without_events_is_refused
            a_commit_that_is_too_large_is_refused
            what_cannot_be_read_back_is_refused
            a_name_that_breaks_the_rules_is_refused
            what_may_be_stored_is_read_as_it_was_written
            whatever_is_accepted_is_read_back_and_all_else_is_refused_by_name
            the_largest_commits_are_stored
            what_an_append_answers_is_what_is_read
            what_an_append_to_several_streams_answers_is_what_is_read
            recorded_times_do_not_decrease_while_clocks_are_close
            a_clock_far_ahead_spoils_no_later_commit
            streams_with_similar_names_do_not_mix
            two_streams_are_appended_at_once
            two_streams_are_appended_together_or_not_at_all
            a_conflict_names_every_stream_that_moved
            one_of_several_may_be_the_only_one
            a_hundred_streams_are_appended_at_once
            more_than_a_hundred_streams_are_refused
            the_same_stream_twice_is_refused
            nothing_for_no_streams_is_refused
            a_foreign_head_among_several_is_refused
            too_much_together_is_refused
            recorded_times_never_decrease_in_any_of_several
            events_written_at_once_have_different_ids
            a_stream_without_events_is_empty
            what_was_written_is_read_at_once
            what_was_written_is_read_exactly
            a_stream_over_one_megabyte_is_read_whole
            reading_after_a_version_gives_the_rest
            a_stream_is_read_either_way_from_anywhere
            a_page_holds_no_more_than_is_asked_for
            the_state_is_read_as_it_was
            the_state_at_a_time_has_what_came_before_whatever_a_clock_said
            a_repeated_commit_gives_the_first_answer
            a_repeated_commit_is_recognised_after_others
            another_command_at_the_same_head_is_no_repeat
            repeated_commits_to_several_streams_give_the_first_answer
            repeated_commits_are_recognised_after_others
            a_commit_away_from_the_head_is_no_repeat
            a_repeat_with_another_stream_writes_nothing
            a_repeat_at_a_later_head_of_one_stream_writes_nothing
            a_command_that_is_found_in_only_some_streams_is_not_done_again
            eight_writers_have_one_winner_per_version
            writers_of_two_streams_keep_them_in_step
            commands_at_once_all_count
            a_repeated_command_is_written_once
            the_same_command_at_once_is_written_once
            a_conflict_is_decided_again
            transfers_at_once_lose_and_make_no_money
            guards_that_hold_let_the_commits_through
            a_guarded_stream_that_moved_is_a_conflict
            a_guard_of_an_empty_stream_is_of_its_absence
            a_repeat_is_one_although_its_guard_has_moved
            guards_have_limits_with_names
            a_conflict_brings_the_commit_that_was_found
            commands_that_read_each_other_s_stream_do_not_both_pass
            a_load_goes_back_to_the_last_snapshot
            a_snapshot_of_another_schema_is_passed_over
            a_snapshot_at_the_end_is_loaded_alone_with_its_head
            appending_goes_on_after_a_snapshot
            the_state_is_the_same_with_snapshots_and_without
            a_long_stream_is_loaded_from_its_last_snapshot
            a_snapshot_that_cannot_be_read_is_passed_over
            a_snapshot_that_leaves_no_room_is_left_out
            a_late_repeat_behind_a_snapshot_is_recognised_by_a_stream_of_its_own
            a_refused_command_writes_nothing
            a_command_without_events_writes_nothing
            a_command_past_any_fault_is_written_once
            a_command_about_several_streams_past_any_fault_is_written_once
            an_append_that_was_in_conflict_or_contended_wrote_nothing
            a_request_that_arrives_late_has_its_own_place_or_none
            a_late_request_to_several_streams_is_written_to_all_or_none
            a_late_request_that_was_decided_otherwise_writes_nothing
            a_repeat_that_the_store_recognised_is_not_done_again_behind_a_snapshot
            a_command_in_doubt_is_found_behind_a_snapshot_by_a_stream_of_its_own
            a_command_in_doubt_is_harmless_behind_a_snapshot_by_what_the_state_remembers
            appends_past_faults_are_written_once
            commands_past_faults_are_done_once
            transfers_past_faults_lose_and_make_no_money
            deliveries_past_faults_are_booked_once_behind_snapshots
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
            what_is_missing_is_reported_backwards_too
            an_unknown_event_is_reported_and_may_be_known_later
            an_unknown_schema_is_reported_and_may_be_known_later
            a_malformed_event_is_reported
            a_planted_commit_is_not_written_over
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
            an_item_with_other_events_is_reported_without_quoting
            a_broken_item_is_not_written_over
        ] $($arguments)* }
    };
}
