//! The steps by name, the functions that perform them, and their input.

use std::fmt;

use events::OrderId;
use serde::{Deserialize, Serialize};
use skald::commit::CorrelationId;
use skald::stream::Tenant;

/// The longest error message that is stored, in characters.
const MAX_MESSAGE_CHARACTERS: usize = 500;

/// A step of the saga.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Step {
    /// Hold the goods.
    ReserveStock,
    /// Have the gateway hold the money.
    AuthorizePayment,
    /// Have the carrier take a parcel.
    CreateShipment,
    /// Pass the pivot.
    CommitOrder,
    /// Capture the money.
    CapturePayment,
    /// Ship the goods from the stock.
    ShipStock,
    /// Complete the order.
    ConfirmOrder,
    /// Start undoing.
    StartUndo,
    /// Have the carrier cancel the parcel.
    CancelShipment,
    /// Have the gateway release the money.
    VoidPayment,
    /// Release the goods.
    ReleaseStock,
    /// Record that the order is undone.
    CancelOrder,
    /// Park the order for an operator.
    ParkOrder,
}

/// A function that performs steps.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Worker {
    /// Holds, releases and ships goods.
    ReservationSteps,
    /// Calls the gateway.
    PaymentSteps,
    /// Calls the carrier.
    ShipmentSteps,
    /// Changes the order itself.
    OrderSteps,
}

impl Worker {
    /// The function's name, which is also the source of its commits.
    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            Self::ReservationSteps => "reservation-steps",
            Self::PaymentSteps => "payment-steps",
            Self::ShipmentSteps => "shipment-steps",
            Self::OrderSteps => "order-steps",
        }
    }

    /// The placeholder for the function's ARN in the state machine.
    #[must_use]
    pub const fn placeholder(self) -> &'static str {
        match self {
            Self::ReservationSteps => "${ReservationStepsArn}",
            Self::PaymentSteps => "${PaymentStepsArn}",
            Self::ShipmentSteps => "${ShipmentStepsArn}",
            Self::OrderSteps => "${OrderStepsArn}",
        }
    }
}

impl Step {
    /// Every step: the forward steps, the backward steps, and parking.
    pub const ALL: [Self; 13] = [
        Self::ReserveStock,
        Self::AuthorizePayment,
        Self::CreateShipment,
        Self::CommitOrder,
        Self::CapturePayment,
        Self::ShipStock,
        Self::ConfirmOrder,
        Self::StartUndo,
        Self::CancelShipment,
        Self::VoidPayment,
        Self::ReleaseStock,
        Self::CancelOrder,
        Self::ParkOrder,
    ];

    /// The step's name, such as `reserve_stock`, in events, requests and answers.
    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            Self::ReserveStock => "reserve_stock",
            Self::AuthorizePayment => "authorize_payment",
            Self::CreateShipment => "create_shipment",
            Self::CommitOrder => "commit_order",
            Self::CapturePayment => "capture_payment",
            Self::ShipStock => "ship_stock",
            Self::ConfirmOrder => "confirm_order",
            Self::StartUndo => "start_undo",
            Self::CancelShipment => "cancel_shipment",
            Self::VoidPayment => "void_payment",
            Self::ReleaseStock => "release_stock",
            Self::CancelOrder => "cancel_order",
            Self::ParkOrder => "park_order",
        }
    }

    /// The function that performs the step.
    #[must_use]
    pub const fn worker(self) -> Worker {
        match self {
            Self::ReserveStock | Self::ReleaseStock | Self::ShipStock => Worker::ReservationSteps,
            Self::AuthorizePayment | Self::VoidPayment | Self::CapturePayment => {
                Worker::PaymentSteps
            }
            Self::CreateShipment | Self::CancelShipment => Worker::ShipmentSteps,
            Self::CommitOrder
            | Self::ConfirmOrder
            | Self::StartUndo
            | Self::CancelOrder
            | Self::ParkOrder => Worker::OrderSteps,
        }
    }
}

impl fmt::Display for Step {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.name())
    }
}

/// The input of an execution of the saga: only ids.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct ExecutionInput {
    /// The order.
    pub order_id: OrderId,
    /// The order's tenant.
    pub tenant: Tenant,
    /// The number of the attempt to complete or undo the order, from 1.
    pub attempt: u32,
    /// The call that began this attempt, for correlating logs.
    pub correlation_id: CorrelationId,
}

impl ExecutionInput {
    /// The name of the execution: `<order>.<attempt>`. Starting it repeatedly gives one execution.
    #[must_use]
    pub fn name(&self) -> String {
        format!("{}.{}", self.order_id, self.attempt)
    }
}

/// The input of a step.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct StepInput {
    /// The step.
    pub step: Step,
    /// The order.
    pub order_id: OrderId,
    /// The order's tenant.
    pub tenant: Tenant,
    /// The number of the attempt that this step is part of, from 1.
    pub attempt: u32,
    /// The call that began this attempt.
    pub correlation_id: CorrelationId,
    /// Why the order is to be parked; only for [`Step::ParkOrder`].
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub failure: Option<Failure>,
}

impl StepInput {
    /// The input of this step in that execution.
    #[must_use]
    pub fn of(execution: &ExecutionInput, step: Step) -> Self {
        let ExecutionInput { order_id, tenant, attempt, correlation_id } = execution.clone();
        Self { step, order_id, tenant, attempt, correlation_id, failure: None }
    }
}

/// A step that failed permanently or too often, as the state machine reports it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Failure {
    /// The step.
    pub step: Step,
    /// The error.
    pub error: ErrorOutput,
}

/// An error in the form of Step Functions ("Handling errors in Step Functions workflows").
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "PascalCase")]
pub struct ErrorOutput {
    /// The error's name.
    #[serde(default)]
    pub error: String,
    /// More about the error: for a function's error, the function's answer as JSON.
    #[serde(default)]
    pub cause: String,
}

impl Failure {
    /// The failure as text for the operator: the error's name, and its message if the function
    /// returned one.
    #[must_use]
    pub fn message(&self) -> String {
        let ErrorOutput { error, cause } = &self.error;
        let answer: Option<serde_json::Value> = serde_json::from_str(cause).ok();
        let message = answer
            .as_ref()
            .and_then(|answer| answer.get("errorMessage")?.as_str())
            .unwrap_or(cause);
        let text = if message.is_empty() { error.clone() } else { format!("{error}: {message}") };
        text.chars().take(MAX_MESSAGE_CHARACTERS).collect()
    }
}
