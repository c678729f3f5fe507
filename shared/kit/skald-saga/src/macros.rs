//! [`saga!`](crate::saga): declares a saga's steps, their names and their workers.

/// Declares a saga: its arbiter, its participants and the steps of each.
///
/// From this declaration come
///
/// - an enum for the steps of each participant, such as `RoomStep`, with [`name`] and [`ALL`];
/// - an enum of all steps, such as `Step`, with a variant for each participant that is named after
///   its decider, and one for the steps on the arbiter;
/// - a struct with the states of the arbiter and of all participants;
/// - the saga itself, a type that implements [`Saga`](crate::Saga).
///
/// The plan is a constant of the caller's, so that the compiler names its mistakes. A participant
/// needs an implementation of [`Participant`](crate::Participant), and the arbiter's decider one of
/// [`Arbiter`](crate::Arbiter).
///
/// `retired` lists the names of steps that earlier releases had. An execution of such a release may
/// still run them: they succeed without an effect.
///
/// [`name`]: crate::StepName::name
/// [`ALL`]: crate::StepName::ALL
///
/// # Examples
///
/// The [guide](https://docs.rs/skald-saga) explains each part on a saga that books a room. Its
/// declaration:
///
/// ```text
/// skald_saga::saga! {
///     /// Books a room: holds it, takes a deposit and confirms the booking.
///     pub saga Booking, plan BOOKING;
///     /// A step of a booking.
///     pub enum Step;
///     /// The states of a booking's streams.
///     pub struct BookingState;
///
///     retired { "inspect_room" }
///
///     /// The booking itself.
///     arbiter booking: Reservation by "booking-steps" {
///         /// Confirm the booking.
///         Confirm = "confirm_booking",
///         /// Record that the booking is undone.
///         Cancel = "cancel_booking",
///         /// Park the booking for an operator.
///         Park = "park_booking",
///     } as BookingStep;
///
///     /// The room that is held.
///     room: Room by "room-steps" {
///         /// Hold the room.
///         Hold = "hold_room",
///         /// Give the room back.
///         Release = "release_room",
///     } as RoomStep;
/// }
/// ```
#[macro_export]
macro_rules! saga {
    (
        $(#[$saga_doc:meta])*
        $vis:vis saga $Saga:ident, plan $PLAN:path;
        $(#[$step_doc:meta])*
        $step_vis:vis enum $Step:ident;
        $(#[$state_doc:meta])*
        $state_vis:vis struct $State:ident;

        $( retired { $($retired:literal),* $(,)? } )?

        $(#[$arbiter_doc:meta])*
        arbiter $arbiter:ident: $Arbiter:ident by $arbiter_worker:literal {
            $( $(#[$on_arbiter_doc:meta])* $OnArbiter:ident = $on_arbiter:literal, )+
        } as $ArbiterStep:ident;

        $(
            $(#[$participant_doc:meta])*
            $participant:ident: $Decider:ident by $worker:literal {
                $( $(#[$own_doc:meta])* $Own:ident = $own:literal, )+
            } as $OwnStep:ident;
        )+
    ) => {
        $crate::__steps! {
            /// The steps on the arbiter.
            $step_vis enum $ArbiterStep by $arbiter_worker {
                $( $(#[$on_arbiter_doc])* $OnArbiter = $on_arbiter, )+
            }
        }
        $(
            $crate::__steps! {
                /// The steps of one worker.
                $step_vis enum $OwnStep by $worker {
                    $( $(#[$own_doc])* $Own = $own, )+
                }
            }
        )+

        $(#[$step_doc])*
        #[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
        $step_vis enum $Step {
            $(#[$arbiter_doc])*
            $Arbiter($ArbiterStep),
            $(
                $(#[$participant_doc])*
                $Decider($OwnStep),
            )+
            /// A step of an earlier release. It succeeds without an effect.
            Retired(&'static str),
        }

        impl $Step {
            /// The names of the steps of earlier releases.
            const RETIRED: &'static [&'static str] = &[$($($retired),*)?];
        }

        impl $crate::StepName for $Step {
            const ALL: &'static [Self] = &[
                $( Self::$Arbiter($ArbiterStep::$OnArbiter), )+
                $( $( Self::$Decider($OwnStep::$Own), )+ )+
            ];

            fn name(self) -> &'static str {
                match self {
                    Self::$Arbiter(step) => $crate::StepName::name(step),
                    $( Self::$Decider(step) => $crate::StepName::name(step), )+
                    Self::Retired(name) => name,
                }
            }

            fn worker(self) -> &'static str {
                match self {
                    Self::$Arbiter(_) | Self::Retired(_) => $arbiter_worker,
                    $( Self::$Decider(_) => $worker, )+
                }
            }

            fn is_retired(self) -> bool {
                matches!(self, Self::Retired(_))
            }

            fn named(name: &str) -> ::core::option::Option<Self> {
                let known = Self::ALL.iter().copied();
                let retired = Self::RETIRED.iter().copied().map(Self::Retired);
                known.chain(retired).find(|step| $crate::StepName::name(*step) == name)
            }
        }

        $crate::__names!($Step);

        $(
            impl ::core::convert::From<$OwnStep> for $Step {
                fn from(step: $OwnStep) -> Self {
                    Self::$Decider(step)
                }
            }

            impl ::core::convert::TryFrom<$Step> for $OwnStep {
                type Error = $Step;

                fn try_from(step: $Step) -> ::core::result::Result<Self, $Step> {
                    if let $Step::$Decider(step) = step { Ok(step) } else { Err(step) }
                }
            }
        )+

        $(#[$state_doc])*
        #[derive(Debug, Clone, PartialEq, Default)]
        $state_vis struct $State {
            $(#[$arbiter_doc])*
            pub $arbiter: <$Arbiter as $crate::__private::Decider>::State,
            $(
                $(#[$participant_doc])*
                pub $participant: <$Decider as $crate::__private::Decider>::State,
            )+
        }

        $(#[$saga_doc])*
        #[derive(Debug, Clone, Copy, PartialEq, Eq)]
        $vis struct $Saga;

        impl $crate::Saga for $Saga {
            type Arbiter = $Arbiter;
            type Step = $Step;
            type State = $State;

            const PLAN: $crate::Plan<$Step> = $PLAN;

            fn arbiter(state: &$State) -> &<$Arbiter as $crate::__private::Decider>::State {
                &state.$arbiter
            }

            fn progress(
                instance: &$crate::Instance,
                state: &$State,
                step: $Step,
            ) -> $crate::Progress {
                match step {
                    $Step::$Arbiter(_) | $Step::Retired(_) => $crate::Progress::Ahead,
                    $(
                        $Step::$Decider(step) => {
                            if $crate::Participant::is_needed(step, &state.$arbiter) {
                                $crate::Participant::progress(step, instance, &state.$participant)
                            } else {
                                $crate::Progress::NotNeeded
                            }
                        }
                    )+
                }
            }

            async fn read_participants<S: $crate::__private::EventStore>(
                store: &S,
                instance: &$crate::Instance,
                arbiter: <$Arbiter as $crate::__private::Decider>::State,
                of: &[$Step],
            ) -> ::core::result::Result<$State, $crate::StepError> {
                $(
                    let $participant = $crate::__private::participant::<$OwnStep, S>(
                        store,
                        instance,
                        &arbiter,
                        of.iter().any(|step| matches!(step, $Step::$Decider(_))),
                    );
                )+
                let ($($participant,)+) = $crate::__private::try_join!($($participant),+)?;
                Ok($State { $arbiter: arbiter, $($participant,)+ })
            }

            async fn read_traces<S: $crate::__private::EventStore>(
                store: &S,
                instance: &$crate::Instance,
                arbiter: <$Arbiter as $crate::__private::Decider>::State,
            ) -> ::core::result::Result<$crate::Traced<Self>, $crate::StepError> {
                $(
                    let $participant = $crate::__private::of_participant::<$OwnStep, S>(
                        store, instance, &arbiter,
                    );
                )+
                let ($($participant,)+) = $crate::__private::try_join!($($participant),+)?;
                let mut traces = ::std::vec::Vec::new();
                $(
                    let ($participant, of_steps) = $participant;
                    traces.extend(
                        of_steps.into_iter().map(|(step, trace)| ($Step::from(step), trace)),
                    );
                )+
                Ok(($State { $arbiter: arbiter, $($participant,)+ }, traces))
            }
        }
    };
}

/// An enum of steps of one worker. For [`saga!`](crate::saga).
#[doc(hidden)]
#[macro_export]
macro_rules! __steps {
    (
        $(#[$doc:meta])*
        $vis:vis enum $Own:ident by $worker:literal {
            $( $(#[$step_doc:meta])* $Step:ident = $name:literal, )+
        }
    ) => {
        $(#[$doc])*
        #[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
        $vis enum $Own {
            $( $(#[$step_doc])* $Step, )+
        }

        impl $crate::StepName for $Own {
            const ALL: &'static [Self] = &[$( Self::$Step, )+];

            fn name(self) -> &'static str {
                match self {
                    $( Self::$Step => $name, )+
                }
            }

            fn worker(self) -> &'static str {
                $worker
            }

            fn is_retired(self) -> bool {
                false
            }
        }

        $crate::__names!($Own);
    };
}

/// A step as its name, in text and in JSON. For [`saga!`](crate::saga).
#[doc(hidden)]
#[macro_export]
macro_rules! __names {
    ($Step:ident) => {
        impl ::core::fmt::Display for $Step {
            fn fmt(&self, f: &mut ::core::fmt::Formatter<'_>) -> ::core::fmt::Result {
                f.write_str($crate::StepName::name(*self))
            }
        }

        impl $crate::__private::Serialize for $Step {
            fn serialize<S: $crate::__private::Serializer>(
                &self,
                serializer: S,
            ) -> ::core::result::Result<S::Ok, S::Error> {
                serializer.serialize_str($crate::StepName::name(*self))
            }
        }

        impl<'de> $crate::__private::Deserialize<'de> for $Step {
            fn deserialize<D: $crate::__private::Deserializer<'de>>(
                deserializer: D,
            ) -> ::core::result::Result<Self, D::Error> {
                $crate::__private::step(deserializer)
            }
        }
    };
}
