//! Creates and cancels an order's shipment, step by step of the saga.

use aws_sdk_dynamodb::Client;
use ordering::saga::StepInput;
use ordering::sandbox::StoredSandbox;
use ordering::steps::{StepError, shipment};
use shipment_steps::TimeLimited;
use skald_dynamodb::{DynamoDbEventStore, DynamoDbViewStore};
use skald_lambda::clock::RandomPause;
use skald_lambda::{Error, config, start_logging, steps};

#[tokio::main(flavor = "current_thread")]
async fn main() -> Result<(), Error> {
    start_logging();
    let dynamodb = Client::new(&config::aws().await);
    let events = &DynamoDbEventStore::new(dynamodb.clone(), config::variable("EVENTS_TABLE")?);
    let ledger = DynamoDbViewStore::new(dynamodb, config::variable("SANDBOX_CARRIER_TABLE")?);
    let carrier = &TimeLimited(StoredSandbox::new(ledger));
    steps::serve(StepError::name, move |input: StepInput, at| async move {
        shipment::perform(events, &RandomPause, carrier, &input, at).await
    })
    .await
}
