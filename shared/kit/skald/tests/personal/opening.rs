//! Every read opens sealed values: in commits, in rows, and one by one. No read requests a key more
//! often than necessary.

use std::sync::atomic::{AtomicUsize, Ordering};

use skald::decider::fold;
use skald::event::DomainEvent;
use skald::memory::{InMemoryEventStore, InMemoryPersonKeys, InMemoryViewStore};
use skald::personal::{
    KeyEntry, OpenError, Opening, Person, PersonKeys, Personal, SealedError, Sealing, open,
};
use skald::snapshot::Snapshot;
use skald::store::{AppendError, EventStore, StoreError};
use skald::stream::{Tenant, Version};
use skald::time::Timestamp;
use skald::view::{Put, ViewStore};

use crate::talk::{Stores, Talk, TalkEvent, jane, request, row, said, stored, talk};

#[tokio::test]
async fn a_lost_key_is_an_error_and_not_an_erasure() {
    let stores = Stores::default();
    stores.say("a", 1, "Guten Tag").await;
    let store = Opening::new(stores.raw.clone(), InMemoryPersonKeys::default());
    let error = store.read(&talk("a"), Version::START).await.unwrap_err();
    assert!(
        matches!(error, StoreError::OpenError { fault: OpenError::NoKey, .. })
            && !error.is_transient()
    );
    assert_eq!(error.to_string(), "default/talk-a@1: there is no key of the person");
}

/// Keys that count their requests.
#[derive(Default)]
struct Counting {
    keys: InMemoryPersonKeys,
    calls: AtomicUsize,
}

impl PersonKeys for Counting {
    async fn to_seal(&self, person: &Person) -> Result<KeyEntry, StoreError> {
        self.calls.fetch_add(1, Ordering::Relaxed);
        self.keys.to_seal(person).await
    }

    async fn to_open(&self, person: &Person) -> Result<Option<KeyEntry>, StoreError> {
        self.calls.fetch_add(1, Ordering::Relaxed);
        self.keys.to_open(person).await
    }

    async fn erase(&self, person: &Person, at: Timestamp) -> Result<(), StoreError> {
        self.keys.erase(person, at).await
    }
}

#[tokio::test]
async fn the_key_of_a_person_is_read_once_for_a_commit_and_once_for_a_page() {
    let (raw, keys) = (InMemoryEventStore::default(), Counting::default());
    let sealing = Sealing::new(raw.clone(), &keys);
    let events: Vec<_> =
        ["a", "b"].map(|words| TalkEvent::from(said(words)).encode().unwrap()).into();
    sealing.append(&sealing.start(talk("a")), request(1).draft(events, None)).await.unwrap();
    assert_eq!(keys.calls.swap(0, Ordering::Relaxed), 2, "two persons in four values");

    let loaded = sealing.load(&talk("a"), None).await.unwrap();
    let sealed = loaded.commits[0].events.clone();
    sealing.append(&loaded.head, request(2).draft(sealed, None)).await.unwrap();
    assert_eq!(
        keys.calls.swap(0, Ordering::Relaxed),
        0,
        "values that are already sealed need no key"
    );

    Opening::new(raw, &keys).read(&talk("a"), Version::START).await.unwrap();
    assert_eq!(keys.calls.swap(0, Ordering::Relaxed), 2, "two persons in eight values");
}

/// A copied sealed value is returned plain, like the values that were given plain. Plain values
/// cost no further read.
#[tokio::test]
async fn an_append_returns_plain_values_for_plain_and_sealed_ones() {
    let stores = Stores::default();
    stores.say("a", 1, "Guten Tag").await;
    let sealed = stores.raw_commits("a").await.remove(0).events;
    let keys = Counting { keys: stores.keys.clone(), calls: AtomicUsize::new(0) };
    let store = Opening::new(Sealing::new(stores.raw.clone(), &keys), &keys);
    let events = [
        TalkEvent::from(said("Auf Wiedersehen")).encode().unwrap(),
        TalkEvent::from(said("Guten Tag")).encode().unwrap(),
    ];
    let given = [vec![events[0].clone()], sealed].concat();
    let appended =
        store.append(&store.start(talk("b")), request(2).draft(given.clone(), None)).await.unwrap();
    assert_eq!(appended.commit.events, events);
    assert_eq!(
        keys.calls.load(Ordering::Relaxed),
        4,
        "two persons in the values to seal, and two in the values to open"
    );

    let repeated =
        store.append(&store.start(talk("b")), request(2).draft(given, None)).await.unwrap();
    assert_eq!((repeated.repeated, repeated.commit), (true, appended.commit));
}

/// Keys that fail requests for opening.
struct Silent;

impl PersonKeys for Silent {
    async fn to_seal(&self, _: &Person) -> Result<KeyEntry, StoreError> {
        self.to_open(&jane()).await.map(|_| panic!("there is no answer"))
    }

    async fn to_open(&self, _: &Person) -> Result<Option<KeyEntry>, StoreError> {
        Err(StoreError::Unavailable { operation: "open", source: "no answer".into() })
    }

    async fn erase(&self, _: &Person, _: Timestamp) -> Result<(), StoreError> {
        Ok(())
    }
}

/// A durable append must not fail because of something that only its result needs.
#[tokio::test]
async fn a_new_commit_is_returned_as_written_without_another_key() {
    let stores = Stores::default();
    let store = Opening::new(Sealing::new(stores.raw.clone(), stores.keys.clone()), Silent);
    let state = serde_json::to_vec(&[said("Guten Tag")]).unwrap();
    let snapshot = Snapshot { schema: 1, state };
    let events = vec![TalkEvent::from(said("Guten Tag")).encode().unwrap()];
    for (number, all) in [(1, false), (2, true)] {
        let (stream, given) = (
            talk(&number.to_string()),
            request(number).draft(events.clone(), Some(snapshot.clone())),
        );
        let appended = if all {
            let other = request(number).draft(events.clone(), None);
            let parts = vec![(store.start(stream), given), (store.start(talk("other")), other)];
            store.append_all(parts).await.unwrap().remove(0)
        } else {
            store.append(&store.start(stream), given).await.unwrap()
        };
        assert_eq!(
            (&appended.commit.events, &appended.commit.snapshot),
            (&events, &Some(snapshot.clone()))
        );
        let stored = stored(&stores.raw_commits(&number.to_string()).await);
        assert!(
            stored.len() == 2 && stored.iter().all(|json| !json.contains("Guten Tag")),
            "{stored:?}"
        );
    }

    // A value that needs a key to be shown is not written without the key.
    let sealed = stores.raw_commits("1").await.remove(0).snapshot;
    let draft = request(3).draft(events, sealed);
    let error = store.append(&store.start(talk("3")), draft).await.unwrap_err();
    assert!(matches!(error, AppendError::Store(StoreError::Unavailable { .. })), "{error}");
    assert_eq!(stores.raw_commits("3").await, []);
}

/// Values that no read could ever open are not stored.
#[tokio::test]
async fn a_sealed_value_that_does_not_open_is_not_appended() {
    let stores = Stores::default();
    stores.say("a", 1, "Guten Tag").await;
    let sealed = stores.raw_commits("a").await.remove(0).events;
    let store = Opening::new(stores.raw.clone(), InMemoryPersonKeys::default());
    let error =
        store.append(&store.start(talk("b")), request(2).draft(sealed, None)).await.unwrap_err();
    assert!(
        matches!(error, AppendError::Store(StoreError::OpenError { fault: OpenError::NoKey, .. })),
        "{error}"
    );
    assert_eq!(stores.raw_commits("b").await, []);
}

#[tokio::test]
async fn rows_are_sealed_opened_and_erased_like_events() {
    let (raw, keys) = (InMemoryViewStore::default(), Counting::default());
    let rows = Opening::new(Sealing::new(raw.clone(), &keys), &keys);
    let body = r#"{"name":{"$person":"jane-1","plain":"Jane Doe"},"orders":2}"#;
    for id in ["a", "b", "c"] {
        assert_eq!(rows.put(&talk(id), Version::START, &row(body)).await.unwrap(), Put::Stored);
    }
    let stored = raw.get(&talk("a")).await.unwrap().unwrap().body.unwrap();
    assert!(!stored.contains("Jane Doe") && stored.contains("\"orders\":2"), "{stored}");
    assert_eq!(rows.get(&talk("a")).await.unwrap(), Some(row(body)));

    keys.calls.store(0, Ordering::Relaxed);
    let many = rows.get_many(&[talk("a"), talk("b"), talk("c")]).await.unwrap();
    assert_eq!(
        many.rows.into_iter().map(|(_, row)| row).collect::<Vec<_>>(),
        [row(body), row(body), row(body)]
    );
    assert_eq!(keys.calls.load(Ordering::Relaxed), 1, "three rows about one person");

    keys.keys.erase(&jane(), Timestamp::EPOCH).await.unwrap();
    let erased = r#"{"name":{"$person":"jane-1","erased":true},"orders":2}"#;
    assert_eq!(rows.get(&talk("a")).await.unwrap(), Some(row(erased)));
    assert_eq!(rows.put(&talk("d"), Version::START, &row(body)).await.unwrap(), Put::Stored);
    assert_eq!(
        raw.get(&talk("d")).await.unwrap(),
        Some(row(erased)),
        "a row is a copy, so it is stored without the erased value"
    );
}

#[tokio::test]
async fn a_single_value_can_be_opened() {
    let stores = Stores::default();
    stores.say("a", 1, "Guten Tag").await;
    let sealed = fold::<Talk>(&stores.raw_commits("a").await).unwrap().state.remove(0).words;
    let tenant = Tenant::default();
    let opened = open(&stores.keys, &tenant, sealed.clone()).await.unwrap();
    assert_eq!(opened, Personal::of(jane().id, "Guten Tag".to_owned()));
    assert_eq!(open(&stores.keys, &tenant, opened.clone()).await.unwrap(), opened);

    stores.keys.erase(&jane(), Timestamp::EPOCH).await.unwrap();
    assert_eq!(
        open(&stores.keys, &tenant, sealed.clone()).await.unwrap().reveal(),
        Err(SealedError::Erased)
    );
    let error = open(&InMemoryPersonKeys::default(), &tenant, sealed).await.unwrap_err();
    assert_eq!(error.to_string(), "default/jane-1: there is no key of the person");
}
