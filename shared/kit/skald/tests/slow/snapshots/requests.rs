//! After a fault, no more commits of a long stream are read than necessary, and none of other
//! streams.

use skald::decider::Folded;
use skald::event::DomainEvent;
use skald::handle::{Handler, Many, Outcome, states};
use skald::implementing::read_back;
use skald::memory::InMemoryEventStore;
use skald::observe::PAGE_READ;
use skald::snapshot::{Snapshot, SnapshotKind};
use skald::store::EventStore;
use skald::stream::StreamId;
use skald_testkit::NoPause;
use skald_testkit::counting::Counting;
use skald_testkit::faulty::{Fault, Faulty, Plan};
use skald_testkit::reports::Reports;
use skald_testkit::sample::{AccountEvent, AccountRejection, Deposited, account};

use super::account::{Op, WithSnapshots};
use super::request;

/// The interval between snapshots, in commits.
const EVERY: u32 = 10;
const SCHEMA: u32 = 1;
/// The number of commits in each stream.
const LONG: usize = 1_000;

fn versions<S>(states: &[Folded<S>]) -> Vec<u64> {
    states.iter().map(|folded| folded.version.get()).collect()
}

fn deposited() -> AccountEvent {
    Deposited { amount: 1 }.into()
}

fn streams() -> Vec<StreamId> {
    ["a", "b", "c"].map(account).into()
}

async fn deposit<S: EventStore>(store: &S, stream: &StreamId, number: usize) {
    let (ops, request) = (vec![Op::Deposit(1)], request(number));
    Handler::new(store, NoPause)
        .handle::<WithSnapshots<EVERY, SCHEMA>>(stream, &ops, &request)
        .await
        .unwrap();
}

/// Three long streams with their snapshots.
async fn long_streams() -> InMemoryEventStore {
    let store = InMemoryEventStore::default();
    for stream in &streams() {
        for number in 0..LONG {
            deposit(&store, stream, number).await;
        }
    }
    store
}

/// Appends commits to a stream, each with this snapshot.
async fn append(
    store: &InMemoryEventStore,
    stream: &StreamId,
    count: usize,
    snapshot: Option<Snapshot>,
) {
    let mut head = store.load(stream, None).await.unwrap().head;
    for number in 0..count {
        let draft =
            request(LONG + number).draft(vec![deposited().encode().unwrap()], snapshot.clone());
        head = store.append(&head, draft).await.unwrap().head;
    }
}

fn unreadable() -> Option<Snapshot> {
    Some(Snapshot { schema: SCHEMA, state: br#""not a state""#.to_vec() })
}

/// The store's answer to a repeated append is complete: nothing more is read.
#[tokio::test]
async fn a_repeat_that_the_store_recognises_reads_nothing_more() {
    let store = long_streams().await;
    let store = Counting::new(Faulty::new(&store, Plan::script([Some(Fault::SentTwice)])));
    let all = Many::<WithSnapshots<EVERY, SCHEMA>>::new(streams());
    let decide = |states: &Vec<_>| {
        Ok::<_, AccountRejection>(states.iter().map(|_| vec![deposited()]).collect())
    };
    let handled =
        Handler::new(&store, NoPause).handle_all(&all, &request(7 * LONG), decide).await.unwrap();
    let Outcome::Repeated(commits) = handled.outcome else { panic!("{:?}", handled.outcome) };
    let last: Vec<u64> = commits.iter().map(|commit| commit.last().get()).collect();
    assert_eq!(last, versions(&handled.states), "the states are those after the command");
    assert_eq!((store.take_pages(), store.take_commits() <= 3 * EVERY as usize), (3, true));
}

/// A command that is in one stream and not in the others is searched for at their ends, once.
#[tokio::test]
async fn a_repeat_found_in_one_stream_reads_only_the_ends_of_the_others() {
    let store = Counting::new(long_streams().await);
    let sent = request(LONG - 1);
    let mut all = streams();
    for stream in &all[1..] {
        for number in 1..=EVERY as usize {
            deposit(&store, stream, 2 * LONG + number).await;
        }
    }
    all.rotate_left(1);
    store.take_pages();
    store.take_commits();
    let all = Many::<WithSnapshots<EVERY, SCHEMA>>::new(all);
    let decide = |_: &Vec<_>| -> Result<Vec<Vec<AccountEvent>>, AccountRejection> {
        panic!("the command is decided again")
    };
    let handled = Handler::new(&store, NoPause).handle_all(&all, &sent, decide).await.unwrap();
    assert!(matches!(handled.outcome, Outcome::Repeated(commits) if commits.len() == 1));
    let (pages, commits) = (store.take_pages(), store.take_commits());
    assert!(pages == 3 + 2 && commits <= 3 * EVERY as usize, "{pages} pages of {commits} commits");
}

/// One unreadable snapshot is replaced by the previous one.
#[tokio::test]
async fn a_load_with_an_unreadable_snapshot_reads_back_to_the_previous_one() {
    let store = long_streams().await;
    append(&store, &account("b"), 1, unreadable()).await;
    let store = Counting::new(store);
    let loaded =
        states(&store, &Many::<WithSnapshots<EVERY, SCHEMA>>::new(streams())).await.unwrap();
    assert_eq!(versions(&loaded), [1_000, 1_001, 1_000]);
    let (pages, commits) = (store.take_pages(), store.take_commits());
    assert!(pages == 3 + 1 && commits <= 4 * EVERY as usize, "{pages} pages of {commits} commits");
}

/// If no snapshot is readable, all of that stream is read in growing pages, and only the ends
/// of the other streams.
#[tokio::test]
async fn a_stream_of_unreadable_snapshots_is_read_in_few_requests() {
    let store = long_streams().await;
    append(&store, &account("x"), 10 * LONG, unreadable()).await;
    let store = Counting::new(store);
    let loaded = states(
        &store,
        &Many::<WithSnapshots<EVERY, SCHEMA>>::new([streams(), vec![account("x")]].concat()),
    )
    .await;
    assert_eq!(versions(&loaded.unwrap())[3], 10_000);
    let (pages, commits) = (store.take_pages(), store.take_commits());
    assert!(
        pages <= 4 + 7 && commits <= 10 * LONG + 4 * EVERY as usize,
        "{pages} pages of {commits} commits"
    );
}

/// After a change of the state's shape, no stream has a snapshot of the new shape. Each stream must
/// still be loaded once.
#[tokio::test]
async fn thirty_thousand_commits_without_a_snapshot_are_read_in_few_requests() {
    let store = InMemoryEventStore::default();
    append(&store, &account("a"), 30_000, None).await;
    let store = Counting::new(store);
    let kind = SnapshotKind { schema: SCHEMA, every: EVERY };
    let loaded = store.load(&account("a"), Some(kind)).await.unwrap();
    assert_eq!((loaded.commits.len(), loaded.commits[0].first.get()), (30_000, 1));
    let pages = store.take_pages();
    assert!(pages <= 40, "{pages} requests");

    let reports = Reports::receive();
    read_back(&store, &account("a"), kind).await.unwrap();
    let reported = reports.take_named(PAGE_READ);
    assert_eq!((reported.len(), reported.len()), (store.take_pages(), pages));
    let commits = reported.iter().map(|page| page.fields["commits"].parse::<usize>().unwrap());
    assert_eq!(commits.sum::<usize>(), 30_000);
}
