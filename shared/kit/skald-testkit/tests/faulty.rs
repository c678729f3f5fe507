//! The faulty store injects exactly the planned faults.

#![expect(clippy::unwrap_used, reason = "a test that cannot go on stops")]

use std::collections::{BTreeMap, BTreeSet};

use skald::commit::{Actor, CommitId, Context, CorrelationId, Draft};
use skald::event::DomainEvent;
use skald::memory::InMemoryEventStore;
use skald::store::{AppendError, EventStore, StoreError};
use skald::stream::Version;
use skald::time::Timestamp;
use skald_testkit::faulty::{Fault, Faulty, Plan};
use skald_testkit::sample::{AccountEvent, Deposited, account};
use uuid::Uuid;

fn draft(name: &str) -> Draft {
    Draft {
        commit_id: CommitId::of(Uuid::NAMESPACE_OID, name),
        at: Timestamp::from_millis(0).unwrap(),
        context: Context {
            source: "test".to_owned(),
            correlation_id: CorrelationId::new("test").unwrap(),
            causation_id: None,
            actor: Actor::new("test").unwrap(),
            metadata: BTreeMap::new(),
        },
        events: vec![AccountEvent::from(Deposited { amount: 1 }).encode().unwrap()],
        snapshot: None,
    }
}

fn outcome<T, H>(result: Result<T, AppendError<H>>) -> &'static str {
    match result {
        Ok(_) => "appended",
        Err(AppendError::Conflict { .. }) => "conflict",
        Err(AppendError::RepeatedInPart { .. }) => "repeated in part",
        Err(AppendError::Contended) => "contended",
        Err(AppendError::Invalid(_)) => "invalid",
        Err(AppendError::Store(StoreError::Throttled { .. })) => "throttled",
        Err(AppendError::Store(StoreError::Unavailable { .. })) => "no answer",
        Err(AppendError::Store(error)) => panic!("{error}"),
    }
}

/// Whether the stream begins with this command, and how many commits it has.
async fn found(store: &InMemoryEventStore, name: &str) -> (bool, usize) {
    let commits = store.read(&account("a"), Version::START).await.unwrap();
    (commits.first().is_some_and(|commit| commit.id == draft(name).commit_id), commits.len())
}

#[tokio::test]
async fn each_fault_has_its_effect() {
    // The fault; the answer; whether the commit is stored and the number of commits, first
    // immediately and then after all calls have arrived.
    let cases = [
        (None, "appended", (true, 1), (true, 1)),
        (Some(Fault::Throttled), "throttled", (false, 0), (false, 0)),
        (Some(Fault::RequestLost), "no answer", (false, 0), (false, 0)),
        (Some(Fault::AnswerLost), "no answer", (true, 1), (true, 1)),
        (Some(Fault::Late { calls: 7 }), "no answer", (false, 0), (true, 1)),
        (Some(Fault::SentTwice), "appended", (true, 2), (true, 2)),
        (Some(Fault::Contended), "contended", (false, 0), (false, 0)),
        (Some(Fault::Overtaken), "conflict", (false, 1), (false, 1)),
        (Some(Fault::GuardMoved), "conflict", (false, 1), (false, 1)),
    ];
    for (fault, answer, immediately, in_the_end) in cases {
        for together in [false, true] {
            let store = InMemoryEventStore::default();
            let faulty = Faulty::new(&store, Plan::script([fault]));
            let head = faulty.start(account("a"));
            let result = if together {
                outcome(faulty.append_all(vec![(head, draft("x"))]).await)
            } else {
                outcome(faulty.append(&head, draft("x")).await)
            };
            assert_eq!((result, found(&store, "x").await), (answer, immediately), "{fault:?}");
            faulty.settle().await;
            assert_eq!(found(&store, "x").await, in_the_end, "{fault:?}, all arrived");
            assert_eq!(
                faulty.happened(),
                Vec::from_iter(fault.map(|fault| (draft("x").commit_id, fault)))
            );
        }
    }
}

#[tokio::test]
async fn a_moved_guard_moves_just_before_the_append() {
    let store = InMemoryEventStore::default();
    let faulty = Faulty::new(&store, Plan::script([Some(Fault::GuardMoved)]));
    let (part, guard) = ((faulty.start(account("a")), draft("x")), faulty.start(account("b")));
    let answer = outcome(faulty.append_guarded(vec![part], vec![guard]).await);
    let moved = store.read(&account("b"), Version::START).await.unwrap();
    assert_eq!((answer, found(&store, "x").await, moved.len()), ("conflict", (false, 0), 1));
}

#[tokio::test]
async fn a_late_write_is_overtaken_by_the_given_number_of_calls() {
    let store = InMemoryEventStore::default();
    let faulty = Faulty::new(&store, Plan::script([Some(Fault::Late { calls: 2 })]));
    outcome(faulty.append(&faulty.start(account("a")), draft("x")).await);
    let mut seen = Vec::new();
    for _ in 0..4 {
        seen.push(faulty.load(&account("a"), None).await.unwrap().commits.len());
    }
    assert_eq!(seen, [0, 0, 1, 1]);
}

/// The caller's own client rejects the call: nothing is sent that could get lost.
#[tokio::test]
async fn an_invalid_append_is_rejected_despite_the_planned_fault() {
    let store = InMemoryEventStore::default();
    let faulty = Faulty::new(&store, Plan::script([Some(Fault::AnswerLost)]));
    let empty = Draft { events: vec![], ..draft("x") };
    assert_eq!(outcome(faulty.append(&faulty.start(account("a")), empty).await), "invalid");
    assert_eq!(faulty.happened(), []);
}

/// Two hundred appends with random faults: the faults, and the number of failed reads.
async fn run_with_seed(seed: u64) -> (Vec<(CommitId, Fault)>, u32) {
    run_guarded_with_seed(seed, false).await
}

/// The same, with an empty stream as guard if `is_guarded`.
async fn run_guarded_with_seed(seed: u64, is_guarded: bool) -> (Vec<(CommitId, Fault)>, u32) {
    let store = InMemoryEventStore::default();
    let faulty = Faulty::new(&store, Plan::by_chance(seed, 3));
    let mut failed_reads = 0;
    for number in 0..200 {
        let Ok(loaded) = faulty.load(&account("a"), None).await else {
            failed_reads += 1;
            continue;
        };
        let part = (loaded.head, draft(&number.to_string()));
        if is_guarded {
            let guard = faulty.start(account(&format!("guard-{number}")));
            outcome(faulty.append_guarded(vec![part], vec![guard]).await);
        } else {
            outcome(faulty.append(&part.0, part.1).await);
        }
    }
    (faulty.happened(), failed_reads)
}

#[tokio::test]
async fn the_same_seed_gives_the_same_faults_and_every_fault_occurs() {
    let (faults, failed_reads) = run_with_seed(1).await;
    assert_eq!((faults.clone(), failed_reads), run_with_seed(1).await);
    assert_ne!(faults, run_with_seed(2).await.0);
    assert!((40..100).contains(&failed_reads), "{failed_reads} of 200 reads failed");
    let kinds = |faults: &[(CommitId, Fault)]| -> BTreeSet<String> {
        let kind =
            |fault: &Fault| format!("{fault:?}").split(' ').next().unwrap_or_default().into();
        faults.iter().map(|(_, fault)| kind(fault)).collect()
    };
    assert_eq!(kinds(&faults).len(), 7, "{faults:?}");
    let (guarded, _) = run_guarded_with_seed(1, true).await;
    assert_eq!(kinds(&guarded).len(), 8, "{guarded:?}");
}
