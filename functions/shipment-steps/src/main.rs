//! The saga's steps on an order's shipment: create and cancel.

use aws_sdk_dynamodb::Client;
use ordering::ports::{Disclosing, TimeLimited};
use ordering::saga::{ORDER_SAGA, StepInput};
use ordering::sandbox::StoredSandbox;
use ordering::steps::{StepError, shipment};
use skald_dynamodb::{DynamoDbEventStore, DynamoDbPersonKeys, DynamoDbViewStore};
use skald_kms::KmsKeyWrap;
use skald_lambda::clock::{self, RandomPause};
use skald_lambda::{Error, config, start_logging, steps};
use tokio::time::sleep;

#[tokio::main(flavor = "current_thread")]
async fn main() -> Result<(), Error> {
    start_logging();
    let aws = config::aws().await;
    let dynamodb = Client::new(&aws);
    let wrap =
        KmsKeyWrap::new(aws_sdk_kms::Client::new(&aws), config::variable("PERSON_KEYS_KMS_KEY")?);
    let keys = &DynamoDbPersonKeys::new(
        dynamodb.clone(),
        config::variable("PERSON_KEYS_TABLE")?,
        wrap,
        clock::now,
    );
    let events = &DynamoDbEventStore::new(dynamodb.clone(), config::variable("EVENTS_TABLE")?);
    let ledger = &DynamoDbViewStore::new(dynamodb, config::variable("SANDBOX_CARRIER_TABLE")?);
    steps::serve(StepError::name, move |input: StepInput, at| async move {
        let sandbox = StoredSandbox::new(ledger.clone(), input.tenant.clone());
        let carrier = Disclosing::new(sandbox, keys, input.tenant.clone());
        let carrier = TimeLimited::new(carrier, ORDER_SAGA.limits.call(), sleep);
        shipment::perform(events, &RandomPause, &carrier, &input, at).await
    })
    .await
}
