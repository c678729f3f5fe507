//! What the user of the harness gives: a world, and the commands from outside.

use std::fmt;
use std::future::Future;
use std::pin::Pin;

use skald_saga::{Instance, Performer, Phase, Saga, Standing};

use super::hooks::Hooks;
use super::script::{Fault, Script};

/// The environment of one saga in memory: its streams, the ledgers of the external systems, and the
/// functions, which are the [`Performer`]. It is made with the saga just begun.
///
/// ```
/// # use skald::time::Timestamp;
/// # use skald_saga::{Instance, Performer, Saga, StepError, StepInput};
/// use skald_testkit::saga::{End, Hooks, Story, World};
///
/// struct Hotel { hooks: Hooks, instance: Instance, guests_with_key: usize }
///
/// # impl<G: Saga> Performer<G> for Hotel {
/// #     async fn perform(&self, _: &StepInput<G::Step>, _: Timestamp) -> Result<(), StepError> {
/// #         Ok(())
/// #     }
/// # }
/// impl<Booking: Saga> World<Booking> for Hotel {
///     fn hooks(&self) -> &Hooks { &self.hooks }
///     fn instance(&self) -> &Instance { &self.instance }
///     fn check(&self, story: &Story) -> Result<(), String> {
///         let expected = usize::from(story.end == End::Completed);
///         let found = self.guests_with_key;
///         if found == expected { Ok(()) } else { Err(format!("{found} guests have a key")) }
///     }
/// }
/// ```
pub trait World<G: Saga>: Performer<G> + Send {
    /// The hooks that the world was made with.
    fn hooks(&self) -> &Hooks;

    /// The saga.
    fn instance(&self) -> &Instance;

    /// Checks what the ledgers and the streams must say when the saga has ended in this way. What
    /// is true of every saga is checked by the harness: see the [module](super).
    ///
    /// # Errors
    /// What is wrong, in words.
    fn check(&self, story: &Story) -> Result<(), String>;

    /// Whether a saga of this world may be parked because this step failed. By default it may not.
    /// After an outage that outlasts the plan's patience it may in any case.
    fn may_park(&self, step: G::Step) -> bool {
        let _ = step;
        false
    }
}

/// How a saga has ended.
///
/// # Examples
///
/// ```
/// use skald_testkit::saga::End;
///
/// assert_eq!(End::Undone.to_string(), "undone");
/// ```
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum End {
    /// Every step is done.
    Completed,
    /// Everything is undone.
    Undone,
    /// The saga waits for an operator.
    Parked,
}

impl fmt::Display for End {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Completed => "completed",
            Self::Undone => "undone",
            Self::Parked => "parked",
        })
    }
}

/// What happened in a run.
///
/// # Examples
///
/// ```
/// use skald_testkit::saga::Story;
///
/// fn is_paid_twice(story: &Story) -> bool {
///     story.events.iter().filter(|event| *event == "payment.captured").count() > 1
/// }
/// ```
#[derive(Debug, Clone)]
pub struct Story {
    /// The script of the run.
    pub script: Script,
    /// How the saga has ended.
    pub end: End,
    /// The types of all events that were written since the world was made, in order.
    pub events: Vec<String>,
    /// The faults that happened, with the number of their point.
    pub faults: Vec<(u32, Fault)>,
    /// The commands from outside that were accepted, in order.
    pub accepted: Vec<String>,
    /// The largest number of state transitions of an execution of the state machine: states that
    /// were entered, and retries.
    pub max_transitions: u32,
}

impl Story {
    /// Whether a command of this name was accepted.
    #[must_use]
    pub fn is_accepted(&self, command: &str) -> bool {
        self.accepted.iter().any(|accepted| accepted == command)
    }
}

impl fmt::Display for Story {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        writeln!(f, "  script: {}", self.script)?;
        for (point, fault) in &self.faults {
            writeln!(f, "  at {point}: {fault}")?;
        }
        writeln!(f, "  accepted: {}", self.accepted.join(", "))?;
        write!(f, "  events: {}", self.events.join(", "))
    }
}

/// The saga when a command from outside was handled.
///
/// # Examples
///
/// ```
/// use skald_saga::Phase;
/// use skald_testkit::saga::Moment;
///
/// // Whether a guest may arrive.
/// fn may_check_in(moment: &Moment<'_>) -> bool {
///     moment.standing.phase == Phase::Completed && !moment.is_accepted("cancel")
/// }
/// ```
#[derive(Debug, Clone, Copy)]
pub struct Moment<'a> {
    /// Where the saga stood just before.
    pub standing: Standing,
    /// The commands that were accepted before.
    pub accepted: &'a [String],
}

impl Moment<'_> {
    /// Whether a command of this name was accepted before.
    #[must_use]
    pub fn is_accepted(&self, command: &str) -> bool {
        self.accepted.iter().any(|accepted| accepted == command)
    }

    /// Whether the saga can still be undone.
    #[must_use]
    pub fn is_before_undoing(&self) -> bool {
        match self.standing.phase {
            Phase::Open | Phase::PastGate | Phase::Completed => true,
            Phase::Undoing | Phase::Undone => false,
        }
    }
}

/// A boxed future that borrows the world.
pub type Handling<'a> = Pin<Box<dyn Future<Output = bool> + Send + 'a>>;
type Handle<W> = for<'a> fn(&'a W) -> Handling<'a>;

/// A command from outside, such as cancelling. It is handled at one moment.
///
/// The harness knows one name: `resume`, with which it continues a saga that was parked because of
/// an outage.
///
/// # Examples
///
/// ```
/// use skald_testkit::saga::Command;
///
/// struct Hotel;
/// impl Hotel {
///     async fn cancel(&self) -> bool { true }
/// }
///
/// let cancel = Command::new(
///     "cancel",
///     |hotel: &Hotel| Box::pin(hotel.cancel()),
///     |moment| !moment.is_accepted("check in"),
/// );
/// assert_eq!(cancel.name(), "cancel");
/// ```
pub struct Command<W> {
    name: &'static str,
    handle: Handle<W>,
    may_succeed: fn(&Moment<'_>) -> bool,
}

impl<W> fmt::Debug for Command<W> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_tuple("Command").field(&self.name).finish()
    }
}

impl<W> Clone for Command<W> {
    fn clone(&self) -> Self {
        *self
    }
}

impl<W> Copy for Command<W> {}

impl<W> Command<W> {
    /// The command of this name. `handle` handles it and returns whether it was accepted;
    /// `may_succeed` says whether it may be accepted at such a moment.
    #[must_use]
    pub const fn new(
        name: &'static str,
        handle: Handle<W>,
        may_succeed: fn(&Moment<'_>) -> bool,
    ) -> Self {
        Self { name, handle, may_succeed }
    }

    /// Its name.
    #[must_use]
    pub const fn name(&self) -> &'static str {
        self.name
    }

    pub(super) fn handle<'a>(&self, world: &'a W) -> Handling<'a> {
        (self.handle)(world)
    }

    pub(super) fn may_succeed(&self, moment: &Moment<'_>) -> bool {
        (self.may_succeed)(moment)
    }
}
