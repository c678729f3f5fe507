//! Runners that are polled by hand: each poll continues to the next point that yields.

use std::future::Future;
use std::pin::Pin;
use std::task::{Context, Poll, Waker};

use skald_saga::StepError;

/// More polls than any runner needs.
const MAX_POLLS: usize = 10_000;

/// Runs to the next point that yields, and returns whether it has ended.
pub(crate) type Runner<'a> = Pin<Box<dyn Future<Output = Result<(), StepError>> + Send + 'a>>;

/// Polls once. Returns whether the runner has ended.
pub(crate) fn poll(runner: &mut Runner<'_>) -> bool {
    let mut context = Context::from_waker(Waker::noop());
    match runner.as_mut().poll(&mut context) {
        Poll::Ready(result) => {
            result.unwrap();
            true
        }
        Poll::Pending => false,
    }
}

/// Polls this many times, or until the runner ends. Returns whether it has ended.
pub(crate) fn poll_times(runner: &mut Runner<'_>, times: usize) -> bool {
    (0..times).any(|_| poll(runner))
}

/// Runs to the end.
pub(crate) fn run(mut runner: Runner<'_>) {
    assert!(poll_times(&mut runner, MAX_POLLS), "the runner did not end");
}

/// Runs anything to its end.
pub(crate) fn finish<T>(future: impl Future<Output = T>) -> T {
    let mut future = std::pin::pin!(future);
    let mut context = Context::from_waker(Waker::noop());
    loop {
        if let Poll::Ready(value) = future.as_mut().poll(&mut context) {
            return value;
        }
    }
}
