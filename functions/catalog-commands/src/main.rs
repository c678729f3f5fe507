//! Keeps the catalogue over HTTP: products, deliveries of stock, customers.

use catalog_commands::CatalogCommands;
use skald_dynamodb::DynamoDbEventStore;
use skald_lambda::{Error, config, http, start_logging};

#[tokio::main(flavor = "current_thread")]
async fn main() -> Result<(), Error> {
    start_logging();
    let dynamodb = aws_sdk_dynamodb::Client::new(&config::aws().await);
    let commands = &CatalogCommands::new(DynamoDbEventStore::new(dynamodb, config::variable("EVENTS_TABLE")?));
    http::serve(move |call| async move { commands.respond(&call).await }).await
}
