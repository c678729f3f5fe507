//! Answers queries over HTTP, and every call that matches no route of the API.

use aws_sdk_dynamodb::Client;
use order_queries::Queries;
use skald_dynamodb::{DynamoDbEventStore, DynamoDbPersonKeys, DynamoDbViewStore};
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
    let events = DynamoDbEventStore::new(dynamodb.clone(), config::variable("EVENTS_TABLE")?);
    let orders = DynamoDbViewStore::new(dynamodb.clone(), config::variable("ORDER_VIEW_TABLE")?);
    let stock = DynamoDbViewStore::new(dynamodb, config::variable("STOCK_VIEW_TABLE")?);
    let build =
        config::optional("BUILD_VERSION").unwrap_or_else(|| env!("CARGO_PKG_VERSION").to_owned());
    let queries = &Queries::new(events, orders, stock, keys, build);
    http::serve(move |call| async move { queries.respond(&call).await }).await
}
