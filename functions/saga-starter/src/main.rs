//! Starts the saga of every order that is placed or resumed.

use saga_starter::SagaStarter;
use skald_lambda::queue::{Queue, SqsDeadLetters};
use skald_lambda::{Error, config, start_logging};
use skald_lambda_dynamodb::Stores;
use skald_stepfunctions::StepFunctions;

#[tokio::main(flavor = "current_thread")]
async fn main() -> Result<(), Error> {
    start_logging();
    let aws = config::aws().await;
    let events = Stores::new(&aws).events()?;
    let machine =
        StepFunctions::new(aws_sdk_sfn::Client::new(&aws), config::variable("STATE_MACHINE_ARN")?);
    let dead_letters =
        SqsDeadLetters::new(aws_sdk_sqs::Client::new(&aws), config::variable("DEAD_LETTERS_URL")?);
    Queue::new(SagaStarter::new(events, machine), dead_letters).serve().await
}
