//! The contract of a [`CommitIndex`]: one function for each rule, which panics if the index breaks
//! it.
//!
//! An index passes by a fixture and one line, which makes a test of each rule:
//!
//! ```
//! use skald::memory::{InMemoryCommitIndex, InMemoryEventStore};
//! use skald_testkit::commit_index::CommitIndexFixture;
//!
//! struct Fixture { store: InMemoryEventStore, index: InMemoryCommitIndex }
//!
//! impl Fixture {
//!     fn new() -> Self {
//!         let store = InMemoryEventStore::default();
//!         Self { index: InMemoryCommitIndex::over(&store), store }
//!     }
//! }
//!
//! impl CommitIndexFixture for Fixture {
//!     type Store = InMemoryEventStore;
//!     type Index = InMemoryCommitIndex;
//!     fn store(&self) -> &InMemoryEventStore { &self.store }
//!     fn index(&self) -> &InMemoryCommitIndex { &self.index }
//! }
//!
//! skald_testkit::commit_index_contract!(#[tokio::test] Fixture::new());
//! ```
//!
//! The second half of the rules runs [`skald::follow::Follower`] over the index, with checkpoints in memory
//! and a time that is told. How late entries show is told as well: so clocks that differ, slow
//! writes and a slow index cost no waiting.

mod delayed;
mod following;
mod interleaving;
mod reading;
mod resuming;

use std::future::{Future, ready};

use skald::index::CommitIndex;
use skald::store::EventStore;

use crate::rule::Rule;

pub use interleaving::interleavings;

/// An index to be tested, over an event store without events: each rule gets a fixture of its own.
pub trait CommitIndexFixture: Sync {
    /// The kind of event store.
    type Store: EventStore;
    /// The kind of index.
    type Index: CommitIndex;

    /// The event store.
    fn store(&self) -> &Self::Store;

    /// The index over it.
    fn index(&self) -> &Self::Index;

    /// Waits until the index shows everything that was appended before.
    fn settled(&self) -> impl Future<Output = ()> + Send {
        ready(())
    }
}

/// The rules themselves, to be called by name.
pub mod rules {
    pub use super::following::*;
    pub use super::interleaving::{
        nothing_within_the_margin_is_missed_whatever_the_interleaving,
        nothing_within_the_overlap_is_missed_whatever_the_interleaving,
    };
    pub use super::reading::*;
    pub use super::resuming::of_two_runs_that_resume_at_once_one_wins_whatever_the_interleaving;
}

/// The rules, to be run by hand: for a test that a broken index is found out.
#[must_use]
pub fn every_index<F: CommitIndexFixture>() -> Vec<Rule<F>> {
    crate::__commit_index_rules!(__rule_list! commit_index)
}

/// Makes a test of each rule for an index; see the [module](crate::commit_index).
#[macro_export]
macro_rules! commit_index_contract {
    (#[$test:meta] $fixture:expr) => {
        $crate::__commit_index_rules!(__rule_tests! commit_index, $test, $fixture);
    };
}

#[doc(hidden)]
#[macro_export]
macro_rules! __commit_index_rules {
    ($then:ident! $($arguments:tt)*) => {
        $crate::$then! { [
            an_index_without_commits_has_no_entries
            every_commit_has_one_entry
            a_stream_stays_in_its_slice
            entries_stand_by_time_stream_and_version
            entries_of_one_moment_are_read_one_by_one
            a_slice_is_read_from_a_time_until_a_time
            a_slice_of_many_pages_is_read_whole
            the_commit_of_an_entry_is_read
            a_follower_hands_on_every_commit_once
            a_follower_begins_where_it_is_told
            clocks_may_differ_within_the_margin
            a_commit_from_a_clock_far_ahead_holds_up_none_after_it
            what_lies_ahead_of_now_is_reported_once_a_run
            what_shows_after_the_margin_is_late_but_not_missed
            what_shows_after_margin_and_overlap_is_not_handed_on
            entries_come_by_time_over_all_slices_and_batches
            more_than_a_batch_comes_in_batches
            a_batch_comes_again_until_it_was_handed_on
            after_a_crash_only_what_was_begun_is_in_doubt
            a_follower_goes_on_from_its_checkpoint
            another_follower_goes_on_from_a_position
            a_second_run_ends_the_first
            of_two_runs_that_resume_at_once_one_wins_whatever_the_interleaving
            followers_of_different_names_do_not_mix
            a_lost_answer_of_the_checkpoint_s_store_does_no_harm
            a_row_that_is_no_checkpoint_is_an_error
            a_position_of_another_index_is_refused
            nothing_within_the_margin_is_missed_whatever_the_interleaving
            nothing_within_the_overlap_is_missed_whatever_the_interleaving
        ] $($arguments)* }
    };
}
