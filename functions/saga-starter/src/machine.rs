//! The port to the state machine, and the one on Step Functions.

use std::future::Future;

use aws_sdk_sfn::Client;
use aws_sdk_sfn::operation::start_execution::StartExecutionError;
use aws_sdk_sfn::types::ExecutionStatus;
use ordering::saga::ExecutionInput;
use skald_lambda::Error;

/// Runs sagas.
pub trait StateMachine: Sync {
    /// Starts the execution with this input, under its name, unless there is or was one.
    fn start(
        &self,
        input: &ExecutionInput,
    ) -> impl Future<Output = Result<Execution, Error>> + Send;
}

/// What has become of an execution.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Execution {
    /// It was started now.
    Started,
    /// It had been started before, and runs.
    Runs,
    /// It had been started before, and ended, whichever way.
    Ended,
}

/// A state machine of Step Functions.
#[derive(Debug, Clone)]
pub struct StepFunctions {
    client: Client,
    arn: String,
}

impl StepFunctions {
    /// The machine of this name.
    #[must_use]
    pub const fn new(client: Client, arn: String) -> Self {
        Self { client, arn }
    }

    /// What has become of the execution of this name.
    async fn look(&self, name: &str) -> Result<Execution, Error> {
        // `arn:…:stateMachine:<machine>` names the machine, `arn:…:execution:<machine>:<name>` its
        // executions.
        let arn = format!("{}:{name}", self.arn.replacen(":stateMachine:", ":execution:", 1));
        let execution = self.client.describe_execution().execution_arn(arn).send().await?;
        let runs = matches!(
            execution.status(),
            ExecutionStatus::Running | ExecutionStatus::PendingRedrive
        );
        Ok(if runs { Execution::Runs } else { Execution::Ended })
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
            // While it runs AWS answers a second start with the same input like the first; this is
            // for when it ended.
            Some(StartExecutionError::ExecutionAlreadyExists(_)) => self.look(&name).await,
            _ => Err(error.into()),
        }
    }
}
