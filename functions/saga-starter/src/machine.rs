//! The port to the state machine, and its implementation on Step Functions.

use std::future::Future;

use aws_sdk_sfn::Client;
use aws_sdk_sfn::operation::start_execution::StartExecutionError;
use aws_sdk_sfn::types::ExecutionStatus;
use skald_lambda::Error;
use skald_saga::ExecutionInput;

/// Runs sagas.
pub trait StateMachine: Sync {
    /// Starts the execution with this input, under its name, unless an execution of that name
    /// exists.
    fn start(
        &self,
        input: &ExecutionInput,
    ) -> impl Future<Output = Result<Execution, Error>> + Send;
}

/// The state of an execution after starting it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Execution {
    /// This call started it.
    Started,
    /// An earlier call started it, and it is running.
    Running,
    /// An earlier call started it, and it has ended, successfully or not.
    Ended,
}

/// A state machine of Step Functions.
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
    async fn state(&self, name: &str) -> Result<Execution, Error> {
        // `arn:…:stateMachine:<machine>` names the machine, `arn:…:execution:<machine>:<name>` its
        // executions.
        let arn = format!("{}:{name}", self.arn.replacen(":stateMachine:", ":execution:", 1));
        let execution = self.client.describe_execution().execution_arn(arn).send().await?;
        let is_running = matches!(
            execution.status(),
            ExecutionStatus::Running | ExecutionStatus::PendingRedrive
        );
        Ok(if is_running { Execution::Running } else { Execution::Ended })
    }
}

impl StateMachine for StepFunctions {
    async fn start(&self, input: &ExecutionInput) -> Result<Execution, Error> {
        let name = input.name();
        let start = self.client.start_execution().state_machine_arn(&self.arn).name(&name);
        let Err(error) = start.input(serde_json::to_string(input)?).send().await else {
            return Ok(Execution::Started);
        };
        match error.as_service_error() {
            // While the execution runs, AWS answers a second start with the same input like the
            // first one. This error means that the execution has ended.
            Some(StartExecutionError::ExecutionAlreadyExists(_)) => self.state(&name).await,
            _ => Err(error.into()),
        }
    }
}
