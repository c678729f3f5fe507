//! Rules as values, and as tests.

use std::any::Any;
use std::panic::AssertUnwindSafe;

use futures_util::FutureExt;
use futures_util::future::LocalBoxFuture;

/// One rule of a contract, for fixtures of type `F`.
///
/// # Examples
///
/// ```
/// use skald::memory::InMemoryEventStore;
/// use skald_testkit::event_store::{EventStoreFixture, every_store};
///
/// #[derive(Default)]
/// struct Fixture { store: InMemoryEventStore, foreign: InMemoryEventStore }
///
/// impl EventStoreFixture for Fixture {
///     type Store = InMemoryEventStore;
///     fn store(&self) -> &InMemoryEventStore { &self.store }
///     fn foreign(&self) -> &InMemoryEventStore { &self.foreign }
/// }
///
/// # #[tokio::main(flavor = "current_thread")]
/// # async fn main() {
/// let rules = every_store::<Fixture>();
/// let name = "the_head_of_another_store_is_invalid";
/// let rule = rules.iter().find(|rule| rule.name == name).expect("a rule of every store");
/// assert_eq!(rule.broken_by(&Fixture::default()).await, None);
///
/// // A store that accepts the heads of another store breaks the rule.
/// let store = InMemoryEventStore::default();
/// let broken = Fixture { foreign: store.clone(), store };
/// assert!(rule.broken_by(&broken).await.is_some());
/// # }
/// ```
pub struct Rule<F> {
    /// The rule's name: a sentence.
    pub name: &'static str,
    #[doc(hidden)]
    pub run: for<'a> fn(&'a F) -> LocalBoxFuture<'a, ()>,
}

impl<F> Rule<F> {
    /// Runs the rule. Returns the message of its panic if this fixture's store breaks the rule, and
    /// `None` otherwise.
    pub async fn broken_by(&self, fixture: &F) -> Option<String> {
        AssertUnwindSafe((self.run)(fixture)).catch_unwind().await.err().map(message)
    }
}

impl<F> std::fmt::Debug for Rule<F> {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_tuple("Rule").field(&self.name).finish()
    }
}

fn message(panic: Box<dyn Any + Send>) -> String {
    match panic.downcast::<String>() {
        Ok(message) => *message,
        Err(other) => {
            other.downcast_ref::<&str>().copied().unwrap_or("a panic without a message").to_owned()
        }
    }
}

#[doc(hidden)]
#[macro_export]
macro_rules! __rule_list {
    ([$($rule:ident)*] $contract:ident) => {
        vec![$($crate::Rule {
            name: stringify!($rule),
            run: |fixture| Box::pin($crate::$contract::rules::$rule(fixture)),
        }),*]
    };
}

#[doc(hidden)]
#[macro_export]
macro_rules! __rule_tests {
    ([$($rule:ident)*] $contract:ident, $test:meta, $fixture:expr) => {
        $(
            #[$test]
            async fn $rule() {
                $crate::$contract::rules::$rule(&$fixture).await;
            }
        )*
    };
}
