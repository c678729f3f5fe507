//! Handles commands on orders over HTTP.

use aws_sdk_dynamodb::Client;
use order_commands::OrderCommands;
use skald::personal::Sealing;
use skald_dynamodb::{DynamoDbEventStore, DynamoDbPersonKeys};
use skald_kms::KmsKeyWrap;
use skald_lambda::{Error, clock, config, http, start_logging};

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
    let events = DynamoDbEventStore::new(dynamodb, config::variable("EVENTS_TABLE")?);
    let commands = &OrderCommands::new(Sealing::new(events, keys), keys);
    http::serve(move |call| async move { commands.respond(&call).await }).await
}
