//! The port to what wraps persons' keys, so that a store of keys never holds a plain one.

use std::future::Future;

use super::{Person, PersonKey};
use crate::pointers::for_pointers;
use crate::store::StoreError;

/// A person's key as it is stored: nobody reads it without the key it is wrapped with.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct WrappedKey {
    /// What the wrapping key is called, for whoever looks after the table. Nothing is decided by
    /// it.
    pub by: String,
    /// The key, encrypted.
    pub bytes: Vec<u8>,
}

/// Makes keys and wraps them. The port to a service that has the wrapping key and never hands it
/// out.
///
/// A wrapped key belongs to its person: whoever puts it into somebody else's place finds that it
/// does not unwrap.
pub trait KeyWrap: Sync {
    /// A new key, which nobody ever had, plain and wrapped.
    ///
    /// # Errors
    /// [`StoreError`] if it cannot be made.
    fn make(
        &self,
        person: &Person,
    ) -> impl Future<Output = Result<(PersonKey, WrappedKey), StoreError>> + Send;

    /// The key that was wrapped for this person.
    ///
    /// # Errors
    /// [`StoreError::OpenError`] if this is no key of this person's; the other kinds if it cannot
    /// be found out.
    fn unwrap_key(
        &self,
        person: &Person,
        wrapped: &WrappedKey,
    ) -> impl Future<Output = Result<PersonKey, StoreError>> + Send;
}

for_pointers!(KeyWrap {
    async fn make(&self, person: &Person) -> Result<(PersonKey, WrappedKey), StoreError> {
        (**self).make(person).await
    }

    async fn unwrap_key(
        &self,
        person: &Person,
        wrapped: &WrappedKey,
    ) -> Result<PersonKey, StoreError> {
        (**self).unwrap_key(person, wrapped).await
    }
});
