//! Runs two concurrent callers of the same stores in every order of their calls.

use std::future::{Future, poll_fn};
use std::pin::pin;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::task::{Context, Poll, Wake, Waker};

/// Visits every order of two callers' calls, one order per [run](Self::run).
///
/// The callers call [`Yielding`](crate::yielding::Yielding) stores. At each call, `Orders` chooses
/// which caller continues. A run repeats the choices of the previous run, except the last one that
/// can still change.
#[derive(Debug, Default)]
pub(crate) struct Orders {
    /// For each call, whether it was the second caller's turn.
    choices: Vec<bool>,
    /// How many of the choices this run has made.
    made: usize,
    count: usize,
}

impl Orders {
    /// Moves to the next order and returns its number, from 1. `None` after the last order.
    pub(crate) fn next(&mut self) -> Option<usize> {
        if self.count > 0 {
            let last = self.choices.iter().rposition(|second| !second)?;
            self.choices.truncate(last);
            self.choices.push(true);
        }
        self.made = 0;
        self.count += 1;
        Some(self.count)
    }

    /// The number of orders so far.
    pub(crate) const fn count(&self) -> usize {
        self.count
    }

    /// The order of this run: whose turn it was at each call, until one caller ended.
    pub(crate) fn described(&self) -> String {
        self.choices[..self.made].iter().map(|second| if *second { '2' } else { '1' }).collect()
    }

    fn choose(&mut self) -> bool {
        if self.made == self.choices.len() {
            self.choices.push(false);
        }
        self.made += 1;
        self.choices[self.made - 1]
    }

    /// Runs both callers to their ends in the current order.
    pub(crate) async fn run(
        &mut self,
        first: impl Future<Output = ()>,
        second: impl Future<Output = ()>,
    ) {
        let (mut first, mut second) = (pin!(first), pin!(second));
        let (mut turn, mut is_alone) = (self.choose(), false);
        poll_fn(|context| {
            loop {
                let noticing = Arc::new(Noticing {
                    outer: context.waker().clone(),
                    yielded: AtomicBool::new(false),
                });
                let waker = Waker::from(Arc::clone(&noticing));
                let context = &mut Context::from_waker(&waker);
                match if turn {
                    second.as_mut().poll(context)
                } else {
                    first.as_mut().poll(context)
                } {
                    Poll::Ready(()) if is_alone => return Poll::Ready(()),
                    Poll::Ready(()) => (turn, is_alone) = (!turn, true),
                    Poll::Pending if !noticing.yielded.load(Ordering::Relaxed) => {
                        return Poll::Pending;
                    }
                    Poll::Pending if is_alone => {}
                    Poll::Pending => turn = self.choose(),
                }
            }
        })
        .await;
    }
}

/// Notices whether its task yields, which wakes the task at once, or waits for something else.
struct Noticing {
    outer: Waker,
    yielded: AtomicBool,
}

impl Wake for Noticing {
    fn wake(self: Arc<Self>) {
        self.wake_by_ref();
    }

    fn wake_by_ref(self: &Arc<Self>) {
        self.yielded.store(true, Ordering::Relaxed);
        self.outer.wake_by_ref();
    }
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;
    use std::sync::Mutex;

    use super::*;
    use crate::yield_now;

    #[tokio::test]
    async fn every_order_of_two_callers_runs_once() {
        let mut orders = Orders::default();
        let mut seen = BTreeSet::new();
        while orders.next().is_some() {
            let calls = Mutex::new(String::new());
            let caller = async |name| {
                for _ in 0..2 {
                    yield_now().await;
                    calls.lock().unwrap().push(name);
                }
            };
            orders.run(caller('a'), caller('b')).await;
            seen.insert(calls.into_inner().unwrap());
        }
        assert_eq!(
            seen.into_iter().collect::<Vec<_>>(),
            ["aabb", "abab", "abba", "baab", "baba", "bbaa"]
        );
    }
}
