//! Sealing personal values on the way into a store.

use std::collections::{BTreeMap, BTreeSet};
use std::iter;

use sha2::{Digest, Sha256};

use super::key::{KeyEntry, PersonKeys};
use super::marks::{marks, rewritten};
use crate::commit::Draft;
use crate::concurrency::try_concurrently;
use crate::implementing::{Page, check_append, check_row};
use crate::json::JsonFault;
use crate::json::mark::{Form, NONCE};
use crate::person::{Person, PersonId};
use crate::reading::ReadFrom;
use crate::snapshot::SnapshotKind;
use crate::store::{AppendError, Appended, EventStore, Head, InvalidAppend, Loaded, StoreError};
use crate::stream::{StreamId, Version};
use crate::view::{InvalidRow, ListEntry, ListPage, Put, Rows, ViewRow, ViewStore};

/// Wraps a store of events or rows, which then gets only sealed personal values. Reads and appends
/// return them sealed too: see [`Opening`](super::Opening).
///
/// Values that are already sealed are stored as they are, so copying them from one stream to
/// another needs no key. Plain values cost a read of the key, once for each person in one append.
///
/// # Examples
///
/// A draft `draft` with the name of the person `ann`:
///
/// ```
/// use skald::memory::{InMemoryEventStore, InMemoryPersonKeys};
/// use skald::personal::{Person, PersonId, PersonKeys, Personal, Sealing, has_plain};
/// use skald::store::{AppendError, EventStore, StoreError};
///
/// # #[tokio::main(flavor = "current_thread")]
/// # async fn main() -> Result<(), Box<dyn std::error::Error>> {
/// # use skald::event::EventData;
/// # use skald::prelude::*;
/// # let id = CommitId::of(uuid::Uuid::nil(), "register");
/// # let request = Request::new(id, Timestamp::EPOCH, "example", Actor::new("c-1")?);
/// # let (store, keys) = (InMemoryEventStore::default(), InMemoryPersonKeys::default());
/// # let ann = Person { tenant: Tenant::default(), id: PersonId::new("r-17")? };
/// # let data = serde_json::to_vec(&Personal::of(ann.id.clone(), "Ann Ahab"))?;
/// # let named = EventData { event_type: "reader.named".to_owned(), schema: 1, data };
/// # let draft = request.draft(vec![named], None);
/// # let stream = StreamId::new(&ann.tenant, "reader", "r-17")?;
/// let sealing = Sealing::new(&store, &keys);
/// assert!(has_plain(&draft.events[0].data));
/// let head = sealing.start(stream);
/// let appended = sealing.append(&head, draft.clone()).await?;
/// assert!(!has_plain(&appended.commit.events[0].data));
///
/// keys.erase(&ann, request.at).await?;
/// let erased = sealing.append(&appended.head, draft).await.unwrap_err();
/// assert!(matches!(erased, AppendError::Store(StoreError::PersonErased(id)) if id == ann.id));
/// # Ok(())
/// # }
/// ```
#[derive(Debug, Clone)]
pub struct Sealing<S, K> {
    store: S,
    keys: K,
}

/// The keys of the persons in documents.
type Keys = BTreeMap<Person, KeyEntry>;

/// A draft for a stream, and the persons with plain values in it.
struct Found {
    stream: StreamId,
    draft: Draft,
    of_events: BTreeSet<Person>,
    of_state: BTreeSet<Person>,
}

/// Why a draft was not sealed.
enum SealError {
    Invalid(InvalidAppend),
    Store(StoreError),
}

impl From<InvalidAppend> for SealError {
    fn from(error: InvalidAppend) -> Self {
        Self::Invalid(error)
    }
}

impl From<StoreError> for SealError {
    fn from(error: StoreError) -> Self {
        Self::Store(error)
    }
}

impl<H> From<SealError> for AppendError<H> {
    fn from(error: SealError) -> Self {
        match error {
            SealError::Invalid(error) => error.into(),
            SealError::Store(error) => error.into(),
        }
    }
}

impl<S, K: PersonKeys> Sealing<S, K> {
    /// Seals the values that are written to `store` with these keys.
    pub const fn new(store: S, keys: K) -> Self {
        Self { store, keys }
    }

    async fn keys_of(&self, persons: BTreeSet<Person>) -> Result<Keys, StoreError> {
        let entries = persons.into_iter().map(|person| async {
            let key = self.keys.to_seal(&person).await?;
            Ok((person, key))
        });
        try_concurrently(entries).await.map(BTreeMap::from_iter)
    }

    /// Seals these drafts, with one read of each key.
    async fn sealed_drafts<'a>(
        &self,
        drafts: impl Iterator<Item = (&'a StreamId, Draft)>,
    ) -> Result<Vec<Draft>, SealError> {
        let found = drafts
            .map(|(stream, draft)| Found::new(stream, draft))
            .collect::<Result<Vec<_>, _>>()?;
        let persons =
            found.iter().flat_map(|found| found.of_events.union(&found.of_state)).cloned();
        let keys = self.keys_of(persons.collect()).await?;
        found.into_iter().map(|found| found.sealed(&keys)).collect()
    }
}

impl Found {
    fn new(stream: &StreamId, draft: Draft) -> Result<Self, InvalidAppend> {
        // The inner store does not see the plain content of sealed values, so it is checked here.
        check_append([(stream, &draft)], [])?;
        let plain_in = |json: &[u8]| {
            plain_in(stream, json)
                .map_err(|fault| InvalidAppend::Json { stream: stream.clone(), fault })
        };
        let of_events = draft
            .events
            .iter()
            .map(|event| plain_in(&event.data))
            .collect::<Result<Vec<_>, _>>()?;
        let of_events = of_events.into_iter().flatten().collect();
        let of_state = draft.snapshot.as_ref().map(|snapshot| plain_in(&snapshot.state));
        Ok(Self {
            of_state: of_state.transpose()?.unwrap_or_default(),
            stream: stream.clone(),
            draft,
            of_events,
        })
    }

    /// The draft, sealed with these keys.
    fn sealed(self, keys: &Keys) -> Result<Draft, SealError> {
        let Self { stream, mut draft, of_events, .. } = self;
        let erased =
            of_events.into_iter().find(|person| matches!(keys.get(person), Some(KeyEntry::Erased)));
        if let Some(person) = erased {
            return Err(StoreError::PersonErased(person.id).into());
        }
        let state = draft.snapshot.as_mut().map(|snapshot| &mut snapshot.state);
        let stored = draft.events.iter_mut().map(|event| &mut event.data).chain(state);
        for (place, json) in stored.enumerate() {
            let scope = format!("{}/{}/{place}", stream.key(), draft.commit_id);
            let unclear = |fault| InvalidAppend::Json { stream: stream.clone(), fault };
            if let Some(sealed) = sealed(json, &stream, keys, &scope).map_err(unclear)? {
                *json = sealed;
            }
        }
        Ok(draft)
    }
}

/// The persons with plain values in this JSON.
fn plain_in(stream: &StreamId, json: &[u8]) -> Result<BTreeSet<Person>, JsonFault> {
    let plain = marks(json)?.into_iter().filter(|mark| mark.form == Form::Plain);
    Ok(plain.map(|mark| person(stream, &mark.person)).collect())
}

fn person(stream: &StreamId, id: &PersonId) -> Person {
    Person { tenant: stream.tenant().clone(), id: id.clone() }
}

/// The JSON with every plain value sealed. `None` if no value is plain. `scope` identifies the JSON
/// among all data that is sealed with these keys.
fn sealed(
    json: &[u8],
    stream: &StreamId,
    keys: &Keys,
    scope: &str,
) -> Result<Option<Vec<u8>>, JsonFault> {
    let marks = marks(json)?;
    if !marks.iter().any(|mark| mark.form == Form::Plain) {
        return Ok(None);
    }
    let mut count = 0;
    rewritten(json, &marks, |mark| {
        count += 1;
        let person = person(stream, &mark.person);
        Ok(match (mark.form, keys.get(&person)) {
            (Form::Plain, Some(KeyEntry::Key(key))) => {
                let text =
                    key.seal(&person, nonce(&format!("{scope}/{count}")), mark.content(json));
                mark.in_form(json, Form::Sealed, format!("\"{text}\"").as_bytes())
            }
            (Form::Plain, _) => mark.in_form(json, Form::Erased, b"true"),
            (Form::Sealed | Form::Erased, _) => mark.text(json).to_vec(),
        })
    })
    .map(Some)
}

/// A nonce, different for every name.
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

    async fn page(
        &self,
        stream: &StreamId,
        from: ReadFrom,
        limit: u32,
    ) -> Result<Page, StoreError> {
        self.store.page(stream, from, limit).await
    }

    async fn load(
        &self,
        stream: &StreamId,
        snapshots: Option<SnapshotKind>,
    ) -> Result<Loaded<S::Head>, StoreError> {
        self.store.load(stream, snapshots).await
    }

    async fn load_after(&self, head: &S::Head) -> Result<Loaded<S::Head>, StoreError> {
        self.store.load_after(head).await
    }

    /// As [`EventStore::append`]. Also fails with [`StoreError::PersonErased`] for an event with a
    /// plain value about a person who was erased.
    async fn append(
        &self,
        head: &S::Head,
        draft: Draft,
    ) -> Result<Appended<S::Head>, AppendError<S::Head>> {
        match self.sealed_drafts(iter::once((head.stream(), draft))).await?.pop() {
            Some(draft) => self.store.append(head, draft).await,
            None => Err(InvalidAppend::Empty.into()),
        }
    }

    async fn append_guarded(
        &self,
        parts: Vec<(S::Head, Draft)>,
        guards: Vec<S::Head>,
    ) -> Result<Vec<Appended<S::Head>>, AppendError<S::Head>> {
        let (heads, drafts): (Vec<_>, Vec<_>) = parts.into_iter().unzip();
        let sealed = self.sealed_drafts(heads.iter().map(Head::stream).zip(drafts)).await?;
        self.store.append_guarded(heads.into_iter().zip(sealed).collect(), guards).await
    }
}

/// A row about an erased person is stored with the person's values erased. The row is a copy and
/// must remain up to date.
impl<V: ViewStore, K: PersonKeys> ViewStore for Sealing<V, K> {
    async fn get(&self, stream: &StreamId) -> Result<Option<ViewRow>, StoreError> {
        self.store.get(stream).await
    }

    async fn get_many(&self, streams: &[StreamId]) -> Result<Rows, StoreError> {
        self.store.get_many(streams).await
    }

    async fn put(
        &self,
        stream: &StreamId,
        expected: Version,
        row: &ViewRow,
    ) -> Result<Put, StoreError> {
        self.store.put(stream, expected, &self.sealed_row(stream, row).await?).await
    }

    async fn put_over_parked(
        &self,
        stream: &StreamId,
        parked: &ViewRow,
        row: &ViewRow,
    ) -> Result<Put, StoreError> {
        self.store.put_over_parked(stream, parked, &self.sealed_row(stream, row).await?).await
    }

    async fn list(
        &self,
        group: &str,
        before: Option<&ListEntry>,
        limit: u32,
    ) -> Result<ListPage, StoreError> {
        self.store.list(group, before, limit).await
    }

    async fn worklist(
        &self,
        group: &str,
        after: Option<&ListEntry>,
        limit: u32,
    ) -> Result<ListPage, StoreError> {
        self.store.worklist(group, after, limit).await
    }
}

impl<V, K: PersonKeys> Sealing<V, K> {
    async fn sealed_row(&self, stream: &StreamId, row: &ViewRow) -> Result<ViewRow, StoreError> {
        // The inner store does not see the plain content of sealed values, so it is checked here.
        check_row(stream, row)?;
        let invalid =
            |fault| StoreError::InvalidRow { key: stream.key(), reason: InvalidRow::Json(fault) };
        let mut row = row.clone();
        if let Some(body) = &row.body {
            let keys = self.keys_of(plain_in(stream, body.as_bytes()).map_err(invalid)?).await?;
            // A row of this version can be created twice with different content. This cipher then
            // reveals only which values are equal.
            let scope = format!("{}@{}", stream.key(), row.version);
            if let Some(sealed) = sealed(body.as_bytes(), stream, &keys, &scope).map_err(invalid)? {
                row.body = Some(
                    String::from_utf8(sealed).map_err(|_not_text| invalid(JsonFault::NotJson))?,
                );
            }
        }
        Ok(row)
    }
}
