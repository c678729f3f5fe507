//! Guards, which are streams that a decision reads but does not write, and the commits that a
//! conflict returns.

use skald::commit::{Commit, Draft};
use skald::decider::{Decider, Folded};
use skald::handle::{Guarded, HandleError, Handler, One, Outcome};
use skald::store::{AppendError, EventStore, Head, InvalidAppend, MAX_STREAMS, Moved};
use skald::stream::{StreamId, Version};

use super::EventStoreFixture;
use crate::NoPause;
use crate::concurrent::run_all;
use crate::fixtures::{
    append, append_at, assert_conflict, commits, deposited, draft, invalid, load, request,
};
use crate::sample::{
    Account, AccountCommand, AccountEvent, AccountRejection, AccountState, account,
};
use crate::yielding::Yielding;

/// An append to an empty stream.
fn part<S: EventStore>(store: &S, name: &str) -> (S::Head, Draft) {
    (store.start(account(name)), draft("guarded", deposited(1)))
}

async fn is_empty<S: EventStore>(store: &S, name: &str) -> bool {
    commits(store, &account(name)).await.is_empty()
}

/// An append to one stream or several succeeds while its guards hold. Guards write nothing.
pub async fn an_append_succeeds_while_its_guards_hold<F: EventStoreFixture>(fixture: &F) {
    let store = fixture.store();
    let old = append(store, &account("guarded"), "before", deposited(5)).await.head;
    let guards = || vec![old.clone(), store.start(account("absent"))];
    store.append_guarded(vec![part(store, "one")], guards()).await.expect("the guards hold");
    let two = vec![part(store, "two"), part(store, "three")];
    assert_eq!(store.append_guarded(two, guards()).await.expect("the guards hold").len(), 2);
    assert_eq!(commits(store, &account("guarded")).await.len(), 1);
    assert!(is_empty(store, "absent").await, "a guard wrote something");
}

/// A guarded stream that moved is a conflict, and nothing is written.
pub async fn a_guarded_stream_that_moved_is_a_conflict<F: EventStoreFixture>(fixture: &F) {
    let store = fixture.store();
    let old = append(store, &account("guarded"), "before", deposited(5)).await.head;
    append_at(store, &old, draft("meanwhile", deposited(1))).await;
    let still = store.start(account("still"));
    for parts in [vec![part(store, "one")], vec![part(store, "one"), part(store, "two")]] {
        let appended = store.append_guarded(parts, vec![still.clone(), old.clone()]).await;
        assert_conflict(appended, [&account("guarded")]);
        assert!(is_empty(store, "one").await && is_empty(store, "two").await);
    }
}

/// The guard of an empty stream is a conflict once the stream has a commit.
pub async fn a_guard_of_an_empty_stream_fails_once_it_has_events<F: EventStoreFixture>(
    fixture: &F,
) {
    let (store, stream) = (fixture.store(), account("guarded"));
    let absent = store.start(stream.clone());
    append(store, &stream, "meanwhile", deposited(1)).await;
    let appended = store.append_guarded(vec![part(store, "one")], vec![absent]).await;
    assert_conflict(appended, [&stream]);
    assert!(is_empty(store, "one").await);
}

/// A repeat is recognised although the guarded stream has moved since.
pub async fn a_repeat_is_recognised_after_its_guard_has_moved<F: EventStoreFixture>(fixture: &F) {
    let (store, stream) = (fixture.store(), account("guarded"));
    for names in [vec!["one"], vec!["two", "three"]] {
        let guard = load(store, &stream).await.head;
        let parts = || names.iter().map(|name| part(store, name)).collect();
        store.append_guarded(parts(), vec![guard.clone()]).await.expect("the guard holds");
        append(store, &stream, &format!("after {}", names[0]), deposited(1)).await;
        let again = store.append_guarded(parts(), vec![guard]).await;
        let again = again.expect("the repeat is recognised");
        assert!(again.iter().all(|part| part.repeated), "not recognised");
    }
}

/// An append is invalid if a guard repeats a stream or is of another store, if there are too many
/// guards, or if there is no commit.
pub async fn an_append_with_invalid_guards_is_invalid<F: EventStoreFixture>(fixture: &F) {
    let (store, foreign) = (fixture.store(), fixture.foreign());
    let start = |name: &str| store.start(account(name));
    for guards in [vec![start("one")], vec![start("two"), start("two")]] {
        let stream = guards[0].stream().clone();
        let error = invalid(store.append_guarded(vec![part(store, "one")], guards).await);
        assert_eq!(error, InvalidAppend::StreamTwice(stream));
    }
    let guards = |count: usize| (0..count).map(|number| start(&format!("g-{number}"))).collect();
    let error = invalid(store.append_guarded(vec![part(store, "one")], guards(MAX_STREAMS)).await);
    assert_eq!(error, InvalidAppend::TooManyStreams(MAX_STREAMS + 1));
    let guard = foreign.start(account("two"));
    let error = invalid(store.append_guarded(vec![part(store, "one")], vec![guard]).await);
    assert_eq!(error, InvalidAppend::ForeignHead(account("two")));
    let error = invalid(store.append_guarded(vec![], vec![start("two")]).await);
    assert_eq!(error, InvalidAppend::Empty);
    assert!(is_empty(store, "one").await);
    let appended = store.append_guarded(vec![part(store, "one")], guards(MAX_STREAMS - 1)).await;
    assert_eq!(appended.expect("the guards are within the limit").len(), 1);
}

/// A conflict returns the commit that it found at the version, with that commit's head.
pub async fn a_conflict_returns_the_commit_that_was_found<F: EventStoreFixture>(fixture: &F) {
    let (store, stream, other) = (fixture.store(), account("found"), account("other"));
    let start = store.start(stream.clone());
    let first = append_at(store, &start, draft("first", [deposited(1), deposited(2)])).await;
    append_at(store, &first.head, draft("second", deposited(3))).await;

    let alone = store.append(&start, draft("late", deposited(4))).await;
    assert_found(moved(alone), &first.commit);
    let parts = vec![(start.clone(), draft("late", deposited(4))), part(store, "other")];
    assert_found(moved(store.append_all(parts).await), &first.commit);
    let guarded = store.append_guarded(vec![part(store, "other")], vec![start.clone()]).await;
    let found = assert_found(moved(guarded), &first.commit);
    assert!(is_empty(store, other.id()).await);

    // That head is behind the end too, so an append there conflicts. Later commits are read from
    // it.
    let again = store.append(&found, draft("late", deposited(4))).await;
    assert_conflict(again, [&stream]);
    let rest = store.load_after(&found).await.expect("the rest is loaded");
    assert_eq!(rest.commits, commits(store, &stream).await[1..]);
    append_at(store, &rest.head, draft("late", deposited(4))).await;
    let end = load(store, &stream).await.head;
    let nothing = store.load_after(&end).await.expect("nothing is loaded");
    assert_eq!((nothing.head.version(), nothing.commits), (Version::new(4), vec![]));
    append_at(store, &nothing.head, draft("last", deposited(5))).await;
}

fn moved<T, H>(result: Result<T, AppendError<H>>) -> Vec<Moved<H>> {
    match result {
        Err(AppendError::Conflict { moved }) => moved,
        Err(error) => panic!("expected a conflict, got: {error}"),
        Ok(_) => panic!("expected a conflict, but it was appended"),
    }
}

#[track_caller]
fn assert_found<H: Head>(moved: Vec<Moved<H>>, expected: &Commit) -> H {
    let [Moved { stream, found: Some(found) }] = moved.as_slice() else {
        panic!("expected one commit that was found, got {moved:?}")
    };
    assert_eq!((stream, &found.commit), (&expected.stream, expected));
    assert_eq!((found.head.stream(), found.head.version()), (stream, expected.last()));
    found.head.clone()
}

/// The states of the two accounts.
type Both = (Folded<AccountState>, Folded<AccountState>);

/// Withdraws 10 from one account if both accounts together hold at least 20.
async fn withdraw_if_covered<S: EventStore>(
    store: &S,
    [from, other]: [&StreamId; 2],
) -> Result<Outcome, HandleError<AccountRejection>> {
    let streams = (One::<Account>::new(from.clone()), Guarded::<Account>::new(other.clone()));
    let decide = |(from, other): &Both| {
        let balance = from.state.balance + other.state.balance;
        if balance < 20 {
            return Err(AccountRejection::Overdrawn { balance, requested: 20 });
        }
        let withdrawn: Vec<AccountEvent> =
            Account::decide(&from.state, &AccountCommand::Withdraw(10))?;
        Ok((withdrawn, ()))
    };
    let request = request(&format!("covered {from}"));
    let handler = Handler::new(Yielding(store), NoPause);
    let handled = handler.handle_all(&streams, &request, decide).await;
    handled.map(|handled| handled.outcome)
}

/// Two commands each read the stream that the other writes. One of them is decided again: without
/// guards both would succeed.
pub async fn commands_that_guard_each_other_do_not_both_succeed<F: EventStoreFixture>(fixture: &F) {
    let store = fixture.store();
    let (left, right) = (account("left"), account("right"));
    for stream in [&left, &right] {
        append(store, stream, &format!("opening {stream}"), deposited(10)).await;
    }
    let both = [[&left, &right], [&right, &left]];
    let outcomes = run_all(both.map(|streams| withdraw_if_covered(store, streams))).await;
    let passed = outcomes.iter().filter(|outcome| outcome.is_ok()).count();
    assert_eq!(passed, 1, "{outcomes:?}");
    let rejected = outcomes.iter().any(|outcome| {
        matches!(
            outcome,
            Err(HandleError::Rejected(AccountRejection::Overdrawn { balance: 10, .. }))
        )
    });
    assert!(rejected, "{outcomes:?}");
}
