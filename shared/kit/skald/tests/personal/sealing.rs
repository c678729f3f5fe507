//! Personal values are stored sealed, and values that cannot be sealed are not stored.

use serde::Serialize;
use skald::commit::Commit;
use skald::decider::fold;
use skald::event::{DomainEvent, EventData};
use skald::handle::Handler;
use skald::memory::InMemoryViewStore;
use skald::personal::{Personal, SealedError, Sealing, has_plain};
use skald::store::{AppendError, EventStore, InvalidAppend};
use skald::stream::Version;
use skald::view::ViewStore;

use crate::talk::{Said, Stores, Talk, TalkEvent, jane, joe, request, row, said, stored, talk};
use skald_testkit::NoPause;

#[tokio::test]
async fn personal_values_are_stored_sealed_and_readers_with_keys_see_them() {
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
    assert_eq!(stores.read_all("a").await, [said("Guten Tag"), said("Auf Wiedersehen")]);
}

#[tokio::test]
async fn a_reader_without_keys_can_copy_a_sealed_value() {
    let stores = Stores::default();
    stores.say("a", 1, "Guten Tag").await;
    let sealed = fold::<Talk>(&stores.raw_commits("a").await).unwrap().state.remove(0);
    assert_eq!(sealed.words.reveal(), Err(SealedError::Sealed));

    // The raw store is used, so no key is available.
    Handler::new(&stores.raw, NoPause)
        .handle::<Talk>(&talk("b"), &sealed, &request(2))
        .await
        .unwrap();
    assert_eq!(stores.read_all("b").await, [said("Guten Tag")]);
}

/// The sealed form of each stored value.
fn seals(commits: &[Commit]) -> Vec<String> {
    let said = commits
        .iter()
        .flat_map(|commit| &commit.events)
        .map(|stored| TalkEvent::decode(stored).unwrap());
    said.flat_map(|TalkEvent::Said(said)| [said.words, said.to])
        .map(|value| serde_json::to_string(&value).unwrap())
        .collect()
}

#[tokio::test]
async fn a_commit_is_always_sealed_in_the_same_way_and_no_two_seals_are_equal() {
    let mut all = Vec::new();
    for _ in 0..2 {
        let stores = Stores::default();
        let store = stores.private();
        let draft = |events: usize| {
            let event =
                TalkEvent::from(Said { words: said("Joe Roe").to, ..said("") }).encode().unwrap();
            request(1).draft(vec![event; events], None)
        };
        // One command writes two streams: both commits have its id.
        let parts = ["a", "b"].map(|id| (store.start(talk(id)), draft(2)));
        store.append_all(parts.into()).await.unwrap();
        let again = request(2).draft(draft(1).events, None);
        store.append(&store.load(&talk("a"), None).await.unwrap().head, again).await.unwrap();
        all.push([stores.raw_commits("a").await, stores.raw_commits("b").await].concat());
    }
    assert_eq!(all[0], all[1]);
    let seals = seals(&all[0]);
    assert_eq!(
        seals.iter().collect::<std::collections::BTreeSet<_>>().len(),
        10,
        "equal values have equal seals: {seals:#?}"
    );
}

/// JSON in which personal values cannot be recognised.
#[tokio::test]
async fn a_value_that_cannot_be_sealed_is_rejected_and_never_stored() {
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
    let torn = br#"{"$person":"jane-1","plain":"Jane""#.to_vec();
    for data in [tagged, flat, nested, torn] {
        let (store, shown) = (stores.private(), String::from_utf8(data.clone()).unwrap());
        assert!(has_plain(&data), "{shown}");
        let event = EventData { event_type: "talk.said".to_owned(), schema: 1, data: data.clone() };
        let error = store
            .append(&store.start(talk("a")), request(1).draft(vec![event], None))
            .await
            .unwrap_err();
        assert!(
            matches!(error, AppendError::Invalid(InvalidAppend::Json { .. })),
            "{shown}: {error}"
        );
        let row = row(&shown);
        let put = Sealing::new(InMemoryViewStore::default(), &stores.keys)
            .put(&talk("a"), Version::START, &row)
            .await;
        assert!(!put.unwrap_err().is_transient(), "{shown}");
    }
    assert_eq!(stores.raw_commits("a").await, []);
}

#[tokio::test]
async fn json_beside_a_personal_value_is_preserved_byte_for_byte() {
    let stores = Stores::default();
    let store = stores.private();
    let data = r#"{"z":18446744073709551616,"name":{"$person":"jane-1","plain":"Jane"},"a":[122.416294033786585,1e300]}"#;
    let event =
        EventData { event_type: "talk.said".to_owned(), schema: 1, data: data.as_bytes().to_vec() };
    store
        .append(&store.start(talk("a")), request(1).draft(vec![event.clone()], None))
        .await
        .unwrap();
    let raw = stored(&stores.raw_commits("a").await).remove(0);
    assert!(
        raw.starts_with(r#"{"z":18446744073709551616,"name":{"$person":"jane-1","sealed":"#),
        "{raw}"
    );
    assert_eq!(store.read(&talk("a"), Version::START).await.unwrap()[0].events, [event]);
}
