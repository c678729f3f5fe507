//! The function `lending`: answers the library's HTTP API.

use aws_sdk_dynamodb::Client;
use skald_dynamodb::DynamoDbEventStore;
use skald_guide::api::Api;
use skald_lambda::{Error, config, http, start_logging};

#[tokio::main(flavor = "current_thread")]
async fn main() -> Result<(), Error> {
    start_logging();
    let dynamodb = Client::new(&config::aws().await);
    let events = DynamoDbEventStore::new(dynamodb, config::variable("EVENTS_TABLE")?);
    let api = &Api::new(events);
    http::serve(move |call| async move { api.respond(&call).await }).await
}
