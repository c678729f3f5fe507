//! Waiting without a clock.

use std::future::poll_fn;
use std::task::Poll;

use skald::handle::Pause;
use skald::time::Timestamp;

/// Lets every other task run once. It works on any runtime.
///
/// # Examples
///
/// ```
/// use std::cell::Cell;
///
/// use futures_util::future::join;
/// use skald_testkit::yield_now;
///
/// # #[tokio::main(flavor = "current_thread")]
/// # async fn main() {
/// let done = Cell::new(false);
/// let wait = async {
///     while !done.get() {
///         yield_now().await;
///     }
/// };
/// join(wait, async { done.set(true) }).await;
/// assert!(done.get());
/// # }
/// ```
pub async fn yield_now() {
    let mut yielded = false;
    poll_fn(|context| {
        if std::mem::replace(&mut yielded, true) {
            return Poll::Ready(());
        }
        context.waker().wake_by_ref();
        Poll::Pending
    })
    .await;
}

/// A pause that takes no time, but lets other tasks run.
///
/// # Examples
///
/// ```
/// use skald::handle::Handler;
/// use skald::memory::InMemoryEventStore;
/// use skald_testkit::NoPause;
/// use skald_testkit::faulty::{Fault, Faulty, Plan};
/// use skald_testkit::sample::{Account, AccountCommand, account};
///
/// # #[tokio::main(flavor = "current_thread")]
/// # async fn main() -> Result<(), Box<dyn std::error::Error>> {
/// # use skald::prelude::*;
/// # let id = CommitId::of(uuid::Uuid::nil(), "deposit");
/// # let request = Request::new(id, Timestamp::EPOCH, "example", Actor::new("c-1")?);
/// let store = InMemoryEventStore::default();
/// // The handler pauses twice.
/// let contended = Faulty::new(&store, Plan::script([Some(Fault::Contended); 2]));
/// let handler = Handler::new(&contended, NoPause);
/// let deposit = AccountCommand::Deposit(5);
/// let handled = handler.handle::<Account>(&account("1"), &deposit, &request).await?;
/// assert!(handled.created());
/// # Ok(())
/// # }
/// ```
#[derive(Debug, Clone, Copy, Default)]
pub struct NoPause;

impl Pause for NoPause {
    fn now(&self, earlier: Timestamp) -> Timestamp {
        earlier
    }

    async fn pause(&self, _attempt: u32) {
        yield_now().await;
    }
}
