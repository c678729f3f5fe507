//! The shape of a domain: pure, synchronous decisions.

use crate::commit::Commit;
use crate::event::{DecodeError, DomainEvent};
use crate::snapshot::Snapshots;
use crate::stream::{InvalidName, StreamId, Tenant, Version};

/// One kind of thing that commands are about: what can be said of it, and by which rules.
///
/// Both functions are pure: the same arguments give the same result, whenever and wherever.
pub trait Decider {
    /// The category of its streams.
    const CATEGORY: &'static str;
    /// What must be remembered to decide. The default is the state before the first event.
    type State: Default + Send;
    /// What can be asked for.
    type Command;
    /// What can happen.
    type Event: DomainEvent;
    /// Why a command can be refused.
    type Rejection: std::error::Error;
    /// How often the state is kept with the commits, for streams that grow long; never, if nothing
    /// is said.
    ///
    /// A repeated command is recognised by the commits that are loaded, and those are the ones from
    /// the last snapshot on. So in such a category a command must also be harmless when it comes
    /// again much later: by what the state remembers, or together with a stream of its own whose
    /// first commit it is.
    const SNAPSHOTS: Option<Snapshots<Self::State>> = None;

    /// What happens if `command` is given in this state. No events: the command asks for what is so
    /// already.
    ///
    /// # Errors
    /// The rule that forbids it.
    fn decide(
        state: &Self::State,
        command: &Self::Command,
    ) -> Result<Vec<Self::Event>, Self::Rejection>;

    /// The state after an event. Events are facts: nothing is refused here.
    fn evolve(state: Self::State, event: &Self::Event) -> Self::State;

    /// The stream of the thing `id`: of category [`CATEGORY`](Self::CATEGORY).
    ///
    /// # Errors
    /// [`InvalidName`] if the category or the id break the rules of [`StreamId`].
    fn stream(tenant: &Tenant, id: &str) -> Result<StreamId, InvalidName> {
        StreamId::new(tenant, Self::CATEGORY, id)
    }
}

/// A state, and how far it reaches.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Folded<S> {
    /// The state.
    pub state: S,
    /// The last event in it; [`Version::START`] for the default state of an empty stream.
    pub version: Version,
}

/// The state after these commits of one stream, oldest first: all of them, or those from a snapshot
/// on.
///
/// # Errors
/// [`DecodeError`] at the first event that this build cannot read, and [`DecodeError::Headless`] if
/// the first commits are missing and no snapshot that can be read takes their place.
pub fn fold<D: Decider>(commits: &[Commit]) -> Result<Folded<D::State>, DecodeError> {
    let (mut folded, rest) = begin::<D>(commits)?;
    for commit in rest {
        for stored in &commit.events {
            folded.state = D::evolve(folded.state, &D::Event::decode(stored)?);
        }
        folded.version = commit.last();
    }
    Ok(folded)
}

/// The last snapshot that can be read, or else the beginning; and the commits after it.
fn begin<D: Decider>(commits: &[Commit]) -> Result<(Folded<D::State>, &[Commit]), DecodeError> {
    if let Some(kept) = D::SNAPSHOTS {
        for (index, commit) in commits.iter().enumerate().rev() {
            if let Some(state) =
                commit.snapshot.as_ref().and_then(|snapshot| kept.restore(snapshot))
            {
                return Ok((Folded { state, version: commit.last() }, &commits[index + 1..]));
            }
        }
    }
    match commits.first() {
        Some(commit) if commit.first != Version::START.next() => {
            Err(DecodeError::Headless { first: commit.first })
        }
        Some(_) | None => {
            Ok((Folded { state: D::State::default(), version: Version::START }, commits))
        }
    }
}

/// The events of several commands given one after the other, to be committed together.
///
/// # Errors
/// The rejection of the first command that is refused; nothing happens then.
pub fn decide_in_turn<D: Decider>(
    state: &D::State,
    commands: &[D::Command],
) -> Result<Vec<D::Event>, D::Rejection>
where
    D::State: Clone,
{
    let mut state = state.clone();
    let mut events = Vec::new();
    for command in commands {
        let decided = D::decide(&state, command)?;
        state = decided.iter().fold(state, D::evolve);
        events.extend(decided);
    }
    Ok(events)
}
