//! A worker's steps: the decision of each, and the loop that carries it out.

use std::future::Future;

use futures_util::future::try_join;
use skald::decider::Decider;
use skald::handle::Pause;
use skald::store::EventStore;
use skald::stream::StreamId;
use skald::time::Timestamp;

use super::context::{Seen, StepContext, Written};
use crate::error::StepError;
use crate::input::{Instance, StepInput};
use crate::names::StepName;
use crate::plan::{MAX_CALLS, Place};
use crate::saga::{Arbiter, Change, Participant, Phase, Saga, Standing};

/// The arbiter's state of a participant's saga.
pub(super) type ArbiterOf<W> = <<W as Participant>::Arbiter as Decider>::State;
/// The state of a participant's stream.
pub(super) type OwnOf<W> = <<W as Participant>::Decider as Decider>::State;
/// Why the saga of a worker is undone.
type ReasonOf<W> = <<W as Participant>::Arbiter as Arbiter>::Reason;

/// Performs the steps of one function.
pub trait Worker: Sync {
    /// The steps.
    type Steps: Participant;
    /// What [`write`](Self::write) writes: often the commands of the steps' decider.
    type Write: Send + Sync;
    /// A call to the external system; [`Infallible`](std::convert::Infallible) if there is none.
    type Call: Send;
    /// The answer of the external system.
    type Answer: Send + Sync;

    /// What the step does next. Pure.
    ///
    /// It is called only while the direction of the saga permits the step. So a step forward need
    /// not look for undoing, and a compensation need not check that undoing has started.
    fn decide(
        &self,
        step: Self::Steps,
        view: &View<'_, Self::Steps, Self::Answer>,
    ) -> Action<Self::Write, Self::Call, ReasonOf<Self::Steps>>;

    /// Calls the external system.
    ///
    /// # Errors
    /// [`StepError::Transient`] if there is no answer: the call may have had its effect. What the
    /// external system refuses is an answer.
    fn call(
        &self,
        call: Self::Call,
    ) -> impl Future<Output = Result<Self::Answer, StepError>> + Send;

    /// The call that undoes the effect of an answer that arrived after the step was undone; `None`
    /// if the answer has no effect, or if a compensation will still undo it. No other execution
    /// undoes such an effect: it may have called the external system before the effect existed.
    fn undo_late_answer(
        &self,
        view: &View<'_, Self::Steps, Self::Answer>,
        answer: &Self::Answer,
    ) -> Option<Self::Call> {
        let _ = (view, answer);
        None
    }

    /// Carries out [`Action::Write`]. For a single stream, this is [`StepContext::append`].
    ///
    /// # Errors
    /// [`StepError`] if the write fails.
    fn write<S: EventStore, P: Pause>(
        &self,
        context: &StepContext<'_, S, P>,
        arbiter: &Seen<<Self::Steps as Participant>::Arbiter, S::Head>,
        own: Seen<<Self::Steps as Participant>::Decider, S::Head>,
        write: &Self::Write,
    ) -> impl Future<
        Output = Result<Written<<Self::Steps as Participant>::Decider, S::Head>, StepError>,
    > + Send;
}

/// What a step decides on.
#[expect(missing_debug_implementations, reason = "the states may be personal")]
pub struct View<'a, W: Participant, Answer> {
    /// The saga.
    pub instance: &'a Instance,
    /// The state of the arbiter.
    pub arbiter: &'a ArbiterOf<W>,
    /// The state of the step's stream.
    pub own: &'a OwnOf<W>,
    /// What this invocation knows about the external system.
    pub last: &'a LastAnswer<Answer>,
    /// The time of the decision.
    pub at: Timestamp,
}

/// What an invocation of a step knows from earlier rounds. All other state is in the streams.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum LastAnswer<Answer> {
    /// Nothing: a request in the stream may have been sent by others.
    Unknown,
    /// This invocation just recorded the request. It was not sent yet.
    Recorded,
    /// The answer of the external system.
    Answer(Answer),
}

/// What a step does next.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Action<Write, Call, Reason> {
    /// Write to the step's stream, then decide again.
    Write(Write),
    /// Call the external system, then decide again on its answer.
    Call(Call),
    /// The step is refused: start undoing the saga for this reason, and end. The step's stream
    /// shows the refusal already.
    Refuse(Reason),
    /// The step is done.
    Done,
    /// The step's stream shows that the step was undone. Undoing started after the arbiter was
    /// read.
    Undone,
    /// The step cannot succeed without an operator, for this reason.
    Stuck(String),
}

/// Performs a step of this worker.
///
/// # Errors
/// See [`StepError`]. The step may be repeated after any error.
pub async fn perform<G, W, S, P>(
    worker: &W,
    store: &S,
    pause: &P,
    input: &StepInput<G::Step>,
    at: Timestamp,
) -> Result<(), StepError>
where
    G: Saga<Arbiter = <W::Steps as Participant>::Arbiter>,
    G::Step: TryInto<W::Steps>,
    W: Worker,
    S: EventStore,
    P: Pause,
{
    if input.step.is_retired() {
        return Ok(());
    }
    let Ok(step) = input.step.try_into() else {
        let why = format!("{} is a step of {}", input.step, input.step.worker());
        return Err(StepError::Permanent(why));
    };
    let mut run = Run { worker, step, context: StepContext::new(store, pause, input, at) };
    run.until_done(G::PLAN.place(input.step)).await
}

/// An invocation of a step.
struct Run<'a, W: Worker, S, P> {
    worker: &'a W,
    step: W::Steps,
    context: StepContext<'a, S, P>,
}

/// The arbiter and the step's own stream, as they were read.
type Streams<W, H> = (
    Seen<<<W as Worker>::Steps as Participant>::Arbiter, H>,
    Seen<<<W as Worker>::Steps as Participant>::Decider, H>,
);

/// What the direction of the saga says about a step.
enum Permission {
    /// The step is performed.
    Granted,
    /// The deadline has passed.
    Expired,
    /// The step ends.
    Ended(Result<(), StepError>),
}

impl<W: Worker, S: EventStore, P: Pause> Run<'_, W, S, P> {
    async fn until_done(&mut self, place: Place) -> Result<(), StepError> {
        let (mut last, mut calls) = (LastAnswer::Unknown, 0);
        loop {
            self.context.begin_round().await?;
            let Some((arbiter, mut own)) = self.look().await? else { return Ok(()) };
            let standing = <W::Steps as Participant>::Arbiter::standing(&arbiter.state);
            // The arbiter is not read again until a write meets a conflict. Undoing that starts
            // meanwhile closes this step's stream, so the next append is a conflict.
            let mut is_fresh = true;
            loop {
                let view = View {
                    instance: self.context.instance(),
                    arbiter: &arbiter.state,
                    own: &own.state,
                    last: &last,
                    at: self.context.at(),
                };
                let action = match permission(standing, place, view.at) {
                    Permission::Granted => self.worker.decide(self.step, &view),
                    Permission::Expired => {
                        Action::Refuse(<W::Steps as Participant>::Arbiter::expired())
                    }
                    Permission::Ended(Err(StepError::Undone)) => Action::Undone,
                    Permission::Ended(result) => return result,
                };
                match action {
                    Action::Write(write) => {
                        is_fresh = false;
                        let written =
                            self.worker.write(&self.context, &arbiter, own, &write).await?;
                        own = match written {
                            Written::Now(seen) => {
                                if !matches!(last, LastAnswer::Answer(_)) {
                                    last = LastAnswer::Recorded;
                                }
                                seen
                            }
                            Written::Before(seen) => seen,
                            Written::Again => break,
                            Written::Finished => return Ok(()),
                        };
                    }
                    // No time is left for another call: the next invocation continues.
                    Action::Call(_) if calls == MAX_CALLS => return Err(out_of_calls()),
                    Action::Call(call) => {
                        is_fresh = false;
                        calls += 1;
                        last = LastAnswer::Answer(self.worker.call(call).await?);
                    }
                    Action::Refuse(reason) => {
                        if self.has_turned_round(arbiter, reason).await? {
                            return Err(StepError::Undone);
                        }
                        break;
                    }
                    Action::Undone => {
                        self.undo_late_answer(&view, calls).await?;
                        return Err(StepError::Undone);
                    }
                    Action::Done => return Ok(()),
                    Action::Stuck(why) if is_fresh => return Err(StepError::Permanent(why)),
                    // The answer of the external system may show what another execution did after
                    // the streams were read.
                    Action::Stuck(_) => break,
                }
            }
        }
    }

    /// Reads the arbiter and the step's own stream; `None` if this saga does not need the step.
    async fn look(&self) -> Result<Option<Streams<W, S::Head>>, StepError> {
        let (context, instance) = (&self.context, self.context.instance());
        let stream = <W::Steps as Participant>::Arbiter::stream(&instance.tenant, &instance.id)?;
        let unread = Default::default();
        let (arbiter, own) = match W::Steps::stream(instance, &unread)? {
            Some(guessed) => {
                let own = self.look_at_own(guessed);
                let (arbiter, own) = try_join(context.look(&stream), own).await?;
                (arbiter, Some(own))
            }
            None => (context.look(&stream).await?, None),
        };
        let arbiter: Seen<<W::Steps as Participant>::Arbiter, _> = arbiter;
        if !self.step.is_needed(&arbiter.state) {
            return Ok(None);
        }
        let named = W::Steps::stream(instance, &arbiter.state)?;
        let own = match (own, named) {
            (Some(own), Some(named)) if skald::store::Head::stream(own.head()) == &named => own,
            (_, Some(named)) => self.look_at_own(named).await?,
            (_, None) => {
                let why = "the stream that the step works on is not known";
                return Err(StepError::permanent(why));
            }
        };
        Ok(Some((arbiter, own)))
    }

    async fn look_at_own(
        &self,
        stream: StreamId,
    ) -> Result<Seen<<W::Steps as Participant>::Decider, S::Head>, StepError> {
        self.context.look(&stream).await
    }

    /// Starts undoing. Returns `false` if the arbiter has moved: it may have decided otherwise.
    async fn has_turned_round(
        &self,
        arbiter: Seen<<W::Steps as Participant>::Arbiter, S::Head>,
        reason: ReasonOf<W::Steps>,
    ) -> Result<bool, StepError> {
        let attempt = self.context.attempt();
        let command =
            <W::Steps as Participant>::Arbiter::command(Change::StartUndo { reason, attempt });
        let cause = arbiter.last().cloned();
        let written = self.context.append(arbiter, &command, cause.as_ref()).await?;
        Ok(matches!(written, Written::Now(_) | Written::Before(_)))
    }

    /// If an answer arrived after the step was undone, undoes its effect.
    async fn undo_late_answer(
        &self,
        view: &View<'_, W::Steps, W::Answer>,
        calls: u32,
    ) -> Result<(), StepError> {
        let LastAnswer::Answer(answer) = view.last else { return Ok(()) };
        let Some(call) = self.worker.undo_late_answer(view, answer) else { return Ok(()) };
        if calls == MAX_CALLS {
            return Err(out_of_calls());
        }
        self.worker.call(call).await.map(drop)
    }
}

fn permission(standing: Option<Standing>, place: Place, at: Timestamp) -> Permission {
    let Some(Standing { phase, deadline, .. }) = standing else {
        return Permission::Ended(Err(StepError::permanent("the saga was not begun")));
    };
    let stuck = |why: &str| Permission::Ended(Err(StepError::permanent(why)));
    match (place, phase) {
        (Place::BeforeGate, Phase::Open) => match deadline {
            Some(deadline) if at >= deadline => Permission::Expired,
            Some(_) | None => Permission::Granted,
        },
        (Place::AfterGate, Phase::PastGate) | (Place::Compensation, Phase::Undoing) => {
            Permission::Granted
        }
        // Another execution is further ahead, and has done this step.
        (Place::BeforeGate, Phase::PastGate | Phase::Completed)
        | (Place::AfterGate, Phase::Completed)
        | (Place::Compensation, Phase::Undone) => Permission::Ended(Ok(())),
        (Place::BeforeGate | Place::AfterGate, Phase::Undoing | Phase::Undone) => {
            Permission::Ended(Err(StepError::Undone))
        }
        (Place::AfterGate, Phase::Open) => stuck("the saga has not passed its gate"),
        (Place::Compensation, Phase::Open | Phase::PastGate | Phase::Completed) => {
            stuck("undoing the saga has not started")
        }
        (Place::Arbiter, _) => stuck("the plan of the saga does not contain the step"),
    }
}

fn out_of_calls() -> StepError {
    StepError::transient("no time is left for another call to the external system")
}
