//! A correct store in memory with one mutation.

use std::sync::atomic::{AtomicU32, Ordering};

use skald::commit::{Commit, Draft};
use skald::implementing::{Page, read_back};
use skald::memory::{InMemoryEventStore, InMemoryHead};
use skald::personal::has_plain;
use skald::reading::ReadFrom;
use skald::snapshot::SnapshotKind;
use skald::store::{AppendError, Appended, EventStore, Head, Loaded, Moved, StoreError};
use skald::stream::{StreamId, Version};

/// The fault of a store.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Mutation {
    /// The store has no fault.
    None,
    /// A commit whose position is taken is appended at the end of the stream.
    AppendsAtEnd,
    /// A conflicting commit is reported as written.
    ConflictIsSuccess,
    /// Every third append is reported as written, but is not written.
    LostWrite,
    /// Every third append is reported as contended, but is written.
    ContendedAlthoughWritten,
    /// Every third append is reported as a conflict, but is written.
    ConflictAlthoughWritten,
    /// A repeated append is reported as a conflict.
    RepeatIsConflict,
    /// A repeated append is reported as a conflict, and a read from a head begins with the last
    /// snapshot.
    RepeatIsConflictAndReadsFromSnapshot,
    /// A repeated append is recognised only if nothing follows its commit.
    RepeatBehindOthersIsConflict,
    /// A repeated append is recognised anywhere in its stream.
    RepeatAnywhere,
    /// A repeated append that is found in only some streams is reported as a conflict.
    RepeatInPartIsConflict,
    /// An append to several streams writes the commits whose positions are free.
    NotAtomic,
    /// An append to several streams writes the first half of the commits.
    HalfTheBatch,
    /// Guards are not checked.
    IgnoresGuards,
    /// A read ends after its first page.
    FirstPageOnly,
    /// A load accepts a snapshot of any kind.
    AnySnapshot,
    /// An append returns personal values in another form than a read.
    AppendReturnsAnotherForm,
    /// A commit is never recorded earlier than the previous one, however far ahead that one is.
    TimesNeverDecrease,
}

#[derive(Debug)]
pub(super) struct Broken {
    /// A correct store.
    sound: InMemoryEventStore,
    mutation: Mutation,
    appends: AtomicU32,
}

/// A conflict on these streams, without the commits that were found.
fn conflict<'a>(streams: impl IntoIterator<Item = &'a StreamId>) -> AppendError<InMemoryHead> {
    let moved = |stream: &StreamId| Moved { stream: stream.clone(), found: None };
    AppendError::Conflict { moved: streams.into_iter().map(moved).collect() }
}

impl Broken {
    /// An empty store with this fault.
    pub(super) fn new(mutation: Mutation) -> Self {
        Self { sound: InMemoryEventStore::default(), mutation, appends: AtomicU32::new(0) }
    }

    fn is(&self, mutation: Mutation) -> bool {
        self.mutation == mutation
    }

    /// Whether the mutation breaks every third append, and this is one.
    fn is_third(&self, mutation: Mutation) -> bool {
        self.is(mutation) && self.appends.fetch_add(1, Ordering::Relaxed) % 3 == 2
    }

    /// The result as if the draft had been appended.
    fn pretended(
        head: &InMemoryHead,
        Draft { commit_id, at, context, events, snapshot }: Draft,
    ) -> Appended<InMemoryHead> {
        let (stream, first) = (head.stream().clone(), head.version().next());
        let commit = Commit { id: commit_id, stream, first, at, context, events, snapshot };
        Appended { head: head.clone(), commit, repeated: false }
    }

    /// The result of an append, in the form that this store returns.
    fn in_form(&self, mut part: Appended<InMemoryHead>) -> Appended<InMemoryHead> {
        if self.is(Mutation::AppendReturnsAnotherForm) && !part.repeated {
            let personal = part.commit.events.iter_mut().filter(|event| has_plain(&event.data));
            personal.for_each(|event| event.data = b"null".to_vec());
        }
        part
    }

    /// The draft with the time at which this store records it.
    fn timed(&self, head: &InMemoryHead, draft: Draft) -> Draft {
        let before = head.recorded_at().filter(|_| self.is(Mutation::TimesNeverDecrease));
        Draft { at: before.map_or(draft.at, |before| before.max(draft.at)), ..draft }
    }

    async fn append_at_end(
        &self,
        head: &InMemoryHead,
        draft: Draft,
    ) -> Result<Appended<InMemoryHead>, AppendError<InMemoryHead>> {
        let end = self.sound.load(head.stream(), None).await?.head;
        self.sound.append(&end, draft).await
    }

    async fn find_anywhere(
        &self,
        head: &InMemoryHead,
        draft: Draft,
    ) -> Result<Appended<InMemoryHead>, AppendError<InMemoryHead>> {
        let commits = self.sound.load(head.stream(), None).await?.commits;
        match commits.into_iter().find(|commit| commit.id == draft.commit_id) {
            Some(commit) => Ok(Appended { head: head.clone(), commit, repeated: true }),
            None => Err(conflict([head.stream()])),
        }
    }

    /// The result of a successful append, or a conflict if this store does not recognise repeats.
    async fn answer_repeat(
        &self,
        part: Appended<InMemoryHead>,
    ) -> Result<Appended<InMemoryHead>, AppendError<InMemoryHead>> {
        let end = self.sound.load(part.head.stream(), None).await?.head;
        let is_conflict = self.is(Mutation::RepeatIsConflict)
            || self.is(Mutation::RepeatIsConflictAndReadsFromSnapshot)
            || self.is(Mutation::RepeatBehindOthersIsConflict)
                && end.version() != part.head.version();
        if part.repeated && is_conflict {
            return Err(conflict([&part.commit.stream]));
        }
        Ok(part)
    }
}

impl EventStore for Broken {
    type Head = InMemoryHead;

    fn start(&self, stream: StreamId) -> InMemoryHead {
        self.sound.start(stream)
    }

    async fn page(
        &self,
        stream: &StreamId,
        from: ReadFrom,
        limit: u32,
    ) -> Result<Page, StoreError> {
        let page = self
            .sound
            .page(stream, from, if self.is(Mutation::FirstPageOnly) { 3 } else { limit })
            .await?;
        Ok(Page { more: page.more && !self.is(Mutation::FirstPageOnly), ..page })
    }

    async fn load(
        &self,
        stream: &StreamId,
        snapshots: Option<SnapshotKind>,
    ) -> Result<Loaded<InMemoryHead>, StoreError> {
        let head = self.sound.load(stream, snapshots).await?.head;
        let mut commits = match snapshots {
            Some(kind) => read_back(self, stream, kind).await?,
            None => self.read(stream, Version::START).await?,
        };
        if let (Some(kind), true) = (snapshots, self.is(Mutation::AnySnapshot)) {
            let last = commits.iter().rposition(|commit| commit.snapshot.is_some());
            commits.drain(..last.unwrap_or_default());
            commits
                .iter_mut()
                .filter_map(|commit| commit.snapshot.as_mut())
                .for_each(|kept| kept.schema = kind.schema);
        }
        Ok(Loaded { head, commits })
    }

    async fn load_after(&self, head: &InMemoryHead) -> Result<Loaded<InMemoryHead>, StoreError> {
        let mut loaded = self.sound.load_after(head).await?;
        if self.is(Mutation::RepeatIsConflictAndReadsFromSnapshot) {
            let last = loaded.commits.iter().rposition(|commit| commit.snapshot.is_some());
            loaded.commits.drain(..last.unwrap_or_default());
        }
        Ok(loaded)
    }

    async fn append(
        &self,
        head: &InMemoryHead,
        draft: Draft,
    ) -> Result<Appended<InMemoryHead>, AppendError<InMemoryHead>> {
        if self.is_third(Mutation::LostWrite) {
            return Ok(Self::pretended(head, draft));
        }
        let draft = self.timed(head, draft);
        let appended = self.sound.append(head, draft.clone()).await;
        match appended {
            Ok(_) if self.is_third(Mutation::ContendedAlthoughWritten) => {
                Err(AppendError::Contended)
            }
            Ok(_) if self.is_third(Mutation::ConflictAlthoughWritten) => {
                Err(conflict([head.stream()]))
            }
            Ok(part) => self.answer_repeat(part).await.map(|part| self.in_form(part)),
            Err(AppendError::Conflict { .. }) if self.is(Mutation::RepeatAnywhere) => {
                self.find_anywhere(head, draft).await
            }
            Err(AppendError::Conflict { .. }) if self.is(Mutation::AppendsAtEnd) => {
                self.append_at_end(head, draft).await
            }
            Err(AppendError::Conflict { .. }) if self.is(Mutation::ConflictIsSuccess) => {
                Ok(Self::pretended(head, draft))
            }
            Err(error) => Err(error),
        }
    }

    async fn append_guarded(
        &self,
        parts: Vec<(InMemoryHead, Draft)>,
        guards: Vec<InMemoryHead>,
    ) -> Result<Vec<Appended<InMemoryHead>>, AppendError<InMemoryHead>> {
        let timed = |(head, draft)| {
            let draft = self.timed(&head, draft);
            (head, draft)
        };
        let parts: Vec<_> = parts.into_iter().map(timed).collect();
        let written =
            if self.is(Mutation::HalfTheBatch) { parts.len().div_ceil(2) } else { parts.len() };
        let guards = if self.is(Mutation::IgnoresGuards) { Vec::new() } else { guards };
        let appended = self.sound.append_guarded(parts[..written].to_vec(), guards).await;
        match appended {
            Ok(appended) => {
                let mut answers = Vec::new();
                for part in appended {
                    answers.push(self.in_form(self.answer_repeat(part).await?));
                }
                answers.extend(
                    parts
                        .into_iter()
                        .skip(written)
                        .map(|(head, draft)| Self::pretended(&head, draft)),
                );
                Ok(answers)
            }
            Err(AppendError::RepeatedInPart { found })
                if self.is(Mutation::RepeatInPartIsConflict) =>
            {
                let streams = parts.iter().map(|(head, _)| head.stream());
                let moved = |stream: &StreamId| found.iter().all(|commit| commit.stream != *stream);
                Err(conflict(streams.filter(|stream| moved(stream))))
            }
            Err(error @ (AppendError::Conflict { .. } | AppendError::RepeatedInPart { .. }))
                if self.is(Mutation::NotAtomic) =>
            {
                for (head, draft) in parts {
                    drop(self.sound.append(&head, draft).await);
                }
                Err(error)
            }
            Err(error) => Err(error),
        }
    }
}
