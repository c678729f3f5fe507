//! For any history and any snapshots: a state that is loaded from a snapshot equals the fold of all
//! events, and commands have the same result with and without snapshots.

#![expect(clippy::unwrap_used, reason = "a test that cannot go on stops")]

mod account;
mod requests;

use proptest::collection::vec;
use proptest::prelude::*;
use skald::commit::{Actor, Commit, CommitId, Draft};
use skald::decider::{Decider, Folded, fold};
use skald::event::{DomainEvent, EventData};
use skald::handle::{HandleError, Handler, One, Outcome, Request, states};
use skald::memory::InMemoryEventStore;
use skald::snapshot::{MAX_WITH_SNAPSHOT_BYTES, Snapshot};
use skald::store::EventStore;
use skald::stream::Version;
use skald::time::Timestamp;
use skald_testkit::NoPause;
use skald_testkit::counting::Counting;
use skald_testkit::sample::{AccountEvent, AccountRejection, Deposited, account};
use uuid::Uuid;

use self::account::{Op, WithSnapshots, WithoutSnapshots};

/// The next step of a history.
#[derive(Debug, Clone)]
enum Step {
    /// A command, handled by a release with snapshots of this interval and schema.
    Command { every: u32, schema: u32, ops: Vec<Op> },
    /// A commit with an unreadable snapshot of this schema.
    Unreadable { schema: u32 },
}

/// Longer than the limit of a commit with a snapshot: a state with such a note has no snapshot.
const LONG: usize = MAX_WITH_SNAPSHOT_BYTES + 1;
/// From every commit to more commits than a history has.
const INTERVALS: [u32; 5] = [1, 2, 3, 7, 1000];
const SCHEMAS: [u32; 3] = [1, 2, 3];

fn op() -> impl Strategy<Value = Op> {
    prop_oneof![
        4 => (0..100_u64).prop_map(Op::Deposit),
        2 => (0..50_u64).prop_map(Op::Withdraw),
        1 => Just(Op::Double),
        2 => (0..9_usize).prop_map(Op::Note),
    ]
}

fn step() -> impl Strategy<Value = Step> {
    let ops = prop_oneof![
        19 => vec(op(), 0..6),
        1 => Just(vec![Op::Note(LONG)]),
    ];
    let schema = || proptest::sample::select(&SCHEMAS[..]);
    prop_oneof![
        12 => (proptest::sample::select(&INTERVALS[..]), schema(), ops)
            .prop_map(|(every, schema, ops)| Step::Command { every, schema, ops }),
        1 => schema().prop_map(|schema| Step::Unreadable { schema }),
    ]
}

fn request(number: usize) -> Request {
    let commit_id = CommitId::of(Uuid::NAMESPACE_OID, &number.to_string());
    Request::new(commit_id, Timestamp::EPOCH, "test", Actor::new("test").unwrap())
}

/// The result of a command: its events and the state after them, or the rejection.
type CommandResult<S> = Result<(Vec<EventData>, Folded<S>), AccountRejection>;

async fn handle<D, S>(store: &S, number: usize, ops: &Vec<Op>) -> CommandResult<D::State>
where
    D: Decider<Command = Vec<Op>, Rejection = AccountRejection>,
    S: EventStore,
{
    match Handler::new(store, NoPause).handle::<D>(&account("a"), ops, &request(number)).await {
        Ok(handled) => match handled.outcome {
            Outcome::Appended(commits) => {
                Ok((commits.into_iter().flat_map(|commit| commit.events).collect(), handled.states))
            }
            Outcome::Unchanged => Ok((vec![], handled.states)),
            Outcome::Repeated(_) => panic!("no command is repeated"),
        },
        Err(HandleError::Rejected(rejection)) => Err(rejection),
        Err(error) => panic!("{error}"),
    }
}

/// The same history twice: once with snapshots, once without.
#[derive(Default)]
struct BothStores {
    with_snapshots: Counting<InMemoryEventStore>,
    without_snapshots: InMemoryEventStore,
}

impl BothStores {
    async fn all_commits(&self) -> Vec<Commit> {
        self.with_snapshots.store.read(&account("a"), Version::START).await.unwrap()
    }

    /// Checks that the loaded state equals the fold of all events. Returns how many commits were
    /// read.
    async fn assert_same_state<const EVERY: u32, const SCHEMA: u32>(&self) -> usize {
        self.with_snapshots.take_commits();
        let loaded =
            states(&self.with_snapshots, &One::<WithSnapshots<EVERY, SCHEMA>>::new(account("a")))
                .await
                .unwrap();
        let read = self.with_snapshots.take_commits();
        let all_commits = self.all_commits().await;
        assert_eq!(loaded, fold::<WithoutSnapshots<SCHEMA>>(&all_commits).unwrap());
        for Commit { id, at, context, events, snapshot, .. } in
            all_commits.into_iter().filter(|commit| commit.snapshot.is_some())
        {
            let size_bytes = Draft { commit_id: id, at, context, events, snapshot }.size_bytes();
            assert!(
                size_bytes <= MAX_WITH_SNAPSHOT_BYTES,
                "a snapshot was kept in a commit of {size_bytes} bytes"
            );
        }
        read
    }

    async fn command<const EVERY: u32, const SCHEMA: u32>(
        &self,
        number: usize,
        ops: &Vec<Op>,
    ) -> usize {
        self.assert_same_state::<EVERY, SCHEMA>().await;
        let with =
            handle::<WithSnapshots<EVERY, SCHEMA>, _>(&self.with_snapshots, number, ops).await;
        let without =
            handle::<WithoutSnapshots<SCHEMA>, _>(&self.without_snapshots, number, ops).await;
        assert_eq!(with, without, "command {number}");
        self.assert_same_state::<EVERY, SCHEMA>().await
    }

    async fn append_unreadable_snapshot(&self, number: usize, schema: u32) {
        let snapshot = Some(Snapshot { schema, state: br#""not a state""#.to_vec() });
        let draft = request(number)
            .draft(vec![AccountEvent::from(Deposited { amount: 1 }).encode().unwrap()], snapshot);
        let head = self.with_snapshots.store.load(&account("a"), None).await.unwrap().head;
        self.with_snapshots.append(&head, draft.clone()).await.unwrap();
        let head = self.without_snapshots.load(&account("a"), None).await.unwrap().head;
        self.without_snapshots.append(&head, Draft { snapshot: None, ..draft }).await.unwrap();
    }

    /// Calls [`command`](Self::command) of the given release.
    async fn handle_with_release(
        &self,
        (every, schema): (u32, u32),
        number: usize,
        ops: &Vec<Op>,
    ) -> usize {
        macro_rules! releases {
            ($($every:literal)*) => {
                match (every, schema) {
                    $(
                        ($every, 1) => self.command::<$every, 1>(number, ops).await,
                        ($every, 2) => self.command::<$every, 2>(number, ops).await,
                        ($every, 3) => self.command::<$every, 3>(number, ops).await,
                    )*
                    other => panic!("there is no release {other:?}"),
                }
            };
        }
        releases!(1 2 3 7 1000)
    }
}

fn run(future: impl Future<Output = ()>) {
    tokio::runtime::Builder::new_current_thread().build().unwrap().block_on(future)
}

const CONFIG: fn() -> ProptestConfig =
    || ProptestConfig { failure_persistence: None, ..ProptestConfig::default() };

proptest! {
    #![proptest_config(CONFIG())]

    /// Releases with different intervals and schemas alternate; some snapshots cannot be read, and
    /// some exceed the limit.
    #[test]
    fn with_any_snapshots_a_state_is_the_fold_of_all_events(steps in vec(step(), 0..40)) {
        run(async {
            let stores = BothStores::default();
            for (number, step) in steps.iter().enumerate() {
                match step {
                    Step::Command { every, schema, ops } => {
                        stores.handle_with_release((*every, *schema), number, ops).await;
                    }
                    Step::Unreadable { schema } => {
                        stores.append_unreadable_snapshot(number, *schema).await;
                    }
                }
            }
        });
    }

    /// A load reads as many commits as there are between snapshots, and at most one more.
    #[test]
    fn a_load_reads_no_further_than_the_last_snapshot(
        every in proptest::sample::select(&INTERVALS[..]),
        commands in vec(vec(op(), 0..6), 0..40),
    ) {
        run(async {
            let stores = BothStores::default();
            for (number, ops) in commands.iter().enumerate() {
                let read = stores.handle_with_release((every, 1), number, ops).await;
                assert!(
                    read <= every as usize + 1,
                    "{read} commits were read, with a snapshot every {every}"
                );
            }
        });
    }
}
