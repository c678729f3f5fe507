//! Finds every saga that no execution works on, and starts it again.
//!
//! Executions are started by messages, and messages can be lost. An execution can be stopped. So a
//! sweep runs every minute and relies on neither:
//!
//! 1. It follows the index of all commits, a *delay* behind now that is longer than most sagas
//!    take. A saga whose last commit settled it costs nothing more: the index has the types of the
//!    commit's events. The arbiter of every other saga is read.
//! 2. A saga that is not settled goes on the *watch list*, a durable list in the order of the next
//!    check. Only then does the follower's checkpoint move. So a sweep may end after any line.
//! 3. Each saga on the list that is due is checked: its execution is started by name
//!    ([`ExecutionStarter::start`]), which has no effect if it is running. A settled saga leaves
//!    the list. The others are checked again, less and less often, but a saga that is overdue in
//!    every sweep.
//!
//! A deadline needs no other care: the next step of an overdue saga turns it round. A running
//! execution that waits for a retry is left alone.
//!
//! A parked saga is not started. It is on a list of its own, so that a sweep can tell how many
//! there are. It is read once an hour, and when the index has another commit of it.
//!
//! Sweeps may overlap. The later one takes over the follower, and all else can be repeated.

mod error;
mod report;
mod watch_list;

use std::collections::BTreeMap;

use skald::concurrency::concurrently;
use skald::follow::{Batch, FollowError, FollowOptions, Follower};
use skald::handle::Pause;
use skald::index::{CommitIndex, Position, SlicePosition};
use skald::store::{EventStore, StoreError};
use skald::stream::{StreamId, Version};
use skald::time::Timestamp;
use skald::view::ViewStore;

use crate::executions::Executions;
use crate::saga::Arbiter;
use crate::starter::{Ensured, ExecutionStarter, Outcome, found};

pub use error::SweepError;
use report::Checked;
pub use report::Swept;
use watch_list::{List, Listed, Place, WatchList};

/// The time between a check and the next one, in milliseconds: for a saga that was just started,
/// and for one that is overdue.
const MINUTE_MS: i64 = 60_000;
/// The longest time between two checks of a saga.
const MAX_INTERVAL_MS: i64 = 5 * MINUTE_MS;
/// The time between two checks of a parked saga.
const PARKED_INTERVAL_MS: i64 = 60 * MINUTE_MS;
/// How much earlier than planned a check may be, so that a sweep that begins a little early does
/// not leave it to the next one.
const EARLY_MS: i64 = 10_000;
/// The largest number of entries of a slice in one batch of the follower. Each batch reads the
/// overlap again, so a batch should hold more than the commits of a minute.
const BATCH: u32 = 5_000;
/// How many checks are begun before the time limit is looked at.
const CHUNK: usize = 256;

/// How a sweeper works.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct SweepOptions {
    /// The name of the follower and of the lists: 1 to 70 characters of `A-Z a-z 0-9 . _ -`.
    pub name: String,
    /// How far behind now the index is followed: longer than most sagas take, and longer than the
    /// index may lag.
    pub delay_ms: u32,
    /// How far before the end of the last sweep to read again, for entries that appeared late.
    pub overlap_ms: u32,
    /// When to begin nothing more in this sweep. The next one continues.
    pub time_limit_ms: u32,
    /// How long after its deadline a saga counts as overdue.
    pub grace_ms: u32,
}

/// Sweeps the sagas of an event store.
///
/// The watch list and the follower's checkpoints are rows of one [`ViewStore`], in a table of their
/// own. It has a row for each saga that was ever on the list.
#[derive(Debug)]
pub struct Sweeper<S, I, V, X, P> {
    starter: ExecutionStarter<S, X, P>,
    index: I,
    rows: V,
    options: SweepOptions,
}

impl<S, I, V, X, P> Sweeper<S, I, V, X, P>
where
    S: EventStore,
    I: CommitIndex,
    V: ViewStore,
    X: Executions,
    P: Pause,
{
    /// Sweeps the sagas in this index with that starter.
    pub const fn new(
        starter: ExecutionStarter<S, X, P>,
        index: I,
        rows: V,
        options: SweepOptions,
    ) -> Self {
        Self { starter, index, rows, options }
    }

    /// Sweeps once. `run` identifies the sweep, for people.
    ///
    /// # Errors
    /// [`SweepError`]. What was done is kept, and the next sweep does the rest.
    pub async fn sweep<A: Arbiter>(&self, run: &str, at: Timestamp) -> Result<Swept, SweepError> {
        let (mut swept, mut listed) = (Swept::default(), self.list().all().await?);
        let stop = at.plus_millis(self.options.time_limit_ms.into());
        let followed = self.follow::<A>(run, at, stop, &mut listed, &mut swept).await;

        // Even without the index, the watch list is checked.
        let early = at.plus_millis(EARLY_MS);
        let due: Vec<StreamId> = listed
            .iter()
            .filter(|(_, (_, due))| *due <= early)
            .map(|(arbiter, _)| arbiter.clone())
            .collect();
        for chunk in due.chunks(CHUNK) {
            if self.starter.pause().now(at) >= stop {
                break;
            }
            let checks = chunk.iter().map(|arbiter| self.check_one::<A>(arbiter, at, false));
            for (arbiter, checked) in chunk.iter().zip(concurrently(checks).await) {
                match checked {
                    Ok(Some(checked)) => {
                        swept.add(&checked, at, self.options.grace_ms);
                        match checked.place {
                            Some(Place { list, due }) => {
                                listed.insert(arbiter.clone(), (list, due))
                            }
                            None => listed.remove(arbiter),
                        };
                    }
                    // Another sweep has checked it.
                    Ok(None) => {}
                    Err(error) => swept.fail(arbiter, &error.into()),
                }
            }
        }
        for (list, _) in listed.values() {
            swept.count(*list);
        }
        swept.report();
        match followed {
            // Another sweep has begun, and follows the index.
            Ok(()) | Err(SweepError::Follow(FollowError::Taken { .. })) => swept.result(),
            Err(error) => Err(error),
        }
    }

    /// Checks one saga now, for example after its execution has ended.
    ///
    /// # Errors
    /// [`SweepError`]. The call may be repeated.
    pub async fn check<A: Arbiter>(
        &self,
        arbiter: &StreamId,
        at: Timestamp,
    ) -> Result<Swept, SweepError> {
        let mut swept = Swept::default();
        if let Some(checked) = self.check_one::<A>(arbiter, at, true).await? {
            swept.add(&checked, at, self.options.grace_ms);
        }
        swept.result()
    }

    const fn list(&self) -> WatchList<'_, V> {
        WatchList { rows: &self.rows, name: self.options.name.as_str() }
    }

    /// Puts every saga that is not settled on the watch list.
    async fn follow<A: Arbiter>(
        &self,
        run: &str,
        at: Timestamp,
        stop: Timestamp,
        listed: &mut Listed,
        swept: &mut Swept,
    ) -> Result<(), SweepError> {
        let following = FollowOptions {
            name: self.options.name.clone(),
            run: run.to_owned(),
            from: Position::new(vec![SlicePosition::START; usize::from(I::SLICES)]),
            margin_ms: self.options.delay_ms,
            overlap_ms: self.options.overlap_ms,
            batch: BATCH,
        };
        let mut follower = Follower::resume(&self.index, &self.rows, following).await?;
        while self.starter.pause().now(at) < stop {
            let batch = follower.next(at).await?;
            if batch.is_empty() {
                break;
            }
            let last = last_commits::<A>(batch);
            let doubtful: Vec<StreamId> = last
                .into_iter()
                // Whatever happened to a saga on the watch list, its check finds out.
                .filter(|(arbiter, (_, is_settled))| match listed.get(arbiter) {
                    Some((List::Watched, _)) => false,
                    Some((List::Parked, _)) => true,
                    None => !is_settled,
                })
                .map(|(arbiter, _)| arbiter)
                .collect();
            let looks = doubtful.iter().map(|arbiter| self.consider::<A>(arbiter, at));
            for (arbiter, looked) in doubtful.iter().zip(concurrently(looks).await) {
                swept.looked += 1;
                match looked {
                    Ok(Some(Place { list, due })) => {
                        listed.insert(arbiter.clone(), (list, due));
                    }
                    Ok(None) => {
                        listed.remove(arbiter);
                    }
                    // Its row cannot be read. It must not keep the others from being found.
                    Err(error) if !error.is_transient() => swept.fail(arbiter, &error.into()),
                    Err(error) => return Err(error.into()),
                }
            }
            follower.acknowledge();
        }
        Ok(())
    }

    /// Puts a saga on the list where it belongs; `None` if it is settled.
    async fn consider<A: Arbiter>(
        &self,
        arbiter: &StreamId,
        at: Timestamp,
    ) -> Result<Option<Place>, StoreError> {
        let commits = match self.starter.events().load(arbiter, None).await {
            Ok(loaded) => Ok(loaded.commits),
            Err(error) if error.is_transient() => return Err(error),
            Err(error) => Err(error),
        };
        let outcome = commits.map(|commits| found::<A>(arbiter, &commits));
        let place = match outcome {
            Ok(Ok((Ensured { what: Outcome::NotNeeded, .. }, None))) => None,
            Ok(Ok((Ensured { what: Outcome::Parked, .. }, None))) => {
                Some(Place { list: List::Parked, due: at.plus_millis(PARKED_INTERVAL_MS) })
            }
            // It needs an execution, or cannot be read: the check tells.
            Ok(Ok(_) | Err(_)) | Err(_) => Some(Place { list: List::Watched, due: at }),
        };
        let list = self.list();
        let row = list.row(arbiter).await?;
        let is_there = row.place.map(|place| place.list) == place.map(|place| place.list);
        if is_there || list.put(arbiter, &row, place, 0, at).await? {
            return Ok(if is_there { row.place } else { place });
        }
        // Another sweep was faster, and its place for the saga is as good.
        Ok(list.row(arbiter).await?.place)
    }

    /// Checks a saga. `None` if it is not due, because another sweep has checked it meanwhile.
    async fn check_one<A: Arbiter>(
        &self,
        arbiter: &StreamId,
        at: Timestamp,
        is_urgent: bool,
    ) -> Result<Option<Checked>, StoreError> {
        let list = self.list();
        let row = list.row(arbiter).await?;
        let is_due = row.place.is_some_and(|place| place.due <= at.plus_millis(EARLY_MS));
        if !is_due && !is_urgent {
            return Ok(None);
        }
        let result = self.starter.start::<A>(arbiter, at).await;
        let (place, checks) = match &result {
            Ok(ensured) => self.next_check(ensured, row.checks, at),
            // The saga stays due.
            Err(error) if error.is_unanswered() => (row.place, row.checks),
            Err(_) => {
                let due = at.plus_millis(interval_ms(row.checks));
                (Some(Place { list: List::Watched, due }), row.checks.saturating_add(1))
            }
        };
        if let Err(error) = &result {
            tracing::error!(
                arbiter = %arbiter.key(),
                error = skald::text::with_causes(error),
                "the saga could not be checked; it is checked again"
            );
        }
        if place != row.place {
            // If another sweep was faster, its time for the next check is as good.
            list.put(arbiter, &row, place, checks, at).await?;
        }
        Ok(Some(Checked { result, place }))
    }

    /// The place of a saga after a check, and the number of checks that found it running.
    fn next_check(&self, found: &Ensured, checks: u32, at: Timestamp) -> (Option<Place>, u32) {
        let watched = |ms| Some(Place { list: List::Watched, due: at.plus_millis(ms) });
        match found.what {
            Outcome::NotNeeded => (None, 0),
            Outcome::Parked => {
                let due = at.plus_millis(PARKED_INTERVAL_MS);
                (Some(Place { list: List::Parked, due }), 0)
            }
            Outcome::Started | Outcome::Resumed => (watched(MINUTE_MS), 0),
            _ if report::is_overdue(found, at, 0) => (watched(MINUTE_MS), checks),
            Outcome::Running => (watched(interval_ms(checks)), checks.saturating_add(1)),
            Outcome::Ended { resumed_from } => {
                let (first, last) = (at.plus_millis(MINUTE_MS), at.plus_millis(MAX_INTERVAL_MS));
                let due = resumed_from.clamp(first, last);
                (Some(Place { list: List::Watched, due }), checks)
            }
        }
    }
}

/// The time until the next check of a saga that was found running this often.
fn interval_ms(checks: u32) -> i64 {
    (MINUTE_MS << checks.min(8)).min(MAX_INTERVAL_MS)
}

/// The version of the last commit of each arbiter in a batch, and whether it settled the saga.
fn last_commits<A: Arbiter>(batch: &Batch) -> BTreeMap<StreamId, (Version, bool)> {
    let mut last = BTreeMap::new();
    for entry in batch.deliveries.iter().map(|delivery| &delivery.entry) {
        let (arbiter, first) = (entry.key.stream(), entry.key.first());
        if arbiter.category() != A::CATEGORY {
            continue;
        }
        let is_settled = entry.types.last().is_some_and(|last| A::settles(last));
        let known = last.entry(arbiter.clone()).or_insert((first, is_settled));
        if known.0 <= first {
            *known = (first, is_settled);
        }
    }
    last
}
