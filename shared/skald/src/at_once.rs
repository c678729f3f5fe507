//! Futures that run at the same time, but not too many of them.
//!
//! How many streams, persons or lines an operation concerns is for its data to say. Each of them may be a request, with a
//! connection and its answer in memory, so their number at one moment is bounded here, for the whole system.

use std::future::Future;
use std::vec::IntoIter;

use futures_util::stream::{Buffered, Collect, Iter, TryCollect};
use futures_util::{StreamExt, TryStreamExt, stream};

/// Most futures that run at the same time, for one operation.
pub const AT_ONCE: usize = 16;

/// The results of futures of which a bounded number runs at the same time.
type Results<F> = Buffered<Iter<IntoIter<F>>>;

/// Runs futures, [`AT_ONCE`] at a time, and gives their results in their order.
pub fn at_once<I>(futures: I) -> Collect<Results<I::Item>, Vec<<I::Item as Future>::Output>>
where
    I: IntoIterator<Item: Future>,
{
    results(futures).collect()
}

/// The same of futures that can fail: gives what all of them gave, or the first error, in their order. Those that run at that
/// moment are dropped, and the others never begin.
///
/// # Errors
/// The first error.
pub fn try_at_once<I, T, E>(futures: I) -> TryCollect<Results<I::Item>, Vec<T>>
where
    I: IntoIterator<Item: Future<Output = Result<T, E>>>,
{
    results(futures).try_collect()
}

/// The futures are made first: a stream that makes them as it goes would carry the iterator's closures and their lifetimes, and
/// the compiler could not tell any more that a caller's future is `Send`.
fn results<I: IntoIterator<Item: Future>>(futures: I) -> Results<I::Item> {
    stream::iter(futures.into_iter().collect::<Vec<_>>()).buffered(AT_ONCE)
}
