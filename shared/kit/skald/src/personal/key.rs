//! A person's key, its operations, and the port to the storage of keys.
//!
//! Values are sealed with AES-256-GCM-SIV (RFC 8452). The nonce is computed from the commit and the
//! value's index in it. So sealing needs no random source, and the same commit is always sealed in
//! the same way. If a nonce is ever reused for different values, this cipher, unlike others,
//! reveals only whether they are equal.

use std::fmt;
use std::future::Future;
use std::sync::Arc;

use aes_gcm_siv::aead::{Aead, Payload};
use aes_gcm_siv::{Aes256GcmSiv, KeyInit, Nonce};
use base64::Engine;
use zeroize::{Zeroize, Zeroizing};

use crate::json::mark::{AES_256_GCM_SIV, BASE64, NONCE};
use crate::person::Person;
use crate::pointers::for_pointers;
use crate::store::StoreError;
use crate::store::error::OpenError;
use crate::time::Timestamp;

/// The key of one person: 32 bytes at a single place in memory, wiped when the last clone is
/// dropped.
#[derive(Clone)]
pub struct PersonKey(Arc<Zeroizing<[u8; 32]>>);

/// The entry for a person in a store of keys.
#[derive(Debug, Clone)]
pub enum KeyEntry {
    /// The person's key.
    Key(PersonKey),
    /// The key was destroyed.
    Erased,
}

/// Stores the keys of persons, separately from the data sealed with them: the port to a table that
/// contains only keys.
///
/// A call that begins after [`erase`](Self::erase) has returned finds that the person is erased, in
/// any process: a store of keys never answers from memory alone.
///
/// # Examples
///
/// ```
/// use skald::memory::InMemoryPersonKeys;
/// use skald::personal::{KeyEntry, Person, PersonId, PersonKeys};
/// use skald::stream::Tenant;
/// use skald::time::Timestamp;
///
/// # #[tokio::main(flavor = "current_thread")]
/// # async fn main() -> Result<(), Box<dyn std::error::Error>> {
/// let keys = InMemoryPersonKeys::default();
/// let ann = Person { tenant: Tenant::default(), id: PersonId::new("r-17")? };
/// assert!(keys.to_open(&ann).await?.is_none());
/// assert!(matches!(keys.to_seal(&ann).await?, KeyEntry::Key(_)));
/// assert!(matches!(keys.to_open(&ann).await?, Some(KeyEntry::Key(_))));
///
/// keys.erase(&ann, Timestamp::EPOCH).await?;
/// assert!(matches!(keys.to_seal(&ann).await?, KeyEntry::Erased));
/// # Ok(())
/// # }
/// ```
pub trait PersonKeys: Sync {
    /// The key to seal with. Creates a key if the person has none.
    ///
    /// # Errors
    /// [`StoreError`] if the key is not available.
    fn to_seal(&self, person: &Person)
    -> impl Future<Output = Result<KeyEntry, StoreError>> + Send;

    /// The key to open with. `None` if the person never had a key.
    ///
    /// # Errors
    /// As [`to_seal`](Self::to_seal).
    fn to_open(
        &self,
        person: &Person,
    ) -> impl Future<Output = Result<Option<KeyEntry>, StoreError>> + Send;

    /// Destroys the person's key permanently: the person never gets another. Does nothing if the
    /// person is already erased.
    ///
    /// # Errors
    /// [`StoreError`]. The key may or may not have been destroyed: repeat the call to be certain.
    fn erase(
        &self,
        person: &Person,
        at: Timestamp,
    ) -> impl Future<Output = Result<(), StoreError>> + Send;
}

for_pointers!(PersonKeys {
    async fn to_seal(&self, person: &Person) -> Result<KeyEntry, StoreError> {
        (**self).to_seal(person).await
    }

    async fn to_open(&self, person: &Person) -> Result<Option<KeyEntry>, StoreError> {
        (**self).to_open(person).await
    }

    async fn erase(&self, person: &Person, at: Timestamp) -> Result<(), StoreError> {
        (**self).erase(person, at).await
    }
});

impl PersonKey {
    /// A key with these bytes, which must come from a random source.
    #[must_use]
    pub fn new(mut bytes: [u8; 32]) -> Self {
        let key = Self(Arc::new(Zeroizing::new(bytes)));
        bytes.zeroize();
        key
    }

    fn cipher(&self) -> Aes256GcmSiv {
        Aes256GcmSiv::new((&**self.0).into())
    }

    /// Seals `plain` for this person, so that only this key opens it. The result is base64 of a
    /// byte for the format, the nonce, and the sealed bytes with their tag.
    pub(super) fn seal(&self, person: &Person, nonce: [u8; NONCE], plain: &[u8]) -> String {
        let bound = bound_to(AES_256_GCM_SIV, person);
        let payload = Payload { msg: plain, aad: bound.as_bytes() };
        let sealed = self.cipher().encrypt(&Nonce::from(nonce), payload);
        let sealed =
            sealed.expect("a commit is shorter than the 64 GiB that can be sealed at once");
        BASE64.encode([&[AES_256_GCM_SIV], nonce.as_slice(), &sealed].concat())
    }

    /// The plain bytes that [`seal`](Self::seal) was given.
    pub(super) fn open(&self, person: &Person, sealed: &str) -> Result<Vec<u8>, OpenError> {
        let sealed = BASE64.decode(sealed).or(Err(OpenError::Undecryptable))?;
        let (how, sealed) = sealed.split_first().ok_or(OpenError::Undecryptable)?;
        if *how != AES_256_GCM_SIV {
            return Err(OpenError::Unknown(*how));
        }
        let (nonce, sealed) =
            sealed.split_first_chunk::<NONCE>().ok_or(OpenError::Undecryptable)?;
        let bound = bound_to(*how, person);
        let payload = Payload { msg: sealed, aad: bound.as_bytes() };
        self.cipher().decrypt(&Nonce::from(*nonce), payload).or(Err(OpenError::Undecryptable))
    }
}

/// The data that a sealed value is bound to besides its key: the format and the person.
fn bound_to(how: u8, person: &Person) -> String {
    format!("skald {how} {}", person.key())
}

impl fmt::Debug for PersonKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("PersonKey(…)")
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::person::PersonId;
    use crate::stream::Tenant;

    fn person(tenant: &str, id: &str) -> Person {
        Person { tenant: Tenant::new(tenant).unwrap(), id: PersonId::new(id).unwrap() }
    }

    fn jane() -> Person {
        person("default", "c-1001")
    }

    fn key(byte: u8) -> PersonKey {
        PersonKey::new([byte; 32])
    }

    #[test]
    fn a_sealed_value_is_opened_with_the_same_key() {
        let sealed = key(7).seal(&jane(), [1; NONCE], b"\"Jane Doe\"");
        assert_eq!(key(7).open(&jane(), &sealed).unwrap(), b"\"Jane Doe\"");
    }

    /// Sealed values must open forever. This one was written by the first release that sealed
    /// values.
    #[test]
    fn a_value_sealed_by_the_first_release_still_opens() {
        let sealed = "AQEBAQEBAQEBAQEBAZK5mhkmgNw7w/Ne25biF2HW90w7NVnxce9R";
        assert_eq!(key(7).seal(&jane(), [1; NONCE], b"\"Jane Doe\""), sealed);
        assert_eq!(key(7).open(&jane(), sealed).unwrap(), b"\"Jane Doe\"");
    }

    #[test]
    fn another_key_or_person_does_not_open_a_value() {
        let sealed = key(7).seal(&jane(), [1; NONCE], b"\"Jane Doe\"");
        assert_eq!(key(8).open(&jane(), &sealed), Err(OpenError::Undecryptable));
        assert_eq!(
            key(7).open(&person("default", "c-1002"), &sealed),
            Err(OpenError::Undecryptable)
        );
        assert_eq!(key(7).open(&person("other", "c-1001"), &sealed), Err(OpenError::Undecryptable));
    }

    #[test]
    fn a_truncated_or_changed_value_does_not_open() {
        let sealed = key(7).seal(&jane(), [1; NONCE], b"\"Jane Doe\"");
        let bytes = BASE64.decode(&sealed).unwrap();
        for end in 0..bytes.len() {
            assert_eq!(
                key(7).open(&jane(), &BASE64.encode(&bytes[..end])),
                Err(OpenError::Undecryptable),
                "cut at {end}"
            );
        }
        for place in 1..bytes.len() {
            let mut changed = bytes.clone();
            changed[place] ^= 1;
            assert_eq!(
                key(7).open(&jane(), &BASE64.encode(&changed)),
                Err(OpenError::Undecryptable),
                "changed at {place}"
            );
        }
        assert_eq!(key(7).open(&jane(), "no base64!"), Err(OpenError::Undecryptable));
    }

    #[test]
    fn an_unknown_seal_differs_from_a_broken_one() {
        assert_eq!(key(7).open(&jane(), &BASE64.encode([2, 0, 0])), Err(OpenError::Unknown(2)));
    }

    #[test]
    fn a_key_is_wiped_when_its_last_clone_is_dropped() {
        const fn wiped<T: zeroize::ZeroizeOnDrop>() {}
        wiped::<Zeroizing<[u8; 32]>>();
        // The key schedule that a cipher derives from the key.
        wiped::<aes::Aes256>();
        let key = key(7);
        let other = key.clone();
        assert_eq!(Arc::strong_count(&key.0), 2, "a clone is another copy of the bytes");
        drop((key, other));
    }

    #[test]
    fn debug_output_hides_a_key() {
        assert_eq!(format!("{:?}", KeyEntry::Key(key(7))), "Key(PersonKey(…))");
    }
}
