//! Opening personal values on the way out of a store.

use std::collections::{BTreeMap, BTreeSet};

use serde::de::DeserializeOwned;

use super::key::{KeyEntry, PersonKeys};
use super::marks::{marks, rewritten};
use super::value::Personal;
use crate::commit::{Commit, Draft};
use crate::concurrency::try_concurrently;
use crate::event::EventData;
use crate::implementing::{Page, check_append};
use crate::json::mark::{Form, Mark};
use crate::person::{Person, PersonId};
use crate::reading::ReadFrom;
use crate::snapshot::{Snapshot, SnapshotKind};
use crate::store::error::OpenError;
use crate::store::{AppendError, Appended, EventStore, Head, Loaded, StoreError};
use crate::stream::{StreamId, Tenant, Version};
use crate::view::{ListEntry, ListPage, MalformedRow, Put, Rows, ViewRow, ViewStore};

/// Wraps a store of events or rows and opens personal values on reads: they are plain, or erased if
/// their person was erased.
///
/// Each read of a page costs a strongly consistent read of the key of each person on it, so a read
/// after an erasure shows nothing of that person. An append returns events in the same form as a
/// read. Writes are passed to the inner store unchanged: a caller that also writes wraps a
/// [`Sealing`](super::Sealing) in an `Opening`.
///
/// # Examples
///
/// ```
/// use skald::memory::{InMemoryEventStore, InMemoryPersonKeys};
/// use skald::personal::{Opening, Person, PersonId, Personal, Sealing};
/// use skald::store::EventStore;
/// use skald::stream::Version;
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
/// # let name = |commit: &skald::commit::Commit| -> Personal<String> {
/// #     serde_json::from_slice(&commit.events[0].data).unwrap()
/// # };
/// // A store that writes sealed values, and reads them opened.
/// let readers = Opening::new(Sealing::new(&store, &keys), &keys);
/// readers.append(&readers.start(stream.clone()), draft).await?;
/// let read = readers.read(&stream, Version::START).await?;
/// assert_eq!(name(&read[0]).reveal(), Ok(&"Ann Ahab".to_owned()));
/// # Ok(())
/// # }
/// ```
#[derive(Debug, Clone)]
pub struct Opening<S, K> {
    store: S,
    keys: K,
}

/// The opened content of a draft.
struct Held {
    events: Vec<EventData>,
    snapshot: Option<Snapshot>,
}

/// JSON with sealed values, and where it was found.
struct Found<'a> {
    stream: &'a StreamId,
    at: Version,
    json: &'a mut Vec<u8>,
    marks: Vec<Mark>,
}

impl<'a> Found<'a> {
    /// `None` if the JSON contains no sealed value. Invalid JSON also gives `None`; its reader will
    /// report the fault.
    fn of(stream: &'a StreamId, at: Version, json: &'a mut Vec<u8>) -> Option<Self> {
        let marks = marks(json).ok()?;
        marks.iter().any(|mark| mark.form == Form::Sealed).then_some(Self {
            stream,
            at,
            json,
            marks,
        })
    }

    /// The persons with sealed values in the JSON.
    fn persons(&self) -> impl Iterator<Item = Person> {
        let sealed = self.marks.iter().filter(|mark| mark.form == Form::Sealed);
        sealed.map(|mark| person_of(self.stream, &mark.person))
    }
}

impl<S, K: PersonKeys> Opening<S, K> {
    /// Opens the values that are read from `store` with these keys.
    pub const fn new(store: S, keys: K) -> Self {
        Self { store, keys }
    }

    async fn opened(&self, mut commits: Vec<Commit>) -> Result<Vec<Commit>, StoreError> {
        self.open_commits(&mut commits).await?;
        Ok(commits)
    }

    async fn open_commits<'a>(
        &self,
        commits: impl IntoIterator<Item = &'a mut Commit>,
    ) -> Result<(), StoreError> {
        let documents =
            commits.into_iter().flat_map(|Commit { stream, first, events, snapshot, .. }| {
                let state = snapshot.as_mut().map(|Snapshot { state, .. }| state);
                let stored = events.iter_mut().map(|event| &mut event.data).chain(state);
                stored.filter_map(|json| Found::of(stream, *first, json))
            });
        open_all(&self.keys, documents.collect()).await
    }

    /// The content of a draft as a read will show it. Checks that the draft can be stored. Each
    /// person with a sealed value in the draft costs a read of the key; plain values cost none.
    async fn opened_draft<H>(
        &self,
        stream: &StreamId,
        draft: &Draft,
    ) -> Result<Held, AppendError<H>> {
        check_append([(stream, draft)], [])?;
        let (mut events, mut snapshot) = (draft.events.clone(), draft.snapshot.clone());
        let state = snapshot.as_mut().map(|Snapshot { state, .. }| state);
        let documents = events.iter_mut().map(|event| &mut event.data).chain(state);
        let documents =
            documents.filter_map(|json| Found::of(stream, Version::START, json)).collect();
        open_all(&self.keys, documents).await?;
        Ok(Held { events, snapshot })
    }

    /// The result of an append of the draft that [`opened_draft`](Self::opened_draft) opened. A new
    /// commit needs no further key, so nothing fails after it is durable. Only the commit of an
    /// earlier attempt, whose content may differ, is opened here: if that fails, the same append
    /// can be repeated.
    async fn answer<H>(
        &self,
        appended: Appended<H>,
        held: Held,
    ) -> Result<Appended<H>, StoreError> {
        let Appended { head, commit, repeated } = appended;
        let commit = if repeated {
            self.opened(vec![commit]).await?.remove(0)
        } else {
            // A store may omit a snapshot, and never adds one.
            let snapshot = commit.snapshot.and(held.snapshot);
            Commit { events: held.events, snapshot, ..commit }
        };
        Ok(Appended { head, commit, repeated })
    }

    /// The error with its commits opened. A conflicting commit that cannot be opened is omitted:
    /// reading it then reports the fault.
    async fn opened_error<H: Send>(
        &self,
        error: AppendError<H>,
    ) -> Result<AppendError<H>, StoreError> {
        match error {
            AppendError::RepeatedInPart { found } => {
                Ok(AppendError::RepeatedInPart { found: self.opened(found).await? })
            }
            AppendError::Conflict { mut moved } => {
                let found = moved.iter_mut().filter_map(|moved| moved.found.as_mut());
                let found: Vec<_> = found.map(|found| &mut found.commit).collect();
                if self.open_commits(found).await.is_err() {
                    moved.iter_mut().for_each(|moved| moved.found = None);
                }
                Ok(AppendError::Conflict { moved })
            }
            error @ (AppendError::Contended | AppendError::Invalid(_) | AppendError::Store(_)) => {
                Ok(error)
            }
        }
    }

    /// Each row with its sealed values opened, or why it cannot be opened.
    async fn opened_rows(
        &self,
        mut rows: Vec<(StreamId, ViewRow)>,
    ) -> Result<Vec<OpenedRow>, StoreError> {
        let bodies = rows.iter_mut().map(|(_, row)| row.body.take().map(String::into_bytes));
        let mut bodies: Vec<Option<Vec<u8>>> = bodies.collect();
        let documents = rows.iter().zip(&mut bodies);
        let documents = documents
            .filter_map(|((stream, row), body)| Found::of(stream, row.version, body.as_mut()?))
            .collect();
        let closed: BTreeMap<String, OpenError> =
            open_each(&self.keys, documents).await?.into_iter().collect();
        let opened = rows.into_iter().zip(bodies).map(|((stream, row), body)| {
            let place = place(&stream, row.version);
            let body = body.map(|body| String::from_utf8_lossy(&body).into_owned());
            match closed.get(&place) {
                Some(fault) => (stream, Err(StoreError::OpenError { place, fault: *fault })),
                None => (stream, Ok(ViewRow { body, ..row })),
            }
        });
        Ok(opened.collect())
    }
}

/// A row of this stream, or why it cannot be opened.
type OpenedRow = (StreamId, Result<ViewRow, StoreError>);

/// The place of a sealed value.
fn place(stream: &StreamId, at: Version) -> String {
    format!("{}@{at}", stream.key())
}

/// Opens a single value. A value that is not sealed is returned unchanged.
///
/// # Errors
/// [`StoreError`] if the key is not available, [`StoreError::OpenError`] if it does not open the
/// value.
///
/// # Examples
///
/// ```
/// use skald::memory::InMemoryPersonKeys;
/// use skald::personal::{OpenError, Personal, PersonId, open};
/// use skald::store::StoreError;
/// use skald::stream::Tenant;
///
/// # #[tokio::main(flavor = "current_thread")]
/// # async fn main() -> Result<(), Box<dyn std::error::Error>> {
/// let (keys, tenant) = (InMemoryPersonKeys::default(), Tenant::default());
/// let plain = Personal::of(PersonId::new("r-17")?, "Ann Ahab".to_owned());
/// assert_eq!(open(&keys, &tenant, plain.clone()).await?, plain);
///
/// // There was never a key for this person.
/// let sealed = r#"{"$person":"r-18","sealed":"AQEBAQEBAQEBAQEBAZK5mhkmgNw7w/Ne25biF2HW90w7"}"#;
/// let sealed: Personal<String> = serde_json::from_str(sealed)?;
/// let unopened = open(&keys, &tenant, sealed).await;
/// assert!(matches!(unopened, Err(StoreError::OpenError { fault: OpenError::NoKey, .. })));
/// # Ok(())
/// # }
/// ```
pub async fn open<T, K>(
    keys: &K,
    tenant: &Tenant,
    value: Personal<T>,
) -> Result<Personal<T>, StoreError>
where
    T: DeserializeOwned,
    K: PersonKeys,
{
    let person = Person { tenant: tenant.clone(), id: value.person().clone() };
    let unopened = |fault| StoreError::OpenError { place: person.key(), fault };
    let Some(sealed) = value.sealed() else { return Ok(value) };
    let key = keys.to_open(&person).await?;
    let opened = unsealed(key.as_ref(), &person, sealed).map_err(unopened)?;
    let plain = opened.map(|plain| serde_json::from_slice(&plain)).transpose();
    Ok(value.opened(plain.or(Err(unopened(OpenError::Undecryptable)))?))
}

/// Opens all of these documents, or fails.
async fn open_all<K: PersonKeys>(keys: &K, documents: Vec<Found<'_>>) -> Result<(), StoreError> {
    match open_each(keys, documents).await?.into_iter().next() {
        Some((place, fault)) => Err(StoreError::OpenError { place, fault }),
        None => Ok(()),
    }
}

/// Opens each of these documents that can be opened, with one read of each key. Returns the indexes
/// of the others, each with the reason.
async fn open_each<K: PersonKeys>(
    keys: &K,
    documents: Vec<Found<'_>>,
) -> Result<Vec<(String, OpenError)>, StoreError> {
    let persons: BTreeSet<Person> = documents.iter().flat_map(Found::persons).collect();
    let entries = persons.into_iter().map(|person| async {
        match keys.to_open(&person).await {
            Ok(entry) => Ok((person, Ok(entry))),
            // An invalid stored key makes only the values sealed with it unreadable.
            Err(StoreError::OpenError { fault, .. }) => Ok((person, Err(fault))),
            Err(error) => Err(error),
        }
    });
    let entries: BTreeMap<Person, Result<Option<KeyEntry>, OpenError>> =
        try_concurrently(entries).await?.into_iter().collect();

    let mut closed = Vec::new();
    for Found { stream, at, json, marks } in documents {
        let opened = rewritten(json, &marks, |mark| match mark.form {
            Form::Sealed => {
                let person = person_of(stream, &mark.person);
                let key = entries
                    .get(&person)
                    .map_or(Ok(None), |entry| entry.as_ref().map(Option::as_ref));
                let sealed: String =
                    serde_json::from_slice(mark.content(json)).or(Err(OpenError::Undecryptable))?;
                Ok(match unsealed(key.map_err(|fault| *fault)?, &person, &sealed)? {
                    Some(plain) => mark.in_form(json, Form::Plain, &plain),
                    None => mark.in_form(json, Form::Erased, b"true"),
                })
            }
            Form::Plain | Form::Erased => Ok(mark.text(json).to_vec()),
        });
        match opened {
            Ok(opened) => *json = opened,
            Err(fault) => closed.push((place(stream, at), fault)),
        }
    }
    Ok(closed)
}

/// A person of a stream's tenant.
fn person_of(stream: &StreamId, id: &PersonId) -> Person {
    Person { tenant: stream.tenant().clone(), id: id.clone() }
}

/// The JSON of a sealed value. `None` if its person was erased.
fn unsealed(
    key: Option<&KeyEntry>,
    person: &Person,
    sealed: &str,
) -> Result<Option<Vec<u8>>, OpenError> {
    match key {
        None => Err(OpenError::NoKey),
        Some(KeyEntry::Erased) => Ok(None),
        Some(KeyEntry::Key(key)) => key.open(person, sealed).map(Some),
    }
}

impl<S: EventStore, K: PersonKeys> EventStore for Opening<S, K> {
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
        let Page { commits, more } = self.store.page(stream, from, limit).await?;
        Ok(Page { commits: self.opened(commits).await?, more })
    }

    async fn load(
        &self,
        stream: &StreamId,
        snapshots: Option<SnapshotKind>,
    ) -> Result<Loaded<S::Head>, StoreError> {
        let Loaded { head, commits } = self.store.load(stream, snapshots).await?;
        Ok(Loaded { head, commits: self.opened(commits).await? })
    }

    async fn load_after(&self, head: &S::Head) -> Result<Loaded<S::Head>, StoreError> {
        let Loaded { head, commits } = self.store.load_after(head).await?;
        Ok(Loaded { head, commits: self.opened(commits).await? })
    }

    /// As [`EventStore::append`]. The draft's sealed values are opened before it is written. If a
    /// key is not available or does not open them ([`StoreError::OpenError`]), nothing is written.
    /// A new commit is returned as it was written, even if keys change meanwhile.
    async fn append(
        &self,
        head: &S::Head,
        draft: Draft,
    ) -> Result<Appended<S::Head>, AppendError<S::Head>> {
        let held = self.opened_draft(head.stream(), &draft).await?;
        match self.store.append(head, draft).await {
            Ok(appended) => Ok(self.answer(appended, held).await?),
            Err(error) => Err(self.opened_error(error).await?),
        }
    }

    async fn append_guarded(
        &self,
        parts: Vec<(S::Head, Draft)>,
        guards: Vec<S::Head>,
    ) -> Result<Vec<Appended<S::Head>>, AppendError<S::Head>> {
        let mut opened = Vec::with_capacity(parts.len());
        for (head, draft) in &parts {
            opened.push(self.opened_draft(head.stream(), draft).await?);
        }
        let mut answers = Vec::with_capacity(parts.len());
        let appended = match self.store.append_guarded(parts, guards).await {
            Ok(appended) => appended,
            Err(error) => return Err(self.opened_error(error).await?),
        };
        for (appended, held) in appended.into_iter().zip(opened) {
            answers.push(self.answer(appended, held).await?);
        }
        Ok(answers)
    }
}

impl<V: ViewStore, K: PersonKeys> ViewStore for Opening<V, K> {
    async fn get(&self, stream: &StreamId) -> Result<Option<ViewRow>, StoreError> {
        let row = self.store.get(stream).await?.map(|row| (stream.clone(), row));
        let opened = self.opened_rows(row.into_iter().collect()).await?;
        opened.into_iter().next().map(|(_, row)| row).transpose()
    }

    /// As [`ViewStore::get_many`]. A row with a sealed value that cannot be opened is malformed.
    async fn get_many(&self, streams: &[StreamId]) -> Result<Rows, StoreError> {
        let Rows { rows, malformed } = self.store.get_many(streams).await?;
        let mut found = Rows { rows: Vec::with_capacity(rows.len()), malformed };
        for (stream, row) in self.opened_rows(rows).await? {
            match row {
                Ok(row) => found.rows.push((stream, row)),
                Err(error) => {
                    found.malformed.push(MalformedRow { stream, fault: error.to_string() })
                }
            }
        }
        Ok(found)
    }

    async fn put(
        &self,
        stream: &StreamId,
        expected: Version,
        row: &ViewRow,
    ) -> Result<Put, StoreError> {
        self.store.put(stream, expected, row).await
    }

    async fn put_over_parked(
        &self,
        stream: &StreamId,
        parked: &ViewRow,
        row: &ViewRow,
    ) -> Result<Put, StoreError> {
        self.store.put_over_parked(stream, parked, row).await
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
