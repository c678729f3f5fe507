//! Runs the executions of sagas on AWS Step Functions.
//!
//! It is a crate of its own, so that only functions that start executions link the SDK.

mod status;

use aws_sdk_sfn::Client;
use aws_sdk_sfn::operation::start_execution::StartExecutionError;
use aws_sdk_sfn::types::ExecutionStatus;
use skald_saga::{Execution, ExecutionInput, Executions, NoAnswer};

pub use status::{EndedExecution, NotAnExecution};

/// A standard state machine. Starting an execution needs `states:StartExecution` on the machine and
/// `states:DescribeExecution` on its executions.
///
/// # Examples
///
/// ```no_run
/// use skald_stepfunctions::StepFunctions;
///
/// # fn open(client: aws_sdk_sfn::Client) -> StepFunctions {
/// let arn = "arn:aws:states:eu-central-1:000000000000:stateMachine:booking";
/// StepFunctions::new(client, arn.to_owned())
/// # }
/// ```
#[derive(Debug, Clone)]
pub struct StepFunctions {
    client: Client,
    arn: String,
}

impl StepFunctions {
    /// The state machine with this ARN.
    #[must_use]
    pub const fn new(client: Client, arn: String) -> Self {
        Self { client, arn }
    }

    /// The state of the execution with this name.
    async fn state(&self, name: &str) -> Result<Execution, NoAnswer> {
        // `arn:…:stateMachine:<machine>` names the machine, `arn:…:execution:<machine>:<name>` its
        // executions.
        let arn = format!("{}:{name}", self.arn.replacen(":stateMachine:", ":execution:", 1));
        let described = self.client.describe_execution().execution_arn(arn).send().await;
        let is_running = matches!(
            described.map_err(NoAnswer::new)?.status(),
            ExecutionStatus::Running | ExecutionStatus::PendingRedrive
        );
        Ok(if is_running { Execution::Running } else { Execution::Ended })
    }
}

impl Executions for StepFunctions {
    async fn start(&self, input: &ExecutionInput) -> Result<Execution, NoAnswer> {
        let name = input.name();
        let start = self.client.start_execution().state_machine_arn(&self.arn).name(&name);
        let input = serde_json::to_string(input).map_err(NoAnswer::new)?;
        let Err(error) = start.input(input).send().await else {
            return Ok(Execution::Started);
        };
        match error.as_service_error() {
            // While the execution runs, AWS answers a second start with the same input like the
            // first one. This error means that the execution has ended, or runs with the input of
            // another release.
            Some(StartExecutionError::ExecutionAlreadyExists(_)) => self.state(&name).await,
            _ => Err(NoAnswer::new(error)),
        }
    }
}
