//! How many rounds of requests a call of `POST /orders` waits for, and what a repeated call needs.
//! A round is the requests that are sent before any of them is answered.

use std::future::Future;
use std::pin::pin;
use std::sync::atomic::{AtomicBool, Ordering::SeqCst};
use std::sync::{Arc, Mutex};
use std::task::{Context, Poll, Wake, Waker};

use events::{CustomerId, Sku};
use ordering::product::{Product, ProductCommand};
use ordering::streams;
use skald::commit::{Actor, CommitId, Draft};
use skald::event::EventData;
use skald::handle::Request;
use skald::implementing::Page;
use skald::memory::{InMemoryEventStore, InMemoryPersonKeys};
use skald::personal::{KeyEntry, Person, PersonKeys, Sealing};
use skald::reading::ReadFrom;
use skald::snapshot::SnapshotKind;
use skald::store::{AppendError, Appended, EventStore, Loaded, StoreError};
use skald::stream::{StreamId, Tenant};
use skald::time::Timestamp;
use skald_lambda::clock::new_id;
use skald_lambda::http::Answer;
use skald_testkit::reports::Reports;
use tokio::sync::oneshot;

use super::{Head, body, place, set_up, summary, take};

/// A request that waits for an answer: its name, and what ends its round.
type Waiting = (String, oneshot::Sender<()>);

/// The requests that wait for an answer.
#[derive(Clone, Default)]
struct Gate(Arc<Mutex<Vec<Waiting>>>);

impl Gate {
    /// Waits until the round of this request ends.
    async fn pass(&self, request: impl Into<String>) {
        let (end, ended) = oneshot::channel();
        self.0.lock().unwrap().push((request.into(), end));
        ended.await.unwrap();
    }

    /// Answers the requests of a call round by round. Returns its answer, and the names of the
    /// requests of each round.
    async fn rounds(&self, call: impl Future<Output = Answer>) -> (Answer, Vec<Vec<String>>) {
        let (mut call, mut rounds) = (pin!(call), Vec::new());
        let woken = Arc::new(Woken::default());
        let waker = Waker::from(Arc::clone(&woken));
        loop {
            woken.0.store(false, SeqCst);
            if let Poll::Ready(answer) = call.as_mut().poll(&mut Context::from_waker(&waker)) {
                return (answer, rounds);
            }
            if woken.0.load(SeqCst) {
                continue; // Its parts wait for each other.
            }
            let waiting = std::mem::take(&mut *self.0.lock().unwrap());
            assert!(!waiting.is_empty(), "the call waits for something else after {rounds:?}");
            let (mut names, ends): (Vec<_>, Vec<_>) = waiting.into_iter().unzip();
            names.sort();
            rounds.push(names);
            for end in ends {
                end.send(()).unwrap();
            }
        }
    }
}

/// Whether a call can go on.
#[derive(Default)]
struct Woken(AtomicBool);

impl Wake for Woken {
    fn wake(self: Arc<Self>) {
        self.0.store(true, SeqCst);
    }
}

/// A store of events or of keys whose requests pass a gate.
#[derive(Clone)]
struct Gated<S> {
    store: S,
    gate: Gate,
    /// For a store of keys: an unwrapped key is not remembered, so each use of it is two requests,
    /// one after the other.
    unwraps: bool,
}

impl EventStore for Gated<InMemoryEventStore> {
    type Head = Head;

    fn start(&self, stream: StreamId) -> Head {
        self.store.start(stream)
    }

    async fn page(
        &self,
        stream: &StreamId,
        from: ReadFrom,
        limit: u32,
    ) -> Result<Page, StoreError> {
        self.gate.pass(stream.category()).await;
        self.store.page(stream, from, limit).await
    }

    async fn load(
        &self,
        stream: &StreamId,
        snapshots: Option<SnapshotKind>,
    ) -> Result<Loaded<Head>, StoreError> {
        self.gate.pass(stream.category()).await;
        self.store.load(stream, snapshots).await
    }

    async fn load_after(&self, head: &Head) -> Result<Loaded<Head>, StoreError> {
        self.gate.pass("load after").await;
        self.store.load_after(head).await
    }

    async fn append(&self, head: &Head, draft: Draft) -> Result<Appended<Head>, AppendError<Head>> {
        self.gate.pass("put").await;
        self.store.append(head, draft).await
    }

    async fn append_guarded(
        &self,
        parts: Vec<(Head, Draft)>,
        guards: Vec<Head>,
    ) -> Result<Vec<Appended<Head>>, AppendError<Head>> {
        self.gate.pass("transaction").await;
        self.store.append_guarded(parts, guards).await
    }
}

impl PersonKeys for Gated<InMemoryPersonKeys> {
    async fn to_seal(&self, person: &Person) -> Result<KeyEntry, StoreError> {
        self.gate.pass("key to seal").await;
        self.store.to_seal(person).await
    }

    async fn to_open(&self, person: &Person) -> Result<Option<KeyEntry>, StoreError> {
        self.gate.pass("key").await;
        if self.unwraps {
            self.gate.pass("unwrap").await;
        }
        self.store.to_open(person).await
    }

    async fn erase(&self, person: &Person, at: Timestamp) -> Result<(), StoreError> {
        self.gate.pass("erase").await;
        self.store.erase(person, at).await
    }
}

/// The status of a call, whether it is marked as replayed, and the requests of its rounds.
async fn rounds(
    events: &InMemoryEventStore,
    keys: &InMemoryPersonKeys,
    unwraps: bool,
) -> ((u16, bool), Vec<Vec<String>>) {
    let gate = Gate::default();
    let events = Gated { store: events.clone(), gate: gate.clone(), unwraps };
    let keys = Gated { store: keys.clone(), gate: gate.clone(), unwraps };
    let (answer, rounds) = gate.rounds(place(events, keys, 1)).await;
    (summary(&answer), rounds)
}

const READS: [&str; 4] = ["customer", "key", "order", "product"];

/// Latency is what a customer notices of the number of rounds.
#[tokio::test]
async fn a_new_order_waits_for_one_round_of_reads_and_its_put() {
    let _reports = Reports::receive();
    for unwraps in [false, true] {
        let keys = InMemoryPersonKeys::default();
        let events = set_up(&keys).await;
        let unwrap: &[&[&str]] = if unwraps { &[&["unwrap"]] } else { &[] };
        let expected = [&[READS.as_slice()], unwrap, &[&["put"]]].concat();
        let placed = rounds(&events, &keys, unwraps).await;
        assert_eq!(placed.0, (202, false));
        assert_eq!(placed.1, expected);

        let repeated = rounds(&events, &keys, unwraps).await;
        assert_eq!(repeated.0, (202, true));
        assert_eq!(repeated.1, expected[..expected.len() - 1]);
    }
}

/// A client repeats a call whose answer was lost. It must learn that its order exists, even if the
/// order could not be placed any more.
#[tokio::test]
async fn a_repeated_call_is_answered_from_the_order_alone() {
    let _reports = Reports::receive();
    let keys = InMemoryPersonKeys::default();
    let events = set_up(&keys).await;
    let first = place(events.clone(), keys.clone(), 1).await;
    let product = streams::product(&Tenant::default(), &Sku::new("MUG-01").unwrap());
    let sealing = Sealing::new(events.clone(), &keys);
    take::<Product>(&sealing, product.clone(), ProductCommand::Withdraw).await;
    let again = place(events.clone(), keys.clone(), 1).await;
    assert_eq!((summary(&again), body(&again)), ((202, true), body(&first)));

    // A newer release writes an event that this one cannot read.
    let head = events.load(&product, None).await.unwrap().head;
    let unknown =
        EventData { event_type: "product.praised".to_owned(), schema: 1, data: b"{}".to_vec() };
    let (id, actor) = (CommitId::new(new_id()), Actor::new("tests").unwrap());
    let draft = Request::new(id, Timestamp::EPOCH, "tests", actor).draft(vec![unknown], None);
    events.append(&head, draft).await.unwrap();
    let again = place(events, keys, 1).await;
    assert_eq!((summary(&again), body(&again)), ((202, true), body(&first)));
}

/// The key is erased first, and `customer.erased` is written later.
#[tokio::test]
async fn a_customer_whose_key_is_erased_cannot_order() {
    let _reports = Reports::receive();
    let keys = InMemoryPersonKeys::default();
    let events = set_up(&keys).await;
    let customer = CustomerId::new("c-1").unwrap();
    let person = Person { tenant: Tenant::default(), id: customer.person() };
    keys.erase(&person, Timestamp::EPOCH).await.unwrap();
    let answer = place(events, keys, 1).await;
    assert_eq!(summary(&answer), (422, false), "{answer:?}");
    assert_eq!(body(&answer)["errors"][0]["pointer"], "/customer_id");
}
