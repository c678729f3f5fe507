//! Authorizes, captures and voids an order's payment, step by step of the saga.

use aws_sdk_dynamodb::Client;
use ordering::saga::StepInput;
use ordering::sandbox::StoredSandbox;
use ordering::steps::payment;
use skald_dynamodb::{DynamoDbEventStore, DynamoDbViewStore};
use skald_lambda::clock::RandomPause;
use skald_lambda::steps::{self, NamedError};
use skald_lambda::{Error, config, start_logging};

#[tokio::main(flavor = "current_thread")]
async fn main() -> Result<(), Error> {
    start_logging();
    let dynamodb = Client::new(&config::aws().await);
    let events = &DynamoDbEventStore::new(dynamodb.clone(), config::variable("EVENTS_TABLE")?);
    let ledger = DynamoDbViewStore::new(dynamodb, config::variable("SANDBOX_GATEWAY_TABLE")?);
    let gateway = &StoredSandbox::new(ledger);
    steps::serve(move |input: StepInput, at| async move {
        let taken = payment::perform(events, &RandomPause, gateway, &input, at).await;
        taken.map_err(|error| NamedError::new(error.name(), &error))
    })
    .await
}
