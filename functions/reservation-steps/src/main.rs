//! Reserves, releases and ships an order's stock, step by step of the saga.

use ordering::saga::StepInput;
use ordering::steps::reservation;
use skald_dynamodb::DynamoDbEventStore;
use skald_lambda::clock::RandomPause;
use skald_lambda::steps::{self, NamedError};
use skald_lambda::{Error, config, start_logging};

#[tokio::main(flavor = "current_thread")]
async fn main() -> Result<(), Error> {
    start_logging();
    let dynamodb = aws_sdk_dynamodb::Client::new(&config::aws().await);
    let events = &DynamoDbEventStore::new(dynamodb, config::variable("EVENTS_TABLE")?);
    steps::serve(move |input: StepInput, at| async move {
        let taken = reservation::perform(events, &RandomPause, &input, at).await;
        taken.map_err(|error| NamedError::new(error.name(), &error))
    })
    .await
}
