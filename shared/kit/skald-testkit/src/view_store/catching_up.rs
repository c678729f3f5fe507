//! Catching up: with any messages, a row is always the fold of the events up to its version.

use skald::commit::Commit;
use skald::memory::InMemoryEventStore;
use skald::message::CommitMessage;
use skald::store::Head;
use skald::stream::{StreamId, Version};
use skald::view::{CatchUpError, CaughtUp, ViewRow, ViewStore, catch_up};

use super::ViewStoreFixture;
use super::rows::get;
use crate::concurrent::run_all;
use crate::fixtures::{append, at, deposited, noted, withdrawn};
use crate::sample::{AccountEvent, Statement, Statements, account};
use crate::yielding::Yielding;

/// How many seeds for losing, repeating and delaying messages.
const SEEDS: u64 = 40;

/// The events of a stream, by commit.
fn stream_events() -> [Vec<AccountEvent>; 5] {
    [
        vec![deposited(100)],
        vec![withdrawn(30), noted("käse"), deposited(1)],
        vec![noted("📦")],
        vec![deposited(40), withdrawn(110)],
        vec![deposited(7)],
    ]
}

/// The row after the first `version` events, computed here and not by the projection.
fn statement(version: Version) -> Statement {
    let mut statement = Statement { balance: 0, entries: 0, note: None, opened_at: at(0) };
    for event in stream_events()
        .iter()
        .flatten()
        .take(usize::try_from(version.get()).expect("a short stream"))
    {
        statement.entries += 1;
        match event {
            AccountEvent::Deposited(deposited) => statement.balance += deposited.amount,
            AccountEvent::Withdrawn(withdrawn) => statement.balance -= withdrawn.amount,
            AccountEvent::Noted(noted) => statement.note = Some(noted.text.clone()),
        }
    }
    statement
}

async fn append_all(events: &InMemoryEventStore, stream: &StreamId) -> Vec<Commit> {
    let mut commits = Vec::new();
    for (number, commit) in stream_events().into_iter().enumerate() {
        commits.push(append(events, stream, &format!("{stream} {number}"), commit).await.commit);
    }
    commits
}

async fn deliver<V: ViewStore>(
    events: &InMemoryEventStore,
    views: &V,
    message: &CommitMessage,
) -> Result<CaughtUp, CatchUpError> {
    catch_up::<Statements, _, _>(events, views, message).await.map_err(|stuck| stuck.error)
}

/// Checks the row, if there is one, against the events up to its version. Returns that version.
async fn checked<V: ViewStore>(views: &V, stream: &StreamId, when: &str) -> Version {
    let Some(row) = get(views, stream).await else { return Version::START };
    let ViewRow { version, .. } = row;
    let decoded = row.decode::<Statement>(stream).unwrap_or_else(|error| panic!("{when}: {error}"));
    assert_eq!(decoded, Some(statement(version)), "{when}: the row at version {version}");
    assert_eq!((row.at, row.parked), (at(0), None), "{when}");
    version
}

fn end() -> Version {
    Version::new(stream_events().iter().map(|events| events.len() as u64).sum())
}

/// A random number generator that yields the same numbers for the same seed.
struct SeededRng(u64);

impl SeededRng {
    /// A number below `bound`.
    fn below(&mut self, bound: usize) -> usize {
        self.0 =
            self.0.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
        usize::try_from(self.0 >> 33).unwrap_or_default() % bound
    }
}

/// Messages in every order, with and without their commits, lead to the same row. The last message
/// is never delivered.
pub async fn every_order_of_messages_ends_equal_to_the_events<F: ViewStoreFixture>(fixture: &F) {
    let (events, views) = (InMemoryEventStore::default(), fixture.store());
    for (number, order) in permutations(stream_events().len() - 1).into_iter().enumerate() {
        for hints in [0, 1, order.len()] {
            let (stream, case) =
                (account(&format!("{number}-{hints}")), format!("{order:?}, {hints} hints first"));
            let commits = append_all(&events, &stream).await;
            for (place, index) in order.iter().enumerate() {
                let whole = CommitMessage::of(commits[*index].clone());
                let message = if place < hints { whole.into_hint() } else { whole };
                deliver(&events, views, &message)
                    .await
                    .unwrap_or_else(|error| panic!("{case}: {error}"));
            }
            assert!(
                checked(views, &stream, &case).await >= commits[3].last(),
                "{case}: the row is behind a message"
            );
            reconcile(&events, views, &stream).await;
            assert_eq!(checked(views, &stream, &case).await, end());
        }
    }
}

/// Delivers a hint of the stream's end, as a periodic reconciliation does.
async fn reconcile<V: ViewStore>(events: &InMemoryEventStore, views: &V, stream: &StreamId) {
    let hint = CommitMessage { stream: stream.clone(), last: end(), commit: None };
    deliver(events, views, &hint).await.unwrap_or_else(|error| panic!("{stream}: {error}"));
}

/// Every order of the numbers below `count`.
fn permutations(count: usize) -> Vec<Vec<usize>> {
    let Some(last) = count.checked_sub(1) else { return vec![vec![]] };
    let insert = |shorter: Vec<usize>| {
        (0..count).map(move |place| {
            let mut longer = shorter.clone();
            longer.insert(place, last);
            longer
        })
    };
    permutations(last).into_iter().flat_map(insert).collect()
}

/// While events are appended, messages are lost, repeated, reduced to hints and reordered. The row
/// is always the fold of the events up to its version, and a final hint completes it.
pub async fn with_any_messages_the_row_is_equal_to_the_events<F: ViewStoreFixture>(fixture: &F) {
    let (events, views) = (InMemoryEventStore::default(), fixture.store());
    for seed in 0..SEEDS {
        let (mut rng, stream) = (SeededRng(seed), account(&format!("seed-{seed}")));
        let mut remaining = stream_events().into_iter().enumerate();
        let mut under_way: Vec<CommitMessage> = Vec::new();
        let mut appending = true;
        while appending || !under_way.is_empty() {
            if appending && (under_way.is_empty() || rng.below(3) == 0) {
                let Some((number, commit)) = remaining.next() else {
                    appending = false;
                    continue;
                };
                let commit =
                    append(&events, &stream, &format!("{stream} {number}"), commit).await.commit;
                let message = CommitMessage::of(commit);
                match rng.below(6) {
                    0 => {}
                    1 => under_way.push(message.into_hint()),
                    2 => under_way.extend([message.clone().into_hint(), message]),
                    _ => under_way.push(message),
                }
            } else {
                let index = rng.below(under_way.len());
                let message = under_way[index].clone();
                let delivered = deliver(&events, views, &message).await;
                delivered.unwrap_or_else(|error| panic!("seed {seed}: {error}"));
                checked(views, &stream, &format!("seed {seed}")).await;
                // Some messages are delivered again.
                if rng.below(4) > 0 {
                    under_way.swap_remove(index);
                }
            }
        }
        reconcile(&events, views, &stream).await;
        assert_eq!(checked(views, &stream, &format!("seed {seed}")).await, end());
    }
}

/// If the message of a commit is lost, the next message brings its events, too.
pub async fn the_next_message_makes_up_for_a_lost_one<F: ViewStoreFixture>(fixture: &F) {
    let (events, views, stream) = (InMemoryEventStore::default(), fixture.store(), account("lost"));
    let commits = append_all(&events, &stream).await;
    for delivered in [0, 3] {
        let delivered =
            deliver(&events, views, &CommitMessage::of(commits[delivered].clone())).await;
        assert!(matches!(delivered, Ok(CaughtUp::To(_))), "{delivered:?}");
    }
    assert_eq!(checked(views, &stream, "after the fourth").await, end());
}

/// A message without its commit leads to the same row, even if the stream has later events.
pub async fn a_hint_is_enough<F: ViewStoreFixture>(fixture: &F) {
    let (events, views, stream) = (InMemoryEventStore::default(), fixture.store(), account("hint"));
    append_all(&events, &stream).await;
    let hint = CommitMessage { stream: stream.clone(), last: Version::new(1), commit: None };
    let delivered = deliver(&events, views, &hint).await;
    assert!(matches!(delivered, Ok(CaughtUp::To(version)) if version == end()), "{delivered:?}");
    assert_eq!(checked(views, &stream, "after a hint").await, end());
}

/// A message that is repeated, or delivered after a later one, changes nothing.
pub async fn an_old_message_changes_nothing<F: ViewStoreFixture>(fixture: &F) {
    let (events, views, stream) = (InMemoryEventStore::default(), fixture.store(), account("old"));
    let commits = append_all(&events, &stream).await;
    let last = CommitMessage::of(commits[4].clone());
    deliver(&events, views, &last).await.expect("the row is brought up to date");
    let before = get(views, &stream).await;
    for commit in commits {
        for message in [CommitMessage::of(commit.clone()), CommitMessage::of(commit).into_hint()] {
            let delivered = deliver(&events, views, &message).await;
            assert!(matches!(delivered, Ok(CaughtUp::Already)), "{delivered:?}");
        }
    }
    assert_eq!(get(views, &stream).await, before);
}

/// Concurrent deliveries of all messages, each twice, apply each event once.
pub async fn concurrent_deliveries_apply_each_event_once<F: ViewStoreFixture>(fixture: &F) {
    let (events, views) = (InMemoryEventStore::default(), fixture.store());
    for round in 0..10 {
        let stream = account(&format!("race-{round}"));
        let mut messages: Vec<CommitMessage> =
            append_all(&events, &stream).await.into_iter().map(CommitMessage::of).collect();
        messages.extend(messages.clone());
        let mut rng = SeededRng(round);
        messages.sort_by_cached_key(|_| rng.below(1000));
        let yielding = Yielding(views);
        let delivered =
            run_all(messages.iter().map(|message| deliver(&events, &yielding, message))).await;
        for caught_up in delivered {
            caught_up.unwrap_or_else(|error| panic!("round {round}: {error}"));
        }
        assert_eq!(checked(views, &stream, &format!("round {round}")).await, end());
        assert_eq!(crate::fixtures::load(&events, &stream).await.head.version(), end());
    }
}
