//! Keys of persons on one engine, with a wrapping key in this process.

use std::sync::Arc;
use std::sync::atomic::{AtomicU32, Ordering};

use aes_gcm_siv::aead::{Aead, Payload};
use aes_gcm_siv::{Aes256GcmSiv, KeyInit, Nonce};
use aws_sdk_dynamodb::Client;
use sha2::{Digest, Sha256};
use skald::personal::{KeyWrap, WrappedKey};
use skald::personal::{OpenError, Person, PersonId, PersonKey};
use skald::store::StoreError;
use skald::stream::Tenant;
use skald::time::Timestamp;
use skald_dynamodb::DynamoDbPersonKeys;
use skald_testkit::person_keys::PersonKeysFixture;

use super::proxy::Interceptor;
use super::{Engine, KEYS};

/// The number of bytes of a nonce.
const NONCE: usize = 12;

/// Wraps keys as a service would, and counts the requests. Clones share one service.
#[derive(Clone, Default)]
pub struct LocalWrap {
    made: Arc<AtomicU32>,
    unwrapped: Arc<AtomicU32>,
}

impl LocalWrap {
    /// The number of keys made, and the number of keys unwrapped.
    pub fn calls(&self) -> (u32, u32) {
        (self.made.load(Ordering::Relaxed), self.unwrapped.load(Ordering::Relaxed))
    }

    /// The `number`-th plain key.
    pub fn plain(number: u32) -> [u8; 32] {
        Sha256::digest(number.to_be_bytes()).into()
    }

    fn cipher() -> Aes256GcmSiv {
        Aes256GcmSiv::new(&[42; 32].into())
    }
}

impl KeyWrap for LocalWrap {
    async fn make(&self, person: &Person) -> Result<(PersonKey, WrappedKey), StoreError> {
        let number = self.made.fetch_add(1, Ordering::Relaxed);
        let mut nonce = [0; NONCE];
        nonce[..4].copy_from_slice(&number.to_be_bytes());
        let (plain, person) = (Self::plain(number), person.key());
        let payload = Payload { msg: &plain, aad: person.as_bytes() };
        let sealed = Self::cipher().encrypt(&Nonce::from(nonce), payload).unwrap();
        let bytes = [nonce.as_slice(), &sealed].concat();
        Ok((PersonKey::new(plain), WrappedKey { by: "local/1".to_owned(), bytes }))
    }

    async fn unwrap_key(
        &self,
        person: &Person,
        wrapped: &WrappedKey,
    ) -> Result<PersonKey, StoreError> {
        self.unwrapped.fetch_add(1, Ordering::Relaxed);
        let undecryptable =
            || StoreError::OpenError { place: person.key(), fault: OpenError::Undecryptable };
        let (nonce, sealed) =
            wrapped.bytes.split_first_chunk::<NONCE>().ok_or_else(undecryptable)?;
        let place = person.key();
        let payload = Payload { msg: sealed, aad: place.as_bytes() };
        let plain =
            Self::cipher().decrypt(&Nonce::from(*nonce), payload).or(Err(undecryptable()))?;
        Ok(PersonKey::new(plain.try_into().unwrap()))
    }
}

/// A person of the default tenant.
pub fn person(id: &str) -> Person {
    Person { tenant: Tenant::default(), id: PersonId::new(id).unwrap() }
}

/// The keys in two processes on one engine.
pub struct Keys<W = LocalWrap> {
    pub client: Client,
    keys: DynamoDbPersonKeys<W>,
    elsewhere: DynamoDbPersonKeys<W>,
}

impl Keys {
    pub async fn start() -> Self {
        let client = Engine::start().await.client();
        Self::with(client.clone(), client, LocalWrap::default())
    }

    /// Keys through a client whose requests `interceptor` changes.
    pub async fn intercepted(interceptor: impl Interceptor) -> Self {
        let engine = Engine::start().await;
        Self::with(
            engine.client(),
            engine.intercepted_client(interceptor).await,
            LocalWrap::default(),
        )
    }
}

impl<W: KeyWrap + Clone> Keys<W> {
    /// Keys that another service wraps.
    pub async fn wrapped_by(wrap: W) -> Self {
        let client = Engine::start().await.client();
        Self::with(client.clone(), client, wrap)
    }

    fn with(client: Client, stores: Client, wrap: W) -> Self {
        let keys = DynamoDbPersonKeys::new(stores.clone(), KEYS, wrap.clone(), || Timestamp::EPOCH);
        Self {
            client,
            keys,
            elsewhere: DynamoDbPersonKeys::new(stores, KEYS, wrap, || Timestamp::EPOCH),
        }
    }
}

impl<W: KeyWrap + Send> PersonKeysFixture for Keys<W> {
    type Keys = DynamoDbPersonKeys<W>;

    fn keys(&self) -> &DynamoDbPersonKeys<W> {
        &self.keys
    }

    fn elsewhere(&self) -> &DynamoDbPersonKeys<W> {
        &self.elsewhere
    }
}
