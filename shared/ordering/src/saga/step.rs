//! The steps by name, who takes them, and what a step is told.

use std::fmt;

use events::OrderId;
use serde::{Deserialize, Serialize};
use skald::commit::CorrelationId;
use skald::stream::Tenant;

/// Longest account of a failure that is kept, in characters.
const LONGEST_FAILURE: usize = 500;

/// One thing that is done for an order.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Step {
    /// Hold the goods.
    ReserveStock,
    /// Have the money held.
    AuthorizePayment,
    /// Have the carrier take a parcel.
    CreateShipment,
    /// Pass the point of no return.
    CommitOrder,
    /// Take the money.
    CapturePayment,
    /// The goods leave the stock.
    ShipStock,
    /// Complete the order.
    ConfirmOrder,
    /// Turn round.
    StartUndo,
    /// Have the carrier drop the parcel.
    CancelShipment,
    /// Have the money let go.
    VoidPayment,
    /// No longer hold the goods.
    ReleaseStock,
    /// The order is undone.
    CancelOrder,
    /// Leave the order to an operator.
    ParkOrder,
}

/// Who takes steps: a function.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Worker {
    /// Holds goods, releases them, ships them.
    ReservationSteps,
    /// Deals with the gateway.
    PaymentSteps,
    /// Deals with the carrier.
    ShipmentSteps,
    /// Moves the order itself.
    OrderSteps,
}

impl Worker {
    /// The function's name, and what it writes under.
    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            Self::ReservationSteps => "reservation-steps",
            Self::PaymentSteps => "payment-steps",
            Self::ShipmentSteps => "shipment-steps",
            Self::OrderSteps => "order-steps",
        }
    }

    /// What stands for the function's ARN in the state machine until it is deployed.
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
    /// Every step: on the way to completion, on the way back, and parking.
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

    /// Its name, such as `reserve_stock`: in events, requests and answers.
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

    /// Who takes it.
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

/// What an execution of the saga is told: ids, nothing else.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct ExecutionInput {
    /// The order.
    pub order_id: OrderId,
    /// Whose it is.
    pub tenant: Tenant,
    /// The number of the attempt to complete or undo the order, from 1.
    pub attempt: u32,
    /// The call that began this attempt, for whoever reads logs.
    pub correlation_id: CorrelationId,
}

impl ExecutionInput {
    /// What the execution is called: `<order>.<attempt>`. There is one of that name, however often
    /// it is started.
    #[must_use]
    pub fn name(&self) -> String {
        format!("{}.{}", self.order_id, self.attempt)
    }
}

/// What a step is told.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct StepInput {
    /// Which step to take.
    pub step: Step,
    /// For which order.
    pub order_id: OrderId,
    /// Whose it is.
    pub tenant: Tenant,
    /// The number of the attempt that this is part of, from 1.
    pub attempt: u32,
    /// The call that began this attempt.
    pub correlation_id: CorrelationId,
    /// Why to park the order; with [`Step::ParkOrder`] only.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub failure: Option<Failure>,
}

impl StepInput {
    /// This step of that execution.
    #[must_use]
    pub fn of(execution: &ExecutionInput, step: Step) -> Self {
        let ExecutionInput { order_id, tenant, attempt, correlation_id } = execution.clone();
        Self { step, order_id, tenant, attempt, correlation_id, failure: None }
    }
}

/// A step that failed for good or too often, as the state machine tells it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Failure {
    /// The step.
    pub step: Step,
    /// How it failed.
    pub error: ErrorOutput,
}

/// An error in the form of Step Functions ("Handling errors in Step Functions workflows").
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "PascalCase")]
pub struct ErrorOutput {
    /// Its name.
    #[serde(default)]
    pub error: String,
    /// More about it: of a function's error, its answer as JSON.
    #[serde(default)]
    pub cause: String,
}

impl Failure {
    /// What happened, for the operator: the error's name and, if the function said one, its
    /// message.
    #[must_use]
    pub fn told(&self) -> String {
        let ErrorOutput { error, cause } = &self.error;
        let answer: Option<serde_json::Value> = serde_json::from_str(cause).ok();
        let message = answer
            .as_ref()
            .and_then(|answer| answer.get("errorMessage")?.as_str())
            .unwrap_or(cause);
        let told = if message.is_empty() { error.clone() } else { format!("{error}: {message}") };
        told.chars().take(LONGEST_FAILURE).collect()
    }
}
