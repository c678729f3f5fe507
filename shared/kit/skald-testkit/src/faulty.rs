//! An event store behind a faulty connection: requests and answers are lost, delayed or repeated,
//! and other writers come first.
//!
//! [`Faulty`] wraps any [`EventStore`] and applies the faults of a [`Plan`] to its calls. A plan is
//! a script, or random with a seed. The faults happen between the caller and the store: the store
//! itself works correctly and can be called without faults at any time. There is no clock: a
//! delayed request arrives a number of calls later.

use std::collections::VecDeque;
use std::sync::{Mutex, MutexGuard, PoisonError};

use skald::commit::{Commit, CommitId, Draft};
use skald::implementing::{Page, check_append};
use skald::reading::ReadFrom;
use skald::snapshot::SnapshotKind;
use skald::store::{AppendError, Appended, EventStore, Head, Loaded, StoreError};
use skald::stream::StreamId;

use crate::SeededRng;
use crate::fixtures::{draft, noted};

const APPEND: &str = "append";
const READ: &str = "read";

/// What goes wrong with an append.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Fault {
    /// The store is overloaded: nothing happens, and the answer is [`StoreError::Throttled`].
    Throttled,
    /// The request is lost: nothing happens, and no answer comes ([`StoreError::Unavailable`]).
    RequestLost,
    /// The append happens, but its answer is lost ([`StoreError::Unavailable`]).
    AnswerLost,
    /// No answer comes ([`StoreError::Unavailable`]). The request arrives later, after this many
    /// other calls.
    Late {
        /// How many calls overtake it.
        calls: u32,
    },
    /// The append happens, its answer is lost, another writer appends, and then the client sends
    /// the same request again by itself, as clients of cloud services do. The caller gets the
    /// second answer.
    SentTwice,
    /// Another transaction is in progress: nothing happens ([`AppendError::Contended`]), for one
    /// stream or several.
    Contended,
    /// Another writer appends to the (first) stream just before: the store finds that the head has
    /// moved.
    Overtaken,
    /// Another writer appends to the (first) guarded stream just before: the store finds that the
    /// guard does not hold. Without guards this is the same as [`Overtaken`](Self::Overtaken).
    GuardMoved,
}

impl Fault {
    /// Whether the append may happen although its caller gets no success, or gets the answer to a
    /// repeat.
    #[must_use]
    pub const fn leaves_doubt(self) -> bool {
        matches!(self, Self::AnswerLost | Self::Late { .. } | Self::SentTwice)
    }

    const fn rolled(rng: &mut SeededRng) -> Self {
        match rng.below(7) {
            0 => Self::Throttled,
            1 => Self::RequestLost,
            2 => Self::AnswerLost,
            3 => Self::SentTwice,
            4 => Self::Contended,
            5 => Self::Overtaken,
            _ => Self::Late { calls: rng.below(12) as u32 },
        }
    }
}

/// Which calls go wrong, and how.
#[derive(Debug, Clone)]
pub struct Plan(Kind);

#[derive(Debug, Clone)]
enum Kind {
    Script(VecDeque<Option<Fault>>),
    Chance { rng: SeededRng, one_in: u64 },
}

impl Plan {
    /// The first appends meet these faults, in this order. Later appends and all reads succeed.
    #[must_use]
    pub fn script(appends: impl IntoIterator<Item = Option<Fault>>) -> Self {
        Self(Kind::Script(appends.into_iter().collect()))
    }

    /// One in `one_in` calls fails by chance, reads included. The same seed and the same order of
    /// calls give the same faults.
    ///
    /// # Panics
    /// At the first call, if `one_in` is 0.
    ///
    /// # Examples
    ///
    /// ```
    /// use skald::memory::InMemoryEventStore;
    /// use skald::store::EventStore;
    /// use skald_testkit::faulty::{Faulty, Plan};
    /// use skald_testkit::sample::account;
    ///
    /// # #[tokio::main(flavor = "current_thread")]
    /// # async fn main() -> Result<(), Box<dyn std::error::Error>> {
    /// let store = InMemoryEventStore::default();
    /// let faulty = Faulty::new(&store, Plan::by_chance(1, 3));
    /// let mut failed = 0;
    /// for _ in 0..300 {
    ///     failed += u32::from(faulty.load(&account("1"), None).await.is_err());
    /// }
    /// assert!((50..150).contains(&failed), "one in three");
    /// # Ok(())
    /// # }
    /// ```
    #[must_use]
    pub const fn by_chance(seed: u64, one_in: u64) -> Self {
        // Consecutive seeds start with similar numbers, and a generator must not have the seed 0.
        Self(Kind::Chance {
            rng: SeededRng::new(seed.wrapping_mul(0x9e37_79b9_7f4a_7c15) | 1),
            one_in,
        })
    }

    fn of_append(&mut self, is_guarded: bool) -> Option<Fault> {
        let (rng, one_in) = match &mut self.0 {
            Kind::Script(appends) => return appends.pop_front().flatten(),
            Kind::Chance { rng, one_in } => (rng, one_in),
        };
        let fault = (rng.below(*one_in) == 0).then(|| Fault::rolled(rng));
        // Only guarded appends draw a second number, so runs without guards keep the faults of
        // their seed.
        match fault {
            Some(Fault::Overtaken) if is_guarded && rng.below(2) == 0 => Some(Fault::GuardMoved),
            fault => fault,
        }
    }

    fn of_read(&mut self) -> Option<StoreError> {
        match &mut self.0 {
            Kind::Script(_) => None,
            Kind::Chance { rng, one_in } => (rng.below(*one_in) == 0)
                .then(|| if rng.below(2) == 0 { throttled(READ) } else { no_answer(READ) }),
        }
    }
}

/// The store, behind a plan of faults.
///
/// ```
/// use skald::handle::{HandleError, Handler};
/// use skald::memory::InMemoryEventStore;
/// use skald::store::EventStore;
/// use skald::stream::Version;
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
/// let faulty = Faulty::new(&store, Plan::script([Some(Fault::AnswerLost)]));
/// let handler = Handler::new(&faulty, NoPause);
/// let deposit = AccountCommand::Deposit(5);
/// let lost = handler.handle::<Account>(&account("1"), &deposit, &request).await;
/// assert!(matches!(lost, Err(HandleError::Store(_))));
///
/// // The commit is stored, although the caller got no answer.
/// assert_eq!(faulty.happened(), [(request.commit_id, Fault::AnswerLost)]);
/// assert_eq!(store.read(&account("1"), Version::START).await?.len(), 1);
/// # Ok(())
/// # }
/// ```
pub struct Faulty<'a, S: EventStore> {
    store: &'a S,
    rival: fn(&[Commit]) -> Draft,
    course: Mutex<Course<S::Head>>,
}

struct Course<H> {
    plan: Plan,
    under_way: Vec<UnderWay<H>>,
    happened: Vec<(CommitId, Fault)>,
}

struct UnderWay<H> {
    calls: u32,
    request: Request<H>,
}

/// An append as it is sent.
#[derive(Clone)]
struct Request<H> {
    parts: Vec<(H, Draft)>,
    guards: Vec<H>,
    together: bool,
}

impl<S: EventStore> std::fmt::Debug for Faulty<'_, S> {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Faulty").field("happened", &self.happened()).finish_non_exhaustive()
    }
}

impl<'a, S: EventStore> Faulty<'a, S> {
    /// Wraps this store. Calls meet the faults of the plan. If a fault needs a rival writer, it
    /// appends a [note](crate::sample::Noted) to an account.
    pub const fn new(store: &'a S, plan: Plan) -> Self {
        let course = Course { plan, under_way: Vec::new(), happened: Vec::new() };
        Self { store, rival: note, course: Mutex::new(course) }
    }

    /// Sets what a rival writer appends to a stream with these commits. Each draft must have an id
    /// of its own.
    #[must_use]
    pub const fn with_rival(mut self, rival: fn(&[Commit]) -> Draft) -> Self {
        self.rival = rival;
        self
    }

    /// The faults of appends so far, each with the id of the command.
    pub fn happened(&self) -> Vec<(CommitId, Fault)> {
        self.course().happened.clone()
    }

    /// Delivers all requests that are still under way.
    ///
    /// # Examples
    ///
    /// ```
    /// use skald::handle::Handler;
    /// use skald::memory::InMemoryEventStore;
    /// use skald::store::EventStore;
    /// use skald::stream::Version;
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
    /// let faulty = Faulty::new(&store, Plan::script([Some(Fault::Late { calls: 100 })]));
    /// let handler = Handler::new(&faulty, NoPause);
    /// let deposit = AccountCommand::Deposit(5);
    /// assert!(handler.handle::<Account>(&account("1"), &deposit, &request).await.is_err());
    /// assert!(store.read(&account("1"), Version::START).await?.is_empty());
    ///
    /// faulty.settle().await;
    /// assert_eq!(store.read(&account("1"), Version::START).await?.len(), 1);
    /// # Ok(())
    /// # }
    /// ```
    pub async fn settle(&self) {
        self.arrive(u32::MAX).await;
    }

    fn course(&self) -> MutexGuard<'_, Course<S::Head>> {
        self.course.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Counts this many calls, and delivers the requests that are due before them. Their answers
    /// are dropped.
    async fn arrive(&self, calls: u32) {
        let arriving: Vec<_> = {
            let mut course = self.course();
            let arrives = |under_way: &mut UnderWay<S::Head>| under_way.calls < calls;
            let arriving = course.under_way.extract_if(.., arrives).collect();
            course.under_way.iter_mut().for_each(|under_way| under_way.calls -= calls);
            arriving
        };
        for UnderWay { request, .. } in arriving {
            drop(self.send(&request).await);
        }
    }

    async fn send(
        &self,
        Request { parts, guards, together }: &Request<S::Head>,
    ) -> Result<Vec<Appended<S::Head>>, AppendError<S::Head>> {
        match parts.as_slice() {
            [(head, draft)] if !together => Ok(vec![self.store.append(head, draft.clone()).await?]),
            parts => self.store.append_guarded(parts.to_vec(), guards.clone()).await,
        }
    }

    /// Another writer appends to the first of these streams, or to the first guarded one.
    async fn overtake(&self, request: &Request<S::Head>, is_guard: bool) {
        let guard = request.guards.first().filter(|_| is_guard);
        let Some(head) = guard.or(request.parts.first().map(|(head, _)| head)) else { return };
        if let Ok(Loaded { head, commits }) = self.store.load(head.stream(), None).await {
            drop(self.store.append(&head, (self.rival)(&commits)).await);
        }
    }

    async fn append_faulty(
        &self,
        request: Request<S::Head>,
    ) -> Result<Vec<Appended<S::Head>>, AppendError<S::Head>> {
        // An invalid append fails before anything is sent.
        check_append(
            request.parts.iter().map(|(head, draft)| (head.stream(), draft)),
            request.guards.iter().map(Head::stream),
        )?;
        self.arrive(1).await;
        let fault = {
            let mut course = self.course();
            let fault = course.plan.of_append(!request.guards.is_empty());
            course.happened.extend(
                fault
                    .zip(request.parts.first())
                    .map(|(fault, (_, draft))| (draft.commit_id, fault)),
            );
            fault
        };
        match fault {
            None => self.send(&request).await,
            Some(Fault::Throttled) => Err(throttled(APPEND).into()),
            Some(Fault::Contended) => Err(AppendError::Contended),
            Some(Fault::RequestLost) => Err(no_answer(APPEND).into()),
            Some(Fault::AnswerLost) => {
                drop(self.send(&request).await);
                Err(no_answer(APPEND).into())
            }
            Some(Fault::Late { calls }) => {
                self.course().under_way.push(UnderWay { calls, request });
                Err(no_answer(APPEND).into())
            }
            Some(Fault::SentTwice) => {
                drop(self.send(&request).await);
                self.overtake(&request, false).await;
                self.send(&request).await
            }
            Some(overtaken @ (Fault::Overtaken | Fault::GuardMoved)) => {
                self.overtake(&request, overtaken == Fault::GuardMoved).await;
                self.send(&request).await
            }
        }
    }

    async fn read_faulty(&self) -> Result<(), StoreError> {
        self.arrive(1).await;
        self.course().plan.of_read().map_or(Ok(()), Err)
    }
}

fn note(commits: &[Commit]) -> Draft {
    draft(&format!("rival {}", commits.len()), noted("written by a rival"))
}

fn throttled(operation: &'static str) -> StoreError {
    StoreError::Throttled { operation, source: "by plan".into() }
}

fn no_answer(operation: &'static str) -> StoreError {
    StoreError::Unavailable { operation, source: "by plan".into() }
}

impl<S: EventStore> EventStore for Faulty<'_, S> {
    type Head = S::Head;

    fn start(&self, stream: StreamId) -> S::Head {
        self.store.start(stream)
    }

    async fn page(
        &self,
        stream: &StreamId,
        from: ReadFrom,
        limit: u32,
    ) -> Result<Page, StoreError> {
        self.read_faulty().await?;
        self.store.page(stream, from, limit).await
    }

    async fn load(
        &self,
        stream: &StreamId,
        snapshots: Option<SnapshotKind>,
    ) -> Result<Loaded<S::Head>, StoreError> {
        self.read_faulty().await?;
        self.store.load(stream, snapshots).await
    }

    async fn load_after(&self, head: &S::Head) -> Result<Loaded<S::Head>, StoreError> {
        self.read_faulty().await?;
        self.store.load_after(head).await
    }

    async fn append(
        &self,
        head: &S::Head,
        draft: Draft,
    ) -> Result<Appended<S::Head>, AppendError<S::Head>> {
        let parts = vec![(head.clone(), draft)];
        let request = Request { parts, guards: Vec::new(), together: false };
        let appended = self.append_faulty(request).await?;
        appended.into_iter().next().ok_or_else(|| no_answer(APPEND).into())
    }

    async fn append_guarded(
        &self,
        parts: Vec<(S::Head, Draft)>,
        guards: Vec<S::Head>,
    ) -> Result<Vec<Appended<S::Head>>, AppendError<S::Head>> {
        self.append_faulty(Request { parts, guards, together: true }).await
    }
}
