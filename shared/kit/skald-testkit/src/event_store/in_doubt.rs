//! Commands that got no answer and are sent again after a later snapshot. The loaded commits then
//! no longer show them. A category with snapshots must recognise them by other means: see
//! [`Decider::SNAPSHOTS`](skald::decider::Decider::SNAPSHOTS).

use skald::decider::Folded;
use skald::handle::{HandleError, Handled, Handler, One, Streams};
use skald::snapshot::SnapshotKind;
use skald::store::EventStore;
use skald::stream::StreamId;

use super::EventStoreFixture;
use super::faults::{times, word};
use super::snapshots::{KIND, SnapshottedAccount, command};
use crate::NoPause;
use crate::faulty::{Fault, Faulty, Plan};
use crate::fixtures::{commits, deposited, noted, request};
use crate::sample::{Account, AccountCommand, AccountRejection, AccountState, account};

/// The fault of the first attempt, its answer, and the answer when the command is sent again behind
/// a snapshot.
const CASES: [(Fault, &str, &str); 6] = [
    (Fault::RequestLost, "no answer", "appended"),
    (Fault::AnswerLost, "no answer", REPEATED),
    (Fault::SentTwice, "repeated", REPEATED),
    // The request arrives after other commits, and so fails: before, during and after the repeat.
    (Fault::Late { calls: 0 }, "no answer", "appended"),
    (Fault::Late { calls: 1 }, "no answer", "appended"),
    (Fault::Late { calls: 9 }, "no answer", "appended"),
];
/// The answer to a repeat of a command that was done. Each rule replaces it with its own.
const REPEATED: &str = "";

/// Sends a command over these streams with this fault, appends to `busy` until there is a later
/// snapshot, and sends the command twice more. Returns the three answers.
async fn three_times<S, T>(
    store: &S,
    fault: Fault,
    (name, busy): (&str, &StreamId),
    streams: &T,
    decide: impl Fn(&T::States) -> T::Events + Sync,
) -> [&'static str; 3]
where
    S: EventStore,
    T: Streams,
{
    let faulty = Faulty::new(store, Plan::script([Some(fault)]));
    let decide = |states: &_| Ok::<_, AccountRejection>(decide(states));
    let send = async || -> Result<Handled<T::States>, HandleError<AccountRejection>> {
        Handler::new(&faulty, NoPause).handle_all(streams, &request(name), decide).await
    };
    let first = word(&send().await);
    append_others(store, busy, name).await;
    let second = word(&send().await);
    faulty.settle().await;
    let third = word(&send().await);
    assert_eq!(faulty.happened().len(), 1, "{fault:?} did not happen");
    [first, second, third]
}

/// Makes other deposits until a load returns none of the earlier commits.
async fn append_others<S: EventStore>(store: &S, stream: &StreamId, name: &str) {
    for number in 0..2 * KIND.every {
        command(store, stream, &format!("{number} after {name}"), AccountCommand::Deposit(1)).await;
    }
    let SnapshotKind { every, .. } = KIND;
    let loaded =
        store.load(stream, Some(KIND)).await.unwrap_or_else(|error| panic!("load: {error}"));
    assert!(loaded.commits.len() <= every as usize, "there is no later snapshot");
}

/// A command that has a stream of its own is recognised by it after any fault.
pub async fn a_command_in_doubt_is_found_behind_a_snapshot_by_a_stream_of_its_own<
    F: EventStoreFixture,
>(
    fixture: &F,
) {
    for (number, (fault, first, second)) in CASES.into_iter().enumerate() {
        let store = fixture.store();
        let [receipt, busy] = ["receipt", "busy"].map(|name| account(&format!("{name}-{number}")));
        let streams =
            (One::<Account>::new(receipt.clone()), One::<SnapshottedAccount>::new(busy.clone()));
        let name = format!("delivery {number}");
        let answers = three_times(store, fault, (&name, &busy), &streams, |_| {
            (vec![noted("booked")], vec![deposited(10)])
        })
        .await;
        let second = if second == REPEATED { "repeated" } else { second };
        assert_eq!(answers, [first, second, "repeated"], "{fault:?}");
        for stream in [receipt, busy] {
            assert_eq!(times(store, &stream, &name).await, 1, "{fault:?}: bookings in {stream}");
        }
    }
}

/// A command that compares its demand with the state finds that it is already met.
pub async fn a_command_in_doubt_changes_nothing_behind_a_snapshot_if_the_state_shows_it<
    F: EventStoreFixture,
>(
    fixture: &F,
) {
    for (number, (fault, first, second)) in CASES.into_iter().enumerate() {
        let (store, busy) = (fixture.store(), account(&format!("busy-{number}")));
        let (streams, name) =
            (One::<SnapshottedAccount>::new(busy.clone()), format!("fill {number}"));
        let fill = |folded: &Folded<AccountState>| match folded.state.balance {
            0..100 => vec![deposited(100)],
            100.. => vec![],
        };
        let answers = three_times(store, fault, (&name, &busy), &streams, fill).await;
        let second = if second == REPEATED { "unchanged" } else { second };
        // Sent again while its commit is still loaded, the command is recognised by its id.
        let third = if second == "unchanged" { "unchanged" } else { "repeated" };
        assert_eq!(answers, [first, second, third], "{fault:?}");
        assert_eq!(times(store, &busy, &name).await, 1, "{fault:?}");
        assert_eq!(
            commits(store, &busy).await.len() as u64,
            expected_commits(fault),
            "{fault:?}: commits"
        );
    }
}

/// The number of commits: the command's, the other deposits, and a rival's if there was one.
fn expected_commits(fault: Fault) -> u64 {
    1 + 2 * u64::from(KIND.every) + u64::from(fault == Fault::SentTwice)
}
