//! The core of the kit: what an event-sourced system is made of, and nothing of where it runs.
//!
//! - A [`Decider`] is the domain: a command and the state give events, an event and the state give
//!   the next state.
//! - An [`EventStore`] keeps streams of [`Commit`]s; [`handle`] and [`handle_all`] load, decide and
//!   append.
//! - A [`Projection`] turns a stream into one row of a view; [`catch_up`] brings the row up to
//!   date, whatever was duplicated, reordered or lost on the way.
//! - A [`CommitIndex`] shows the commits of all streams; a [`Follower`] reads it from any
//!   [`Position`] on and misses none.
//!
//! This crate performs no input or output. It has no runtime, no clock and no random source: time
//! and ids come in as arguments, stores and pauses through traits. [`memory`] holds the stores of
//! tests and examples.

mod at_once;
mod catch_up;
mod causes;
mod commit;
mod cut;
mod decider;
mod domain_event;
mod event;
mod follow;
mod handle;
mod index;
mod json;
pub mod memory;
mod message;
mod personal;
mod position;
mod projection;
mod reading;
mod snapshot;
mod store;
mod stream;
mod stream_check;
mod time;
mod together;
mod view;

pub use at_once::{AT_ONCE, at_once, try_at_once};
pub use catch_up::{CatchUpError, CaughtUp, MAX_REASON, Stuck, catch_up, park, redrive};
pub use causes::with_causes;
pub use commit::{
    Actor, CLOCKS_APART_MS, Commit, CommitId, Context, CorrelationId, Draft, Envelope, EventId,
    InvalidContext,
};
pub use cut::cut;
pub use decider::{Decider, Folded, decide_in_turn, fold};
pub use domain_event::{Upcasting, numbered_from_one};
pub use event::{
    DecodeError, DomainEvent, EncodeError, EventData, decode_as, encode_as, is_event_type,
};
pub use follow::{Batch, FollowError, Follower, Following, Heard, Told};
pub use handle::{
    HandleError, Handled, Outcome, Pause, Request, SnapshotsLeftOut, handle, handle_all,
};
pub use index::{
    CommitIndex, IndexEntry, IndexKey, IndexPage, InvalidIndexKey, OddEntry, SlicePosition,
};
pub use json::{JsonFault, MAX_EVENT_LEVELS, MAX_STATE_LEVELS};
pub use message::{CommitMessage, InvalidMessage};
pub use personal::{
    Hidden, KeyEntry, Opening, PERSON_MEMBER, Person, PersonId, PersonKey, PersonKeys, Personal,
    Sealing, UnclearMark, Unopened, has_plain, open, reveal,
};
pub use position::{InvalidPosition, Position};
pub use projection::{Inapplicable, Projection, project};
pub use reading::{Page, Until, Way, commits, read_back, recorded_by, state_until};
pub use snapshot::{LeftOut, MAX_WITH_SNAPSHOT_BYTES, Snapshot, SnapshotKind, Snapshots};
pub use store::{
    AppendError, Appended, Corruption, EventStore, Head, Loaded, MAX_COMMIT_BYTES, MAX_STREAMS,
    MAX_TOGETHER_BYTES, Refusal, StoreError,
};
pub use stream::{Category, InvalidName, StreamId, Tenant, Version, is_identifier};
pub use stream_check::{FoldCheck, SnapshotFault, StreamCheck};
pub use time::{InvalidTimestamp, Timestamp};
pub use together::{DueSnapshot, Many, One, StatesError, Streams, states};
pub use view::{
    ListEntry, ListPage, Listing, MAX_LIST_GROUP_BYTES, MAX_LIST_SORT_BYTES, MAX_ROW_BYTES, OddRow,
    Parked, Put, RowRefusal, Rows, ViewRow, ViewStore,
};

/// The tutorial of this crate, compiled and run.
#[cfg(doctest)]
#[doc = include_str!("../README.md")]
struct Tutorial;
