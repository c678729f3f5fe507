//! Waiting without a clock.

use std::future::poll_fn;
use std::task::Poll;

use skald::handle::Pause;
use skald::time::Timestamp;

/// Lets every other task run once. It works on any runtime.
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
