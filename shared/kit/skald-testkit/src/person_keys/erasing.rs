//! Erasing a person: the key is permanently destroyed, everywhere.

use std::collections::BTreeSet;

use skald::memory::InMemoryViewStore;
use skald::personal::{Person, Sealing};

use super::PersonKeysFixture;
use super::showing::{Same, Shown, erase, opened, person, to_open, to_seal, written};
use crate::concurrent::run_all;
use crate::pause::yield_now;

/// Asserts that the person has no key, in either process, to seal or to open.
async fn assert_erased<F: PersonKeysFixture>(fixture: &F, person: &Person) {
    for keys in [fixture.keys(), fixture.elsewhere()] {
        assert_eq!(
            to_open(keys, person).await,
            Some(Shown::Erased),
            "to open for {}",
            person.key()
        );
        assert_eq!(to_seal(keys, person).await, Shown::Erased, "to seal for {}", person.key());
    }
}

/// An erased person has no key, neither to seal nor to open.
pub async fn an_erased_person_has_no_key<F: PersonKeysFixture>(fixture: &F) {
    to_seal(fixture.keys(), &person("c-1")).await;
    erase(fixture.keys(), &person("c-1"), 60).await;
    assert_erased(fixture, &person("c-1")).await;
}

/// A person who is erased before the first use of a key never gets one.
pub async fn a_person_erased_before_their_first_key_never_gets_one<F: PersonKeysFixture>(
    fixture: &F,
) {
    erase(fixture.keys(), &person("c-1"), 60).await;
    assert_erased(fixture, &person("c-1")).await;
    assert_erased(fixture, &person("c-1")).await;
}

/// Erasing may be repeated when its answer was lost.
pub async fn erasing_again_changes_nothing<F: PersonKeysFixture>(fixture: &F) {
    to_seal(fixture.keys(), &person("c-1")).await;
    for person in [person("c-1"), person("c-2")] {
        for seconds in [60, 61, 0] {
            erase(fixture.keys(), &person, seconds).await;
            erase(fixture.elsewhere(), &person, seconds).await;
            assert_erased(fixture, &person).await;
        }
    }
}

/// A key that another process has cached and just used is destroyed, too.
pub async fn a_cached_key_is_gone_as_soon_as_it_is_erased<F: PersonKeysFixture>(fixture: &F) {
    let (keys, elsewhere) = (fixture.keys(), fixture.elsewhere());
    for (number, eraser, user) in [(1, keys, elsewhere), (2, elsewhere, keys)] {
        let jane = person(&format!("c-{number}"));
        let key = to_seal(user, &jane).await;
        for _ in 0..2 {
            assert_eq!(to_open(user, &jane).await, Some(key.clone()));
        }
        erase(eraser, &jane, 60).await;
        assert_eq!(to_open(user, &jane).await, Some(Shown::Erased));
        assert_eq!(to_seal(user, &jane).await, Shown::Erased);
    }
}

/// Other persons keep their keys, even a person with the same id of another tenant.
pub async fn erasing_one_person_keeps_the_keys_of_others<F: PersonKeysFixture>(fixture: &F) {
    let elsewhere = skald::stream::Tenant::new("other").expect("a valid tenant");
    let others =
        [Person { tenant: elsewhere, ..person("c-1") }, person("c-11"), person("C-1"), person("c")];
    let mut keys = Vec::new();
    for other in &others {
        keys.push(to_seal(fixture.keys(), other).await);
    }
    to_seal(fixture.keys(), &person("c-1")).await;
    erase(fixture.keys(), &person("c-1"), 60).await;
    for (other, key) in others.iter().zip(keys) {
        assert_eq!(to_open(fixture.elsewhere(), other).await, Some(key), "{}", other.key());
    }
}

/// A person who is erased while the first key is made is erased in every order of the calls.
pub async fn erasing_while_the_first_key_is_made_is_permanent<F: PersonKeysFixture>(fixture: &F) {
    for round in 0..9 {
        let jane = person(&format!("c-{round}"));
        let seen = run_all((0..9).map(|number: usize| {
            let jane = &jane;
            async move {
                let keys =
                    if number.is_multiple_of(2) { fixture.keys() } else { fixture.elsewhere() };
                for _ in 0..(number * round) % 7 {
                    yield_now().await;
                }
                if number == round {
                    erase(keys, jane, 60).await;
                }
                to_seal(keys, jane).await
            }
        }));
        let seen = seen.await;
        assert_eq!(seen[round], Shown::Erased, "a caller got a key after its erasure");
        let keys: BTreeSet<Shown> =
            seen.into_iter().filter(|shown| *shown != Shown::Erased).collect();
        assert!(keys.len() <= 1, "one person got two keys");
        assert_erased(fixture, &jane).await;
    }
}

/// After the erasure, no concurrent calls bring the key back.
pub async fn an_erased_key_never_comes_back<F: PersonKeysFixture>(fixture: &F) {
    let jane = person("c-1");
    to_seal(fixture.keys(), &jane).await;
    erase(fixture.elsewhere(), &jane, 60).await;
    let calls = run_all((0..16).map(|number: usize| {
        let jane = &jane;
        async move {
            let keys = if number.is_multiple_of(2) { fixture.keys() } else { fixture.elsewhere() };
            match number % 3 {
                0 => erase(keys, jane, 61).await,
                1 => assert_eq!(to_seal(keys, jane).await, Shown::Erased),
                _ => assert_eq!(to_open(keys, jane).await, Some(Shown::Erased)),
            }
        }
    }));
    calls.await;
    assert_erased(fixture, &jane).await;
}

/// Sealed values remain stored, and open as erased.
pub async fn sealed_values_of_an_erased_person_open_as_erased<F: PersonKeysFixture>(fixture: &F) {
    let rows = InMemoryViewStore::default();
    written(&Sealing::new(rows.clone(), Same(fixture.keys())), &rows, "c-1").await;
    erase(fixture.keys(), &person("c-1"), 60).await;
    for keys in [fixture.keys(), fixture.elsewhere()] {
        assert_eq!(opened(&rows, keys).await, r#"{"$person":"c-1","erased":true}"#);
    }
}
