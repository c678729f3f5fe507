//! The port to the wrapping of persons' keys, so that a store of keys never contains a plain one.

use std::future::Future;

use super::key::PersonKey;
use crate::person::Person;
use crate::pointers::for_pointers;
use crate::store::StoreError;

/// A person's key in its stored form: it is unreadable without the wrapping key.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct WrappedKey {
    /// The name of the wrapping key, for the operator of the table. It affects no decision.
    pub by: String,
    /// The encrypted key.
    pub bytes: Vec<u8>,
}

/// Creates keys and wraps them: the port to a service that holds the wrapping key and never returns
/// it.
///
/// A wrapped key is bound to its person: in another person's place it cannot be unwrapped.
pub trait KeyWrap: Sync {
    /// A new key that has never been used, plain and wrapped.
    ///
    /// # Errors
    /// [`StoreError`] if no key can be created.
    fn make(
        &self,
        person: &Person,
    ) -> impl Future<Output = Result<(PersonKey, WrappedKey), StoreError>> + Send;

    /// The key that was wrapped for this person.
    ///
    /// # Errors
    /// [`StoreError::OpenError`] if this is not a key of this person; the other kinds if the
    /// service does not answer.
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
