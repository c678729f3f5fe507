//! The contract of a [`CommitIndex`]: one function for each rule. The function panics if the index
//! breaks the rule.
//!
//! To test an index, write a fixture and one line. The line generates a test for each rule:
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
//! The second half of the rules runs [`skald::follow::Follower`] over the index, with checkpoints
//! in memory. The rules set the time, and the delay after which an entry becomes visible. So they
//! test differing clocks, slow writes and a slow index without waiting.

mod checkpoints;
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

/// An index to test, over an empty event store. Each rule gets a fixture of its own.
pub trait CommitIndexFixture: Sync {
    /// The kind of event store.
    type Store: EventStore;
    /// The kind of index.
    type Index: CommitIndex;

    /// The event store.
    fn store(&self) -> &Self::Store;

    /// The index of its commits.
    fn index(&self) -> &Self::Index;

    /// Waits until the index shows everything that was appended before.
    fn settled(&self) -> impl Future<Output = ()> + Send {
        ready(())
    }
}

/// The rules as functions.
pub mod rules {
    pub use super::checkpoints::*;
    pub use super::following::*;
    pub use super::interleaving::{
        no_commit_within_the_margin_is_missed_in_any_interleaving,
        no_commit_within_the_overlap_is_missed_in_any_interleaving,
    };
    pub use super::reading::*;
    pub use super::resuming::of_two_concurrent_runs_one_continues_in_every_interleaving;
}

/// The rules as values, for tests which show that a broken index breaks a rule.
#[must_use]
pub fn every_index<F: CommitIndexFixture>() -> Vec<Rule<F>> {
    crate::__commit_index_rules!(__rule_list! commit_index)
}

/// Generates a test of each rule for an index. See the [module](crate::commit_index).
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
            entries_are_sorted_by_time_stream_and_version
            entries_of_one_time_are_all_read
            a_slice_is_read_from_a_time_until_a_time
            a_slice_of_many_pages_is_read_whole
            the_commit_of_an_entry_is_read
            a_follower_delivers_every_commit_once
            a_follower_starts_at_its_position
            clocks_may_differ_within_the_margin
            a_commit_from_a_clock_far_ahead_does_not_delay_later_commits
            entries_ahead_of_now_are_reported_once_per_run
            an_entry_after_the_margin_is_late_but_not_missed
            an_entry_after_margin_and_overlap_is_not_delivered
            entries_are_delivered_by_time_over_all_slices_and_batches
            more_entries_than_a_batch_are_delivered_in_batches
            a_batch_is_delivered_again_until_it_is_acknowledged
            after_a_crash_only_the_current_batch_is_in_doubt
            a_follower_continues_from_its_checkpoint
            another_follower_continues_from_a_position
            a_second_run_ends_the_first
            of_two_concurrent_runs_one_continues_in_every_interleaving
            followers_of_different_names_do_not_mix
            a_lost_answer_to_a_checkpoint_write_is_harmless
            a_malformed_checkpoint_is_an_error
            a_position_of_another_index_is_invalid
            no_commit_within_the_margin_is_missed_in_any_interleaving
            no_commit_within_the_overlap_is_missed_in_any_interleaving
        ] $($arguments)* }
    };
}
