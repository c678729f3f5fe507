//! The shipment of an order: a parcel at the carrier, shipped or cancelled.
//!
//! As with the [payment](crate::payment), each request to the carrier is recorded before it is
//! sent.
//!
//! A shipment does not know whether its order may leave: a parcel is [dispatched](crate::dispatching)
//! in one transaction with its order.

use events::{
    AttemptKey, CategoryEvent, ParcelId, ShipmentCancelRequested, ShipmentCancelled,
    ShipmentCreated, ShipmentDelivered, ShipmentDispatched, ShipmentEvent, ShipmentRefused,
    ShipmentRequested, TrackingCode,
};
use skald::decider::Decider;

/// The decider of category `shipment`.
#[derive(Debug, Clone, Copy)]
pub struct Shipment;

/// The state of a shipment.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub enum ShipmentState {
    /// Nothing was requested from the carrier.
    #[default]
    Unrequested,
    /// The carrier may have a parcel.
    Requested,
    /// The carrier has a parcel.
    Created(ParcelId),
    /// The carrier refused. Final.
    Refused {
        /// The reason, in the carrier's words.
        reason: String,
    },
    /// The carrier may have cancelled the parcel.
    CancelRequested,
    /// No parcel exists, and none will. Final.
    Cancelled,
    /// The carrier collected the parcel.
    Dispatched,
    /// The parcel was delivered. Final.
    Delivered,
}

/// The commands on a shipment. They record each request to the carrier before
/// it is sent, and each answer.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum ShipmentCommand {
    /// Record that the carrier is about to be asked to take a parcel.
    Create {
        /// The idempotency key of the request.
        attempt_key: AttemptKey,
    },
    /// Record that the carrier accepted the parcel.
    RecordCreated {
        /// The carrier's id of the parcel.
        parcel: ParcelId,
    },
    /// Record that the carrier refused the parcel.
    RecordRefused {
        /// The reason, in the carrier's words. It contains no personal data.
        reason: String,
    },
    /// Undo the shipment: record that the carrier is about to be asked to cancel the parcel. If it
    /// was never asked to take one, the shipment is cancelled at once.
    Cancel,
    /// Record that the carrier has no parcel and never will.
    RecordCancelled,
    /// Record that the carrier collected the parcel.
    Dispatch {
        /// The code with which the parcel can be followed, if the carrier gave one.
        tracking_code: Option<TrackingCode>,
    },
    /// Record that the parcel was delivered.
    Deliver,
}

/// Why a command on a shipment is rejected.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum ShipmentRejection {
    /// The shipment is undone or being undone.
    #[error("the shipment is undone")]
    Undone,
    /// The request whose result is to be recorded was never recorded.
    #[error("no request to the carrier is recorded for this result")]
    NotRequested,
    /// A different answer of the carrier is recorded.
    #[error("the recorded answer of the carrier is a different one")]
    AnsweredOtherwise,
    /// No parcel exists that could be dispatched.
    #[error("no parcel exists")]
    NotCreated,
    /// The parcel was not dispatched.
    #[error("the parcel was not dispatched")]
    NotDispatched,
    /// The parcel was dispatched.
    #[error("the parcel was already dispatched")]
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
            ShipmentCommand::Dispatch { tracking_code } => {
                state.dispatch(tracking_code.as_ref())?
            }
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

/// The event, or no event if the state is already the wanted one.
type Decided = Result<Option<ShipmentEvent>, ShipmentRejection>;

impl ShipmentState {
    fn create(&self, command: &ShipmentCommand) -> Decided {
        match (self, command) {
            (Self::Unrequested, ShipmentCommand::Create { attempt_key }) => {
                Ok(Some(ShipmentRequested { attempt_key: attempt_key.clone() }.into()))
            }
            (Self::Unrequested, _) => Err(ShipmentRejection::NotRequested),
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
        let is_request = *command == ShipmentCommand::Cancel;
        match self {
            Self::Cancelled => Ok(None),
            Self::Unrequested if is_request => Ok(Some(ShipmentCancelled {}.into())),
            Self::Requested | Self::Created(_) if is_request => {
                Ok(Some(ShipmentCancelRequested {}.into()))
            }
            Self::Refused { .. } if is_request => Ok(None),
            Self::CancelRequested if is_request => Ok(None),
            Self::CancelRequested => Ok(Some(ShipmentCancelled {}.into())),
            Self::Unrequested | Self::Requested | Self::Created(_) | Self::Refused { .. } => {
                Err(ShipmentRejection::NotRequested)
            }
            Self::Dispatched | Self::Delivered => Err(ShipmentRejection::Dispatched),
        }
    }

    fn dispatch(&self, tracking_code: Option<&TrackingCode>) -> Decided {
        match self {
            Self::Created(_) => {
                Ok(Some(ShipmentDispatched { tracking_code: tracking_code.cloned() }.into()))
            }
            Self::Dispatched | Self::Delivered => Ok(None),
            Self::Unrequested | Self::Requested | Self::Refused { .. } => {
                Err(ShipmentRejection::NotCreated)
            }
            Self::CancelRequested | Self::Cancelled => Err(ShipmentRejection::Undone),
        }
    }

    fn deliver(&self) -> Decided {
        match self {
            Self::Dispatched => Ok(Some(ShipmentDelivered {}.into())),
            Self::Delivered => Ok(None),
            Self::Unrequested | Self::Requested | Self::Created(_) | Self::Refused { .. } => {
                Err(ShipmentRejection::NotDispatched)
            }
            Self::CancelRequested | Self::Cancelled => Err(ShipmentRejection::Undone),
        }
    }
}
