//! Sealing on the way into a store.

use std::collections::{BTreeMap, BTreeSet};

use futures_util::future::try_join_all;
use sha2::{Digest, Sha256};

use super::key::NONCE;
use super::marks::{Form, UnclearMark, persons, rewrite};
use super::{KeyEntry, Person, PersonId, PersonKeys};
use crate::{
    AppendError, Appended, Corruption, Draft, EventStore, Head, ListEntry, Loaded, Page, Put, Refusal, SnapshotKind,
    StoreError, StreamId, Version, ViewRow, ViewStore, Way,
};

/// A store, of events or of rows, that gets personal values only sealed. What is read from it is sealed, too, and so is
/// what an append answers: see [`Opening`](super::Opening).
///
/// Values that are sealed already are stored as they are, so what is copied from one stream to another costs no key. A
/// plain value costs a look at its person's key, once for each person in a commit.
#[derive(Debug, Clone)]
pub struct Sealing<S, K> {
    store: S,
    keys: K,
}

/// The keys of the persons in a document.
type Keys = BTreeMap<PersonId, KeyEntry>;

impl<S, K: PersonKeys> Sealing<S, K> {
    /// Seals with these keys what goes into this store.
    pub const fn new(store: S, keys: K) -> Self {
        Self { store, keys }
    }

    async fn keys_of(&self, stream: &StreamId, persons: BTreeSet<PersonId>) -> Result<Keys, StoreError> {
        try_join_all(persons.into_iter().map(|id| async {
            let key = self.keys.to_seal(&Person { tenant: stream.tenant().clone(), id: id.clone() }).await?;
            Ok((id, key))
        }))
        .await
        .map(BTreeMap::from_iter)
    }

    async fn sealed_draft(&self, stream: &StreamId, mut draft: Draft) -> Result<Draft, AppendError> {
        let unclear = |fault| Refusal::UnclearMark { stream: stream.clone(), fault };
        let of_events = draft.events.iter().map(|event| plain_in(&event.data)).collect::<Result<Vec<_>, _>>();
        let of_events: BTreeSet<PersonId> = of_events.map_err(unclear)?.into_iter().flatten().collect();
        let state = draft.snapshot.as_ref().map(|snapshot| snapshot.state.as_slice());
        let of_state = state.map(plain_in).transpose().map_err(unclear)?.unwrap_or_default();

        let keys = self.keys_of(stream, of_events.union(&of_state).cloned().collect()).await?;
        let erased = of_events.into_iter().find(|person| matches!(keys.get(person), Some(KeyEntry::Erased)));
        if let Some(person) = erased {
            return Err(StoreError::PersonErased(person).into());
        }
        let state = draft.snapshot.as_mut().map(|snapshot| &mut snapshot.state);
        let stored = draft.events.iter_mut().map(|event| &mut event.data).chain(state);
        for (place, json) in stored.enumerate() {
            let scope = format!("{}/{}/{place}", stream.key(), draft.commit_id);
            if let Some(sealed) = sealed(json, stream, &keys, &scope).map_err(unclear)? {
                *json = sealed.into_bytes();
            }
        }
        Ok(draft)
    }
}

/// The persons of whom something in this JSON is plain.
fn plain_in(json: &[u8]) -> Result<BTreeSet<PersonId>, UnclearMark> {
    if Form::Personal.may_be_in(json) { persons(Form::Personal, json) } else { Ok(BTreeSet::new()) }
}

/// The JSON with every plain value sealed; none if nothing is plain. `scope` names its place among all that is sealed with
/// these keys.
fn sealed(json: &[u8], stream: &StreamId, keys: &Keys, scope: &str) -> Result<Option<String>, UnclearMark> {
    if plain_in(json)?.is_empty() {
        return Ok(None);
    }
    let mut count = 0;
    rewrite(json, &mut |form, id, content| {
        count += 1;
        Ok(match (form, keys.get(id)) {
            (Form::Personal, Some(KeyEntry::Key(key))) => {
                let person = Person { tenant: stream.tenant().clone(), id: id.clone() };
                let text = key.seal(&person, nonce(&format!("{scope}/{count}")), content.as_bytes());
                Form::Sealed.of(id, &format!("\"{text}\""))
            }
            (Form::Personal, _) => Form::Erased.of(id, "true"),
            (Form::Sealed | Form::Erased, _) => form.of(id, content),
        })
    })
    .map(Some)
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

    /// As [`EventStore::append`]; and [`StoreError::PersonErased`] for an event with a plain value about somebody who was
    /// erased, [`Refusal::UnclearMark`] for one of which it cannot be told what is personal. The commit in the answer is
    /// sealed.
    async fn append(&self, head: &S::Head, draft: Draft) -> Result<Appended<S::Head>, AppendError> {
        let draft = self.sealed_draft(head.stream(), draft).await?;
        self.store.append(head, draft).await
    }

    async fn append_all(&self, parts: Vec<(S::Head, Draft)>) -> Result<Vec<Appended<S::Head>>, AppendError> {
        let sealed = parts.into_iter().map(|(head, draft)| async {
            let draft = self.sealed_draft(head.stream(), draft).await?;
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
        let unclear = |fault: UnclearMark| StoreError::Corrupt {
            key: stream.key(),
            corruption: Corruption::Malformed { at: row.version, fault: fault.to_string() },
        };
        let mut row = row.clone();
        if let Some(body) = &row.body {
            let keys = self.keys_of(stream, plain_in(body.as_bytes()).map_err(unclear)?).await?;
            // A row of this version can be made twice, and differently: what this cipher then tells is what is equal.
            let scope = format!("{}@{}", stream.key(), row.version);
            if let Some(sealed) = sealed(body.as_bytes(), stream, &keys, &scope).map_err(unclear)? {
                row.body = Some(sealed);
            }
        }
        Ok(row)
    }
}
