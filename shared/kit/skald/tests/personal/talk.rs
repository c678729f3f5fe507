//! A category with personal data of two persons, and stores that return it sealed or opened.

use serde::{Deserialize, Serialize};
use skald::commit::{Commit, CommitId};
use skald::decider::{Decider, fold};
use skald::handle::{Handler, Request};
use skald::memory::{InMemoryEventStore, InMemoryPersonKeys};
use skald::personal::{Opening, Person, PersonId, Personal, Sealing};
use skald::snapshot::Snapshots;
use skald::store::EventStore;
use skald::stream::{StreamId, Tenant, Version};
use skald::time::Timestamp;
use skald::view::ViewRow;
use skald_testkit::NoPause;
use uuid::Uuid;

use crate::support::context;

/// A person said something to another.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct Said {
    pub(crate) words: Personal<String>,
    pub(crate) to: Personal<String>,
    pub(crate) loudness: u32,
}

skald::domain_event! {
    pub(crate) enum TalkEvent {
        Said(Said) = "talk.said" @ 1,
    }
}

/// A talk, with a snapshot in every second commit.
pub(crate) struct Talk;

impl Decider for Talk {
    const CATEGORY: &'static str = "talk";
    type State = Vec<Said>;
    type Command = Said;
    type Event = TalkEvent;
    type Rejection = std::convert::Infallible;
    const SNAPSHOTS: Option<Snapshots<Vec<Said>>> = Some(Snapshots::new(2, 1));

    fn decide(_: &Vec<Said>, said: &Said) -> Result<Vec<TalkEvent>, Self::Rejection> {
        Ok(vec![said.clone().into()])
    }

    fn evolve(mut state: Vec<Said>, TalkEvent::Said(said): &TalkEvent) -> Vec<Said> {
        state.push(said.clone());
        state
    }
}

pub(crate) fn jane() -> Person {
    Person { tenant: Tenant::default(), id: PersonId::new("jane-1").unwrap() }
}

pub(crate) fn joe() -> Person {
    Person { tenant: Tenant::default(), id: PersonId::new("joe-2").unwrap() }
}

pub(crate) fn said(words: &str) -> Said {
    Said {
        words: Personal::of(jane().id, words.to_owned()),
        to: Personal::of(joe().id, "Joe Roe".into()),
        loudness: 3,
    }
}

pub(crate) fn talk(id: &str) -> StreamId {
    StreamId::new(&Tenant::default(), Talk::CATEGORY, id).unwrap()
}

pub(crate) fn request(number: u128) -> Request {
    Request {
        commit_id: CommitId::new(Uuid::from_u128(number)),
        at: Timestamp::EPOCH,
        context: context(),
    }
}

pub(crate) type Private =
    Opening<Sealing<InMemoryEventStore, InMemoryPersonKeys>, InMemoryPersonKeys>;

/// The raw store, and the keys for a store that seals and opens its personal values.
#[derive(Default)]
pub(crate) struct Stores {
    pub(crate) raw: InMemoryEventStore,
    pub(crate) keys: InMemoryPersonKeys,
}

impl Stores {
    pub(crate) fn private(&self) -> Private {
        Opening::new(Sealing::new(self.raw.clone(), self.keys.clone()), self.keys.clone())
    }

    pub(crate) async fn say(&self, stream: &str, number: u128, words: &str) {
        Handler::new(&self.private(), NoPause)
            .handle::<Talk>(&talk(stream), &said(words), &request(number))
            .await
            .unwrap();
    }

    pub(crate) async fn raw_commits(&self, stream: &str) -> Vec<Commit> {
        self.raw.read(&talk(stream), Version::START).await.unwrap()
    }

    /// What was said, as a reader with access sees it.
    pub(crate) async fn read_all(&self, stream: &str) -> Vec<Said> {
        let commits = self
            .private()
            .load(&talk(stream), Talk::SNAPSHOTS.map(|kept| kept.kind()))
            .await
            .unwrap()
            .commits;
        fold::<Talk>(&commits).unwrap().state
    }
}

/// The stored bytes of these commits.
pub(crate) fn stored(commits: &[Commit]) -> Vec<String> {
    let events = commits.iter().flat_map(|commit| commit.events.iter().map(|event| &event.data));
    let states = commits
        .iter()
        .filter_map(|commit| commit.snapshot.as_ref().map(|snapshot| &snapshot.state));
    events.chain(states).map(|json| String::from_utf8(json.clone()).unwrap()).collect()
}

pub(crate) fn row(body: &str) -> ViewRow {
    let version = Version::new(1);
    ViewRow {
        version,
        at: Timestamp::EPOCH,
        body: Some(body.to_owned()),
        listing: None,
        worklist: None,
        parked: None,
    }
}
