//! Snapshots: states that are stored with commits. They never change the state that is loaded.

use skald::commit::Draft;
use skald::decider::{Decider, Folded, fold};
use skald::event::DecodeError;
use skald::handle::{Handler, One, Outcome, states};
use skald::snapshot::{MAX_WITH_SNAPSHOT_BYTES, Snapshot, SnapshotKind, Snapshots};
use skald::store::{EventStore, Head};
use skald::stream::{StreamId, Version};

use super::EventStoreFixture;
use crate::NoPause;
use crate::fixtures::{append_at, commits, deposited, draft, load, noted, request};
use crate::sample::{
    Account, AccountCommand, AccountEvent, AccountRejection, AccountState, account,
};

pub(super) const KIND: SnapshotKind = SnapshotKind { schema: 2, every: 3 };

/// An account with a snapshot in every third commit.
#[derive(Debug)]
pub(super) struct SnapshottedAccount;

impl Decider for SnapshottedAccount {
    const CATEGORY: &'static str = Account::CATEGORY;
    type State = AccountState;
    type Command = AccountCommand;
    type Event = AccountEvent;
    type Rejection = AccountRejection;
    const SNAPSHOTS: Option<Snapshots<AccountState>> =
        Some(Snapshots::new(KIND.every, KIND.schema));

    fn decide(
        state: &AccountState,
        command: &AccountCommand,
    ) -> Result<Vec<AccountEvent>, AccountRejection> {
        Account::decide(state, command)
    }

    fn evolve(state: AccountState, event: &AccountEvent) -> AccountState {
        Account::evolve(state, event)
    }
}

/// A draft of a deposit with this snapshot.
fn with_snapshot(name: &str, schema: u32, state: &str) -> Draft {
    let snapshot = Some(Snapshot { schema, state: state.as_bytes().to_vec() });
    Draft { snapshot, ..draft(name, deposited(1)) }
}

/// Appends these drafts to a stream, one after the other.
async fn stream_of<S: EventStore>(store: &S, drafts: impl IntoIterator<Item = Draft>) -> S::Head {
    let mut head = store.start(account("a"));
    for draft in drafts {
        head = append_at(store, &head, draft).await.head;
    }
    head
}

/// The first versions of the loaded commits.
async fn loaded_from<S: EventStore>(store: &S, kind: SnapshotKind) -> Vec<u64> {
    let loaded =
        store.load(&account("a"), Some(kind)).await.unwrap_or_else(|error| panic!("load: {error}"));
    let last = loaded.commits.last();
    assert_eq!(
        loaded.head.version(),
        last.map_or(Version::START, skald::commit::Commit::last),
        "the head is not at the end"
    );
    assert_eq!(
        loaded.head.recorded_at(),
        last.map(|commit| commit.at),
        "the head has another time"
    );
    loaded.commits.iter().map(|commit| commit.first.get()).collect()
}

/// Handles this command on an account with snapshots. The command must succeed.
pub(super) async fn command<S: EventStore>(
    store: &S,
    stream: &StreamId,
    name: &str,
    command: AccountCommand,
) -> Folded<AccountState> {
    let handled = Handler::new(store, NoPause)
        .handle::<SnapshottedAccount>(stream, &command, &request(name))
        .await;
    handled.unwrap_or_else(|error| panic!("{name}: {error}")).states
}

/// A load with a snapshot kind begins with the last commit that carries such a snapshot. A load
/// without one returns the whole stream.
pub async fn a_load_goes_back_to_the_last_snapshot<F: EventStoreFixture>(fixture: &F) {
    let store = fixture.store();
    let plain = |name: &str| draft(name, [deposited(1), deposited(1)]);
    stream_of(
        store,
        [
            with_snapshot("1", 2, "{}"),
            plain("2"),
            with_snapshot("3", 2, "{}"),
            plain("4"),
            plain("5"),
        ],
    )
    .await;
    assert_eq!(loaded_from(store, KIND).await, [4, 5, 7]);
    let whole: Vec<u64> =
        commits(store, &account("a")).await.iter().map(|commit| commit.first.get()).collect();
    assert_eq!(whole, [1, 2, 4, 5, 7]);
}

/// A snapshot of another schema is ignored.
pub async fn a_snapshot_with_another_schema_is_ignored<F: EventStoreFixture>(fixture: &F) {
    let store = fixture.store();
    assert_eq!(loaded_from(store, KIND).await, [] as [u64; 0], "a stream without commits");
    let other = r#"{"balance":999}"#;
    let drafts = [
        draft("1", deposited(1)),
        with_snapshot("2", 2, r#"{"balance":2}"#),
        with_snapshot("3", 1, other),
        with_snapshot("4", 3, other),
    ];
    stream_of(store, drafts).await;
    assert_eq!(loaded_from(store, KIND).await, [2, 3, 4]);
    assert_eq!(loaded_from(store, SnapshotKind { schema: 7, ..KIND }).await, [1, 2, 3, 4]);
    assert_eq!(balance::<_, SnapshottedAccount>(store).await, 4);
}

/// If the last commit carries a snapshot, only that commit is loaded.
pub async fn a_snapshot_at_the_end_is_loaded_alone_with_its_head<F: EventStoreFixture>(
    fixture: &F,
) {
    let store = fixture.store();
    stream_of(store, [draft("1", deposited(1)), with_snapshot("2", 2, "{}")]).await;
    assert_eq!(loaded_from(store, KIND).await, [2]);
}

/// An append at the head of a load from a snapshot continues the stream.
pub async fn appending_goes_on_after_a_snapshot<F: EventStoreFixture>(fixture: &F) {
    let store = fixture.store();
    stream_of(store, [draft("1", deposited(1)), with_snapshot("2", 2, "{}")]).await;
    let loaded =
        store.load(&account("a"), Some(KIND)).await.unwrap_or_else(|error| panic!("load: {error}"));
    let appended = append_at(store, &loaded.head, draft("3", deposited(1))).await;
    assert_eq!(appended.commit.first, Version::new(3));
    assert_eq!(commits(store, &account("a")).await.len(), 3);
}

/// The state is the fold of all events, with any commands.
pub async fn the_state_is_the_same_with_snapshots_and_without<F: EventStoreFixture>(fixture: &F) {
    let store = fixture.store();
    // Pseudorandom amounts, the same in every run.
    let amounts = (1..=40_u64).map(|number| number.wrapping_mul(0x9e37_79b9_7f4a_7c15) >> 60);
    for (index, amount) in amounts.enumerate() {
        let wanted = match amount {
            0 => AccountCommand::Note("nothing".to_owned()),
            amount if amount % 3 == 0 => {
                AccountCommand::Withdraw(amount.min(balance::<_, SnapshottedAccount>(store).await))
            }
            amount => AccountCommand::Deposit(amount),
        };
        command(store, &account("a"), &format!("command {index}"), wanted).await;
        assert_eq!(
            balance::<_, SnapshottedAccount>(store).await,
            balance::<_, Account>(store).await,
            "after command {index}"
        );
    }
    let all = commits(store, &account("a")).await;
    let kept = all.iter().filter(|commit| commit.carries(KIND)).count();
    assert_eq!(kept, all.len() / 3, "a snapshot with every third commit");
}

async fn balance<S: EventStore, D: Decider<State = AccountState>>(store: &S) -> u64 {
    let folded = states(store, &One::<D>::new(account("a"))).await;
    folded.unwrap_or_else(|error| panic!("the account is read: {error}")).state.balance
}

/// A load returns no more commits than there are from one snapshot to the next, for a stream of any
/// length.
pub async fn a_long_stream_is_loaded_from_its_last_snapshot<F: EventStoreFixture>(fixture: &F) {
    let store = fixture.store();
    for number in 1..=20 {
        let folded =
            command(store, &account("a"), &number.to_string(), AccountCommand::Deposit(1)).await;
        assert_eq!((folded.state.balance, folded.version), (number, Version::new(number)));
        assert!(loaded_from(store, KIND).await.len() <= 3, "after {number} commits");
    }
    assert_eq!(loaded_from(store, KIND).await, [18, 19, 20]);
}

/// If a snapshot cannot be read, the whole stream is loaded.
pub async fn a_snapshot_that_cannot_be_read_is_passed_over<F: EventStoreFixture>(fixture: &F) {
    let store = fixture.store();
    stream_of(store, [draft("1", deposited(5)), with_snapshot("2", 2, r#""not a state""#)]).await;
    assert_eq!(balance::<_, SnapshottedAccount>(store).await, 6);
    assert_eq!(
        command(store, &account("a"), "3", AccountCommand::Withdraw(6)).await.state.balance,
        0
    );
    // The commits from the snapshot on do not suffice for a state.
    let loaded =
        store.load(&account("a"), Some(KIND)).await.unwrap_or_else(|error| panic!("load: {error}"));
    let folded = fold::<SnapshottedAccount>(&loaded.commits).map(|folded| folded.state);
    assert!(matches!(folded, Err(DecodeError::Headless { .. })), "{folded:?}");
}

/// A snapshot is omitted if the commit would become too large.
pub async fn a_snapshot_that_does_not_fit_is_omitted<F: EventStoreFixture>(fixture: &F) {
    let store = fixture.store();
    let long = "x".repeat(MAX_WITH_SNAPSHOT_BYTES);
    for number in 1..=4 {
        let text = if number == 3 { long.clone() } else { String::new() };
        command(store, &account("a"), &number.to_string(), AccountCommand::Note(text)).await;
    }
    let all = commits(store, &account("a")).await;
    let kept: Vec<bool> = all.iter().map(|commit| commit.carries(KIND)).collect();
    assert_eq!(kept, [false, false, false, true], "the commit after the large one carries it");
}

/// A command is sent again after many others, when a load no longer returns its commit. It is
/// recognised by a stream whose first commit it is. Without such a stream it would be done twice:
/// see [`Decider::SNAPSHOTS`].
pub async fn a_late_repeat_behind_a_snapshot_is_recognised_by_a_stream_of_its_own<
    F: EventStoreFixture,
>(
    fixture: &F,
) {
    let store = fixture.store();
    let both =
        (One::<Account>::new(account("receipt")), One::<SnapshottedAccount>::new(account("a")));
    let book = async |name: &str| {
        let decide =
            |_: &_| Ok::<_, AccountRejection>((vec![noted("booked")], vec![deposited(10)]));
        Handler::new(store, NoPause)
            .handle_all(&both, &request(name), decide)
            .await
            .unwrap_or_else(|error| panic!("{name}: {error}"))
    };
    assert!(matches!(book("receipt").await.outcome, Outcome::Appended(_)));
    for number in 0..10 {
        command(store, &account("a"), &format!("other {number}"), AccountCommand::Deposit(1)).await;
    }
    let late = book("receipt").await;
    assert!(matches!(late.outcome, Outcome::Repeated(_)), "{:?}", late.outcome);
    assert_eq!(
        (
            balance::<_, SnapshottedAccount>(store).await,
            load(store, &account("a")).await.head.version()
        ),
        (20, Version::new(11))
    );
}
