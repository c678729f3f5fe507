//! What is about a person is sealed wherever it is stored, is opened for whoever may see it, and can be erased.

#![expect(clippy::unwrap_used, reason = "a test fails by panicking")]

use std::sync::atomic::{AtomicUsize, Ordering};

use serde::{Deserialize, Serialize};
use skald::memory::{InMemoryEventStore, InMemoryPersonKeys, InMemoryViewStore};
use skald::{
    Actor, AppendError, Commit, CommitId, Context, CorrelationId, Decider, DomainEvent, EventData, EventStore, Hidden,
    KeyEntry, Opening, Outcome, Pause, Person, PersonId, PersonKeys, Personal, Put, Refusal, Request, Sealing,
    Snapshots, StoreError, StreamId, Tenant, Timestamp, Unopened, Version, ViewRow, ViewStore, fold, handle, has_plain,
    open,
};
use uuid::Uuid;

/// Somebody said something to somebody.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
struct Said {
    words: Personal<String>,
    to: Personal<String>,
    loudness: u32,
}

skald::domain_event! {
    enum TalkEvent {
        Said(Said) = "talk.said" @ 1,
    }
}

/// A talk, of which the state is kept with every second commit.
struct Talk;

impl Decider for Talk {
    const CATEGORY: &'static str = "talk";
    type State = Vec<Said>;
    type Command = Said;
    type Event = TalkEvent;
    type Rejection = std::convert::Infallible;
    const SNAPSHOTS: Option<Snapshots<Vec<Said>>> = Some(Snapshots::new(2, 1));

    fn decide(_: &Vec<Said>, said: &Said) -> Result<Vec<TalkEvent>, Self::Rejection> {
        Ok(vec![said.clone().into()])
    }

    fn evolve(mut state: Vec<Said>, TalkEvent::Said(said): &TalkEvent) -> Vec<Said> {
        state.push(said.clone());
        state
    }
}

fn jane() -> Person {
    Person { tenant: Tenant::default(), id: PersonId::new("jane-1").unwrap() }
}

fn joe() -> Person {
    Person { tenant: Tenant::default(), id: PersonId::new("joe-2").unwrap() }
}

fn said(words: &str) -> Said {
    Said { words: Personal::of(jane().id, words.to_owned()), to: Personal::of(joe().id, "Joe Roe".into()), loudness: 3 }
}

fn talk(id: &str) -> StreamId {
    StreamId::new(&Tenant::default(), Talk::CATEGORY, id).unwrap()
}

fn request(number: u128) -> Request {
    Request {
        commit_id: CommitId::new(Uuid::from_u128(number)),
        at: Timestamp::EPOCH,
        context: Context {
            source: "test".to_owned(),
            correlation_id: CorrelationId::new("call-1").unwrap(),
            causation_id: None,
            actor: Actor::new("test").unwrap(),
            metadata: Default::default(),
        },
    }
}

struct NoPause;

impl Pause for NoPause {
    async fn pause(&self, _: u32) {}
}

type Private = Opening<Sealing<InMemoryEventStore, InMemoryPersonKeys>, InMemoryPersonKeys>;

/// Stores that see it all: the raw one, and the one through which persons are seen.
#[derive(Default)]
struct Stores {
    raw: InMemoryEventStore,
    keys: InMemoryPersonKeys,
}

impl Stores {
    fn private(&self) -> Private {
        Opening::new(Sealing::new(self.raw.clone(), self.keys.clone()), self.keys.clone())
    }

    async fn say(&self, stream: &str, number: u128, words: &str) {
        handle::<Talk, _, _>(&self.private(), &NoPause, talk(stream), &said(words), &request(number)).await.unwrap();
    }

    async fn raw_commits(&self, stream: &str) -> Vec<Commit> {
        self.raw.read(&talk(stream), Version::START).await.unwrap()
    }

    /// What was said, as somebody sees it who may.
    async fn heard(&self, stream: &str) -> Vec<Said> {
        let commits =
            self.private().load(&talk(stream), Talk::SNAPSHOTS.map(|kept| kept.kind())).await.unwrap().commits;
        fold::<Talk>(&commits).unwrap().state
    }
}

/// The bytes that are stored of these commits.
fn stored(commits: &[Commit]) -> Vec<String> {
    let events = commits.iter().flat_map(|commit| commit.events.iter().map(|event| &event.data));
    let states = commits.iter().filter_map(|commit| commit.snapshot.as_ref().map(|snapshot| &snapshot.state));
    events.chain(states).map(|json| String::from_utf8(json.clone()).unwrap()).collect()
}

#[tokio::test]
async fn what_is_about_a_person_is_stored_sealed_in_events_and_snapshots_and_seen_by_who_may() {
    let stores = Stores::default();
    stores.say("a", 1, "Guten Tag").await;
    stores.say("a", 2, "Auf Wiedersehen").await;

    let commits = stores.raw_commits("a").await;
    assert!(commits[1].snapshot.is_some());
    for json in stored(&commits) {
        for plain in ["Guten Tag", "Wiedersehen", "Joe Roe"] {
            assert!(!json.contains(plain), "{json}");
        }
        assert!(json.contains("\"loudness\":3") && !has_plain(json.as_bytes()), "{json}");
    }
    assert_eq!(stores.heard("a").await, [said("Guten Tag"), said("Auf Wiedersehen")]);
}

#[tokio::test]
async fn who_reads_without_keys_is_told_that_it_is_sealed_and_can_pass_it_on() {
    let stores = Stores::default();
    stores.say("a", 1, "Guten Tag").await;
    let sealed = fold::<Talk>(&stores.raw_commits("a").await).unwrap().state.remove(0);
    assert_eq!(sealed.words.reveal(), Err(Hidden::Sealed));

    // By the raw store: no key is at hand.
    handle::<Talk, _, _>(&stores.raw, &NoPause, talk("b"), &sealed, &request(2)).await.unwrap();
    assert_eq!(stores.heard("b").await, [said("Guten Tag")]);
}

#[tokio::test]
async fn who_was_erased_is_gone_from_everywhere_and_nobody_else_is() {
    let stores = Stores::default();
    stores.say("a", 1, "Guten Tag").await;
    stores.say("a", 2, "Auf Wiedersehen").await;
    let before = stores.raw_commits("a").await;

    stores.keys.erase(&jane(), Timestamp::EPOCH).await.unwrap();
    let heard = stores.heard("a").await;
    for said in &heard {
        assert_eq!((said.words.reveal(), said.words.person()), (Err(Hidden::Erased), &jane().id));
        assert_eq!((said.to.reveal(), said.loudness), (Ok(&"Joe Roe".to_owned()), 3));
    }
    assert_eq!(heard.len(), 2);
    assert_eq!(stores.raw_commits("a").await, before, "history changed");
}

#[tokio::test]
async fn nothing_more_is_stored_about_who_was_erased() {
    let stores = Stores::default();
    stores.keys.erase(&jane(), Timestamp::EPOCH).await.unwrap();
    let store = stores.private();
    let draft = || {
        let event = TalkEvent::from(said("Guten Tag")).encode().unwrap();
        request(1).draft(vec![event], None)
    };
    let refused = |error: AppendError| error.to_string();
    let erased = "jane-1 was erased: nothing more is stored about them";
    assert_eq!(refused(store.append(&store.start(talk("a")), draft()).await.unwrap_err()), erased);
    assert_eq!(refused(store.append_all(vec![(store.start(talk("a")), draft())]).await.unwrap_err()), erased);
    assert_eq!(stores.raw_commits("a").await, []);
}

/// A value that was read as erased can stand in what is written next: of a state, say, that is kept as a snapshot.
#[tokio::test]
async fn what_is_erased_already_can_be_stored_as_erased() {
    let stores = Stores::default();
    stores.say("a", 1, "Guten Tag").await;
    stores.keys.erase(&jane(), Timestamp::EPOCH).await.unwrap();
    let erased = stores.heard("a").await.remove(0);
    handle::<Talk, _, _>(&stores.private(), &NoPause, talk("a"), &erased, &request(2)).await.unwrap();
    assert_eq!(stores.heard("a").await, [erased.clone(), erased]);
}

/// How each stored value is sealed.
fn seals(commits: &[Commit]) -> Vec<String> {
    let said = commits.iter().flat_map(|commit| &commit.events).map(|stored| TalkEvent::decode(stored).unwrap());
    said.flat_map(|TalkEvent::Said(said)| [said.words, said.to])
        .map(|value| serde_json::to_string(&value).unwrap())
        .collect()
}

#[tokio::test]
async fn the_same_commit_is_sealed_the_same_way_again_and_no_two_values_alike() {
    let mut all = Vec::new();
    for _ in 0..2 {
        let stores = Stores::default();
        let store = stores.private();
        let draft = |events: usize| {
            let event = TalkEvent::from(Said { words: said("Joe Roe").to, ..said("") }).encode().unwrap();
            request(1).draft(vec![event; events], None)
        };
        // One command, two streams: both commits have its id.
        let parts = ["a", "b"].map(|id| (store.start(talk(id)), draft(2)));
        store.append_all(parts.into()).await.unwrap();
        let again = request(2).draft(draft(1).events, None);
        store.append(&store.load(&talk("a"), None).await.unwrap().head, again).await.unwrap();
        all.push([stores.raw_commits("a").await, stores.raw_commits("b").await].concat());
    }
    assert_eq!(all[0], all[1]);
    let seals = seals(&all[0]);
    assert_eq!(seals.iter().collect::<std::collections::BTreeSet<_>>().len(), 10, "equal values are told: {seals:#?}");
}

/// An answer was lost, and the person is erased before the command is sent again: nobody may take the answer for "it was not
/// stored, and never will be".
#[tokio::test]
async fn a_repeat_after_the_erasure_leaves_open_whether_it_was_stored() {
    let stores = Stores::default();
    let store = stores.private();
    let draft = || request(1).draft(vec![TalkEvent::from(said("Guten Tag")).encode().unwrap()], None);
    let head = store.start(talk("a"));
    store.append(&head, draft()).await.unwrap();
    stores.keys.erase(&jane(), Timestamp::EPOCH).await.unwrap();
    let error = store.append(&head, draft()).await.unwrap_err();
    assert!(matches!(error, AppendError::Store(StoreError::PersonErased(_))), "{error}");
    // Whoever looks finds it.
    let found = handle::<Talk, _, _>(&store, &NoPause, talk("a"), &said("Guten Tag"), &request(1)).await.unwrap();
    assert!(matches!(found.outcome, Outcome::Repeated(_)));
}

/// What somebody erased has left in a state is no reason to refuse what others do.
#[tokio::test]
async fn a_snapshot_about_somebody_erased_is_kept_without_them() {
    let stores = Stores::default();
    stores.say("a", 1, "Guten Tag").await;
    let store = stores.private();
    let loaded = store.load(&talk("a"), None).await.unwrap();
    let state = fold::<Talk>(&loaded.commits).unwrap().state;
    stores.keys.erase(&jane(), Timestamp::EPOCH).await.unwrap();
    let joes = Said { words: said("").to, ..said("") };
    let draft = request(2).draft(vec![TalkEvent::from(joes).encode().unwrap()], Talk::SNAPSHOTS.unwrap().take(&state));
    store.append(&loaded.head, draft).await.unwrap();
    let state = stores.raw_commits("a").await.remove(1).snapshot.unwrap().state;
    let state = String::from_utf8(state).unwrap();
    assert!(state.contains(r#"{"erased":true,"of":"jane-1"}"#) && state.contains(r#""sealed":"#), "{state}");
}

/// Shapes of which nobody can tell what is personal.
#[tokio::test]
async fn what_cannot_be_sealed_is_refused_and_never_stored() {
    #[derive(Serialize)]
    #[serde(tag = "kind")]
    enum Contact {
        Phone(Personal<String>),
    }
    #[derive(Serialize)]
    struct Flat {
        #[serde(flatten)]
        name: Personal<String>,
        also: u32,
    }
    let (stores, name) = (Stores::default(), || Personal::of(jane().id, "Jane".to_owned()));
    let tagged = serde_json::to_vec(&Contact::Phone(name())).unwrap();
    let flat = serde_json::to_vec(&Flat { name: name(), also: 1 }).unwrap();
    let nested = serde_json::to_vec(&Personal::of(joe().id, vec![name()])).unwrap();
    let torn = br#"{"personal":"Jane","of":"jane-1""#.to_vec();
    for data in [tagged, flat, nested, torn] {
        let (store, told) = (stores.private(), String::from_utf8(data.clone()).unwrap());
        assert!(has_plain(&data), "{told}");
        let event = EventData { event_type: "talk.said".to_owned(), schema: 1, data: data.clone() };
        let error = store.append(&store.start(talk("a")), request(1).draft(vec![event], None)).await.unwrap_err();
        assert!(matches!(error, AppendError::Refused(Refusal::UnclearMark { .. })), "{told}: {error}");
        let row = row(&told);
        let refused =
            Sealing::new(InMemoryViewStore::default(), &stores.keys).put(&talk("a"), Version::START, &row).await;
        assert!(!refused.unwrap_err().is_transient(), "{told}");
    }
    assert_eq!(stores.raw_commits("a").await, []);
}

#[tokio::test]
async fn what_stands_beside_a_personal_value_stays_byte_for_byte() {
    let stores = Stores::default();
    let store = stores.private();
    let data = r#"{"z":18446744073709551616,"name":{"personal":"Jane","of":"jane-1"},"a":[122.416294033786585,1e400]}"#;
    let event = EventData { event_type: "talk.said".to_owned(), schema: 1, data: data.as_bytes().to_vec() };
    store.append(&store.start(talk("a")), request(1).draft(vec![event.clone()], None)).await.unwrap();
    let raw = stored(&stores.raw_commits("a").await).remove(0);
    assert!(raw.starts_with(r#"{"z":18446744073709551616,"name":{"sealed":"#), "{raw}");
    assert_eq!(store.read(&talk("a"), Version::START).await.unwrap()[0].events, [event]);
}

#[tokio::test]
async fn a_key_that_was_lost_is_an_error_and_not_an_erasure() {
    let stores = Stores::default();
    stores.say("a", 1, "Guten Tag").await;
    let store = Opening::new(stores.raw.clone(), InMemoryPersonKeys::default());
    let error = store.read(&talk("a"), Version::START).await.unwrap_err();
    assert!(matches!(error, StoreError::Unopened { fault: Unopened::NoKey, .. }) && !error.is_transient());
    assert_eq!(error.to_string(), "default/talk-a@1: there is no key of the person");
}

/// Keys that count how often they are asked for.
#[derive(Default)]
struct Counting {
    keys: InMemoryPersonKeys,
    asked: AtomicUsize,
}

impl PersonKeys for Counting {
    async fn to_seal(&self, person: &Person) -> Result<KeyEntry, StoreError> {
        self.asked.fetch_add(1, Ordering::Relaxed);
        self.keys.to_seal(person).await
    }

    async fn to_open(&self, person: &Person) -> Result<Option<KeyEntry>, StoreError> {
        self.asked.fetch_add(1, Ordering::Relaxed);
        self.keys.to_open(person).await
    }

    async fn erase(&self, person: &Person, at: Timestamp) -> Result<(), StoreError> {
        self.keys.erase(person, at).await
    }
}

#[tokio::test]
async fn each_person_is_looked_up_once_in_a_commit_and_once_in_a_page() {
    let (raw, keys) = (InMemoryEventStore::default(), Counting::default());
    let sealing = Sealing::new(raw.clone(), &keys);
    let events: Vec<_> = ["a", "b"].map(|words| TalkEvent::from(said(words)).encode().unwrap()).into();
    sealing.append(&sealing.start(talk("a")), request(1).draft(events, None)).await.unwrap();
    assert_eq!(keys.asked.swap(0, Ordering::Relaxed), 2, "two persons in four values");

    let loaded = sealing.load(&talk("a"), None).await.unwrap();
    let sealed = loaded.commits[0].events.clone();
    sealing.append(&loaded.head, request(2).draft(sealed, None)).await.unwrap();
    assert_eq!(keys.asked.swap(0, Ordering::Relaxed), 0, "what is sealed already needs no key");

    Opening::new(raw, &keys).read(&talk("a"), Version::START).await.unwrap();
    assert_eq!(keys.asked.swap(0, Ordering::Relaxed), 2, "two persons in eight values");
}

fn row(body: &str) -> ViewRow {
    let version = Version::new(1);
    ViewRow { version, at: Timestamp::EPOCH, body: Some(body.to_owned()), listing: None, parked: None }
}

#[tokio::test]
async fn rows_are_sealed_opened_and_erased_like_events() {
    let (raw, keys) = (InMemoryViewStore::default(), Counting::default());
    let rows = Opening::new(Sealing::new(raw.clone(), &keys), &keys);
    let body = r#"{"name":{"personal":"Jane Doe","of":"jane-1"},"orders":2}"#;
    for id in ["a", "b", "c"] {
        assert_eq!(rows.put(&talk(id), Version::START, &row(body)).await.unwrap(), Put::Stored);
    }
    let stored = raw.get(&talk("a")).await.unwrap().unwrap().body.unwrap();
    assert!(!stored.contains("Jane Doe") && stored.contains("\"orders\":2"), "{stored}");
    assert_eq!(rows.get(&talk("a")).await.unwrap(), Some(row(body)));

    keys.asked.store(0, Ordering::Relaxed);
    let many = rows.get_many(&[talk("a"), talk("b"), talk("c")]).await.unwrap();
    assert_eq!(many.into_iter().map(|(_, row)| row).collect::<Vec<_>>(), [row(body), row(body), row(body)]);
    assert_eq!(keys.asked.load(Ordering::Relaxed), 1, "three rows about one person");

    keys.keys.erase(&jane(), Timestamp::EPOCH).await.unwrap();
    let erased = r#"{"name":{"erased":true,"of":"jane-1"},"orders":2}"#;
    assert_eq!(rows.get(&talk("a")).await.unwrap(), Some(row(erased)));
    assert_eq!(rows.put(&talk("d"), Version::START, &row(body)).await.unwrap(), Put::Stored);
    assert_eq!(raw.get(&talk("d")).await.unwrap(), Some(row(erased)), "a row is a copy: it is stored without her");
}

#[tokio::test]
async fn a_single_value_is_opened_by_itself() {
    let stores = Stores::default();
    stores.say("a", 1, "Guten Tag").await;
    let sealed = fold::<Talk>(&stores.raw_commits("a").await).unwrap().state.remove(0).words;
    let tenant = Tenant::default();
    let opened = open(&stores.keys, &tenant, sealed.clone()).await.unwrap();
    assert_eq!(opened, Personal::of(jane().id, "Guten Tag".to_owned()));
    assert_eq!(open(&stores.keys, &tenant, opened.clone()).await.unwrap(), opened);

    stores.keys.erase(&jane(), Timestamp::EPOCH).await.unwrap();
    assert_eq!(open(&stores.keys, &tenant, sealed.clone()).await.unwrap().reveal(), Err(Hidden::Erased));
    let error = open(&InMemoryPersonKeys::default(), &tenant, sealed).await.unwrap_err();
    assert_eq!(error.to_string(), "default/jane-1: there is no key of the person");
}
