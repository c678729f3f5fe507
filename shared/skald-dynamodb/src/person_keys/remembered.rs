//! What wrapped keys were unwrapped to.

use std::collections::HashMap;
use std::sync::{Mutex, MutexGuard, PoisonError};

use skald::{Person, PersonKey};

/// Most keys that are remembered at once.
const KEYS: usize = 1000;

/// The keys that were unwrapped here, by person. One is good only together with the wrapped key that it came from, which
/// the table shows: so nothing here outlives what is there.
#[derive(Default)]
pub(super) struct Remembered(Mutex<HashMap<Person, Unwrapped>>);

struct Unwrapped {
    from: Vec<u8>,
    key: PersonKey,
}

impl Remembered {
    /// What this wrapped key was unwrapped to.
    pub(super) fn get(&self, person: &Person, wrapped: &[u8]) -> Option<PersonKey> {
        let keys = self.lock();
        keys.get(person).filter(|unwrapped| unwrapped.from == wrapped).map(|unwrapped| unwrapped.key.clone())
    }

    /// In place of any other key if there are too many: whoever loses theirs has it unwrapped again.
    pub(super) fn keep(&self, person: Person, wrapped: Vec<u8>, key: PersonKey) {
        let mut keys = self.lock();
        if keys.len() >= KEYS
            && !keys.contains_key(&person)
            && let Some(any) = keys.keys().next().cloned()
        {
            keys.remove(&any);
        }
        keys.insert(person, Unwrapped { from: wrapped, key });
    }

    /// Wipes the person's key from memory.
    pub(super) fn forget(&self, person: &Person) {
        self.lock().remove(person);
    }

    fn lock(&self) -> MutexGuard<'_, HashMap<Person, Unwrapped>> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

#[cfg(test)]
mod tests {
    use skald::{PersonId, Tenant};

    use super::*;

    fn person(number: usize) -> Person {
        Person { tenant: Tenant::default(), id: PersonId::new(format!("c-{number}")).unwrap() }
    }

    fn keep(remembered: &Remembered, number: usize, wrapped: &[u8]) {
        remembered.keep(person(number), wrapped.to_vec(), PersonKey::new([7; 32]));
    }

    #[test]
    fn a_key_is_good_for_its_person_and_its_wrapped_key_alone() {
        let remembered = Remembered::default();
        keep(&remembered, 1, b"wrapped");
        assert!(remembered.get(&person(1), b"wrapped").is_some());
        assert!(remembered.get(&person(1), b"another").is_none());
        assert!(remembered.get(&person(2), b"wrapped").is_none());
        remembered.forget(&person(1));
        assert!(remembered.get(&person(1), b"wrapped").is_none());
    }

    #[test]
    fn however_many_persons_come_the_last_is_remembered_and_there_are_not_too_many() {
        let remembered = Remembered::default();
        for number in 0..2 * KEYS {
            keep(&remembered, number, b"old");
            keep(&remembered, number, b"wrapped");
            assert!(remembered.get(&person(number), b"wrapped").is_some());
            assert!(remembered.lock().len() <= KEYS);
        }
        assert_eq!(remembered.lock().len(), KEYS);
    }
}
