//! The state of a run: its points and faults, and what was observed of its invocations and appends.

use std::collections::BTreeMap;
use std::future::Future;
use std::pin::Pin;

use skald::stream::StreamId;
use skald_saga::StepError;

use super::point::Point;
use super::script::Fault;

/// What the scheduler of a run does before it continues.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Signal {
    Die,
    Switch,
    Expire,
    Do(String),
    Stray(String),
}

/// An append, as it was made.
#[derive(Debug, Clone)]
pub(super) struct Write {
    pub(super) streams: Vec<StreamId>,
    pub(super) types: Vec<String>,
    /// The invocation that made it; `None` if it was made from outside.
    pub(super) by: Option<usize>,
}

/// An invocation of a step.
#[derive(Debug, Clone)]
pub(super) struct Invocation {
    pub(super) step: &'static str,
    /// Whether undoing was recorded before it began.
    pub(super) began_undoing: bool,
}

/// The result of an invocation.
#[derive(Debug, Clone)]
pub(super) struct Returned {
    pub(super) step: &'static str,
    pub(super) result: Result<(), StepError>,
}

pub(super) type Effect = Pin<Box<dyn Future<Output = ()> + Send>>;

/// An effect that is under way.
pub(super) struct Late {
    /// The number of the point at which it happens.
    pub(super) due: usize,
    pub(super) effect: Effect,
}

/// What all clones of a run's hooks share.
#[derive(Default)]
pub(super) struct Shared {
    pub(super) now_ms: i64,
    /// Above 0, there are no points and no faults.
    pub(super) quiet: u32,
    pub(super) points: Vec<(Point, bool)>,
    pub(super) faults: Vec<(u32, Fault)>,
    pub(super) happened: Vec<(u32, Fault)>,
    pub(super) signals: Vec<Signal>,
    pub(super) late: Vec<Late>,
    pub(super) lost_calls: u32,
    pub(super) executing: usize,
    pub(super) invocations: Vec<Invocation>,
    pub(super) running: BTreeMap<usize, usize>,
    pub(super) killed: Option<usize>,
    pub(super) is_undoing: bool,
    pub(super) writes: Vec<Write>,
    pub(super) returned: Vec<Returned>,
    /// The step that the last invocation of the parking step named.
    pub(super) failed_step: Option<String>,
}

impl Shared {
    /// Counts a point. Returns the fault that happens at it.
    pub(super) fn arrive(&mut self, point: Point) -> Option<Fault> {
        let number = self.points.len();
        let in_step = self.running.contains_key(&self.executing);
        self.points.push((point, in_step));
        let due = self
            .faults
            .iter()
            .position(|(at, fault)| *at as usize <= number && fault.happens_at(point, in_step))?;
        let (_, fault) = self.faults.remove(due);
        self.happened.push((u32::try_from(number).unwrap_or(u32::MAX), fault.clone()));
        match &fault {
            Fault::Die => self.signals.push(Signal::Die),
            Fault::StepDies => self.killed = Some(self.executing),
            Fault::Switch => self.signals.push(Signal::Switch),
            Fault::Expire => self.signals.push(Signal::Expire),
            Fault::Do(name) => self.signals.push(Signal::Do(name.clone())),
            Fault::Stray(name) => self.signals.push(Signal::Stray(name.clone())),
            // The call at this point, if it is one, is the first that is lost.
            Fault::Outage(calls) => self.lost_calls = calls.saturating_add(1),
            Fault::Twice
            | Fault::CallLost
            | Fault::AnswerLost
            | Fault::CallLate(_)
            | Fault::ReadFails
            | Fault::Throttled
            | Fault::AppendLost
            | Fault::AppendAnswerLost
            | Fault::AppendLate(_)
            | Fault::AppendTwice
            | Fault::Contended
            | Fault::Conflict => {}
        }
        Some(fault)
    }

    /// Ends every outage.
    pub(super) const fn recover(&mut self) {
        self.lost_calls = 0;
    }
}
