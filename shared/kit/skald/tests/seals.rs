//! Every release seals a value in the same way, and values that are not personal pass unchanged.

#![expect(clippy::unwrap_used, reason = "a test fails by panicking")]

mod support;

use serde_json::{Value, json};
use skald::commit::{CommitId, Draft};
use skald::event::EventData;
use skald::memory::{InMemoryEventStore, InMemoryPersonKeys, InMemoryViewStore};
use skald::personal::{KeyEntry, Opening, Person, PersonId, PersonKeys, Sealing};
use skald::store::EventStore;
use skald::stream::{Tenant, Version};
use skald::time::Timestamp;
use skald::view::{Listing, ViewRow, ViewStore};
use skald_testkit::sample::account;
use uuid::Uuid;

use support::context;

fn jane() -> Person {
    Person { tenant: Tenant::default(), id: PersonId::new("jane-1").unwrap() }
}

/// A command that is repeated after a deployment has the same id, so its seals must be the same,
/// too. The expected seals are from the first release that sealed values. Two seals in one event
/// begin differently; otherwise they would reveal that the values are equal.
#[tokio::test]
async fn every_release_seals_a_commit_in_the_same_way() {
    let store = Sealing::new(InMemoryEventStore::default(), InMemoryPersonKeys::default());
    let name = json!({ "$person": "jane-1", "plain": "Jane" });
    let data = json!({ "from": name, "to": name }).to_string().into_bytes();
    let events = vec![EventData { event_type: "letter.sent".to_owned(), schema: 1, data }];
    let commit_id = CommitId::new(Uuid::from_u128(1));
    let draft =
        Draft { commit_id, at: Timestamp::EPOCH, context: context(), events, snapshot: None };
    let stored = store.append(&store.start(account("a")), draft).await.unwrap().commit;
    let stored: Value = serde_json::from_slice(&stored.events[0].data).unwrap();
    let sealed = |place: &str| stored[place]["sealed"].as_str().unwrap().to_owned();
    assert_eq!(sealed("from"), "Aa9ajtdhENa+c4Z+nBTUJIaXLlO3GcuAt/k9F3UpUlEiYRc");
    assert_eq!(sealed("to"), "AR5WLBK2K3NLmMGfSNcu+Xq3JU6HB7ILwzGAlfARrmMZOOQ");
}

#[tokio::test]
async fn the_entries_of_lists_pass_unchanged() {
    let (views, keys) = (InMemoryViewStore::default(), InMemoryPersonKeys::default());
    let listing = Some(Listing { group: "talks".to_owned(), sort: "a".to_owned() });
    let row = ViewRow {
        version: Version::new(1),
        at: Timestamp::EPOCH,
        body: None,
        listing,
        worklist: None,
        parked: None,
    };
    views.put(&account("a"), Version::START, &row).await.unwrap();
    let listed = views.list("talks", None, 9).await.unwrap();
    assert_eq!(listed.entries.len(), 1);
    assert_eq!(Sealing::new(views.clone(), &keys).list("talks", None, 9).await.unwrap(), listed);
    assert_eq!(Opening::new(views, &keys).list("talks", None, 9).await.unwrap(), listed);
}

/// Callers often have only a reference to the keys.
#[tokio::test]
async fn a_person_can_be_erased_through_borrowed_keys() {
    async fn erase(keys: impl PersonKeys, person: &Person) {
        keys.erase(person, Timestamp::EPOCH).await.unwrap();
    }
    let keys = InMemoryPersonKeys::default();
    keys.to_seal(&jane()).await.unwrap();
    erase(&keys, &jane()).await;
    assert!(matches!(keys.to_open(&jane()).await.unwrap(), Some(KeyEntry::Erased)));
}
