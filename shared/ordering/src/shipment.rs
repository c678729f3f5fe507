//! The shipment of an order: a parcel at the carrier, on its way or dropped.
//!
//! As with the [payment](crate::payment), what the carrier is about to be asked is written first.
//!
//! Whether the order is committed is not known here: whoever has a parcel dispatched asks the order
//! first.

use events::{
    AttemptKey, CategoryEvent, ParcelId, ShipmentCancelRequested, ShipmentCancelled,
    ShipmentCreated, ShipmentDelivered, ShipmentDispatched, ShipmentEvent, ShipmentRefused,
    ShipmentRequested,
};
use skald::decider::Decider;

/// The decider of category `shipment`.
#[derive(Debug, Clone, Copy)]
pub struct Shipment;

/// What is known of a shipment.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub enum ShipmentState {
    /// The carrier was never asked for anything.
    #[default]
    Unasked,
    /// The carrier may have a parcel for us.
    Requested,
    /// The carrier has a parcel for us.
    Created(ParcelId),
    /// The carrier refused it. Final.
    Refused {
        /// Why, in the carrier's words.
        reason: String,
    },
    /// The carrier may have dropped the parcel.
    CancelRequested,
    /// There is no parcel, and there will be none. Final.
    Cancelled,
    /// The parcel has left.
    Dispatched,
    /// The parcel has arrived. Final.
    Delivered,
}

/// What can be asked of a shipment: what the carrier is about to be asked, and what came of it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum ShipmentCommand {
    /// The carrier is about to be asked to take a parcel.
    Create {
        /// What it is asked under.
        attempt_key: AttemptKey,
    },
    /// The carrier will take it.
    RecordCreated {
        /// What the carrier calls it.
        parcel: ParcelId,
    },
    /// The carrier refused it.
    RecordRefused {
        /// Why, in the carrier's words. No personal data.
        reason: String,
    },
    /// Undo it: the carrier is about to be asked to drop the parcel; if it was never asked to take
    /// one, it never will.
    Cancel,
    /// The carrier has no parcel, and never will.
    RecordCancelled,
    /// The parcel leaves.
    Dispatch,
    /// The parcel arrives.
    Deliver,
}

/// Why a shipment does not do what it is asked.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum ShipmentRejection {
    /// It is, or is being, undone.
    #[error("the shipment is undone")]
    Undone,
    /// The carrier was not asked for what is to be recorded.
    #[error("the carrier was not asked for this")]
    NotAsked,
    /// The carrier gave another answer before.
    #[error("the carrier answered otherwise before")]
    AnsweredOtherwise,
    /// There is no parcel that could leave.
    #[error("there is no parcel")]
    NotCreated,
    /// The parcel has not left.
    #[error("the parcel has not left")]
    NotDispatched,
    /// The parcel has left.
    #[error("the parcel has left")]
    Dispatched,
}

impl Decider for Shipment {
    const CATEGORY: &'static str = ShipmentEvent::CATEGORY;
    type State = ShipmentState;
    type Command = ShipmentCommand;
    type Event = ShipmentEvent;
    type Rejection = ShipmentRejection;

    fn decide(
        state: &ShipmentState,
        command: &ShipmentCommand,
    ) -> Result<Vec<ShipmentEvent>, ShipmentRejection> {
        let event = match command {
            ShipmentCommand::Create { .. }
            | ShipmentCommand::RecordCreated { .. }
            | ShipmentCommand::RecordRefused { .. } => state.create(command)?,
            ShipmentCommand::Cancel | ShipmentCommand::RecordCancelled => state.cancel(command)?,
            ShipmentCommand::Dispatch => state.dispatch()?,
            ShipmentCommand::Deliver => state.deliver()?,
        };
        Ok(event.into_iter().collect())
    }

    fn evolve(_: ShipmentState, event: &ShipmentEvent) -> ShipmentState {
        match event {
            ShipmentEvent::Requested(_) => ShipmentState::Requested,
            ShipmentEvent::Created(created) => ShipmentState::Created(created.parcel.clone()),
            ShipmentEvent::Refused(refused) => {
                ShipmentState::Refused { reason: refused.reason.clone() }
            }
            ShipmentEvent::CancelRequested(_) => ShipmentState::CancelRequested,
            ShipmentEvent::Cancelled(_) => ShipmentState::Cancelled,
            ShipmentEvent::Dispatched(_) => ShipmentState::Dispatched,
            ShipmentEvent::Delivered(_) => ShipmentState::Delivered,
        }
    }
}

/// One event, or none if it is so already.
type Decided = Result<Option<ShipmentEvent>, ShipmentRejection>;

impl ShipmentState {
    fn create(&self, command: &ShipmentCommand) -> Decided {
        match (self, command) {
            (Self::Unasked, ShipmentCommand::Create { attempt_key }) => {
                Ok(Some(ShipmentRequested { attempt_key: attempt_key.clone() }.into()))
            }
            (Self::Unasked, _) => Err(ShipmentRejection::NotAsked),
            (Self::Requested, ShipmentCommand::RecordCreated { parcel }) => {
                Ok(Some(ShipmentCreated { parcel: parcel.clone() }.into()))
            }
            (Self::Requested, ShipmentCommand::RecordRefused { reason }) => {
                Ok(Some(ShipmentRefused { reason: reason.clone() }.into()))
            }
            (Self::Refused { .. }, ShipmentCommand::RecordCreated { .. })
            | (
                Self::Created(_) | Self::Dispatched | Self::Delivered,
                ShipmentCommand::RecordRefused { .. },
            ) => Err(ShipmentRejection::AnsweredOtherwise),
            (Self::CancelRequested | Self::Cancelled, _) => Err(ShipmentRejection::Undone),
            (_, _) => Ok(None),
        }
    }

    fn cancel(&self, command: &ShipmentCommand) -> Decided {
        let asks = *command == ShipmentCommand::Cancel;
        match self {
            Self::Cancelled => Ok(None),
            Self::Unasked if asks => Ok(Some(ShipmentCancelled {}.into())),
            Self::Requested | Self::Created(_) if asks => {
                Ok(Some(ShipmentCancelRequested {}.into()))
            }
            Self::Refused { .. } if asks => Ok(None),
            Self::CancelRequested if asks => Ok(None),
            Self::CancelRequested => Ok(Some(ShipmentCancelled {}.into())),
            Self::Unasked | Self::Requested | Self::Created(_) | Self::Refused { .. } => {
                Err(ShipmentRejection::NotAsked)
            }
            Self::Dispatched | Self::Delivered => Err(ShipmentRejection::Dispatched),
        }
    }

    fn dispatch(&self) -> Decided {
        match self {
            Self::Created(_) => Ok(Some(ShipmentDispatched {}.into())),
            Self::Dispatched | Self::Delivered => Ok(None),
            Self::Unasked | Self::Requested | Self::Refused { .. } => {
                Err(ShipmentRejection::NotCreated)
            }
            Self::CancelRequested | Self::Cancelled => Err(ShipmentRejection::Undone),
        }
    }

    fn deliver(&self) -> Decided {
        match self {
            Self::Dispatched => Ok(Some(ShipmentDelivered {}.into())),
            Self::Delivered => Ok(None),
            Self::Unasked | Self::Requested | Self::Created(_) | Self::Refused { .. } => {
                Err(ShipmentRejection::NotDispatched)
            }
            Self::CancelRequested | Self::Cancelled => Err(ShipmentRejection::Undone),
        }
    }
}
