//! The contract of a [`ViewStore`]: one function for each rule. The function panics if the store
//! breaks the rule.
//!
//! To test a store, write a fixture and one line. The line generates a test for each rule:
//!
//! ```
//! use skald::memory::InMemoryViewStore;
//! use skald::stream::StreamId;
//! use skald::view::ViewRow;
//! use skald_testkit::view_store::ViewStoreFixture;
//!
//! #[derive(Default)]
//! struct Fixture(InMemoryViewStore);
//!
//! impl ViewStoreFixture for Fixture {
//!     type Store = InMemoryViewStore;
//!     fn store(&self) -> &InMemoryViewStore { &self.0 }
//!     async fn plant(&self, stream: &StreamId, row: ViewRow) { self.0.plant(stream, row) }
//! }
//!
//! skald_testkit::view_store_contract!(#[tokio::test] Fixture::default());
//! ```
//!
//! The second half of the rules runs [`skald::view::catch_up`] over the store, with an event store
//! in memory.

mod catching_up;
mod faults;
mod interleaving;
mod listing;
mod parked_streams;
mod parking;
mod rows;

use std::future::{Future, ready};

use skald::stream::StreamId;
use skald::view::{ViewRow, ViewStore};

use crate::rule::Rule;

/// An empty view store to test. Each rule gets a fixture of its own.
pub trait ViewStoreFixture: Sync {
    /// The kind of store.
    type Store: ViewStore;

    /// The store.
    fn store(&self) -> &Self::Store;

    /// Writes a row as it is, without the store's checks.
    fn plant(&self, stream: &StreamId, row: ViewRow) -> impl Future<Output = ()> + Send;

    /// Waits until lists, and reads of many rows, show everything that was written before.
    fn settled(&self) -> impl Future<Output = ()> + Send {
        ready(())
    }
}

/// The rules as functions.
pub mod rules {
    pub use super::catching_up::*;
    pub use super::faults::*;
    pub use super::interleaving::*;
    pub use super::listing::*;
    pub use super::parked_streams::*;
    pub use super::parking::*;
    pub use super::rows::*;
}

/// The rules as values, for tests which show that a broken store breaks a rule.
#[must_use]
pub fn every_store<F: ViewStoreFixture>() -> Vec<Rule<F>> {
    crate::__view_store_rules!(__rule_list! view_store)
}

/// Generates a test of each rule for a store. See the [module](crate::view_store).
#[macro_export]
macro_rules! view_store_contract {
    (#[$test:meta] $fixture:expr) => {
        $crate::__view_store_rules!(__rule_tests! view_store, $test, $fixture);
    };
}

#[doc(hidden)]
#[macro_export]
macro_rules! __view_store_rules {
    ($then:ident! $($arguments:tt)*) => {
        $crate::$then! { [
            a_row_that_was_never_stored_is_none
            a_row_is_read_as_it_was_stored
            a_row_that_cannot_be_read_back_is_invalid
            every_row_is_read_back_or_fails_permanently
            a_stale_row_is_not_stored
            a_first_row_is_stored_once
            of_eight_concurrent_rows_one_is_stored
            parking_changes_nothing_else
            a_row_can_be_parked_before_its_first_event
            a_row_is_parked_although_others_write_it
            a_parked_row_is_not_overwritten
            parking_again_keeps_the_first_reason
            a_parked_row_is_overwritten_only_as_it_was_read
            a_parked_row_is_redriven_from_the_event_store
            a_row_that_is_not_parked_is_not_redriven
            rows_of_similar_names_do_not_mix
            many_rows_are_returned_in_the_order_of_the_request
            many_large_rows_are_all_returned
            a_row_that_is_too_large_is_a_permanent_error
            a_row_with_an_impossible_place_is_a_permanent_error
            lists_start_with_the_last_place
            pages_have_every_entry_once
            lists_do_not_mix
            only_rows_with_a_place_are_listed
            a_row_keeps_its_place
            worklists_start_with_the_first_place
            pages_of_a_worklist_have_every_entry_once
            a_worklist_continues_after_an_entry_that_left
            a_row_moves_between_worklists
            every_order_of_messages_ends_equal_to_the_events
            with_any_messages_the_row_is_equal_to_the_events
            the_next_message_makes_up_for_a_lost_one
            a_hint_is_enough
            an_old_message_changes_nothing
            concurrent_deliveries_apply_each_event_once
            a_message_beyond_the_end_is_an_error
            a_commit_that_only_a_message_has_parks_nothing
            an_unknown_event_waits
            an_event_that_cannot_be_applied_parks_its_stream
            events_before_one_that_cannot_be_applied_are_applied
            a_stream_parked_before_its_first_event_stays_parked
            a_stream_parked_before_its_first_event_is_unparked_by_it
            nothing_is_lost_between_a_redrive_and_live_delivery
            old_messages_do_not_delay_a_redrive
            a_row_with_invalid_content_is_parked_and_redriven
            a_row_is_parked_only_at_the_version_of_the_failure
            a_malformed_row_is_an_error
            a_row_that_outgrows_the_limit_is_a_permanent_error
        ] $($arguments)* }
    };
}
