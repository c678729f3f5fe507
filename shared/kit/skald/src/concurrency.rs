//! Futures that run concurrently, in a bounded number.
//!
//! The data determines how many streams, persons or lines an operation concerns. Each of them may
//! need a request with a connection and an answer in memory. Therefore the number of concurrent
//! futures is bounded here, for the whole system.

use std::future::Future;
use std::vec::IntoIter;

use futures_util::stream::{Buffered, Collect, Iter, TryCollect};
use futures_util::{StreamExt, TryStreamExt, stream};

/// The maximum number of futures that run concurrently in one operation.
pub const MAX_CONCURRENT: usize = 16;

/// The results of futures, of which a bounded number runs concurrently.
type Results<F> = Buffered<Iter<IntoIter<F>>>;

/// Runs futures, at most [`MAX_CONCURRENT`] at a time, and returns their results in the given
/// order.
///
/// # Examples
///
/// ```
/// use skald::concurrency::concurrently;
///
/// # #[tokio::main(flavor = "current_thread")]
/// # async fn main() {
/// let titles = concurrently(["moby-dick", "emma"].map(async |book| book.to_uppercase())).await;
/// assert_eq!(titles, ["MOBY-DICK", "EMMA"]);
/// # }
/// ```
pub fn concurrently<I>(futures: I) -> Collect<Results<I::Item>, Vec<<I::Item as Future>::Output>>
where
    I: IntoIterator<Item: Future>,
{
    results(futures).collect()
}

/// As [`concurrently`], for futures that can fail: returns all results in the given order, or the
/// first error. On an error the running futures are dropped and the others never start.
///
/// # Errors
/// The first error.
///
/// # Examples
///
/// ```
/// use skald::concurrency::try_concurrently;
/// use skald::stream::{InvalidName, StreamId, Tenant};
///
/// # #[tokio::main(flavor = "current_thread")]
/// # async fn main() -> Result<(), InvalidName> {
/// let named = async |id| StreamId::new(&Tenant::default(), "book", id);
/// let books = try_concurrently(["moby-dick", "emma"].map(named)).await?;
/// assert_eq!(books[1].name(), "book-emma");
/// assert!(try_concurrently(["moby-dick", "no id"].map(named)).await.is_err());
/// # Ok(())
/// # }
/// ```
pub fn try_concurrently<I, T, E>(futures: I) -> TryCollect<Results<I::Item>, Vec<T>>
where
    I: IntoIterator<Item: Future<Output = Result<T, E>>>,
{
    results(futures).try_collect()
}

/// The futures are created first. A stream that creates them lazily would carry the iterator's
/// closures and their lifetimes, and the compiler could no longer prove that a caller's future is
/// `Send`.
fn results<I: IntoIterator<Item: Future>>(futures: I) -> Results<I::Item> {
    stream::iter(futures.into_iter().collect::<Vec<_>>()).buffered(MAX_CONCURRENT)
}
