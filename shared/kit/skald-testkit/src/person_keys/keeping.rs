//! Keys are made once and do not change.

use std::collections::BTreeSet;

use skald::memory::InMemoryViewStore;
use skald::personal::{Person, PersonId, Sealing};
use skald::stream::Tenant;

use super::PersonKeysFixture;
use super::showing::{Same, Shown, opened, person, plain, to_open, to_seal, written};
use crate::concurrent::run_all;
use crate::pause::yield_now;

/// Opening values of a person without a key makes no key.
pub async fn a_person_without_a_key_has_none<F: PersonKeysFixture>(fixture: &F) {
    to_seal(fixture.keys(), &person("c-1")).await;
    for _ in 0..2 {
        assert_eq!(to_open(fixture.keys(), &person("c-2")).await, None);
        assert_eq!(to_open(fixture.elsewhere(), &person("c-2")).await, None);
    }
}

/// The key of the first seal is used for all later values, to seal and to open.
pub async fn a_key_stays_the_same<F: PersonKeysFixture>(fixture: &F) {
    let (keys, elsewhere, jane) = (fixture.keys(), fixture.elsewhere(), person("c-1"));
    let first = to_seal(keys, &jane).await;
    assert!(matches!(first, Shown::Key(_)), "a new person has no key");
    for _ in 0..2 {
        assert_eq!(to_seal(keys, &jane).await, first);
        assert_eq!(to_open(keys, &jane).await, Some(first.clone()));
        assert_eq!(to_open(elsewhere, &jane).await, Some(first.clone()), "elsewhere, to open");
        assert_eq!(to_seal(elsewhere, &jane).await, first, "elsewhere, to seal");
    }
}

/// No two persons share a key, even if their ids are similar, or equal and of two tenants.
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
            "{} has the key of another person",
            person.key()
        );
    }
    for person in &persons {
        let key = to_open(fixture.elsewhere(), person).await;
        assert!(
            key.is_some_and(|key| keys.remove(&key)),
            "the key of {} has changed",
            person.key()
        );
    }
}

/// If eight concurrent callers need a person's first key, in two processes, one key is made.
pub async fn eight_concurrent_callers_get_the_same_first_key<F: PersonKeysFixture>(fixture: &F) {
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
        assert_eq!(made.len(), 1, "keys of one person");
        assert_eq!(to_open(fixture.keys(), &jane).await.as_ref(), made.first(), "the stored key");
    }
}

/// A value that one process sealed is opened by another.
pub async fn a_value_sealed_by_one_process_opens_in_another<F: PersonKeysFixture>(fixture: &F) {
    let rows = InMemoryViewStore::default();
    let sealed = written(&Sealing::new(rows.clone(), Same(fixture.keys())), &rows, "c-1").await;
    assert!(!sealed.contains("Jane"), "the value is stored in plain text");
    assert_eq!(opened(&rows, fixture.elsewhere()).await, plain("c-1"));
}
