//! Maintains the stock view, one row per shard of a product, from the queue of the stock streams'
//! commits.

use aws_sdk_dynamodb::Client;
use ordering::views::StockView;
use skald_dynamodb::{DynamoDbEventStore, DynamoDbViewStore};
use skald_lambda::queue::{Queue, SqsDeadLetters};
use skald_lambda::views::ViewKeeper;
use skald_lambda::{Error, config, start_logging};

#[tokio::main(flavor = "current_thread")]
async fn main() -> Result<(), Error> {
    start_logging();
    let aws = config::aws().await;
    let dynamodb = Client::new(&aws);
    let events = DynamoDbEventStore::new(dynamodb.clone(), config::variable("EVENTS_TABLE")?);
    let views = DynamoDbViewStore::new(dynamodb, config::variable("STOCK_VIEW_TABLE")?);
    let dead_letters =
        SqsDeadLetters::new(aws_sdk_sqs::Client::new(&aws), config::variable("DEAD_LETTERS_URL")?);
    Queue::new(ViewKeeper::<StockView, _, _>::new(events, views), dead_letters).serve().await
}
