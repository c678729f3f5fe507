//! Answers questions over HTTP, and every call that is no route of the API.

use aws_sdk_dynamodb::Client;
use order_queries::Queries;
use skald_dynamodb::{DynamoDbEventStore, DynamoDbViewStore};
use skald_lambda::{Error, config, http, start_logging};

#[tokio::main(flavor = "current_thread")]
async fn main() -> Result<(), Error> {
    start_logging();
    let dynamodb = Client::new(&config::aws().await);
    let events = DynamoDbEventStore::new(dynamodb.clone(), config::variable("EVENTS_TABLE")?);
    let orders = DynamoDbViewStore::new(dynamodb.clone(), config::variable("ORDER_VIEW_TABLE")?);
    let stock = DynamoDbViewStore::new(dynamodb, config::variable("STOCK_VIEW_TABLE")?);
    let build = config::optional("BUILD_VERSION").unwrap_or_else(|| env!("CARGO_PKG_VERSION").to_owned());
    let queries = &Queries::new(events, orders, stock, build);
    http::serve(move |call| async move { queries.respond(&call).await }).await
}
