//! Commands whose sender was told nothing, sent again when a snapshot has passed. What is loaded
//! then does not show them; what a category with snapshots must bring itself does: see
//! [`Decider::SNAPSHOTS`](skald::decider::Decider::SNAPSHOTS).

use skald::decider::Folded;
use skald::handle::{HandleError, Handled, Handler, One, Streams};
use skald::snapshot::SnapshotKind;
use skald::store::EventStore;
use skald::stream::StreamId;

use super::EventStoreFixture;
use super::faults::{times, word};
use super::snapshots::{KIND, Kept, command};
use crate::NoPause;
use crate::faulty::{Fault, Faulty, Plan};
use crate::fixtures::{commits, deposited, noted, request};
use crate::sample::{Account, AccountCommand, AccountRejection, AccountState, account};

/// What happens to the first attempt, what its sender is told, and what when it is sent again
/// behind a snapshot.
const CASES: [(Fault, &str, &str); 6] = [
    (Fault::RequestLost, "no answer", "appended"),
    (Fault::AnswerLost, "no answer", REPEATED),
    (Fault::SentTwice, "repeated", REPEATED),
    // Overtaken by others, and so too late; before the repeat, in the middle of it, and after it.
    (Fault::Late { calls: 0 }, "no answer", "appended"),
    (Fault::Late { calls: 1 }, "no answer", "appended"),
    (Fault::Late { calls: 9 }, "no answer", "appended"),
];
/// The answer to a repeat of what was done: how it is known is for each rule to say.
const REPEATED: &str = "";

/// Sends a command over these streams past this fault, lets others fill `busy` until a snapshot has
/// passed, sends it again, and once more; gives what it was told each time.
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
    others(store, busy, name).await;
    let second = word(&send().await);
    faulty.settle().await;
    let third = word(&send().await);
    assert_eq!(faulty.happened().len(), 1, "{fault:?} did not happen");
    [first, second, third]
}

/// Deposits of others, until nothing that was there before them is loaded.
async fn others<S: EventStore>(store: &S, stream: &StreamId, name: &str) {
    for number in 0..2 * KIND.every {
        command(store, stream, &format!("{number} after {name}"), AccountCommand::Deposit(1)).await;
    }
    let SnapshotKind { every, .. } = KIND;
    let loaded =
        store.load(stream, Some(KIND)).await.unwrap_or_else(|error| panic!("load: {error}"));
    assert!(loaded.commits.len() <= every as usize, "no snapshot has passed");
}

/// A command that has a stream of its own is recognised by it, however little its sender knew.
pub async fn a_command_in_doubt_is_found_behind_a_snapshot_by_a_stream_of_its_own<
    F: EventStoreFixture,
>(
    fixture: &F,
) {
    for (number, (fault, first, second)) in CASES.into_iter().enumerate() {
        let store = fixture.store();
        let [receipt, busy] = ["receipt", "busy"].map(|name| account(&format!("{name}-{number}")));
        let streams = (One::<Account>::new(receipt.clone()), One::<Kept>::new(busy.clone()));
        let name = format!("delivery {number}");
        let told = three_times(store, fault, (&name, &busy), &streams, |_| {
            (vec![noted("booked")], vec![deposited(10)])
        })
        .await;
        let second = if second == REPEATED { "repeated" } else { second };
        assert_eq!(told, [first, second, "repeated"], "{fault:?}");
        for stream in [receipt, busy] {
            assert_eq!(times(store, &stream, &name).await, 1, "{fault:?}: bookings in {stream}");
        }
    }
}

/// A command that asks for what its stream can tell to be so finds that it is so.
pub async fn a_command_in_doubt_is_harmless_behind_a_snapshot_by_what_the_state_remembers<
    F: EventStoreFixture,
>(
    fixture: &F,
) {
    for (number, (fault, first, second)) in CASES.into_iter().enumerate() {
        let (store, busy) = (fixture.store(), account(&format!("busy-{number}")));
        let (streams, name) = (One::<Kept>::new(busy.clone()), format!("fill {number}"));
        let fill = |folded: &Folded<AccountState>| match folded.state.balance {
            0..100 => vec![deposited(100)],
            100.. => vec![],
        };
        let told = three_times(store, fault, (&name, &busy), &streams, fill).await;
        let second = if second == REPEATED { "unchanged" } else { second };
        // Sent again at once, while it is loaded, it is known by its id.
        let third = if second == "unchanged" { "unchanged" } else { "repeated" };
        assert_eq!(told, [first, second, third], "{fault:?}");
        assert_eq!(times(store, &busy, &name).await, 1, "{fault:?}");
        assert_eq!(
            commits(store, &busy).await.len() as u64,
            told_commits(fault),
            "{fault:?}: commits"
        );
    }
}

/// The command's, those of others, and that of a rival if there was one.
fn told_commits(fault: Fault) -> u64 {
    1 + 2 * u64::from(KIND.every) + u64::from(fault == Fault::SentTwice)
}
