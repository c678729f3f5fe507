//! The saga's steps on an order's stock: reserve, release and ship.

use ordering::saga::StepInput;
use ordering::steps::{StepError, reservation};
use skald_dynamodb::DynamoDbEventStore;
use skald_lambda::clock::RandomPause;
use skald_lambda::{Error, config, start_logging, steps};

#[tokio::main(flavor = "current_thread")]
async fn main() -> Result<(), Error> {
    start_logging();
    let dynamodb = aws_sdk_dynamodb::Client::new(&config::aws().await);
    let events = &DynamoDbEventStore::new(dynamodb, config::variable("EVENTS_TABLE")?);
    steps::serve(StepError::name, move |input: StepInput, at| async move {
        reservation::perform(events, &RandomPause, &input, at).await
    })
    .await
}
