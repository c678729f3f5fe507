//! The contract of [`PersonKeys`]: one function for each rule, which panics if the keys break it.
//!
//! A store of keys passes by a fixture and one line, which makes a test of each rule:
//!
//! ```
//! use skald::memory::InMemoryPersonKeys;
//! use skald_testkit::person_keys::PersonKeysFixture;
//!
//! #[derive(Default)]
//! struct Fixture(InMemoryPersonKeys);
//!
//! impl PersonKeysFixture for Fixture {
//!     type Keys = InMemoryPersonKeys;
//!     fn keys(&self) -> &InMemoryPersonKeys { &self.0 }
//!     fn elsewhere(&self) -> &InMemoryPersonKeys { &self.0 }
//! }
//!
//! skald_testkit::person_keys_contract!(#[tokio::test] Fixture::default());
//! ```
//!
//! Keys cannot be looked at, so the rules compare what they do ([`shown`]): the same value sealed
//! at the same place.

mod erasing;
mod keeping;
mod showing;

use skald::personal::PersonKeys;

pub use showing::{Shown, shown};

use crate::rule::Rule;

/// Keys to be tested, none made yet: each rule gets a fixture of its own.
pub trait PersonKeysFixture: Sync {
    /// The kind of store.
    type Keys: PersonKeys;

    /// The keys.
    fn keys(&self) -> &Self::Keys;

    /// The same keys as another process sees them: whatever the first remembers, this does not
    /// share. Where nothing is remembered it may be the same thing.
    fn elsewhere(&self) -> &Self::Keys;
}

/// The rules themselves, to be called by name.
pub mod rules {
    pub use super::erasing::*;
    pub use super::keeping::*;
}

/// The rules, to be run by hand: for a test that broken keys are found out.
#[must_use]
pub fn every_store<F: PersonKeysFixture>() -> Vec<Rule<F>> {
    crate::__person_keys_rules!(__rule_list! person_keys)
}

/// Makes a test of each rule for a store of keys; see the [module](crate::person_keys).
#[macro_export]
macro_rules! person_keys_contract {
    (#[$test:meta] $fixture:expr) => {
        $crate::__person_keys_rules!(__rule_tests! person_keys, $test, $fixture);
    };
}

#[doc(hidden)]
#[macro_export]
macro_rules! __person_keys_rules {
    ($then:ident! $($arguments:tt)*) => {
        $crate::$then! { [
            somebody_who_never_had_a_key_has_none
            a_key_stays_the_same
            every_person_has_a_key_of_their_own
            eight_at_once_all_get_the_same_first_key
            what_is_sealed_in_one_place_opens_in_another
            an_erased_person_has_no_key
            somebody_erased_before_their_first_key_never_gets_one
            erasing_again_changes_nothing
            a_remembered_key_is_gone_as_soon_as_it_is_erased
            erasing_one_person_leaves_the_others
            erasing_while_the_first_key_is_made_is_for_good
            nothing_brings_a_key_back
            what_was_sealed_opens_as_erased
        ] $($arguments)* }
    };
}
