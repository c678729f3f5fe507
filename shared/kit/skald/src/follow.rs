//! Following the index of all commits, without missing any.
//!
//! The follower handles three difficulties:
//!
//! - A commit's position in the index is the time of its writer's clock before the write, and the
//!   commit appears in the index some time later. So a follower reads no further than a **safety
//!   margin** before now. A commit that appears within the margin is still ahead of the follower.
//! - Each read also covers an **overlap** before the end of the previous read, for entries that
//!   take longer to appear. All older entries have appeared by then. An entry that is found there
//!   after later ones were delivered is [`Novelty::Late`]. It is delivered nevertheless, and shows
//!   that the margin is too small.
//! - A **checkpoint** per slice is written before entries are delivered. It records up to where
//!   they may have been delivered (`begun`) and up to where they have been (`done`). So a run that
//!   resumes from it knows which entries may have been delivered before: these are
//!   [`Novelty::MaybeSeen`], and all others are certainly new.
//!
//! Entries are delivered in order of time, across all slices. An entry of one slice is delivered
//! once all other slices have been read that far.
//!
//! No commit is missed that appears in the index within margin and overlap of its recorded time,
//! regardless of the time between a follower's reads. A commit that takes longer than both may be
//! missed silently; a comparison of index and table finds it.
//!
//! A commit from a clock that is ahead is delivered when the follower's clock reaches its time. The
//! later commits of its stream do not wait (see [`Commit::at`](crate::commit::Commit::at)), so they
//! are delivered first. Once a minute the follower searches for commits that are ahead of now by
//! more than the margin, and reports them as [`Batch::ahead`]. Nothing else would show that they
//! are missing.

mod batch;
mod checkpoint;
mod error;
mod follower;
mod options;
mod slice;

pub use batch::{Batch, Delivery, Novelty};
pub use error::FollowError;
pub use follower::Follower;
pub use options::FollowOptions;
