//! The number of concurrent futures is limited, regardless of the amount of work.

use std::sync::atomic::{AtomicUsize, Ordering};

use skald::commit::CommitId;
use skald::concurrency::{MAX_CONCURRENT, concurrently, try_concurrently};
use skald::event::EventData;
use skald::handle::{Handler, Many, Request};
use skald::memory::{InMemoryEventStore, InMemoryPersonKeys};
use skald::personal::{Opening, PersonId, Personal, Sealing};
use skald::store::EventStore;
use skald::time::Timestamp;
use skald_testkit::counting::Counting;
use skald_testkit::sample::{
    Account, AccountCommand, AccountEvent, AccountRejection, Deposited, account,
};
use skald_testkit::{NoPause, yield_now};
use uuid::Uuid;

use crate::support::context;

fn request() -> Request {
    Request {
        commit_id: CommitId::new(Uuid::NAMESPACE_OID),
        at: Timestamp::EPOCH,
        context: context(),
    }
}

/// Takes longer for smaller numbers. So the last of the running futures ends first.
async fn work(number: usize, running: &AtomicUsize, most: &AtomicUsize) -> usize {
    most.fetch_max(running.fetch_add(1, Ordering::Relaxed) + 1, Ordering::Relaxed);
    for _ in 0..100 - number % 100 {
        yield_now().await;
    }
    running.fetch_sub(1, Ordering::Relaxed);
    number
}

#[tokio::test]
async fn a_bounded_number_of_futures_runs_at_once_and_results_keep_their_order() {
    let (running, most) = (AtomicUsize::new(0), AtomicUsize::new(0));
    let done = concurrently((0..250).map(|number| work(number, &running, &most))).await;
    assert_eq!(done, (0..250).collect::<Vec<_>>());
    assert_eq!(most.into_inner(), MAX_CONCURRENT);
    assert!(concurrently((0..0).map(|number| work(number, &running, &running))).await.is_empty());
}

#[tokio::test]
async fn after_an_error_no_other_future_starts() {
    let begun = AtomicUsize::new(0);
    let attempt = async |number: usize| {
        begun.fetch_add(1, Ordering::Relaxed);
        yield_now().await;
        if number == 20 || number == 23 { Err(number) } else { Ok(number) }
    };
    assert_eq!(try_concurrently((0..250).map(attempt)).await, Err(20));
    assert!(begun.load(Ordering::Relaxed) <= 20 + MAX_CONCURRENT, "{begun:?} were begun");
    assert_eq!(try_concurrently((0..20).map(attempt)).await, Ok((0..20).collect()));
}

/// A decision on many streams: a function has little memory and few connections.
#[tokio::test]
async fn many_streams_are_loaded_a_few_at_a_time() {
    let store = Counting::new(InMemoryEventStore::default());
    let streams =
        Many::<Account>::new((0..100).map(|number| account(&number.to_string())).collect());
    let decide = |states: &Vec<_>| {
        let deposit = |_| vec![AccountEvent::from(Deposited { amount: 1 })];
        Ok::<_, AccountRejection>(states.iter().map(deposit).collect())
    };
    Handler::new(&store, NoPause).handle_all(&streams, &request(), decide).await.unwrap();
    assert_eq!((store.take_pages(), store.take_max_concurrent()), (100, MAX_CONCURRENT));
}

/// Streams about two persons each. Each key is read once for one commit to all of them, and once
/// for one page.
#[tokio::test]
async fn the_keys_of_many_persons_are_read_once_and_a_few_at_a_time() {
    let person = |number: usize| PersonId::new(format!("person-{number}")).unwrap();
    let note = |number: usize| {
        let notes = [number, number + 1].map(|number| Personal::of(person(number), "a name"));
        EventData {
            event_type: "account.noted".to_owned(),
            schema: 1,
            data: serde_json::to_vec(&notes).unwrap(),
        }
    };
    let keys = Counting::new(InMemoryPersonKeys::default());
    let events = InMemoryEventStore::default();
    let sealing = Sealing::new(events.clone(), &keys);
    let part = |number: usize| {
        (sealing.start(account(&number.to_string())), request().draft(vec![note(number)], None))
    };
    sealing.append_all((0..60).map(part).collect()).await.unwrap();
    assert_eq!((keys.take_calls(), keys.take_max_concurrent()), (61, MAX_CONCURRENT), "sealed");

    let page = account("page");
    let draft = request().draft((0..60).map(note).collect(), None);
    sealing.append(&sealing.start(page.clone()), draft).await.unwrap();
    assert_eq!(
        (keys.take_calls(), keys.take_max_concurrent()),
        (61, MAX_CONCURRENT),
        "sealed in one commit"
    );
    Opening::new(events, &keys).load(&page, None).await.unwrap();
    assert_eq!((keys.take_calls(), keys.take_max_concurrent()), (61, MAX_CONCURRENT), "opened");
}

/// Eight writers that run in step, and one that is overtaken once. The conflict contains the
/// winner's commit, and only new commits are read. (When every conflict was read again from the
/// start, it took 72 requests instead of 56, 36 of them loads of the whole stream instead of 8.)
#[tokio::test]
async fn after_a_conflict_only_new_commits_are_read() {
    let store = Counting::new(InMemoryEventStore::default());
    let deposit = async |number: u128| {
        let request = Request { commit_id: CommitId::new(Uuid::from_u128(number)), ..request() };
        let command = AccountCommand::Deposit(5);
        let handler = Handler::new(&store, NoPause);
        handler.handle::<Account>(&account("race"), &command, &request).await.unwrap()
    };
    for number in 100..200 {
        deposit(number).await;
    }
    store.take_calls();
    store.take_pages();
    store.take_commits();
    concurrently((0..8).map(deposit)).await;
    assert_eq!((store.take_calls(), store.take_pages()), (56, 20));
    // The eight first loads, and the new commits of the other reads.
    let read = store.take_commits();
    assert!((800..830).contains(&read), "{read} commits were read");

    concurrently((10..12).map(deposit)).await;
    assert_eq!(store.take_calls(), 2 + 3, "a command that conflicts once costs one more request");
}
