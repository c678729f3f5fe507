//! The function `loans-view`: keeps the view of loans, from the queue of the loans' commits.

use aws_sdk_dynamodb::Client;
use skald_dynamodb::{DynamoDbEventStore, DynamoDbViewStore};
use skald_guide::loans::Loans;
use skald_lambda::queue::{Queue, SqsDeadLetters};
use skald_lambda::views::ViewKeeper;
use skald_lambda::{Error, config, start_logging};

#[tokio::main(flavor = "current_thread")]
async fn main() -> Result<(), Error> {
    start_logging();
    let aws = config::aws().await;
    let dynamodb = Client::new(&aws);
    let events = DynamoDbEventStore::new(dynamodb.clone(), config::variable("EVENTS_TABLE")?);
    let loans = DynamoDbViewStore::new(dynamodb, config::variable("LOANS_TABLE")?);
    let dead_letters =
        SqsDeadLetters::new(aws_sdk_sqs::Client::new(&aws), config::variable("DEAD_LETTERS_URL")?);
    Queue::new(ViewKeeper::<Loans, _, _>::new(events, loans), dead_letters).serve().await
}
