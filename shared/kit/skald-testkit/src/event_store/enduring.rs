//! Races of many writers behind random faults: no commit is lost, none is written twice, and every
//! answer is true. A seed determines the faults. Over a store in memory, a seed repeats the whole
//! race, so a failure can be reproduced. Over a service, the order of the calls varies.

use std::collections::BTreeMap;
use std::ops::RangeInclusive;

use skald::commit::{Commit, CommitId};
use skald::decider::{Decider, Folded, fold};
use skald::handle::{Guarded, HandleError, Handler, Many, One, Outcome, Streams};
use skald::store::{AppendError, EventStore};
use skald::stream::StreamId;

use super::EventStoreFixture;
use super::faults::word;
use super::snapshots::{KIND, SnapshottedAccount, command};
use crate::concurrent::run_all;
use crate::faulty::{Faulty, Plan};
use crate::fixtures::{append, commits, deposited, draft, id, load, noted, request};
use crate::pause::{NoPause, yield_now};
use crate::sample::{Account, AccountCommand, AccountRejection, AccountState, account};
use crate::yielding::Yielding;

/// Few, because each seed sends hundreds of requests to a service. [`races`] takes any number.
const SEEDS: RangeInclusive<u64> = 1..=3;
const WRITERS: u64 = 4;
const COMMANDS_EACH: u64 = 3;
/// One in this many calls fails.
const ONE_IN: u64 = 3;
/// Enough for every command to lose to every other command and to its own faults.
const ATTEMPTS: u32 = 60;

/// Runs races of every kind, one after the other, each seed in a new store. For fast stores. No
/// commit is lost and none is written twice.
///
/// # Panics
/// If a store breaks a rule. The message names the seed.
///
/// # Examples
///
/// ```
/// use skald::memory::InMemoryEventStore;
/// use skald_testkit::event_store::{EventStoreFixture, races};
/// # #[derive(Default)]
/// # struct Fixture { store: InMemoryEventStore, foreign: InMemoryEventStore }
/// # impl EventStoreFixture for Fixture {
/// #     type Store = InMemoryEventStore;
/// #     fn store(&self) -> &InMemoryEventStore { &self.store }
/// #     fn foreign(&self) -> &InMemoryEventStore { &self.foreign }
/// # }
///
/// # #[tokio::main(flavor = "current_thread")]
/// # async fn main() {
/// races(Fixture::default, 1..=2).await;
/// # }
/// ```
pub async fn races<F: EventStoreFixture>(fixture: impl Fn() -> F, seeds: RangeInclusive<u64>) {
    for seed in seeds {
        let fixture = fixture();
        appends(fixture.store(), seed).await;
        deposits(fixture.store(), seed).await;
        transfers(fixture.store(), seed).await;
        deliveries(fixture.store(), seed).await;
        guarded_withdrawals(fixture.store(), seed).await;
    }
}

/// Each append of many writers, without decisions, is written once. If an answer says that nothing
/// was written, nothing was written.
pub async fn appends_are_written_once_despite_faults<F: EventStoreFixture>(fixture: &F) {
    for seed in SEEDS {
        appends(fixture.store(), seed).await;
    }
}

/// Each command of many senders about one stream is done once.
pub async fn commands_are_done_once_despite_faults<F: EventStoreFixture>(fixture: &F) {
    for seed in SEEDS {
        deposits(fixture.store(), seed).await;
    }
}

/// Each transfer of many senders between three accounts is made once as a whole, or not at all.
pub async fn transfers_preserve_the_total_despite_faults<F: EventStoreFixture>(fixture: &F) {
    for seed in SEEDS {
        transfers(fixture.store(), seed).await;
    }
}

/// Each delivery of many senders to a stream with snapshots is booked once. Each has a stream of
/// its own.
pub async fn deliveries_are_booked_once_behind_snapshots_despite_faults<F: EventStoreFixture>(
    fixture: &F,
) {
    for seed in SEEDS {
        deliveries(fixture.store(), seed).await;
    }
}

/// Many writers withdraw from two accounts on condition that both together keep a minimum. Together
/// they never break that condition.
pub async fn guarded_withdrawals_stay_covered_despite_faults<F: EventStoreFixture>(fixture: &F) {
    for seed in SEEDS {
        guarded_withdrawals(fixture.store(), seed).await;
    }
}

/// The names of all commands of a race, each with its number.
fn names(kind: &str, seed: u64) -> Vec<(u64, String)> {
    (0..WRITERS * COMMANDS_EACH)
        .map(|number| (number, format!("{kind} {number} of {seed}")))
        .collect()
}

/// A race: its seed, its store, and the faults before the store.
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

    /// Whether a command may be stored without a successful answer.
    fn in_doubt(&self, command: CommitId) -> bool {
        self.faulty.happened().iter().any(|(of, fault)| *of == command && fault.leaves_doubt())
    }

    /// How often each command is stored, by stream.
    async fn counts(&self, streams: &[StreamId]) -> BTreeMap<(StreamId, String), u32> {
        let mut counts = BTreeMap::new();
        for stream in streams {
            for commit in load(self.store, stream).await.commits {
                *counts.entry((stream.clone(), commit.id.to_string())).or_default() += 1;
            }
        }
        counts
    }

    /// Asserts that a command wrote nothing after an answer that says so.
    async fn assert_nothing(&self, name: &str, streams: &[StreamId], answer: &str) {
        if !self.in_doubt(id(name)) {
            for ((stream, found), _) in self.counts(streams).await {
                assert_ne!(
                    found,
                    id(name).to_string(),
                    "seed {}: the answer to {name} was {answer}, but it is in {stream}",
                    self.seed
                );
            }
        }
    }

    /// Sends a command until it is answered. Returns its commits, or `None` if it was rejected.
    async fn send<T: Streams>(
        &self,
        name: &str,
        streams: &T,
        decide: impl Fn(&T::States) -> Result<T::Events, AccountRejection> + Sync,
    ) -> Option<Vec<Commit>> {
        for _ in 0..ATTEMPTS {
            let handled = Handler::new(Yielding(&self.faulty), NoPause)
                .handle_all(streams, &request(name), &decide)
                .await;
            match handled.map(|handled| handled.outcome) {
                Ok(Outcome::Appended(commits)) => return Some(commits),
                Ok(Outcome::Repeated(commits)) => {
                    let doubt = self.in_doubt(id(name));
                    assert!(
                        doubt,
                        "seed {}: {name} was written without a fault that explains it",
                        self.seed
                    );
                    return Some(commits);
                }
                Ok(Outcome::Unchanged) => panic!("seed {}: {name} produced no events", self.seed),
                Err(HandleError::Store(error)) if error.is_transient() => {}
                Err(HandleError::Busy { .. }) => {
                    self.assert_nothing(name, &streams.ids(), "busy").await
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

    /// Waits for all requests, then asserts that each stream has the answered commits, each once
    /// and as answered.
    async fn assert_once(&self, answers: &[(String, Vec<Commit>)], streams: &[StreamId]) {
        self.faulty.settle().await;
        let counts = self.counts(streams).await;
        for (name, answer) in answers {
            for commit in answer {
                let stored = commits(self.store, &commit.stream).await;
                assert!(
                    stored.contains(commit),
                    "seed {}: {name} is not in {} as answered",
                    self.seed,
                    commit.stream
                );
                let count = counts.get(&(commit.stream.clone(), id(name).to_string()));
                assert_eq!(count, Some(&1), "seed {}: {name} in {}", self.seed, commit.stream);
            }
        }
        let written: usize = answers.iter().map(|(_, commits)| commits.len()).sum();
        let ours = |(_, found): &&(StreamId, String)| {
            answers.iter().any(|(name, _)| id(name).to_string() == *found)
        };
        assert_eq!(
            counts.keys().filter(ours).count(),
            written,
            "seed {}: commits without an answer",
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

/// Each writer appends its commands one after the other, at a head that it loads without faults.
/// After a transient error, it repeats the append at the same head.
async fn appends<S: EventStore>(store: &S, seed: u64) {
    let race = &Race::new(store, seed);
    let stream = &race.stream("appends");
    let names = names("append", seed);
    let writers = names.chunks(COMMANDS_EACH as usize).map(|mine| async move {
        let mut answers = Vec::new();
        for (_, name) in mine {
            answers.push((name.clone(), vec![append_until_answered(race, stream, name).await]));
        }
        answers
    });
    let answers = run_all(writers).await.concat();
    race.assert_once(&answers, std::slice::from_ref(stream)).await;
}

async fn append_until_answered<S: EventStore>(
    race: &Race<'_, S>,
    stream: &StreamId,
    name: &str,
) -> Commit {
    let (seed, mut head, faulty) =
        (race.seed, load(race.store, stream).await.head, Yielding(&race.faulty));
    for _ in 0..10 * ATTEMPTS {
        match faulty.append(&head, draft(name, deposited(1))).await {
            Ok(appended) => {
                let doubt = race.in_doubt(id(name));
                assert!(
                    doubt || !appended.repeated,
                    "seed {seed}: {name} was written without a fault that explains it"
                );
                return appended.commit;
            }
            // A conflict is final for this head: the append needs a new one.
            Err(AppendError::Conflict { .. }) => {
                race.assert_nothing(name, std::slice::from_ref(stream), "a conflict").await;
                head = load(race.store, stream).await.head;
            }
            Err(AppendError::Contended) => {
                race.assert_nothing(name, std::slice::from_ref(stream), "contended").await;
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
        let mut answers = Vec::new();
        for (number, name) in mine {
            let streams = One::<Account>::new(stream.clone());
            let decide = |_: &_| Ok(vec![deposited(1 << number)]);
            answers.push((
                name.clone(),
                race.send(name, &streams, decide).await.expect("a deposit is never rejected"),
            ));
        }
        answers
    });
    let answers = run_all(writers).await.concat();
    race.assert_once(&answers, std::slice::from_ref(stream)).await;
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
        let mut answers = Vec::new();
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
            assert!([0, 2].contains(&made.len()), "seed {seed}: only half of {name} was made");
            answers.push((name.clone(), made));
        }
        answers
    });
    let answers = run_all(writers).await.concat();
    race.assert_once(&answers, accounts).await;
    let mut sum = 0;
    for account in accounts {
        sum += race.balance(account).await;
    }
    assert_eq!(sum, 60, "seed {seed}: the sum of all balances");
}

async fn deliveries<S: EventStore>(store: &S, seed: u64) {
    let race = &Race::new(store, seed);
    let stock = &race.stream("stock");
    let names = names("delivery", seed);
    let receipt = |name: &str| account(&name.replace(' ', "-"));
    let writers = names.chunks(COMMANDS_EACH as usize).map(|mine| async move {
        for (_, name) in mine {
            let streams =
                (One::<Account>::new(receipt(name)), One::<SnapshottedAccount>::new(stock.clone()));
            let decide =
                |_: &_| Ok::<_, AccountRejection>((vec![noted("booked")], vec![deposited(1)]));
            race.send(name, &streams, decide).await.expect("a delivery is never rejected");
            // The sender repeats the delivery later.
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
    assert_eq!(race.balance(stock).await, names.len() as u64, "seed {seed}: the stock");
}

/// The first deposits to each account, and the sum that both accounts must keep together.
const OPENING: [u64; 4] = [15; 4];
const COVER: u64 = 70;
const WITHDRAWN: u64 = 10;

async fn guarded_withdrawals<S: EventStore>(store: &S, seed: u64) {
    type Both = (Folded<AccountState>, Folded<AccountState>);
    let race = &Race::new(store, seed);
    let accounts = &["left", "right"].map(|name| race.stream(name));
    for account in accounts {
        for (number, amount) in OPENING.into_iter().enumerate() {
            let name = format!("opening {number} of {account}");
            command(store, account, &name, AccountCommand::Deposit(amount)).await;
        }
        let loaded =
            store.load(account, Some(KIND)).await.unwrap_or_else(|error| panic!("{error}"));
        assert!(loaded.commits.len() < OPENING.len(), "seed {seed}: {account} has no snapshot");
    }
    let names = names("withdrawal", seed);
    let writers = names.chunks(COMMANDS_EACH as usize).map(|mine| async move {
        let mut answers = Vec::new();
        for (number, name) in mine {
            // Some writers withdraw from one account, some from the other. An odd number of
            // withdrawals is covered, so the last two cannot both be made.
            let from = (*number / COMMANDS_EACH) as usize % 2;
            // A repeat behind a snapshot would not be recognised, so the written stream is read from
            // its beginning.
            let own = One::<Account>::new(accounts[from].clone());
            let streams = (own, Guarded::<SnapshottedAccount>::new(accounts[1 - from].clone()));
            let decide = |(own, other): &Both| {
                let balance = own.state.balance + other.state.balance;
                if balance < COVER + WITHDRAWN {
                    return Err(AccountRejection::Overdrawn {
                        balance,
                        requested: COVER + WITHDRAWN,
                    });
                }
                Ok((Account::decide(&own.state, &AccountCommand::Withdraw(WITHDRAWN))?, ()))
            };
            let made = race.send(name, &streams, decide).await.unwrap_or_default();
            assert!(made.len() <= 1, "seed {seed}: {name} has two commits");
            answers.push((name.clone(), made));
        }
        answers
    });
    let answers = run_all(writers).await.concat();
    race.assert_once(&answers, accounts).await;
    let made = answers.iter().filter(|(_, made)| !made.is_empty()).count() as u64;
    let mut sum = 0;
    for account in accounts {
        sum += race.balance(account).await;
    }
    let opening = 2 * OPENING.iter().sum::<u64>();
    assert_eq!(sum, opening - made * WITHDRAWN, "seed {seed}: withdrawn once each");
    assert_eq!(sum, COVER, "seed {seed}: the sum of both balances");
}
