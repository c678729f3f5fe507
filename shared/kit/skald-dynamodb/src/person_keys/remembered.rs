//! The cache of unwrapped keys.

use std::collections::HashMap;
use std::sync::{Mutex, MutexGuard, PoisonError};

use skald::personal::{Person, PersonKey};
use skald::time::Timestamp;

/// The maximum number of keys that are remembered at the same time.
const KEYS: usize = 250;
/// How long a key is remembered after it was unwrapped, in milliseconds.
const REMEMBERED_MS: i64 = 5 * 60 * 1000;

/// The keys that this process has unwrapped, by person. A key is valid only together with the
/// wrapped key that it came from, which the table contains: the cache alone never answers a
/// request. A removed key is wiped from memory, unless a call in progress still uses it.
#[derive(Default)]
pub(super) struct Remembered(Mutex<HashMap<Person, Unwrapped>>);

struct Unwrapped {
    from: Vec<u8>,
    key: PersonKey,
    since: Timestamp,
}

impl Unwrapped {
    /// Whether the key may still be used. Setting the clock back does not extend its time.
    fn is_good(&self, now: Timestamp) -> bool {
        (self.since..self.since.plus_millis(REMEMBERED_MS)).contains(&now)
    }
}

impl Remembered {
    /// The key that this wrapped key was unwrapped to. A key that came from another wrapped key of
    /// the person is forgotten.
    pub(super) fn get(&self, person: &Person, wrapped: &[u8]) -> Option<PersonKey> {
        let mut keys = self.lock();
        if keys.get(person)?.from != wrapped {
            keys.remove(person);
        }
        keys.get(person).map(|unwrapped| unwrapped.key.clone())
    }

    /// Remembers a key. If there are too many, it replaces the oldest one, which must be unwrapped
    /// again for the next use.
    pub(super) fn keep(&self, person: Person, wrapped: Vec<u8>, key: PersonKey, now: Timestamp) {
        let mut keys = self.lock();
        keys.insert(person, Unwrapped { from: wrapped, key, since: now });
        if keys.len() > KEYS
            && let Some(oldest) =
                keys.iter().min_by_key(|(_, unwrapped)| unwrapped.since).map(|(of, _)| of.clone())
        {
            keys.remove(&oldest);
        }
    }

    /// Forgets the person's key.
    pub(super) fn forget(&self, person: &Person) {
        self.lock().remove(person);
    }

    /// Forgets all keys that were unwrapped too long ago.
    pub(super) fn forget_old(&self, now: Timestamp) {
        self.lock().retain(|_, unwrapped| unwrapped.is_good(now));
    }

    fn lock(&self) -> MutexGuard<'_, HashMap<Person, Unwrapped>> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

#[cfg(test)]
mod tests {
    use skald::personal::PersonId;
    use skald::stream::Tenant;

    use super::*;

    fn person(number: usize) -> Person {
        Person { tenant: Tenant::default(), id: PersonId::new(format!("c-{number}")).unwrap() }
    }

    fn at(millis: i64) -> Timestamp {
        Timestamp::from_millis(millis).unwrap()
    }

    fn keep(remembered: &Remembered, number: usize, wrapped: &[u8], millis: i64) {
        remembered.keep(person(number), wrapped.to_vec(), PersonKey::new([7; 32]), at(millis));
    }

    /// The persons whose keys are in memory.
    fn kept(remembered: &Remembered) -> Vec<String> {
        let mut kept: Vec<String> = remembered.lock().keys().map(Person::key).collect();
        kept.sort();
        kept
    }

    #[test]
    fn a_key_is_good_for_its_person_and_its_wrapped_key_alone() {
        let remembered = Remembered::default();
        keep(&remembered, 1, b"wrapped", 0);
        assert!(remembered.get(&person(2), b"wrapped").is_none());
        assert!(remembered.get(&person(1), b"wrapped").is_some());
        assert!(remembered.get(&person(1), b"another").is_none());
        assert_eq!(kept(&remembered), [""; 0], "a key that the table does not show any more");
    }

    #[test]
    fn what_is_forgotten_is_not_in_memory() {
        let remembered = Remembered::default();
        keep(&remembered, 1, b"wrapped", 0);
        keep(&remembered, 2, b"wrapped", 0);
        remembered.forget(&person(1));
        assert_eq!(kept(&remembered), ["default/c-2"]);
    }

    #[test]
    fn after_five_minutes_a_key_is_forgotten_whether_its_person_comes_again_or_not() {
        let remembered = Remembered::default();
        keep(&remembered, 1, b"wrapped", 0);
        keep(&remembered, 2, b"wrapped", 1);
        remembered.forget_old(at(REMEMBERED_MS - 1));
        assert_eq!(kept(&remembered), ["default/c-1", "default/c-2"]);
        remembered.forget_old(at(REMEMBERED_MS));
        assert_eq!(kept(&remembered), ["default/c-2"]);
        remembered.forget_old(at(0));
        assert_eq!(kept(&remembered), [""; 0], "a clock that is set back keeps no key longer");
    }

    #[test]
    fn however_many_persons_come_the_last_are_remembered_and_there_are_not_too_many() {
        let remembered = Remembered::default();
        for number in 0..2 * KEYS {
            let millis = i64::try_from(number).unwrap();
            keep(&remembered, number, b"old", millis);
            keep(&remembered, number, b"wrapped", millis);
            assert!(remembered.get(&person(number), b"wrapped").is_some());
            assert!(remembered.lock().len() <= KEYS);
        }
        for number in 0..2 * KEYS {
            assert_eq!(
                remembered.get(&person(number), b"wrapped").is_some(),
                number >= KEYS,
                "{number}"
            );
        }
    }
}
