//! Scripts: which faults a run meets, and where.

use std::fmt;
use std::str::FromStr;

use super::point::Point;

/// What runs an execution of a saga.
///
/// # Examples
///
/// ```
/// use skald_testkit::saga::Runner;
///
/// assert_eq!(Runner::ALL.map(|runner| runner.to_string()), ["drive", "machine", "single"]);
/// ```
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Runner {
    /// [`skald_saga::drive()`], with the waits of the plan.
    Drive,
    /// The generated state machine, interpreted as Step Functions does.
    Machine,
    /// The next step again and again, each in an invocation of its own, without retries.
    Single,
}

impl Runner {
    /// Every runner.
    pub const ALL: [Self; 3] = [Self::Drive, Self::Machine, Self::Single];
}

impl fmt::Display for Runner {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Drive => "drive",
            Self::Machine => "machine",
            Self::Single => "single",
        })
    }
}

/// What goes wrong, or happens meanwhile.
///
/// # Examples
///
/// ```
/// use skald_testkit::saga::Fault;
///
/// // Each fault is written in a script as words.
/// assert_eq!(Fault::CallLate(5).to_string(), "call late 5");
/// assert_eq!("do cancel".parse(), Ok(Fault::Do("cancel".to_owned())));
/// ```
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub enum Fault {
    /// The execution dies. If no other one is running, another one is started.
    Die,
    /// The function of a step dies. The execution continues: it retries the step.
    StepDies,
    /// The execution is suspended, and another one continues or is started.
    Switch,
    /// The deadline of the saga passes.
    Expire,
    /// The outside command of this name is handled.
    Do(String),
    /// The step of this name is performed out of turn, to its end. A step forward is skipped unless
    /// the steps before it are done, and a compensation is skipped while the saga is being undone:
    /// no execution would perform them then.
    Stray(String),
    /// The step is performed a second time after it ended, and the second result counts.
    Twice,
    /// The call to an external system is lost: it has no effect, and no answer comes.
    CallLost,
    /// The call has its effect, but no answer comes.
    AnswerLost,
    /// No answer to the call comes. It has its effect later, after this many other points.
    CallLate(u32),
    /// This call and this many calls after it are lost.
    Outage(u32),
    /// The event store does not answer a read.
    ReadFails,
    /// The event store is overloaded: the append does not happen.
    Throttled,
    /// The append is lost: it does not happen, and no answer comes.
    AppendLost,
    /// The append happens, but its answer is lost.
    AppendAnswerLost,
    /// No answer to the append comes. It happens later, after this many other points.
    AppendLate(u32),
    /// The client sends the append twice by itself. The caller gets the second answer.
    AppendTwice,
    /// Another transaction is in progress: the append does not happen.
    Contended,
    /// The append does not happen, and the store reports a conflict without the other commit.
    Conflict,
}

impl Fault {
    /// Every fault, with these numbers of calls and points, for these commands and steps.
    pub(super) fn all(commands: &[&str], steps: &[&str]) -> Vec<Self> {
        let mut all = vec![
            Self::Die,
            Self::StepDies,
            Self::Switch,
            Self::Expire,
            Self::Twice,
            Self::CallLost,
            Self::AnswerLost,
            Self::CallLate(1),
            Self::CallLate(12),
            Self::CallLate(1_000_000),
            Self::Outage(2),
            Self::ReadFails,
            Self::Throttled,
            Self::AppendLost,
            Self::AppendAnswerLost,
            Self::AppendLate(3),
            Self::AppendTwice,
            Self::Contended,
            Self::Conflict,
        ];
        all.extend(commands.iter().map(|name| Self::Do((*name).to_owned())));
        all.extend(steps.iter().map(|name| Self::Stray((*name).to_owned())));
        all
    }

    /// Whether the fault can happen at such a point. Faults that can happen anywhere happen at
    /// every point but those at which the store or an external system does.
    pub(super) const fn happens_at(&self, point: Point, in_step: bool) -> bool {
        match self {
            Self::Die | Self::Switch | Self::Expire | Self::Do(_) | Self::Outage(_) => true,
            // A step out of turn is begun where a step is.
            Self::Stray(_) => matches!(point, Point::Perform | Point::Call | Point::Appended),
            Self::StepDies => in_step,
            Self::Twice => matches!(point, Point::Performed),
            Self::CallLost | Self::AnswerLost | Self::CallLate(_) => matches!(point, Point::Call),
            Self::ReadFails => matches!(point, Point::Read),
            Self::Throttled
            | Self::AppendLost
            | Self::AppendAnswerLost
            | Self::AppendLate(_)
            | Self::AppendTwice
            | Self::Contended
            | Self::Conflict => matches!(point, Point::Append),
        }
    }

    /// The fault without its numbers, for counting.
    pub(super) fn kind(&self) -> String {
        let text = self.to_string();
        text.trim_end_matches(|letter: char| letter.is_ascii_digit()).trim_end().to_owned()
    }
}

impl fmt::Display for Fault {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let words = match self {
            Self::Do(name) => return write!(f, "do {name}"),
            Self::Stray(name) => return write!(f, "stray {name}"),
            Self::CallLate(points) => return write!(f, "call late {points}"),
            Self::AppendLate(points) => return write!(f, "append late {points}"),
            Self::Outage(calls) => return write!(f, "outage {calls}"),
            Self::Die => "die",
            Self::StepDies => "step dies",
            Self::Switch => "switch",
            Self::Expire => "expire",
            Self::Twice => "twice",
            Self::CallLost => "call lost",
            Self::AnswerLost => "answer lost",
            Self::ReadFails => "read fails",
            Self::Throttled => "throttled",
            Self::AppendLost => "append lost",
            Self::AppendAnswerLost => "append answer lost",
            Self::AppendTwice => "append twice",
            Self::Contended => "contended",
            Self::Conflict => "conflict",
        };
        f.write_str(words)
    }
}

impl FromStr for Fault {
    type Err = InvalidScript;

    fn from_str(text: &str) -> Result<Self, InvalidScript> {
        if let Some(name) = text.strip_prefix("do ") {
            return Ok(Self::Do(name.to_owned()));
        }
        if let Some(name) = text.strip_prefix("stray ") {
            return Ok(Self::Stray(name.to_owned()));
        }
        for (prefix, fault) in [
            ("call late ", Self::CallLate as fn(u32) -> Self),
            ("append late ", Self::AppendLate),
            ("outage ", Self::Outage),
        ] {
            if let Some(number) = text.strip_prefix(prefix) {
                return number
                    .parse()
                    .map(fault)
                    .map_err(|error| InvalidScript(format!("{text} has no number: {error}")));
            }
        }
        let known = Self::all(&[], &[]).into_iter().find(|fault| fault.to_string() == text);
        known.ok_or_else(|| InvalidScript(format!("there is no fault called {text}")))
    }
}

/// A run, completely described: the world, the runners and the faults.
///
/// As text it is one line, which a failing run prints and [`Harness::replay_script`] reads.
///
/// [`Harness::replay_script`]: super::Harness::replay_script
///
/// # Examples
///
/// ```
/// use skald_testkit::saga::{Fault, Runner, Script};
///
/// let line = "a full hotel | machine drive | 12 die; 30 do cancel";
/// let script: Script = line.parse()?;
/// assert_eq!(script.runners, [Runner::Machine, Runner::Drive]);
/// assert_eq!(script.faults[0], (12, Fault::Die));
/// assert_eq!(script.to_string(), line);
/// # Ok::<_, skald_testkit::saga::InvalidScript>(())
/// ```
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Script {
    /// The name of the world.
    pub world: String,
    /// What runs the first execution, the second, and so on. The last one runs all further ones.
    pub runners: Vec<Runner>,
    /// If it is given, there are two executions from the start, and after each point one of those
    /// that are running continues at random, by this seed.
    pub scatter: Option<u64>,
    /// Each fault happens at the first point of this number or later at which it can happen. Points
    /// are counted over all executions of the run.
    pub faults: Vec<(u32, Fault)>,
}

impl fmt::Display for Script {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let runners: Vec<String> = self.runners.iter().map(Runner::to_string).collect();
        write!(f, "{} | {}", self.world, runners.join(" "))?;
        if let Some(seed) = self.scatter {
            write!(f, " scatter {seed}")?;
        }
        let faults: Vec<String> =
            self.faults.iter().map(|(point, fault)| format!("{point} {fault}")).collect();
        write!(f, " | {}", faults.join("; "))
    }
}

/// A text is not a script.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("the text is not a script: {0}")]
pub struct InvalidScript(String);

impl FromStr for Script {
    type Err = InvalidScript;

    fn from_str(text: &str) -> Result<Self, InvalidScript> {
        let invalid = |why: &str| InvalidScript(why.to_owned());
        let parts: Vec<&str> = text.split('|').map(str::trim).collect();
        let [world, runners, faults] = parts[..] else {
            return Err(invalid("it does not consist of three parts"));
        };
        let mut script =
            Self { world: world.to_owned(), runners: Vec::new(), scatter: None, faults: vec![] };
        let mut words = runners.split_whitespace();
        while let Some(word) = words.next() {
            if word == "scatter" {
                let seed = words.next().and_then(|seed| seed.parse().ok());
                script.scatter = Some(seed.ok_or_else(|| invalid("scatter has no seed"))?);
                continue;
            }
            let runner = Runner::ALL.into_iter().find(|runner| runner.to_string() == word);
            script.runners.push(runner.ok_or_else(|| invalid("a runner is unknown"))?);
        }
        if script.runners.is_empty() {
            return Err(invalid("it has no runner"));
        }
        for fault in faults.split(';').map(str::trim).filter(|fault| !fault.is_empty()) {
            let (point, fault) =
                fault.split_once(' ').ok_or_else(|| invalid("a fault has no point"))?;
            let point = point.parse().map_err(|error| {
                InvalidScript(format!("{point} is not the number of a point: {error}"))
            })?;
            script.faults.push((point, fault.parse()?));
        }
        Ok(script)
    }
}

impl InvalidScript {
    pub(super) fn world(name: &str) -> Self {
        Self(format!("there is no world called {name}"))
    }
}
