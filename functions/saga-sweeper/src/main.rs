//! Finds every order on which no execution of the saga works any more, and starts it again.

use saga_sweeper::{SagaSweeper, options};
use skald_lambda::{Error, config, rules, start_logging};
use skald_lambda_dynamodb::Stores;
use skald_stepfunctions::StepFunctions;

#[tokio::main(flavor = "current_thread")]
async fn main() -> Result<(), Error> {
    start_logging();
    let aws = config::aws().await;
    let stores = Stores::new(&aws);
    let executions =
        StepFunctions::new(aws_sdk_sfn::Client::new(&aws), config::variable("STATE_MACHINE_ARN")?);
    let sweeper = &SagaSweeper::new(
        stores.events()?,
        stores.index()?,
        stores.view("SAGA_SWEEPER_TABLE")?,
        executions,
        options(config::variable("DELAY_SECONDS")?.parse()?),
    );
    rules::serve(move |event, now| async move { sweeper.handle(event, now).await }).await
}
