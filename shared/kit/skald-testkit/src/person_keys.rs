//! The contract of [`PersonKeys`]: one function for each rule. The function panics if the keys
//! break the rule.
//!
//! To test a store of keys, write a fixture and one line. The line generates a test for each rule:
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
//! Keys are opaque, so the rules compare their effect ([`shown`]): the same value, sealed in the
//! same row.

mod erasing;
mod keeping;
mod showing;

use skald::personal::PersonKeys;

pub use showing::{Shown, shown};

use crate::rule::Rule;

/// An empty store of keys to test. Each rule gets a fixture of its own.
pub trait PersonKeysFixture: Sync {
    /// The kind of store.
    type Keys: PersonKeys;

    /// The keys.
    fn keys(&self) -> &Self::Keys;

    /// The same keys as another process sees them, without the cache of the first. If nothing is
    /// cached, it may be the same value.
    fn elsewhere(&self) -> &Self::Keys;
}

/// The rules as functions.
pub mod rules {
    pub use super::erasing::*;
    pub use super::keeping::*;
}

/// The rules as values, for tests which show that broken keys break a rule.
#[must_use]
pub fn every_store<F: PersonKeysFixture>() -> Vec<Rule<F>> {
    crate::__person_keys_rules!(__rule_list! person_keys)
}

/// Generates a test of each rule for a store of keys. See the [module](crate::person_keys).
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
            a_person_without_a_key_has_none
            a_key_stays_the_same
            every_person_has_a_key_of_their_own
            eight_concurrent_callers_get_the_same_first_key
            a_value_sealed_by_one_process_opens_in_another
            an_erased_person_has_no_key
            a_person_erased_before_their_first_key_never_gets_one
            erasing_again_changes_nothing
            a_cached_key_is_gone_as_soon_as_it_is_erased
            erasing_one_person_keeps_the_keys_of_others
            erasing_while_the_first_key_is_made_is_permanent
            an_erased_key_never_comes_back
            sealed_values_of_an_erased_person_open_as_erased
        ] $($arguments)* }
    };
}
