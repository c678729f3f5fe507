//! Commands behind a faulty connection to the store, one fault at a time. A command is done once,
//! or not at all if its caller gets an error that says so.

use std::sync::atomic::{AtomicU32, Ordering};

use skald::commit::{Commit, Draft};
use skald::decider::{Folded, fold};
use skald::handle::{
    Decided, Guardable, Guarded, HandleError, Handled, Handler, Many, One, Outcome, Streams,
};
use skald::snapshot::Snapshot;
use skald::store::{AppendError, EventStore, StoreError};
use skald::stream::{StreamId, Version};

use super::EventStoreFixture;
use super::snapshots::{KIND, SnapshottedAccount, command};
use crate::NoPause;
use crate::faulty::{Fault, Faulty, Plan};
use crate::fixtures::{append, assert_conflict, commits, deposited, draft, id, noted, request};
use crate::sample::{
    Account, AccountCommand, AccountEvent, AccountRejection, AccountState, account,
};

/// A fault, the first answer, the second answer if the command is sent again, and the number of
/// decisions.
type Case = (Fault, &'static str, &'static str, u32);

/// The result as a word.
pub(super) fn word<T, R: std::fmt::Debug>(
    result: &Result<Handled<T>, HandleError<R>>,
) -> &'static str {
    match result {
        Ok(Handled { outcome: Outcome::Appended(_), .. }) => "appended",
        Ok(Handled { outcome: Outcome::Repeated(_), .. }) => "repeated",
        Ok(Handled { outcome: Outcome::Unchanged, .. }) => "unchanged",
        Err(HandleError::Store(StoreError::Throttled { .. })) => "throttled",
        Err(HandleError::Store(StoreError::Unavailable { .. })) => "no answer",
        Err(error) => panic!("{error:?}"),
    }
}

/// How often a stream contains this command.
pub(super) async fn times<S: EventStore>(store: &S, stream: &StreamId, name: &str) -> usize {
    commits(store, stream).await.iter().filter(|commit| commit.id == id(name)).count()
}

/// Sends a command that writes to all of these streams until it is answered, with this fault.
async fn check<S, T>(
    store: &S,
    number: usize,
    streams: T,
    case: Case,
    decide: impl Fn() -> T::Events + Sync,
) where
    S: EventStore,
    T: Streams,
{
    let written = streams.ids();
    check_written(store, number, (streams, written), case, decide).await;
}

/// The same for a command that writes to some of its streams.
async fn check_written<S, T>(
    store: &S,
    number: usize,
    (streams, written): (T, Vec<StreamId>),
    case: Case,
    decide: impl Fn() -> T::Events + Sync,
) where
    S: EventStore,
    T: Streams,
{
    let (fault, first, second, decisions) = case;
    let (faulty, decided) = (Faulty::new(store, Plan::script([Some(fault)])), AtomicU32::new(0));
    let decide = |_: &T::States| {
        decided.fetch_add(1, Ordering::Relaxed);
        Ok::<_, AccountRejection>(decide())
    };
    let name = format!("command {number}");
    let mut answers = Vec::new();
    while answers.len() < 3
        && !answers.last().is_some_and(|last| ["appended", "repeated"].contains(last))
    {
        let handled =
            Handler::new(&faulty, NoPause).handle_all(&streams, &request(&name), decide).await;
        answers.push(word(&handled));
        if let Ok(Handled {
            outcome: Outcome::Appended(answer) | Outcome::Repeated(answer), ..
        }) = handled
        {
            assert_eq!(answer.len(), written.len(), "{fault:?}: commits in the answer");
            for commit in &answer {
                assert!(
                    commits(store, &commit.stream).await.contains(commit),
                    "{fault:?}: a commit of the answer is not stored"
                );
            }
        }
    }
    faulty.settle().await;
    let expected: Vec<&str> = [first, second].into_iter().filter(|word| !word.is_empty()).collect();
    assert_eq!((answers, decided.into_inner()), (expected, decisions), "{fault:?}");
    assert_eq!(faulty.happened(), [(id(&name), fault)], "the fault did not happen");
    for stream in streams.ids() {
        assert_eq!(
            times(store, &stream, &name).await,
            usize::from(written.contains(&stream)),
            "{fault:?}: commits of the command in {stream}"
        );
    }
}

/// A command about one stream is done once, with any fault, if it is sent until it is answered.
pub async fn a_command_is_written_once_despite_any_fault<F: EventStoreFixture>(fixture: &F) {
    let cases: [Case; 9] = [
        (Fault::Throttled, "throttled", "appended", 2),
        (Fault::RequestLost, "no answer", "appended", 2),
        (Fault::AnswerLost, "no answer", "repeated", 1),
        // The request arrives before the second attempt loads, before it appends, and after that.
        (Fault::Late { calls: 0 }, "no answer", "repeated", 1),
        (Fault::Late { calls: 1 }, "no answer", "repeated", 2),
        (Fault::Late { calls: 2 }, "no answer", "appended", 2),
        (Fault::SentTwice, "repeated", "", 1),
        (Fault::Contended, "appended", "", 1),
        (Fault::Overtaken, "appended", "", 2),
    ];
    for (number, case) in cases.into_iter().enumerate() {
        let stream = One::<Account>::new(account(&format!("faulty-{number}")));
        check(fixture.store(), number, stream, case, || vec![deposited(5)]).await;
    }
}

/// The cases of a command that loads two streams.
const TWO_STREAMS: [Case; 9] = [
    (Fault::Throttled, "appended", "", 1),
    (Fault::RequestLost, "no answer", "appended", 2),
    (Fault::AnswerLost, "no answer", "repeated", 1),
    // The request arrives before the second attempt loads, before it appends, and after that.
    (Fault::Late { calls: 0 }, "no answer", "repeated", 1),
    (Fault::Late { calls: 2 }, "no answer", "repeated", 2),
    (Fault::Late { calls: 3 }, "no answer", "appended", 2),
    (Fault::SentTwice, "repeated", "", 1),
    (Fault::Contended, "appended", "", 1),
    (Fault::Overtaken, "appended", "", 2),
];

/// The same holds for several streams: each contains the command once.
pub async fn a_command_about_several_streams_is_written_once_despite_any_fault<
    F: EventStoreFixture,
>(
    fixture: &F,
) {
    // The request also arrives between the two loads of the second attempt.
    let between = (Fault::Late { calls: 1 }, "no answer", "repeated", 1);
    for (number, case) in TWO_STREAMS.into_iter().chain([between]).enumerate() {
        let streams = ["left", "right"].map(|side| account(&format!("{side}-{number}")));
        let streams = Many::<Account>::new(streams.into());
        check(fixture.store(), number, streams, case, || {
            vec![vec![deposited(5)], vec![deposited(5)]]
        })
        .await;
    }
}

/// A command with a guarded stream, which is read from its snapshot, is written once with any fault
/// of its append, and writes nothing to the guarded stream. If the guard moves, the command is
/// decided again.
pub async fn a_guarded_command_is_written_once_despite_any_fault<F: EventStoreFixture>(
    fixture: &F,
) {
    // The request does not arrive between the loads of the second attempt: they run at the same
    // time, so it would be open whether that of the written stream sees it.
    let moved = (Fault::GuardMoved, "appended", "", 2);
    let store = fixture.store();
    for (number, case) in TWO_STREAMS.into_iter().chain([moved]).enumerate() {
        let [own, guarded] = ["own", "guarded"].map(|name| account(&format!("{name}-{number}")));
        for commit in 0..=KIND.every {
            let name = format!("deposit {commit} of {number}");
            command(store, &guarded, &name, AccountCommand::Deposit(1)).await;
        }
        let (one, written) = (|| One::<Account>::new(own.clone()), || vec![own.clone()]);
        let streams = (one(), Guarded::<SnapshottedAccount>::new(guarded.clone()));
        let decide = || (vec![deposited(5)], ());
        check_written(store, 2 * number, (streams, written()), case, decide).await;
        let streams = (one(), Guardable::<SnapshottedAccount>::new(vec![guarded]));
        let decide = || (vec![deposited(5)], vec![Decided::Guard]);
        check_written(store, 2 * number + 1, (streams, written()), case, decide).await;
    }
}

/// If a guarded stream moves between read and append, nothing is written, and the command is
/// decided again over the new events.
pub async fn a_command_whose_guard_moved_is_decided_over_the_new_events<F: EventStoreFixture>(
    fixture: &F,
) {
    let (store, [own, guarded]) = (fixture.store(), ["own", "guarded"].map(account));
    append(store, &guarded, "before", deposited(5)).await;
    let faulty = Faulty::new(store, Plan::script([Some(Fault::GuardMoved)]));
    let streams = (One::<Account>::new(own.clone()), Guarded::<Account>::new(guarded.clone()));
    type Both = (Folded<AccountState>, Folded<AccountState>);
    let decide = |(_, guarded): &Both| {
        if guarded.version > Version::new(1) {
            return Err(AccountRejection::Overdrawn {
                balance: guarded.version.get(),
                requested: 0,
            });
        }
        Ok((vec![deposited(5)], ()))
    };
    let result =
        Handler::new(&faulty, NoPause).handle_all(&streams, &request("command"), decide).await;
    let rejected = matches!(
        result,
        Err(HandleError::Rejected(AccountRejection::Overdrawn { balance: 2, .. }))
    );
    assert!(rejected, "{result:?}");
    assert_eq!(commits(store, &own).await, [], "written although the guard moved");
    assert_eq!(commits(store, &guarded).await.len(), 2, "something was written to the guard");
}

/// An append that ends in a conflict or in contention, and is not sent again, has written nothing.
pub async fn an_append_that_was_in_conflict_or_contended_wrote_nothing<F: EventStoreFixture>(
    fixture: &F,
) {
    let (store, [left, right]) = (fixture.store(), ["left", "right"].map(account));
    let faulty = Faulty::new(store, Plan::script([Fault::Overtaken, Fault::Overtaken].map(Some)));
    assert_conflict(
        faulty.append(&store.start(left.clone()), draft("mine", deposited(1))).await,
        [&left],
    );
    let both = |[one, other]: [&StreamId; 2]| -> Vec<(_, Draft)> {
        [one, other].map(|stream| (store.start(stream.clone()), draft("mine", deposited(1)))).into()
    };
    assert_conflict(faulty.append_all(both([&right, &account("new")])).await, [&right]);

    let faulty = Faulty::new(store, Plan::script([Fault::Contended, Fault::Contended].map(Some)));
    let one = faulty.append(&store.start(account("one")), draft("mine", deposited(1))).await;
    let two = faulty.append_all(both([&account("one"), &account("two")])).await;
    assert!(matches!((one, two), (Err(AppendError::Contended), Err(AppendError::Contended))));
    for stream in [left, right, account("new"), account("one"), account("two")] {
        assert_eq!(times(store, &stream, "mine").await, 0, "{stream}");
    }
}

/// A request that arrives after another commit at its version is not written at all.
pub async fn a_late_request_is_written_at_its_own_version_or_not_at_all<F: EventStoreFixture>(
    fixture: &F,
) {
    let (store, [free, taken]) = (fixture.store(), ["free", "taken"].map(account));
    let faulty = Faulty::new(store, Plan::script([Some(Fault::Late { calls: 9 }); 2]));
    for stream in [&free, &taken] {
        let sent = faulty.append(&store.start(stream.clone()), draft("late", deposited(1))).await;
        assert!(matches!(sent, Err(AppendError::Store(_))), "an answer came");
    }
    let other = append(store, &taken, "other", [deposited(1), deposited(1)]).await.commit;
    // Meanwhile, the sender has decided again.
    let again = append(store, &taken, "late", deposited(1)).await.commit;
    faulty.settle().await;
    assert_eq!(times(store, &free, "late").await, 1);
    assert_eq!(commits(store, &taken).await, [other, again]);
}

/// If one of several streams has moved, a late request is written to none of them.
pub async fn a_late_request_to_several_streams_is_written_to_all_or_none<F: EventStoreFixture>(
    fixture: &F,
) {
    let (store, streams) = (fixture.store(), ["a", "b", "c", "d"].map(account));
    let faulty = Faulty::new(store, Plan::script([Some(Fault::Late { calls: 9 }); 2]));
    for (name, streams) in [("lost", &streams[..2]), ("kept", &streams[2..])] {
        let parts =
            streams.iter().map(|stream| (store.start(stream.clone()), draft(name, deposited(1))));
        assert!(faulty.append_all(parts.collect()).await.is_err(), "an answer came");
    }
    append(store, &streams[1], "other", deposited(1)).await;
    faulty.settle().await;
    let mut found = Vec::new();
    for stream in &streams {
        found.push(commits(store, stream).await.len());
    }
    assert_eq!(found, [0, 1, 1, 1]);
}

/// A command is sent again with a decision over other streams while its first attempt is still
/// under way. The attempt that arrives second writes nothing.
pub async fn a_late_request_with_another_decision_writes_nothing<F: EventStoreFixture>(
    fixture: &F,
) {
    let (store, streams) = (fixture.store(), ["a", "b", "c"].map(account));
    let faulty = Faulty::new(store, Plan::script([Some(Fault::Late { calls: 9 })]));
    let parts = |streams: &[StreamId]| -> Vec<(_, Draft)> {
        streams
            .iter()
            .map(|stream| (store.start(stream.clone()), draft("command", deposited(1))))
            .collect()
    };
    assert!(faulty.append_all(parts(&streams[..2])).await.is_err(), "an answer came");
    let mut again = parts(&streams[1..]);
    again.reverse();
    faulty.append_all(again).await.expect("the heads are current");
    faulty.settle().await;
    let mut found = Vec::new();
    for stream in &streams {
        found.push(commits(store, stream).await.len());
    }
    assert_eq!(found, [0, 1, 1], "commits of a command that was decided twice");
}

/// A rival's note, with a snapshot.
fn note_with_snapshot(commits: &[Commit]) -> Draft {
    let AccountState { balance } = fold::<SnapshottedAccount>(commits).expect("an account").state;
    let state = format!("{{\"balance\":{balance}}}").into_bytes();
    let snapshot = Some(Snapshot { schema: KIND.schema, state });
    Draft { snapshot, ..draft(&format!("rival {}", commits.len()), noted("and the state")) }
}

/// If the store recognises a repeat, the handler answers with it, even if the commit is behind a
/// later snapshot.
pub async fn a_repeat_that_the_store_recognised_is_not_done_again_behind_a_snapshot<
    F: EventStoreFixture,
>(
    fixture: &F,
) {
    let (store, stream) = (fixture.store(), account("hot"));
    let faulty =
        Faulty::new(store, Plan::script([Some(Fault::SentTwice)])).with_rival(note_with_snapshot);
    let streams = One::<SnapshottedAccount>::new(stream.clone());
    let decide =
        |_: &Folded<AccountState>| Ok::<Vec<AccountEvent>, AccountRejection>(vec![deposited(5)]);
    let handled =
        Handler::new(&faulty, NoPause).handle_all(&streams, &request("deposit"), decide).await;
    let stored = commits(store, &stream).await;
    assert!(stored.iter().any(|commit| commit.carries(KIND)), "there is no later snapshot");
    assert_eq!(times(store, &stream, "deposit").await, 1, "deposits made");
    let handled = handled.expect("it was written");
    assert_eq!(
        (handled.outcome, handled.states.state.balance),
        (Outcome::Repeated(stored[..1].to_vec()), 5)
    );
}
