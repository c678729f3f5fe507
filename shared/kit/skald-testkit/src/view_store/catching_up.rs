//! Catching up: whatever becomes of the messages, a row is always what the events up to its version
//! make of it.

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

/// How many ways of losing, doubling and delaying messages are tried.
const FATES: u64 = 40;

/// The events of a stream, commit by commit.
fn story() -> [Vec<AccountEvent>; 5] {
    [
        vec![deposited(100)],
        vec![withdrawn(30), noted("käse"), deposited(1)],
        vec![noted("📦")],
        vec![deposited(40), withdrawn(110)],
        vec![deposited(7)],
    ]
}

/// What the first `version` events of the story make, counted here and not by the projection.
fn statement(version: Version) -> Statement {
    let mut statement = Statement { balance: 0, entries: 0, note: None, opened_at: at(0) };
    for event in
        story().iter().flatten().take(usize::try_from(version.get()).expect("a short story"))
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

async fn tell_story(events: &InMemoryEventStore, stream: &StreamId) -> Vec<Commit> {
    let mut commits = Vec::new();
    for (number, announced) in story().into_iter().enumerate() {
        commits.push(append(events, stream, &format!("{stream} {number}"), announced).await.commit);
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

/// Checks the row, if there is one, against the events up to its version; gives that version.
async fn checked<V: ViewStore>(views: &V, stream: &StreamId, when: &str) -> Version {
    let Some(row) = get(views, stream).await else { return Version::START };
    let ViewRow { version, .. } = row;
    let decoded = row.decode::<Statement>(stream).unwrap_or_else(|error| panic!("{when}: {error}"));
    assert_eq!(decoded, Some(statement(version)), "{when}: the row at version {version}");
    assert_eq!((row.at, row.parked), (at(0), None), "{when}");
    version
}

fn end() -> Version {
    Version::new(story().iter().map(|events| events.len() as u64).sum())
}

/// Deals out chance, the same for the same seed.
struct SeededRng(u64);

impl SeededRng {
    /// A number below `sides`.
    fn roll(&mut self, sides: usize) -> usize {
        self.0 =
            self.0.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
        usize::try_from(self.0 >> 33).unwrap_or_default() % sides
    }
}

/// Messages in every order, with and without their commits, leave the same row. The last one never
/// comes.
pub async fn every_order_of_messages_ends_equal_to_the_events<F: ViewStoreFixture>(fixture: &F) {
    let (events, views) = (InMemoryEventStore::default(), fixture.store());
    for (number, order) in permutations(story().len() - 1).into_iter().enumerate() {
        for hints in [0, 1, order.len()] {
            let (stream, announced) =
                (account(&format!("{number}-{hints}")), format!("{order:?}, {hints} hints first"));
            let commits = tell_story(&events, &stream).await;
            for (place, index) in order.iter().enumerate() {
                let whole = CommitMessage::of(commits[*index].clone());
                let message = if place < hints { whole.into_hint() } else { whole };
                deliver(&events, views, &message)
                    .await
                    .unwrap_or_else(|error| panic!("{announced}: {error}"));
            }
            assert!(
                checked(views, &stream, &announced).await >= commits[3].last(),
                "{announced}: a message was not followed"
            );
            reconcile(&events, views, &stream).await;
            assert_eq!(checked(views, &stream, &announced).await, end());
        }
    }
}

/// What is done now and then for every stream: it is told how far it is.
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

/// While events are still being written, messages are lost, doubled, stripped and overtaken; at
/// every moment the row is what the events up to its version make, and a hint of the end in the end
/// makes it whole.
pub async fn whatever_becomes_of_messages_the_row_is_equal_to_the_events<F: ViewStoreFixture>(
    fixture: &F,
) {
    let (events, views) = (InMemoryEventStore::default(), fixture.store());
    for seed in 0..FATES {
        let (mut rng, stream) = (SeededRng(seed), account(&format!("fate-{seed}")));
        let mut untold = story().into_iter().enumerate();
        let mut under_way: Vec<CommitMessage> = Vec::new();
        let mut telling = true;
        while telling || !under_way.is_empty() {
            if telling && (under_way.is_empty() || rng.roll(3) == 0) {
                let Some((number, announced)) = untold.next() else {
                    telling = false;
                    continue;
                };
                let commit =
                    append(&events, &stream, &format!("{stream} {number}"), announced).await.commit;
                let message = CommitMessage::of(commit);
                match rng.roll(6) {
                    0 => {}
                    1 => under_way.push(message.into_hint()),
                    2 => under_way.extend([message.clone().into_hint(), message]),
                    _ => under_way.push(message),
                }
            } else {
                let index = rng.roll(under_way.len());
                let message = under_way[index].clone();
                let announced = deliver(&events, views, &message).await;
                announced.unwrap_or_else(|error| panic!("seed {seed}: {error}"));
                checked(views, &stream, &format!("seed {seed}")).await;
                // Sometimes it comes once more.
                if rng.roll(4) > 0 {
                    under_way.swap_remove(index);
                }
            }
        }
        reconcile(&events, views, &stream).await;
        assert_eq!(checked(views, &stream, &format!("seed {seed}")).await, end());
    }
}

/// If the message of a commit never comes, the next one brings its events too.
pub async fn a_lost_message_is_made_up_for_by_the_next<F: ViewStoreFixture>(fixture: &F) {
    let (events, views, stream) = (InMemoryEventStore::default(), fixture.store(), account("lost"));
    let commits = tell_story(&events, &stream).await;
    for delivered in [0, 3] {
        let announced =
            deliver(&events, views, &CommitMessage::of(commits[delivered].clone())).await;
        assert!(matches!(announced, Ok(CaughtUp::To(_))), "{announced:?}");
    }
    assert_eq!(checked(views, &stream, "after the fourth").await, end());
}

/// A message without its commit leads to the same row, even if it tells of less than there is.
pub async fn a_hint_is_enough<F: ViewStoreFixture>(fixture: &F) {
    let (events, views, stream) = (InMemoryEventStore::default(), fixture.store(), account("hint"));
    tell_story(&events, &stream).await;
    let hint = CommitMessage { stream: stream.clone(), last: Version::new(1), commit: None };
    let announced = deliver(&events, views, &hint).await;
    assert!(matches!(announced, Ok(CaughtUp::To(version)) if version == end()), "{announced:?}");
    assert_eq!(checked(views, &stream, "after a hint").await, end());
}

/// A message that comes again, or after a later one, finds its events applied.
pub async fn an_old_message_changes_nothing<F: ViewStoreFixture>(fixture: &F) {
    let (events, views, stream) = (InMemoryEventStore::default(), fixture.store(), account("old"));
    let commits = tell_story(&events, &stream).await;
    let last = CommitMessage::of(commits[4].clone());
    deliver(&events, views, &last).await.expect("the row is brought up to date");
    let before = get(views, &stream).await;
    for commit in commits {
        for message in [CommitMessage::of(commit.clone()), CommitMessage::of(commit).into_hint()] {
            let announced = deliver(&events, views, &message).await;
            assert!(matches!(announced, Ok(CaughtUp::Already)), "{announced:?}");
        }
    }
    assert_eq!(get(views, &stream).await, before);
}

/// Many deliveries at once, of all messages twice, apply each event once.
pub async fn many_at_once_apply_each_event_once<F: ViewStoreFixture>(fixture: &F) {
    let (events, views) = (InMemoryEventStore::default(), fixture.store());
    for round in 0..10 {
        let stream = account(&format!("race-{round}"));
        let mut messages: Vec<CommitMessage> =
            tell_story(&events, &stream).await.into_iter().map(CommitMessage::of).collect();
        messages.extend(messages.clone());
        let mut rng = SeededRng(round);
        messages.sort_by_cached_key(|_| rng.roll(1000));
        let yielding = Yielding(views);
        let announced =
            run_all(messages.iter().map(|message| deliver(&events, &yielding, message))).await;
        for announced in announced {
            announced.unwrap_or_else(|error| panic!("round {round}: {error}"));
        }
        assert_eq!(checked(views, &stream, &format!("round {round}")).await, end());
        assert_eq!(crate::fixtures::load(&events, &stream).await.head.version(), end());
    }
}
