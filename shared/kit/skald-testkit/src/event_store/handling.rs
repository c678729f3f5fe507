//! Commands over the store, about one stream or several.

use skald::decider::{Decider, Folded, fold};
use skald::handle::{HandleError, Handled, Handler, Many, One, Outcome, Pause, Request};
use skald::store::EventStore;
use skald::stream::{StreamId, Version};
use skald::time::Timestamp;

use super::EventStoreFixture;
use crate::concurrent::run_all;
use crate::fixtures::{append, commits, deposited, request, withdrawn};
use crate::pause::yield_now;
use crate::sample::{
    Account, AccountCommand, AccountEvent, AccountRejection, AccountState, account,
};
use crate::yielding::Yielding;

/// A pause that yields once per attempt. A command that failed more often waits longer, so every
/// command gets its turn.
struct InTurn;

impl Pause for InTurn {
    fn now(&self, earlier: Timestamp) -> Timestamp {
        earlier
    }

    async fn pause(&self, attempt: u32) {
        for _ in 0..attempt {
            yield_now().await;
        }
    }
}

async fn handle<S: EventStore>(
    store: &S,
    stream: &StreamId,
    command: AccountCommand,
    request: &Request,
) -> Result<Handled<Folded<AccountState>>, HandleError<AccountRejection>> {
    Handler::new(Yielding(store), InTurn).handle::<Account>(stream, &command, request).await
}

async fn balance<S: EventStore>(store: &S, stream: &StreamId) -> u64 {
    fold::<Account>(&commits(store, stream).await).expect("events of an account").state.balance
}

/// Concurrent deposits all count.
pub async fn concurrent_commands_all_count<F: EventStoreFixture>(fixture: &F) {
    let (store, stream) = (fixture.store(), account("busy"));
    let requests: Vec<_> =
        (0..8).map(|number| (1 << number, request(&format!("deposit {number}")))).collect();
    let calls = requests
        .iter()
        .map(|(amount, request)| handle(store, &stream, AccountCommand::Deposit(*amount), request));
    for handled in run_all(calls).await {
        let handled = handled.expect("each deposit is made");
        assert!(matches!(handled.outcome, Outcome::Appended(_)), "{:?}", handled.outcome);
    }
    assert_eq!(balance(store, &stream).await, 255);
    assert_eq!(commits(store, &stream).await.len(), 8);
}

/// A command whose id is already stored changes nothing and returns the stored commit.
pub async fn a_repeated_command_is_written_once<F: EventStoreFixture>(fixture: &F) {
    let (store, stream, request) = (fixture.store(), account("repeat"), request("deposit"));
    let first = handle(store, &stream, AccountCommand::Deposit(5), &request)
        .await
        .expect("the deposit is made");
    append(store, &stream, "other", withdrawn(5)).await;
    // A new decision would reject it. The first decision stands.
    let again = handle(store, &stream, AccountCommand::Withdraw(100), &request)
        .await
        .expect("the repeat is recognised");

    let stored = commits(store, &stream).await;
    assert_eq!(first.outcome, Outcome::Appended(stored[..1].to_vec()));
    assert_eq!(again.outcome, Outcome::Repeated(stored[..1].to_vec()));
    assert_eq!(
        again.states,
        Folded { state: AccountState { balance: 0 }, version: Version::new(2) }
    );
    assert_eq!(stored.len(), 2);
}

/// The same command from four concurrent callers is written once, and each caller gets its commit.
pub async fn the_same_command_sent_concurrently_is_written_once<F: EventStoreFixture>(fixture: &F) {
    let (store, stream, request) = (fixture.store(), account("echo"), request("deposit"));
    let calls = (0..4).map(|_| handle(store, &stream, AccountCommand::Deposit(5), &request));
    let handled = run_all(calls).await;
    let stored = commits(store, &stream).await;
    assert_eq!(stored.len(), 1);
    let mut appended = 0;
    for handled in handled {
        match handled.expect("each caller gets an answer").outcome {
            Outcome::Appended(commits) => {
                appended += 1;
                assert_eq!(commits, stored);
            }
            Outcome::Repeated(commits) => assert_eq!(commits, stored),
            Outcome::Unchanged => panic!("the answer says that nothing was written"),
        }
    }
    assert_eq!(appended, 1, "callers whose answer is `Appended`");
}

/// After a conflict, a command is decided again on the new state, so no account is overdrawn.
pub async fn a_conflict_is_decided_again<F: EventStoreFixture>(fixture: &F) {
    let (store, stream) = (fixture.store(), account("last-coin"));
    append(store, &stream, "deposit", deposited(25)).await;
    let requests: Vec<_> = (0..4).map(|number| request(&format!("withdrawal {number}"))).collect();
    let calls = requests
        .iter()
        .map(|request| handle(store, &stream, AccountCommand::Withdraw(10), request));
    let (mut made, mut rejected) = (0, 0);
    for handled in run_all(calls).await {
        match handled {
            Ok(handled) => {
                assert!(matches!(handled.outcome, Outcome::Appended(_)), "{:?}", handled.outcome);
                made += 1;
            }
            Err(HandleError::Rejected(AccountRejection::Overdrawn {
                balance: 5,
                requested: 10,
            })) => rejected += 1,
            Err(error) => panic!("{error}"),
        }
    }
    assert_eq!((made, rejected, balance(store, &stream).await), (2, 2, 5));
}

/// Concurrent transfers between three accounts, in all directions, happen as a whole or not at all.
pub async fn concurrent_transfers_preserve_the_total<F: EventStoreFixture>(fixture: &F) {
    let store = fixture.store();
    let accounts = ["a", "b", "c"].map(account);
    for stream in &accounts {
        append(store, stream, &format!("opening {stream}"), deposited(20)).await;
    }
    let transfers = [(0, 1, 5), (1, 2, 7), (2, 0, 9), (1, 0, 20), (0, 2, 20), (2, 1, 50)];
    let transferred = run_all(transfers.map(|(from, to, amount)| {
        let streams = [&accounts[from], &accounts[to]].map(Clone::clone);
        transfer(store, streams, amount)
    }))
    .await;
    let (mut made, mut balances) = (0, [20_i64; 3]);
    for ((from, to, amount), outcome) in transfers.into_iter().zip(transferred) {
        match outcome {
            Ok(Handled { outcome: Outcome::Appended(commits), .. }) => {
                assert_eq!(commits.len(), 2, "a transfer is a commit to each account");
                made += 1;
                balances[from] -= amount.cast_signed();
                balances[to] += amount.cast_signed();
            }
            Ok(other) => panic!("a transfer without effect: {:?}", other.outcome),
            Err(HandleError::Rejected(AccountRejection::Overdrawn { .. })) => {}
            Err(error) => panic!("{error}"),
        }
    }
    assert!((2..=5).contains(&made), "{made} transfers were made");
    for (stream, expected) in accounts.iter().zip(balances) {
        assert_eq!(balance(store, stream).await.cast_signed(), expected, "{stream}");
    }
}

async fn transfer<S: EventStore>(
    store: &S,
    accounts: [StreamId; 2],
    amount: u64,
) -> Result<Handled<(Folded<AccountState>, Vec<Folded<AccountState>>)>, HandleError<AccountRejection>>
{
    let [from, to] = accounts;
    let request = request(&format!("{from} to {to}"));
    let streams = (One::<Account>::new(from), Many::<Account>::new(vec![to]));
    let decide = |(from, _): &(Folded<AccountState>, Vec<Folded<AccountState>>)| {
        let withdrawn = Account::decide(&from.state, &AccountCommand::Withdraw(amount))?;
        Ok::<(Vec<AccountEvent>, Vec<Vec<AccountEvent>>), _>((
            withdrawn,
            vec![vec![deposited(amount)]],
        ))
    };
    Handler::new(Yielding(store), InTurn).handle_all(&streams, &request, decide).await
}

/// A rejected command writes nothing.
pub async fn a_rejected_command_writes_nothing<F: EventStoreFixture>(fixture: &F) {
    let (store, stream) = (fixture.store(), account("poor"));
    match handle(store, &stream, AccountCommand::Withdraw(1), &request("withdrawal")).await {
        Err(HandleError::Rejected(AccountRejection::Overdrawn { balance: 0, requested: 1 })) => {}
        other => panic!("expected a rejection, got {other:?}"),
    }
    assert!(commits(store, &stream).await.is_empty(), "a rejected command wrote something");
}

/// A command without events writes no commit.
pub async fn a_command_without_events_writes_nothing<F: EventStoreFixture>(fixture: &F) {
    let (store, stream) = (fixture.store(), account("quiet"));
    append(store, &stream, "deposit", deposited(5)).await;
    let handled = handle(store, &stream, AccountCommand::Deposit(0), &request("nothing")).await;
    let handled = handled.expect("the command is accepted");
    assert_eq!(handled.outcome, Outcome::Unchanged);
    assert_eq!(
        handled.states,
        Folded { state: AccountState { balance: 5 }, version: Version::new(1) }
    );
    assert_eq!(commits(store, &stream).await.len(), 1);
}
