//! Sealing on the way into a store.

use std::collections::{BTreeMap, BTreeSet};

use futures_util::future::try_join_all;
use serde_json::Value;
use sha2::{Digest, Sha256};

use super::key::NONCE;
use super::marks::{Form, rewrite};
use super::{KeyEntry, Person, PersonId, PersonKeys};
use crate::{
    AppendError, Appended, Draft, EventStore, Head, ListEntry, Loaded, Page, Put, Refusal, Snapshot, SnapshotKind,
    StoreError, StreamId, Tenant, Version, ViewRow, ViewStore, Way,
};

/// A store, of events or of rows, that gets personal values only sealed. What is read from it is sealed, too: see
/// [`Opening`](super::Opening).
///
/// Values that are sealed already are stored as they are, so what is copied from one stream to another costs no key. A
/// plain value costs a look at its person's key, once for each person in a commit.
#[derive(Debug, Clone)]
pub struct Sealing<S, K> {
    store: S,
    keys: K,
}

impl<S, K: PersonKeys> Sealing<S, K> {
    /// Seals with these keys what goes into this store.
    pub const fn new(store: S, keys: K) -> Self {
        Self { store, keys }
    }

    /// The keys for whatever is plain in these documents.
    async fn keys_for(&self, tenant: &Tenant, documents: &[Value]) -> Result<BTreeMap<PersonId, KeyEntry>, StoreError> {
        let mut persons = BTreeSet::new();
        documents.iter().for_each(|document| Form::Personal.persons(document, &mut persons));
        try_join_all(persons.into_iter().map(|id| async {
            let key = self.keys.to_seal(&Person { tenant: tenant.clone(), id: id.clone() }).await?;
            Ok((id, key))
        }))
        .await
        .map(BTreeMap::from_iter)
    }

    async fn sealed_draft(&self, tenant: &Tenant, mut draft: Draft) -> Result<Draft, AppendError> {
        let snapshot = draft.snapshot.as_mut().map(|Snapshot { state, .. }| state);
        let stored = draft.events.iter_mut().map(|event| &mut event.data).chain(snapshot);
        let mut personal: Vec<(usize, &mut Vec<u8>, Value)> = stored
            .enumerate()
            .filter(|(_, json)| Form::Personal.may_be_in(json))
            .filter_map(|(place, json)| {
                let document = serde_json::from_slice(json).ok()?;
                Some((place, json, document))
            })
            .collect();
        let documents: Vec<Value> = personal.iter_mut().map(|(_, _, document)| document.take()).collect();
        let keys = self.keys_for(tenant, &documents).await?;
        if let Some((person, _)) = keys.iter().find(|(_, key)| matches!(key, KeyEntry::Erased)) {
            return Err(Refusal::PersonErased(person.clone()).into());
        }
        for ((place, json, _), document) in personal.into_iter().zip(documents) {
            let scope = format!("{}/{place}", draft.commit_id);
            *json = sealed(document, &keys, &scope).to_string().into_bytes();
        }
        Ok(draft)
    }
}

/// The document with every plain value sealed. `scope` names it among all that is ever sealed.
fn sealed(document: Value, keys: &BTreeMap<PersonId, KeyEntry>, scope: &str) -> Value {
    let mut count = 0;
    let sealed = rewrite(document, &mut |form, person, content| {
        count += 1;
        Ok::<_, std::convert::Infallible>(match (form, keys.get(person)) {
            (Form::Personal, Some(KeyEntry::Key(key))) => {
                let nonce = nonce(&format!("{scope}/{count}"));
                Form::Sealed.of(person, key.seal(person, nonce, content.to_string().as_bytes()))
            }
            (Form::Personal | Form::Erased, _) => Form::Erased.of(person, true),
            (Form::Sealed, _) => Form::Sealed.of(person, content),
        })
    });
    match sealed {
        Ok(document) => document,
    }
}

/// Another one for every name.
fn nonce(name: &str) -> [u8; NONCE] {
    let mut nonce = [0; NONCE];
    nonce.copy_from_slice(&Sha256::digest(name)[..NONCE]);
    nonce
}

impl<S: EventStore, K: PersonKeys> EventStore for Sealing<S, K> {
    type Head = S::Head;

    fn start(&self, stream: StreamId) -> S::Head {
        self.store.start(stream)
    }

    async fn page(&self, stream: &StreamId, way: Way, at_most: u32) -> Result<Page, StoreError> {
        self.store.page(stream, way, at_most).await
    }

    async fn load(&self, stream: &StreamId, snapshots: Option<SnapshotKind>) -> Result<Loaded<S::Head>, StoreError> {
        self.store.load(stream, snapshots).await
    }

    /// As [`EventStore::append`], and [`Refusal::PersonErased`] for a plain value about somebody who was erased. The commit
    /// in the answer is sealed.
    async fn append(&self, head: &S::Head, draft: Draft) -> Result<Appended<S::Head>, AppendError> {
        let draft = self.sealed_draft(head.stream().tenant(), draft).await?;
        self.store.append(head, draft).await
    }

    async fn append_all(&self, parts: Vec<(S::Head, Draft)>) -> Result<Vec<Appended<S::Head>>, AppendError> {
        let sealed = parts.into_iter().map(|(head, draft)| async {
            let draft = self.sealed_draft(head.stream().tenant(), draft).await?;
            Ok::<_, AppendError>((head, draft))
        });
        self.store.append_all(try_join_all(sealed).await?).await
    }
}

/// A row about somebody who was erased is stored without what was about them: it is a copy, and must not stand still.
impl<V: ViewStore, K: PersonKeys> ViewStore for Sealing<V, K> {
    async fn get(&self, stream: &StreamId) -> Result<Option<ViewRow>, StoreError> {
        self.store.get(stream).await
    }

    async fn get_many(&self, streams: &[StreamId]) -> Result<Vec<(StreamId, ViewRow)>, StoreError> {
        self.store.get_many(streams).await
    }

    async fn put(&self, stream: &StreamId, expected: Version, row: &ViewRow) -> Result<Put, StoreError> {
        self.store.put(stream, expected, &self.sealed_row(stream, row).await?).await
    }

    async fn put_over_parked(&self, stream: &StreamId, expected: Version, row: &ViewRow) -> Result<Put, StoreError> {
        self.store.put_over_parked(stream, expected, &self.sealed_row(stream, row).await?).await
    }

    async fn list(&self, group: &str, before: Option<&ListEntry>, limit: u32) -> Result<Vec<ListEntry>, StoreError> {
        self.store.list(group, before, limit).await
    }
}

impl<V, K: PersonKeys> Sealing<V, K> {
    async fn sealed_row(&self, stream: &StreamId, row: &ViewRow) -> Result<ViewRow, StoreError> {
        let mut row = row.clone();
        let document = row.body.as_ref().filter(|body| Form::Personal.may_be_in(body.as_bytes()));
        if let Some(document) = document.and_then(|body| serde_json::from_str::<Value>(body).ok()) {
            let keys = self.keys_for(stream.tenant(), std::slice::from_ref(&document)).await?;
            let scope = format!("{}/{}", stream.key(), row.version);
            row.body = Some(sealed(document, &keys, &scope).to_string());
        }
        Ok(row)
    }
}
