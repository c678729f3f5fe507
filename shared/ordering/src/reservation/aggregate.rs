//! The aggregate: the state of a reservation, and its rules.

use events::{
    CategoryEvent, ReservationAbandoned, ReservationEvent, ReservationMade, ReservationRefused,
    ReservationReleased, ReservationReturned, ReservationShipped, ReservedLine, ShortLine,
};
use skald::decider::Decider;

/// The decider of category `reservation`.
#[derive(Debug, Clone, Copy)]
pub struct Reservation;

/// The state of a reservation.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub enum ReservationState {
    /// The reservation was neither made nor undone (yet).
    #[default]
    Unmade,
    /// These goods are held.
    Made(Vec<ReservedLine>),
    /// Too little of these was available. Final.
    Refused(Vec<ShortLine>),
    /// Goods were held, and were released. Final.
    Released,
    /// These goods left the stock: the parcel left with them, or an earlier release shipped them
    /// before.
    Shipped(Vec<ReservedLine>),
    /// Goods had left the stock, and are on the shelf again. Final.
    Returned,
    /// The reservation was undone before it was made. Final.
    Abandoned,
}

impl ReservationState {
    /// The goods that are held now.
    #[must_use]
    pub fn held(&self) -> &[ReservedLine] {
        match self {
            Self::Made(lines) => lines,
            Self::Unmade
            | Self::Refused(_)
            | Self::Released
            | Self::Shipped(_)
            | Self::Returned
            | Self::Abandoned => &[],
        }
    }

    /// The goods that are held now or left the stock: what undoing has to give back.
    #[must_use]
    pub fn drawn(&self) -> &[ReservedLine] {
        match self {
            Self::Made(lines) | Self::Shipped(lines) => lines,
            Self::Unmade | Self::Refused(_) | Self::Released | Self::Returned | Self::Abandoned => {
                &[]
            }
        }
    }
}

/// The commands on a reservation.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum ReservationCommand {
    /// Hold these goods, which [`make`](super::make) chooses.
    Make {
        /// The quantity from each shard.
        lines: Vec<ReservedLine>,
    },
    /// Hold nothing, because [`make`](super::make) found too little.
    Refuse {
        /// The products that are short.
        short: Vec<ShortLine>,
    },
    /// Undo the reservation: release its goods, return them if they left the stock, or never hold
    /// any.
    Release,
    /// Ship the goods.
    Ship,
}

/// Why a command on a reservation is rejected.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum ReservationRejection {
    /// The reservation is undone.
    #[error("the reservation is undone")]
    Undone,
    /// No goods are held that could be shipped.
    #[error("no goods are held")]
    NotMade,
}

impl Decider for Reservation {
    const CATEGORY: &'static str = ReservationEvent::CATEGORY;
    type State = ReservationState;
    type Command = ReservationCommand;
    type Event = ReservationEvent;
    type Rejection = ReservationRejection;

    fn decide(
        state: &ReservationState,
        command: &ReservationCommand,
    ) -> Result<Vec<ReservationEvent>, ReservationRejection> {
        use ReservationState::{Abandoned, Made, Refused, Released, Returned, Shipped, Unmade};
        let event = match (command, state) {
            (ReservationCommand::Make { lines }, Unmade) => {
                ReservationMade { lines: lines.clone() }.into()
            }
            (ReservationCommand::Refuse { short }, Unmade) => {
                ReservationRefused { short: short.clone() }.into()
            }
            (ReservationCommand::Make { .. } | ReservationCommand::Refuse { .. }, state) => {
                match state {
                    Released | Returned | Abandoned => return Err(ReservationRejection::Undone),
                    Unmade | Made(_) | Refused(_) | Shipped(_) => return Ok(Vec::new()),
                }
            }
            (ReservationCommand::Release, state) => match state {
                Unmade => ReservationAbandoned {}.into(),
                Made(_) => ReservationReleased {}.into(),
                Shipped(_) => ReservationReturned {}.into(),
                Refused(_) | Released | Returned | Abandoned => return Ok(Vec::new()),
            },
            (ReservationCommand::Ship, state) => match state {
                Made(_) => ReservationShipped {}.into(),
                Shipped(_) => return Ok(Vec::new()),
                Unmade | Refused(_) => return Err(ReservationRejection::NotMade),
                Released | Returned | Abandoned => return Err(ReservationRejection::Undone),
            },
        };
        Ok(vec![event])
    }

    fn evolve(state: ReservationState, event: &ReservationEvent) -> ReservationState {
        match event {
            ReservationEvent::Made(made) => ReservationState::Made(made.lines.clone()),
            ReservationEvent::Refused(refused) => ReservationState::Refused(refused.short.clone()),
            ReservationEvent::Released(_) => ReservationState::Released,
            ReservationEvent::Shipped(_) => ReservationState::Shipped(state.drawn().to_vec()),
            ReservationEvent::Returned(_) => ReservationState::Returned,
            ReservationEvent::Abandoned(_) => ReservationState::Abandoned,
        }
    }
}
