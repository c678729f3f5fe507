//! The points at which a run can be stopped, and what happens there: calls to external systems,
//! waits, and the simulated clock.

use std::fmt;
use std::future::{Future, pending};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use skald::handle::Pause;
use skald::memory::InMemoryEventStore;
use skald::time::Timestamp;
use skald_saga::StepError;

use super::point::Point;
use super::script::Fault;
use super::shared::{Invocation, Late, Returned, Shared};
use crate::pause::yield_now;

/// When every run begins, in milliseconds.
const START_MS: i64 = 1_795_000_000_000;

/// The hooks of one run: its event store, its clock, and the points at which faults happen.
///
/// A world keeps the hooks that it is made with, and makes everything through them: its performer
/// uses [`store`](Self::store) and waits with the hooks themselves, which are a [`Pause`]; its
/// ports wrap each call to an external system in [`call`](Self::call). Clones share the run.
///
/// # Examples
///
/// ```
/// use skald::store::EventStore;
/// use skald_testkit::saga::Hooks;
/// use skald_testkit::sample::account;
///
/// # #[tokio::main(flavor = "current_thread")]
/// # async fn main() -> Result<(), Box<dyn std::error::Error>> {
/// let hooks = Hooks::new();
/// assert!(hooks.store().load(&account("1"), None).await?.commits.is_empty());
/// # Ok(())
/// # }
/// ```
#[derive(Clone)]
pub struct Hooks {
    shared: Arc<Mutex<Shared>>,
    plain: InMemoryEventStore,
}

impl fmt::Debug for Hooks {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let shared = self.shared();
        f.debug_struct("Hooks")
            .field("points", &shared.points.len())
            .field("happened", &shared.happened)
            .finish_non_exhaustive()
    }
}

impl Default for Hooks {
    fn default() -> Self {
        Self::new()
    }
}

impl Hooks {
    /// The hooks of a run without faults. The harness makes those of its runs itself.
    #[must_use]
    pub fn new() -> Self {
        Self::with(Vec::new())
    }

    pub(super) fn with(faults: Vec<(u32, Fault)>) -> Self {
        let shared = Shared { now_ms: START_MS, faults, ..Shared::default() };
        Self { shared: Arc::new(Mutex::new(shared)), plain: InMemoryEventStore::default() }
    }

    pub(super) fn shared(&self) -> MutexGuard<'_, Shared> {
        self.shared.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// The same event store without points and faults, to look at it. Do not write to it after the
    /// world is made: the harness observes only what is written through [`store`](Self::store).
    #[must_use]
    pub const fn plain_store(&self) -> &InMemoryEventStore {
        &self.plain
    }

    /// The simulated time. It advances by a millisecond with each call.
    ///
    /// # Panics
    /// Never in practice: no run lasts for centuries.
    ///
    /// # Examples
    ///
    /// ```
    /// use skald_testkit::saga::Hooks;
    ///
    /// let hooks = Hooks::new();
    /// let before = hooks.now();
    /// hooks.advance_ms(86_400_000);
    /// assert_eq!(hooks.now(), before.plus_millis(86_400_001));
    /// ```
    #[must_use]
    pub fn now(&self) -> Timestamp {
        let mut shared = self.shared();
        shared.now_ms += 1;
        Timestamp::from_millis(shared.now_ms).expect("a time in this century")
    }

    /// Advances the simulated time.
    pub fn advance_ms(&self, milliseconds: i64) {
        self.shared().now_ms += milliseconds;
    }

    pub(super) fn advance_to(&self, time: Timestamp) {
        let mut shared = self.shared();
        shared.now_ms = shared.now_ms.max(time.as_millis());
    }

    /// Calls an external system. `call` is the whole call, at whose end the effect has happened. It
    /// may be made later or never, and its caller may never get the answer.
    ///
    /// # Errors
    /// [`StepError::Transient`] if there is no answer.
    ///
    /// # Examples
    ///
    /// ```
    /// use std::sync::{Arc, Mutex};
    ///
    /// use skald_testkit::saga::Hooks;
    ///
    /// # #[tokio::main(flavor = "current_thread")]
    /// # async fn main() -> Result<(), skald_saga::StepError> {
    /// let hooks = Hooks::new();
    /// let ledger = Arc::new(Mutex::new(Vec::new()));
    /// let theirs = Arc::clone(&ledger);
    /// let entries = hooks.call(async move {
    ///     let mut entries = theirs.lock().unwrap();
    ///     entries.push("a payment");
    ///     entries.len()
    /// });
    /// assert_eq!(entries.await?, 1);
    /// # Ok(())
    /// # }
    /// ```
    pub async fn call<T, F>(&self, call: F) -> Result<T, StepError>
    where
        F: Future<Output = T> + Send + 'static,
        T: Send + 'static,
    {
        let fault = self.point(Point::Call).await;
        {
            let mut shared = self.shared();
            if shared.lost_calls > 0 && shared.quiet == 0 {
                shared.lost_calls -= 1;
                return Err(no_answer());
            }
        }
        match fault {
            Some(Fault::CallLost) => Err(no_answer()),
            Some(Fault::AnswerLost) => {
                drop(call.await);
                self.point(Point::Called).await;
                Err(no_answer())
            }
            Some(Fault::CallLate(points)) => {
                self.send_late(points, async move { drop(call.await) });
                Err(no_answer())
            }
            _ => {
                let answer = call.await;
                self.point(Point::Called).await;
                Ok(answer)
            }
        }
    }

    /// Lets this happen after this many other points.
    pub(super) fn send_late(&self, points: u32, effect: impl Future<Output = ()> + Send + 'static) {
        let mut shared = self.shared();
        let due = shared.points.len() + points as usize;
        shared.late.push(Late { due, effect: Box::pin(effect) });
    }

    /// Delivers what is under way and due, or all of it.
    pub(super) async fn deliver(&self, everything: bool) {
        let due: Vec<Late> = {
            let mut shared = self.shared();
            let now = shared.points.len();
            shared.late.extract_if(.., |late| everything || late.due <= now).collect()
        };
        for late in due {
            late.effect.await;
        }
    }

    /// A point of the run: everything else may happen here. Returns the fault that the caller
    /// implements.
    pub(super) async fn point(&self, point: Point) -> Option<Fault> {
        if self.shared().quiet > 0 {
            return None;
        }
        self.deliver(false).await;
        let fault = self.shared().arrive(point);
        match fault {
            Some(Fault::Die | Fault::StepDies) => pending().await,
            Some(Fault::Switch | Fault::Expire | Fault::Do(_) | Fault::Stray(_)) | None => {
                yield_now().await;
                None
            }
            Some(fault) => {
                yield_now().await;
                Some(fault)
            }
        }
    }

    /// Runs this to its end at one moment, without points and faults. A world begins its saga, and
    /// looks at its streams, in this way.
    ///
    /// # Examples
    ///
    /// ```
    /// use skald::store::EventStore;
    /// use skald::stream::Version;
    /// use skald_testkit::saga::Hooks;
    /// use skald_testkit::sample::account;
    ///
    /// let hooks = Hooks::new();
    /// let commits = hooks.at_once(hooks.plain_store().read(&account("1"), Version::START));
    /// assert_eq!(commits.unwrap(), []);
    /// ```
    pub fn at_once<T>(&self, future: impl Future<Output = T>) -> T {
        self.shared().quiet += 1;
        let value = finish(future);
        self.shared().quiet -= 1;
        value
    }

    /// The invocation of a step begins. Returns its number.
    pub(super) fn begin(&self, step: &'static str, failed_step: Option<String>) -> usize {
        let mut shared = self.shared();
        let began_undoing = shared.is_undoing;
        shared.invocations.push(Invocation { step, began_undoing });
        let number = shared.invocations.len() - 1;
        let executing = shared.executing;
        shared.running.insert(executing, number);
        if failed_step.is_some() {
            shared.failed_step = failed_step;
        }
        number
    }

    /// The invocation of a step ended.
    pub(super) fn end(&self, step: &'static str, result: Result<(), StepError>) {
        let mut shared = self.shared();
        let executing = shared.executing;
        shared.running.remove(&executing);
        shared.returned.push(Returned { step, result });
    }

    /// Whether the function of the step that this execution performs has just died.
    pub(super) fn take_killed(&self) -> bool {
        let mut shared = self.shared();
        let is_killed = shared.killed == Some(shared.executing);
        if is_killed {
            shared.killed = None;
            let executing = shared.executing;
            shared.running.remove(&executing);
        }
        is_killed
    }

    /// The invocation that is being polled.
    pub(super) fn invocation(&self) -> Option<usize> {
        let shared = self.shared();
        shared.running.get(&shared.executing).copied()
    }
}

impl Pause for Hooks {
    fn now(&self, earlier: Timestamp) -> Timestamp {
        earlier.max(Self::now(self))
    }

    async fn pause(&self, attempt: u32) {
        self.advance_ms(i64::from(attempt) * 50);
        self.point(Point::Wait).await;
    }
}

fn no_answer() -> StepError {
    StepError::transient("the external system did not answer")
}

/// Runs anything to its end that waits only at points.
pub(super) fn finish<T>(future: impl Future<Output = T>) -> T {
    let mut future = std::pin::pin!(future);
    let mut context = std::task::Context::from_waker(std::task::Waker::noop());
    loop {
        if let std::task::Poll::Ready(value) = future.as_mut().poll(&mut context) {
            return value;
        }
    }
}
