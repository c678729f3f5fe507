//! Keys are made once, and kept.

use std::collections::BTreeSet;

use skald::memory::InMemoryViewStore;
use skald::personal::{Person, PersonId, Sealing};
use skald::stream::Tenant;

use super::PersonKeysFixture;
use super::showing::{Same, Shown, opened, person, plain, to_open, to_seal, written};
use crate::concurrent::run_all;
use crate::pause::yield_now;

/// Looking for a key makes none.
pub async fn somebody_who_never_had_a_key_has_none<F: PersonKeysFixture>(fixture: &F) {
    to_seal(fixture.keys(), &person("c-1")).await;
    for _ in 0..2 {
        assert_eq!(to_open(fixture.keys(), &person("c-2")).await, None);
        assert_eq!(to_open(fixture.elsewhere(), &person("c-2")).await, None);
    }
}

/// The key that is made for the first to seal is everybody's from then on, to seal and to open.
pub async fn a_key_stays_the_same<F: PersonKeysFixture>(fixture: &F) {
    let (keys, elsewhere, jane) = (fixture.keys(), fixture.elsewhere(), person("c-1"));
    let first = to_seal(keys, &jane).await;
    assert!(matches!(first, Shown::Key(_)), "a new person is taken for an erased one");
    for _ in 0..2 {
        assert_eq!(to_seal(keys, &jane).await, first);
        assert_eq!(to_open(keys, &jane).await, Some(first.clone()));
        assert_eq!(to_open(elsewhere, &jane).await, Some(first.clone()), "elsewhere, to open");
        assert_eq!(to_seal(elsewhere, &jane).await, first, "elsewhere, to seal");
    }
}

/// No two persons share a key, however alike their names, nor do persons of the same id with two
/// tenants.
pub async fn every_person_has_a_key_of_their_own<F: PersonKeysFixture>(fixture: &F) {
    let persons = ["default", "other", "Other"].into_iter().flat_map(|tenant| {
        ["c-1", "c-2", "C-1", "c-11", "c", "c.1", "c_1"].map(|id| Person {
            tenant: Tenant::new(tenant).expect("a valid tenant"),
            id: PersonId::new(id).expect("a valid id"),
        })
    });
    let persons: Vec<Person> = persons.collect();
    let mut keys = BTreeSet::new();
    for person in &persons {
        assert!(
            keys.insert(to_seal(fixture.keys(), person).await),
            "{} has somebody else's key",
            person.key()
        );
    }
    for person in &persons {
        let key = to_open(fixture.elsewhere(), person).await;
        assert!(
            key.is_some_and(|key| keys.remove(&key)),
            "{} has another key by now",
            person.key()
        );
    }
}

/// However many need a person's first key at once, and wherever, one is made.
pub async fn eight_at_once_all_get_the_same_first_key<F: PersonKeysFixture>(fixture: &F) {
    for round in 0..5 {
        let jane = person(&format!("c-{round}"));
        let made = run_all((0..8).map(|number: usize| {
            let jane = &jane;
            async move {
                let keys =
                    if number.is_multiple_of(2) { fixture.keys() } else { fixture.elsewhere() };
                for _ in 0..(number * round) % 5 {
                    yield_now().await;
                }
                to_seal(keys, jane).await
            }
        }));
        let made: BTreeSet<Shown> = made.await.into_iter().collect();
        assert_eq!(made.len(), 1, "keys that were made for one person");
        assert_eq!(
            to_open(fixture.keys(), &jane).await.as_ref(),
            made.first(),
            "the key that was kept"
        );
    }
}

/// What is sealed with a key is opened with it, by whoever asks.
pub async fn what_is_sealed_in_one_place_opens_in_another<F: PersonKeysFixture>(fixture: &F) {
    let rows = InMemoryViewStore::default();
    let sealed = written(&Sealing::new(rows.clone(), Same(fixture.keys())), &rows, "c-1").await;
    assert!(!sealed.contains("Jane"), "it is stored as it is");
    assert_eq!(opened(&rows, fixture.elsewhere()).await, plain("c-1"));
}
