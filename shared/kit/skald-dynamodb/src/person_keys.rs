//! The keys of persons.
//!
//! The table contains only *wrapped* keys, encrypted with a key that is kept elsewhere, behind the
//! port [`KeyWrap`]. Every request for a key reads the table (strongly consistent), so an erasure
//! takes effect in all processes immediately.
//!
//! Unwrapped keys are remembered, so that a process need not unwrap a key for each request. A
//! remembered key is used only together with the wrapped key that the table contains. It stays in
//! memory for at most five minutes, and for at most 250 persons. It is wiped at the first request
//! for any key after that, and immediately when a read shows that the person was erased. So a
//! process without further requests, such as a function that is frozen between calls, may hold
//! keys, even of erased persons, until its next request or its end.

mod remembered;

use std::fmt;
use std::sync::Arc;

use aws_sdk_dynamodb::Client;
use aws_sdk_dynamodb::operation::put_item::PutItemError;
use aws_sdk_dynamodb::types::{AttributeValue, ReturnValuesOnConditionCheckFailure};
use skald::personal::{KeyEntry, KeyWrap, Person, PersonKeys};
use skald::store::StoreError;
use skald::time::Timestamp;
use skald_aws::{Answer, sdk_error};

use crate::attribute::Attributes;
use crate::event_store::FREE;
use crate::key_item::{self, StoredKey};
use remembered::Remembered;

/// The item is not a tombstone: there is no item, a key, or a malformed item that may hide a key.
const NOT_ERASED: &str = "NOT attribute_type(erased_at, :text) OR attribute_exists(#key) \
    OR attribute_exists(wrapped_by)";

/// The keys of persons, in a `DynamoDB` table of their own. Clones are the same store, and share
/// their remembered keys.
///
/// A role that only opens values, or seals them for persons with a key, needs `GetItem`. A role
/// that creates or erases keys also needs `PutItem`.
#[derive(Clone)]
pub struct DynamoDbPersonKeys<W> {
    client: Client,
    table: Arc<str>,
    wrap: W,
    remembered: Arc<Remembered>,
    now: fn() -> Timestamp,
}

impl<W> fmt::Debug for DynamoDbPersonKeys<W> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_tuple("DynamoDbPersonKeys").field(&self.table).finish()
    }
}

impl<W: KeyWrap> DynamoDbPersonKeys<W> {
    /// The keys in this table, wrapped by `wrap`. The client brings its own time limits and
    /// retries. `now` is the clock by which remembered keys expire.
    ///
    /// # Examples
    ///
    /// ```no_run
    /// # async fn erase<W: skald::personal::KeyWrap>(client: aws_sdk_dynamodb::Client, wrap: W)
    /// #     -> Result<(), Box<dyn std::error::Error>> {
    /// # fn now() -> skald::time::Timestamp { skald::time::Timestamp::EPOCH }
    /// use skald::personal::{KeyEntry, Person, PersonId, PersonKeys};
    /// use skald::stream::Tenant;
    /// use skald_dynamodb::DynamoDbPersonKeys;
    ///
    /// let keys = DynamoDbPersonKeys::new(client, "person-keys", wrap, now);
    /// let ann = Person { tenant: Tenant::default(), id: PersonId::new("r-17")? };
    /// keys.erase(&ann, now()).await?;
    /// assert!(matches!(keys.to_open(&ann).await?, Some(KeyEntry::Erased)));
    /// # Ok(())
    /// # }
    /// ```
    #[must_use]
    pub fn new(client: Client, table: impl Into<String>, wrap: W, now: fn() -> Timestamp) -> Self {
        Self { client, table: table.into().into(), wrap, remembered: Arc::default(), now }
    }

    /// The person's item, as of now.
    async fn item_of(&self, person: &Person) -> Result<Option<Attributes>, StoreError> {
        self.remembered.forget_old((self.now)());
        let get = self.client.get_item().table_name(&*self.table).consistent_read(true);
        let got = get.set_key(Some(key_item::key(person))).send().await;
        Ok(got.map_err(|error| sdk_error("GetItem", error))?.item)
    }

    /// The entry in a person's item.
    async fn entry(&self, person: &Person, item: Attributes) -> Result<KeyEntry, StoreError> {
        let wrapped = match key_item::read(person, item) {
            Ok(StoredKey::Wrapped(wrapped)) => wrapped,
            Ok(StoredKey::Erased) => {
                self.remembered.forget(person);
                return Ok(KeyEntry::Erased);
            }
            Err(error) => {
                self.remembered.forget(person);
                return Err(error);
            }
        };
        if let Some(key) = self.remembered.get(person, &wrapped.bytes) {
            return Ok(KeyEntry::Key(key));
        }
        let key = self.wrap.unwrap_key(person, &wrapped).await?;
        self.remembered.keep(person.clone(), wrapped.bytes, key.clone(), (self.now)());
        Ok(KeyEntry::Key(key))
    }

    /// Creates the person's first key. If another writer is faster, returns its result: another
    /// key, or the erasure of the person.
    async fn first_key(&self, person: &Person) -> Result<KeyEntry, StoreError> {
        let (key, wrapped) = self.wrap.make(person).await?;
        let item = key_item::wrapped_key(person, &wrapped);
        // The key is remembered before it is stored: if the answer is lost, the next attempt finds
        // this key in the table.
        self.remembered.keep(person.clone(), wrapped.bytes, key.clone(), (self.now)());
        let put = self.client.put_item().table_name(&*self.table);
        let sent = put
            .set_item(Some(item))
            .condition_expression(FREE)
            .return_values_on_condition_check_failure(ReturnValuesOnConditionCheckFailure::AllOld)
            .send()
            .await;
        let Err(error) = sent else { return Ok(KeyEntry::Key(key)) };
        let taken = match error.as_service_error() {
            Some(PutItemError::ConditionalCheckFailedException(taken)) => taken.item.clone(),
            _ => return Err(sdk_error("PutItem", error)),
        };
        let found = match taken {
            Some(item) => Some(item),
            None => self.item_of(person).await?,
        };
        match found {
            Some(item) => self.entry(person, item).await,
            None => {
                let source = Box::new(Answer::new(
                    None,
                    Some("an item that prevented storing a new key no longer exists"),
                ));
                Err(StoreError::Unavailable { operation: "PutItem", source })
            }
        }
    }
}

impl<W: KeyWrap> PersonKeys for DynamoDbPersonKeys<W> {
    async fn to_seal(&self, person: &Person) -> Result<KeyEntry, StoreError> {
        match self.item_of(person).await? {
            Some(item) => self.entry(person, item).await,
            None => self.first_key(person).await,
        }
    }

    async fn to_open(&self, person: &Person) -> Result<Option<KeyEntry>, StoreError> {
        match self.item_of(person).await? {
            Some(item) => self.entry(person, item).await.map(Some),
            None => {
                self.remembered.forget(person);
                Ok(None)
            }
        }
    }

    /// As [`PersonKeys::erase`]. The tombstone keeps the time of the first call.
    async fn erase(&self, person: &Person, at: Timestamp) -> Result<(), StoreError> {
        self.remembered.forget_old((self.now)());
        let put = self.client.put_item().table_name(&*self.table);
        let sent = put
            .set_item(Some(key_item::tombstone(person, at)))
            .condition_expression(NOT_ERASED)
            .expression_attribute_names("#key", key_item::KEY)
            .expression_attribute_values(":text", AttributeValue::S("S".to_owned()))
            .send()
            .await;
        self.remembered.forget(person);
        let Err(error) = sent else { return Ok(()) };
        match error.as_service_error() {
            Some(PutItemError::ConditionalCheckFailedException(_)) => Ok(()),
            _ => Err(sdk_error("PutItem", error)),
        }
    }
}
