//! Many writers, to all of whom the way is bad, told by seeds: nothing is lost, nothing is there
//! twice, and nobody is told anything that is not so. Over a store that answers at once a seed
//! tells the same again, so that a failure can be repeated; over a service the order of the calls
//! is the service's.

use std::collections::BTreeMap;
use std::ops::RangeInclusive;

use skald::commit::{Commit, CommitId};
use skald::decider::{Decider, fold};
use skald::handle::{HandleError, Handler, Many, One, Outcome, Streams};
use skald::store::{AppendError, EventStore};
use skald::stream::StreamId;

use super::EventStoreFixture;
use super::faults::word;
use super::snapshots::Kept;
use crate::concurrent::run_all;
use crate::faulty::{Faulty, Plan};
use crate::fixtures::{append, commits, deposited, draft, id, load, noted, request};
use crate::pause::{NoPause, yield_now};
use crate::sample::{Account, AccountCommand, AccountRejection, account};
use crate::yielding::Yielding;

/// Few, because each asks a service some hundred times; [`races`] tells as many as one likes.
const SEEDS: RangeInclusive<u64> = 1..=3;
const WRITERS: u64 = 4;
const COMMANDS_EACH: u64 = 3;
/// One in so many calls goes wrong.
const ONE_IN: u64 = 3;
/// Enough for every command to lose to every other and to its own faults.
const ATTEMPTS: u32 = 60;

/// One race after the other in new stores, of every kind there is: for a store that is quick.
/// Nothing is lost, nothing is there twice, whatever the seed.
///
/// # Panics
/// If a store breaks a rule; the message names the seed.
pub async fn races<F: EventStoreFixture>(fixture: impl Fn() -> F, seeds: RangeInclusive<u64>) {
    for seed in seeds {
        let fixture = fixture();
        appends(fixture.store(), seed).await;
        deposits(fixture.store(), seed).await;
        transfers(fixture.store(), seed).await;
        deliveries(fixture.store(), seed).await;
    }
}

/// Appends of many, without a decision: each is there once, and whoever was told that nothing was
/// written wrote nothing.
pub async fn appends_past_faults_are_written_once<F: EventStoreFixture>(fixture: &F) {
    for seed in SEEDS {
        appends(fixture.store(), seed).await;
    }
}

/// Commands of many about one stream are each done once.
pub async fn commands_past_faults_are_done_once<F: EventStoreFixture>(fixture: &F) {
    for seed in SEEDS {
        deposits(fixture.store(), seed).await;
    }
}

/// Transfers of many between three accounts are each made whole, once, or not at all.
pub async fn transfers_past_faults_lose_and_make_no_money<F: EventStoreFixture>(fixture: &F) {
    for seed in SEEDS {
        transfers(fixture.store(), seed).await;
    }
}

/// Deliveries of many to a stream whose state is kept, each with a stream of its own, are each
/// booked once.
pub async fn deliveries_past_faults_are_booked_once_behind_snapshots<F: EventStoreFixture>(
    fixture: &F,
) {
    for seed in SEEDS {
        deliveries(fixture.store(), seed).await;
    }
}

/// The names of all commands of a race, with a number of each.
fn names(kind: &str, seed: u64) -> Vec<(u64, String)> {
    (0..WRITERS * COMMANDS_EACH)
        .map(|number| (number, format!("{kind} {number} of {seed}")))
        .collect()
}

/// What a race is about, and its way to the store.
struct Race<'a, S: EventStore> {
    seed: u64,
    store: &'a S,
    faulty: Faulty<'a, S>,
}

impl<'a, S: EventStore> Race<'a, S> {
    fn new(store: &'a S, seed: u64) -> Self {
        Self { seed, store, faulty: Faulty::new(store, Plan::by_chance(seed, ONE_IN)) }
    }

    fn stream(&self, name: &str) -> StreamId {
        account(&format!("{name}-{}", self.seed))
    }

    /// Whether a command may be there although nobody was told so.
    fn in_doubt(&self, command: CommitId) -> bool {
        self.faulty.happened().iter().any(|(of, fault)| *of == command && fault.leaves_doubt())
    }

    /// How often each command of these streams is there, by stream.
    async fn counts(&self, streams: &[StreamId]) -> BTreeMap<(StreamId, String), u32> {
        let mut counts = BTreeMap::new();
        for stream in streams {
            for commit in load(self.store, stream).await.commits {
                *counts.entry((stream.clone(), commit.id.to_string())).or_default() += 1;
            }
        }
        counts
    }

    /// Nothing was written by a command that was told so.
    async fn assert_nothing(&self, name: &str, streams: &[StreamId], told: &str) {
        if !self.in_doubt(id(name)) {
            for ((stream, found), _) in self.counts(streams).await {
                assert_ne!(
                    found,
                    id(name).to_string(),
                    "seed {}: {name} was told {told}, but is in {stream}",
                    self.seed
                );
            }
        }
    }

    /// Sends a command until it is answered: gives what was written; none if it was rejected.
    async fn send<T: Streams>(
        &self,
        name: &str,
        streams: &T,
        decide: impl Fn(&T::States) -> Result<T::Events, AccountRejection> + Sync,
    ) -> Option<Vec<Commit>> {
        for _ in 0..ATTEMPTS {
            let told = Handler::new(Yielding(&self.faulty), NoPause)
                .handle_all(streams, &request(name), &decide)
                .await;
            match told.map(|handled| handled.outcome) {
                Ok(Outcome::Appended(commits)) => return Some(commits),
                Ok(Outcome::Repeated(commits)) => {
                    let doubt = self.in_doubt(id(name));
                    assert!(
                        doubt,
                        "seed {}: {name} was told that nothing was written, but it was",
                        self.seed
                    );
                    return Some(commits);
                }
                Ok(Outcome::Unchanged) => panic!("seed {}: {name} asks for something", self.seed),
                Err(HandleError::Store(error)) if error.is_transient() => {}
                Err(HandleError::Busy { .. }) => {
                    self.assert_nothing(name, &streams.ids(), "that all are busy").await
                }
                Err(HandleError::Rejected(rejection)) => {
                    self.assert_nothing(name, &streams.ids(), &rejection.to_string()).await;
                    return None;
                }
                Err(error) => panic!("seed {}: {name}: {error}", self.seed),
            }
            yield_now().await;
        }
        panic!("seed {}: {name} was not answered in {ATTEMPTS} attempts", self.seed);
    }

    /// When all has arrived: each command is where it was told to be, as it was told, and each of
    /// its streams has it once.
    async fn assert_once(&self, told: &[(String, Vec<Commit>)], streams: &[StreamId]) {
        self.faulty.settle().await;
        let counts = self.counts(streams).await;
        for (name, told) in told {
            for commit in told {
                let stored = commits(self.store, &commit.stream).await;
                assert!(
                    stored.contains(commit),
                    "seed {}: {name} is not in {} as told",
                    self.seed,
                    commit.stream
                );
                let count = counts.get(&(commit.stream.clone(), id(name).to_string()));
                assert_eq!(count, Some(&1), "seed {}: {name} in {}", self.seed, commit.stream);
            }
        }
        let written: usize = told.iter().map(|(_, commits)| commits.len()).sum();
        let ours = |(_, found): &&(StreamId, String)| {
            told.iter().any(|(name, _)| id(name).to_string() == *found)
        };
        assert_eq!(
            counts.keys().filter(ours).count(),
            written,
            "seed {}: commits that nobody was told of",
            self.seed
        );
    }

    async fn balance(&self, stream: &StreamId) -> u64 {
        fold::<Account>(&commits(self.store, stream).await)
            .expect("events of an account")
            .state
            .balance
    }
}

/// Each writer appends its commands one after the other, at the head that it loads past the faults;
/// after an answer that leaves doubt the same again, at the same head, until it is clear.
async fn appends<S: EventStore>(store: &S, seed: u64) {
    let race = &Race::new(store, seed);
    let stream = &race.stream("appends");
    let names = names("append", seed);
    let writers = names.chunks(COMMANDS_EACH as usize).map(|mine| async move {
        let mut told = Vec::new();
        for (_, name) in mine {
            told.push((name.clone(), vec![append_until_told(race, stream, name).await]));
        }
        told
    });
    let told = run_all(writers).await.concat();
    race.assert_once(&told, std::slice::from_ref(stream)).await;
}

async fn append_until_told<S: EventStore>(
    race: &Race<'_, S>,
    stream: &StreamId,
    name: &str,
) -> Commit {
    let (seed, mut head, way) =
        (race.seed, load(race.store, stream).await.head, Yielding(&race.faulty));
    for _ in 0..10 * ATTEMPTS {
        match way.append(&head, draft(name, deposited(1))).await {
            Ok(appended) => {
                let doubt = race.in_doubt(id(name));
                assert!(
                    doubt || !appended.repeated,
                    "seed {seed}: {name} was told that nothing was written"
                );
                return appended.commit;
            }
            // At this place it will never be: nobody need ask there again.
            Err(AppendError::Conflict { .. }) => {
                race.assert_nothing(name, std::slice::from_ref(stream), "of a conflict").await;
                head = load(race.store, stream).await.head;
            }
            Err(AppendError::Contended) => {
                race.assert_nothing(name, std::slice::from_ref(stream), "of another transaction")
                    .await;
            }
            Err(AppendError::Store(error)) if error.is_transient() => {}
            Err(error) => panic!("seed {seed}: {name}: {error}"),
        }
        yield_now().await;
    }
    panic!("seed {seed}: {name} was not answered");
}

async fn deposits<S: EventStore>(store: &S, seed: u64) {
    let race = &Race::new(store, seed);
    let stream = &race.stream("deposits");
    let names = names("deposit", seed);
    let writers = names.chunks(COMMANDS_EACH as usize).map(|mine| async move {
        let mut told = Vec::new();
        for (number, name) in mine {
            let streams = One::<Account>::new(stream.clone());
            let decide = |_: &_| Ok(vec![deposited(1 << number)]);
            told.push((
                name.clone(),
                race.send(name, &streams, decide).await.expect("deposits are not refused"),
            ));
        }
        told
    });
    let told = run_all(writers).await.concat();
    race.assert_once(&told, std::slice::from_ref(stream)).await;
    assert_eq!(
        race.balance(stream).await,
        (1 << names.len()) - 1,
        "seed {seed}: the sum of all deposits"
    );
}

async fn transfers<S: EventStore>(store: &S, seed: u64) {
    let race = &Race::new(store, seed);
    let accounts = &["x", "y", "z"].map(|name| race.stream(name));
    for account in accounts {
        append(store, account, &format!("opening {account}"), deposited(20)).await;
    }
    let names = names("transfer", seed);
    let writers = names.chunks(COMMANDS_EACH as usize).map(|mine| async move {
        let mut told = Vec::new();
        for (number, name) in mine {
            let (from, to) =
                (*number as usize % 3, (*number as usize + 1 + *number as usize % 2) % 3);
            let both = |index: usize| accounts[index].clone();
            let streams = (One::<Account>::new(both(from)), Many::<Account>::new(vec![both(to)]));
            let amount = 3 * number;
            let decide = |(from, _): &(skald::decider::Folded<_>, Vec<_>)| {
                let withdrawn =
                    Account::decide(&from.state, &AccountCommand::Withdraw(amount.max(1)))?;
                Ok((withdrawn, vec![vec![deposited(amount.max(1))]]))
            };
            let made = race.send(name, &streams, decide).await.unwrap_or_default();
            assert!([0, 2].contains(&made.len()), "seed {seed}: {name} was told of half");
            told.push((name.clone(), made));
        }
        told
    });
    let told = run_all(writers).await.concat();
    race.assert_once(&told, accounts).await;
    let mut sum = 0;
    for account in accounts {
        sum += race.balance(account).await;
    }
    assert_eq!(sum, 60, "seed {seed}: money");
}

async fn deliveries<S: EventStore>(store: &S, seed: u64) {
    let race = &Race::new(store, seed);
    let stock = &race.stream("stock");
    let names = names("delivery", seed);
    let receipt = |name: &str| account(&name.replace(' ', "-"));
    let writers = names.chunks(COMMANDS_EACH as usize).map(|mine| async move {
        for (_, name) in mine {
            let streams = (One::<Account>::new(receipt(name)), One::<Kept>::new(stock.clone()));
            let decide =
                |_: &_| Ok::<_, AccountRejection>((vec![noted("booked")], vec![deposited(1)]));
            race.send(name, &streams, decide).await.expect("deliveries are not refused");
            // Whoever delivers does not know, and asks again later.
            let again = Handler::new(Yielding(store), NoPause)
                .handle_all(&streams, &request(name), decide)
                .await;
            assert_eq!(word(&again), "repeated", "seed {seed}: {name} again");
        }
    });
    run_all(writers).await;
    race.faulty.settle().await;
    let mut streams: Vec<StreamId> = names.iter().map(|(_, name)| receipt(name)).collect();
    streams.push(stock.clone());
    let counts = race.counts(&streams).await;
    for (_, name) in &names {
        for stream in [&receipt(name), stock] {
            let count = counts.get(&(stream.clone(), id(name).to_string()));
            assert_eq!(count, Some(&1), "seed {seed}: {name} in {stream}");
        }
    }
    assert_eq!(race.balance(stock).await, names.len() as u64, "seed {seed}: what is in stock");
}
