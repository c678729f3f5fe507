//! Creates and cancels an order's shipment, step by step of the saga.

use aws_sdk_dynamodb::Client;
use ordering::saga::StepInput;
use ordering::sandbox::StoredSandbox;
use ordering::steps::shipment;
use skald_dynamodb::{DynamoDbEventStore, DynamoDbViewStore};
use skald_lambda::clock::RandomPause;
use skald_lambda::steps::{self, NamedError};
use skald_lambda::{Error, config, start_logging};

#[tokio::main(flavor = "current_thread")]
async fn main() -> Result<(), Error> {
    start_logging();
    let dynamodb = Client::new(&config::aws().await);
    let events = &DynamoDbEventStore::new(dynamodb.clone(), config::variable("EVENTS_TABLE")?);
    let ledger = DynamoDbViewStore::new(dynamodb, config::variable("SANDBOX_CARRIER_TABLE")?);
    let carrier = &StoredSandbox::new(ledger);
    steps::serve(move |input: StepInput, at| async move {
        let taken = shipment::perform(events, &RandomPause, carrier, &input, at).await;
        taken.map_err(|error| NamedError::new(error.name(), &error))
    })
    .await
}
