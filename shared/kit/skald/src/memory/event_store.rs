//! The event store in memory.

use std::collections::BTreeMap;
use std::fmt;
use std::sync::{Arc, Mutex};

use super::lock::lock;
use crate::commit::{Commit, Draft};
use crate::implementing::{Page, check_append, commit_after, read_back};
use crate::reading::ReadFrom;
use crate::snapshot::SnapshotKind;
use crate::store::{
    AppendError, Appended, EventStore, Found, Head, InvalidAppend, Loaded, Moved, StoreError,
};
use crate::stream::{StreamId, Version};
use crate::time::Timestamp;

/// An event store in memory. Clones share their streams.
///
/// # Examples
///
/// ```
/// use skald::handle::Handler;
/// use skald::memory::InMemoryEventStore;
/// use skald::store::EventStore;
/// use skald::stream::Version;
/// use skald_testkit::NoPause;
/// use skald_testkit::sample::{Account, AccountCommand, account};
///
/// # #[tokio::main(flavor = "current_thread")]
/// # async fn main() -> Result<(), Box<dyn std::error::Error>> {
/// # use skald::prelude::*;
/// # let id = CommitId::of(uuid::Uuid::nil(), "deposit");
/// # let request = Request::new(id, Timestamp::EPOCH, "example", Actor::new("c-1")?);
/// let store = InMemoryEventStore::default();
/// let handler = Handler::new(store.clone(), NoPause);
/// handler.handle::<Account>(&account("1"), &AccountCommand::Deposit(5), &request).await?;
/// assert_eq!(store.read(&account("1"), Version::START).await?.len(), 1);
/// # Ok(())
/// # }
/// ```
#[derive(Debug, Clone, Default)]
pub struct InMemoryEventStore {
    pub(super) streams: Arc<Mutex<BTreeMap<StreamId, Vec<Commit>>>>,
}

/// A position in an [`InMemoryEventStore`].
#[derive(Clone)]
pub struct InMemoryHead {
    store: Arc<Mutex<BTreeMap<StreamId, Vec<Commit>>>>,
    stream: StreamId,
    version: Version,
    recorded_at: Option<Timestamp>,
}

impl fmt::Debug for InMemoryHead {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}@{}", self.stream, self.version)
    }
}

impl Head for InMemoryHead {
    fn stream(&self) -> &StreamId {
        &self.stream
    }

    fn version(&self) -> Version {
        self.version
    }

    fn recorded_at(&self) -> Option<Timestamp> {
        self.recorded_at
    }
}

impl InMemoryEventStore {
    /// Stores a commit unchecked, bypassing the rules of the store, so that tests can show how
    /// readers react to it.
    #[cfg(feature = "planting")]
    pub fn plant(&self, commit: Commit) {
        let mut streams = lock(&self.streams);
        let commits = streams.entry(commit.stream.clone()).or_default();
        commits.push(commit);
        commits.sort_by_key(|commit| commit.first);
    }

    fn head(&self, stream: StreamId, last: Option<&Commit>) -> InMemoryHead {
        InMemoryHead {
            store: Arc::clone(&self.streams),
            stream,
            version: last.map_or(Version::START, Commit::last),
            recorded_at: last.map(|commit| commit.at),
        }
    }
}

impl EventStore for InMemoryEventStore {
    type Head = InMemoryHead;

    fn start(&self, stream: StreamId) -> InMemoryHead {
        self.head(stream, None)
    }

    async fn page(
        &self,
        stream: &StreamId,
        from: ReadFrom,
        limit: u32,
    ) -> Result<Page, StoreError> {
        let streams = lock(&self.streams);
        let commits = streams.get(stream).into_iter().flatten();
        let mut commits: Vec<Commit> = match from {
            ReadFrom::After(position) => {
                commits.filter(|commit| commit.first > position).cloned().collect()
            }
            ReadFrom::Before(first) => {
                commits.filter(|commit| commit.first < first).rev().cloned().collect()
            }
            ReadFrom::End => commits.rev().cloned().collect(),
        };
        let more = commits.len() > limit as usize;
        commits.truncate(limit as usize);
        Ok(Page { commits, more })
    }

    async fn load(
        &self,
        stream: &StreamId,
        snapshots: Option<SnapshotKind>,
    ) -> Result<Loaded<InMemoryHead>, StoreError> {
        let commits = match snapshots {
            Some(kind) => read_back(self, stream, kind).await?,
            None => self.read(stream, Version::START).await?,
        };
        Ok(Loaded { head: self.head(stream.clone(), commits.last()), commits })
    }

    async fn load_after(&self, head: &InMemoryHead) -> Result<Loaded<InMemoryHead>, StoreError> {
        let commits = self.read(&head.stream, head.version).await?;
        let end = commits.last().map(|last| self.head(head.stream.clone(), Some(last)));
        Ok(Loaded { head: end.unwrap_or_else(|| head.clone()), commits })
    }

    async fn append(
        &self,
        head: &InMemoryHead,
        draft: Draft,
    ) -> Result<Appended<InMemoryHead>, AppendError<InMemoryHead>> {
        let mut appended = self.append_guarded(vec![(head.clone(), draft)], Vec::new()).await?;
        appended.pop().ok_or(AppendError::Invalid(InvalidAppend::Empty))
    }

    async fn append_guarded(
        &self,
        parts: Vec<(InMemoryHead, Draft)>,
        guards: Vec<InMemoryHead>,
    ) -> Result<Vec<Appended<InMemoryHead>>, AppendError<InMemoryHead>> {
        let mut heads = parts.iter().map(|(head, _)| head).chain(&guards);
        if let Some(head) = heads.find(|head| !Arc::ptr_eq(&head.store, &self.streams)) {
            return Err(InvalidAppend::ForeignHead(head.stream.clone()).into());
        }
        let drafts = parts.iter().map(|(head, draft)| (&head.stream, draft));
        check_append(drafts, guards.iter().map(Head::stream))?;

        let mut streams = lock(&self.streams);
        let place = |head: &InMemoryHead| {
            let commits = streams.get(&head.stream)?;
            let found = commits.binary_search_by_key(&head.version.next(), |commit| commit.first);
            found.ok().map(|index| commits[index].clone())
        };
        let mut taken = Vec::with_capacity(parts.len());
        let mut mine = Vec::new();
        for (head, draft) in &parts {
            match place(head) {
                Some(commit) if commit.id == draft.commit_id => mine.push(commit),
                Some(commit) => taken.push(commit),
                None => {}
            }
        }
        let head_after = |commit: &Commit| self.head(commit.stream.clone(), Some(commit));
        let appended =
            |commit: Commit, repeated| Appended { head: head_after(&commit), commit, repeated };
        if mine.len() == parts.len() {
            return Ok(mine.into_iter().map(|commit| appended(commit, true)).collect());
        }
        if !mine.is_empty() {
            return Err(AppendError::RepeatedInPart { found: mine });
        }
        taken.extend(guards.iter().filter_map(place));
        if !taken.is_empty() {
            let moved = |commit: Commit| Moved {
                stream: commit.stream.clone(),
                found: Some(Found { head: head_after(&commit), commit }),
            };
            return Err(AppendError::Conflict { moved: taken.into_iter().map(moved).collect() });
        }
        let append = |(head, draft): (InMemoryHead, Draft)| {
            let commit = commit_after(&head, draft);
            let commits = streams.entry(head.stream).or_default();
            commits.insert(
                commits.partition_point(|before| before.first < commit.first),
                commit.clone(),
            );
            appended(commit, false)
        };
        Ok(parts.into_iter().map(append).collect())
    }
}
